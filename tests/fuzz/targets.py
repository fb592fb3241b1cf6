"""What bad input may lead to: a faithful message or a clear error, and nothing else. One function for each door it comes through."""

import contextlib
import hashlib
import json
import os
import random
import time
import zlib
from collections.abc import Callable, Mapping
from types import MappingProxyType

import cefp

from epimetheus.config.field_map import read_field_map
from epimetheus.config.rules_file import read_rules
from epimetheus.config.settings import Settings
from epimetheus.deliver.tls import tls_context
from epimetheus.errors import ConfigError, StateDamaged
from epimetheus.function.invoke import RequestError, read_request
from epimetheus.model import Fetched
from epimetheus.render import Renderer
from epimetheus.render.formats import leef
from epimetheus.render.formats.cef import LABELS
from epimetheus.render.formats.cef_keys import LENGTHS
from epimetheus.source.decode import decode_event, decode_page
from epimetheus.state.encoding import pack, unpack
from tests.fuzz import plant
from tests.render.helpers import FORMATS_AND_HEADERS, OCSF, SETTINGS, parts, read_leef

MARKER = "hunter2"
_DEEP = 500
_DIGITS = 4_000  # Python reads no integer of more than 4,300; others do
_SECONDS, _SECONDS_A_BYTE = 0.2, 2e-5  # what an event may cost: far more than any does, and far less than a quadratic one
_VALIDATED = 0.05  # of OCSF events: a schema takes a hundred times what rendering does
_CEF_KEYS = frozenset(LENGTHS)
_LEEF_KEYS = frozenset((*leef.CORE, *leef.SHED_ORDER))
_RENDERERS = tuple(
    (form, most, Renderer(**{**SETTINGS, "format": form, "header": header, "max_bytes": most}))
    for form, header in FORMATS_AND_HEADERS
    for most in (480, 8000)
)


def event(data: bytes) -> None:
    """One line of UTF-8 within the size, by the header's grammar; CEF and LEEF have our keys only; JSON is JSON, OCSF valid.

    Rendered in one form, which the input itself chooses; its cost is bounded by its length. Then once more with a secret planted in it.
    """
    if not data.strip():
        return  # no page has such an element
    choice = random.Random(zlib.crc32(data))
    fetched = decode_event(data)
    form, most, renderer = choice.choice(_RENDERERS)
    message = _within_bounds(renderer, data, fetched)
    text = message.decode()
    assert len(message) <= most
    assert len(text.splitlines()) == 1
    said = parts(message)
    assert said["msg"]
    malformed = said["msgid"] == "malformed" if "msgid" in said else said["mark"] is not None
    assert malformed == (fetched.event is None)
    # what is nested too deep to be read goes as masked text: docs/reliability.md
    readable = not malformed and (form in ("cef", "leef") or data.count(b"[") + data.count(b"{") < _DEEP)
    if readable and (form != "ocsf" or choice.random() < _VALIDATED):
        {"cef": _sound_cef, "json": _sound_json, "leef": _sound_leef, "ocsf": _sound_ocsf}[form](said["msg"])
    _holds_no_planted_secret(data, choice)


def _within_bounds(renderer: Renderer, data: bytes, fetched: Fetched) -> bytes:
    began = time.process_time()
    message = renderer(fetched, 7).message
    seconds = time.process_time() - began
    if seconds > _SECONDS + _SECONDS_A_BYTE * len(data):  # once more: something else may have taken the time
        began = time.process_time()
        renderer(fetched, 7)
        seconds = min(seconds, time.process_time() - began)
    assert seconds <= _SECONDS + _SECONDS_A_BYTE * len(data), f"{len(data)} bytes took {seconds:.2f} s"
    return message


def _holds_no_planted_secret(data: bytes, choice: random.Random) -> None:
    planted = plant.planted(data, choice)
    if planted is not None:
        text, secret, case = planted
        form, _, renderer = choice.choice(_RENDERERS)
        message = renderer(decode_event(text), 7).message
        assert secret.encode() not in message, f"{case} in {form}"


def _sound_cef(line: str) -> None:
    read = cefp.parse(line)
    assert (read["device"]["vendor"], read["device"]["product"]) == ("Oracle", "OCI Audit")
    assert 0 <= int(read["severity"]) <= 10
    extension = read["extension"]
    labels = {key: extension.pop(f"{key}Label") for key in LABELS if f"{key}Label" in extension}
    assert extension.keys() <= _CEF_KEYS
    assert labels == {key: LABELS[key] for key in extension if key in LABELS}


def _sound_leef(line: str) -> None:
    head, attributes = read_leef(line)
    assert head[:2] == ("Oracle", "OCI Audit")
    assert 1 <= int(attributes["sev"]) <= 10
    assert attributes.keys() <= _LEEF_KEYS


def _sound_ocsf(line: str) -> None:
    event = json.loads(line, parse_int=lambda digits: int(digits[:_DIGITS]))
    assert "epimetheusCut" in event or OCSF.is_valid(event)


def _sound_json(line: str) -> None:
    assert isinstance(json.loads(line, parse_int=str), dict)


def page(data: bytes) -> None:
    """A list of as many events as there are elements, or ValueError; and ValueError wherever JSON says that it is no list."""
    try:
        events = decode_page(data)
    except ValueError:
        events = None
    try:
        elements = json.loads(data.decode())
    except (ValueError, RecursionError):
        return
    assert (None if events is None else len(events)) == (len(elements) if isinstance(elements, list) else None)


def state(data: bytes) -> None:
    """A state, which is the same when it was written and read again, or StateDamaged; with the right checksum, too."""
    for whole in (data, sealed(data)):
        try:
            read = unpack(whole, "here")
        except StateDamaged as error:
            assert str(error).startswith("The state in here is damaged: ")
        else:
            assert unpack(pack(read), "here") == read


def sealed(rest: bytes) -> bytes:
    """``rest`` behind a first line that vouches for it."""
    return b"EPIMETHEUS-STATE 1 sha256=" + hashlib.sha256(rest).hexdigest().encode() + b"\n" + rest


def rules(data: bytes) -> None:
    """Rules and a field map, or ConfigError that names the setting in each problem."""
    for key, read in (("RULES", read_rules), ("FIELD_MAP", read_field_map)):
        try:
            _, warnings = read(key, os.fsdecode(data))
        except ConfigError as error:
            warnings = error.problems
            assert warnings
        assert all(problem.startswith(key) and problem.isprintable() for problem in warnings)


def settings(data: bytes) -> None:
    """Settings, or ConfigError; the key's text is in none of its problems. ``data``: KEY=value, each ended by a zero byte, as in /proc."""
    pairs = [os.fsdecode(pair).partition("=") for pair in data.split(b"\0")]
    environment = {key: MARKER + value if key == "SYSLOG_CLIENT_KEY" else value for key, _, value in pairs}
    try:
        assert Settings.read(environment).warnings is not None
    except ConfigError as error:
        assert error.problems
        told = f"{error!r} {error.__cause__!r} {error.__context__!r}"
        if not any(MARKER in pair[0] or (MARKER in pair[2] and pair[0] != "SYSLOG_CLIENT_KEY") for pair in pairs):
            assert MARKER not in told


def body(data: bytes) -> None:
    """Asks for a run, or RequestError."""
    with contextlib.suppress(RequestError):
        read_request(data)


def pem(data: bytes) -> None:
    """A context, or ConfigError that quotes nothing. ``data``: CA, certificate and key, a zero byte between them."""
    ca, certificate, key = [os.fsdecode(text) or None for text in (*data.split(b"\0"), b"", b"")[:3]]
    try:
        tls_context(ca or "", certificate, key)
    except ConfigError as error:
        assert "BEGIN" not in str(error)


TARGETS: Mapping[str, Callable[[bytes], None]] = MappingProxyType(
    {"event": event, "page": page, "state": state, "rules": rules, "settings": settings, "body": body, "pem": pem}
)

"""Fuzz targets, one per entry point: bad input leads to a faithful message or a clear error, and nothing else."""

import contextlib
import hashlib
import json
import os
import random
import re
import tempfile
import time
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

import cefp
import msgspec

from epimetheus.cli.env_file import parse_env
from epimetheus.cli.event_forms import NotAnEvent, find_events
from epimetheus.cli.go_marker import read_marker
from epimetheus.cli.tfvars_parser import TfvarsSyntaxError, parse_tfvars
from epimetheus.cli.times import Duration
from epimetheus.config.field_map import read_field_map
from epimetheus.config.rules_file import read_rules
from epimetheus.config.settings import Settings
from epimetheus.deliver.tls import tls_context
from epimetheus.errors import ConfigError, ExportError, LedgerDamaged, SealDamaged, StateDamaged, StateOutdated
from epimetheus.function.invoke import RequestError, read_request
from epimetheus.ledger import entry as ledger
from epimetheus.ledger import seal
from epimetheus.ledger.seal_name import SealName
from epimetheus.model import Fetched, minute_text, parse_minute
from epimetheus.problem import problem_event
from epimetheus.render.formats import cef, leef
from epimetheus.render.formats.cef import LABELS
from epimetheus.render.formats.cef_keys import LENGTHS
from epimetheus.render.problems.renderer import ProblemRenderer
from epimetheus.render.renderer import Renderer
from epimetheus.run.push_windows import INGESTED_WITHIN, PROCESSED_WITHIN, window_of
from epimetheus.select.dedupe import event_key
from epimetheus.select.problems import KnownVersions, ProblemSelection
from epimetheus.select.rate_limits import RateLimits
from epimetheus.select.rules import Rules
from epimetheus.select.tamper_watch import TamperWatch
from epimetheus.source.connector_hub import read_batch
from epimetheus.source.decode import decode_event, decode_page
from epimetheus.state.earlier_format import read_earlier
from epimetheus.state.encoding import pack, unpack
from epimetheus.verify.export_records import ExportRecords
from tests.fuzz import plant
from tests.render.helpers import FORMATS_AND_HEADERS, OCSF, SETTINGS, parts, read_leef

MARKER = "hunter2"
_DEEP = 500
_NOW = 30_000_000  # minutes since the epoch
_DIGITS = 4_000  # Python parses no integer of more than 4,300 digits; other parsers do
_SECONDS, _SECONDS_PER_BYTE = 0.2, 2e-5  # per event: far more than linear cost, far less than quadratic
_VALIDATED = 0.05  # share of OCSF events: schema validation costs a hundred times as much as rendering
_CEF_KEYS = frozenset((*LENGTHS, *cef.CORE, *cef.SHED_ORDER))
_LEEF_KEYS = frozenset((*leef.CORE, *leef.SHED_ORDER))
_RENDERERS = tuple(
    (form, most, Renderer(**{**SETTINGS, "format": form, "header": header, "max_bytes": most}))
    for form, header in FORMATS_AND_HEADERS
    for most in (480, 8000)
)
_PROBLEM_RENDERERS = tuple(
    (form, most, ProblemRenderer(**{**SETTINGS, "format": form, "header": header, "max_bytes": most}))
    for form, header in FORMATS_AND_HEADERS
    for most in (480, 8000)
)


def event(data: bytes) -> None:
    """Renders one UTF-8 line within the size limit and the header's grammar, with known CEF and LEEF keys, valid JSON or valid OCSF.

    The input determines the format; the cost is bounded by the length. Then the event is rendered again with a secret planted in it.
    """
    if not data.strip():
        return  # not a possible element of a page
    rng = random.Random(zlib.crc32(data))
    fetched = decode_event(data)
    form, most, renderer = rng.choice(_RENDERERS)
    message = _rendered_in_time(renderer, data, fetched)
    text = message.decode()
    assert len(message) <= most
    assert len(text.splitlines()) == 1
    fields = parts(message)
    assert fields["msg"]
    malformed = fields["msgid"] == "malformed" if "msgid" in fields else fields["mark"] is not None
    assert malformed == (fetched.event is None)
    # An event that is nested too deep is sent as redacted text: docs/reliability.md
    decodable = not malformed and (form in ("cef", "leef") or data.count(b"[") + data.count(b"{") < _DEEP)
    if decodable and (form != "ocsf" or rng.random() < _VALIDATED):
        {"cef": _check_cef, "json": _check_json, "leef": _check_leef, "ocsf": _check_ocsf}[form](fields["msg"])
    _check_planted_secret(data, rng)


def _rendered_in_time(renderer: Renderer, data: bytes, fetched: Fetched) -> bytes:
    started = time.process_time()
    message = renderer(fetched, 7).message
    seconds = time.process_time() - started
    if seconds > _SECONDS + _SECONDS_PER_BYTE * len(data):  # measured again, because other processes may have slowed it down
        started = time.process_time()
        renderer(fetched, 7)
        seconds = min(seconds, time.process_time() - started)
    assert seconds <= _SECONDS + _SECONDS_PER_BYTE * len(data), f"{len(data)} bytes took {seconds:.2f} s"
    return message


def _check_planted_secret(data: bytes, rng: random.Random) -> None:
    planted = plant.planted(data, rng)
    if planted is not None:
        text, secret, case = planted
        form, _, renderer = rng.choice(_RENDERERS)
        message = renderer(decode_event(text), 7).message
        assert secret.encode() not in message, f"{case} in {form}"


def _check_cef(line: str) -> None:
    read = cefp.parse(line)
    assert (read["device"]["vendor"], read["device"]["product"]) == ("Oracle", "OCI Audit")
    assert 0 <= int(read["severity"]) <= 10
    extension = read["extension"]
    labels = {key: extension.pop(f"{key}Label") for key in LABELS if f"{key}Label" in extension}
    assert extension.keys() <= _CEF_KEYS, extension.keys() - _CEF_KEYS
    assert labels == {key: LABELS[key] for key in extension if key in LABELS}


def _check_leef(line: str) -> None:
    head, attributes = read_leef(line)
    assert head[:2] == ("Oracle", "OCI Audit")
    assert 1 <= int(attributes["sev"]) <= 10
    assert attributes.keys() <= _LEEF_KEYS


def _check_ocsf(line: str) -> None:
    event = json.loads(line, parse_int=lambda digits: int(digits[:_DIGITS]))
    assert "epimetheusCut" in event or OCSF.is_valid(event)


def _check_json(line: str) -> None:
    assert isinstance(json.loads(line, parse_int=str), dict)


def problem(data: bytes) -> None:
    """Renders what Cloud Guard returned as one line within the size limit that an independent parser reads.

    What is not JSON, `JsonClient` rejects.
    """
    try:
        members = json.loads(data, strict=False)
    except (ValueError, RecursionError):
        return
    members = members if isinstance(members, dict) else {"additionalDetails": members}
    rng = random.Random(zlib.crc32(data))
    form, most, renderer = rng.choice(_PROBLEM_RENDERERS)
    fetched = decode_event(problem_event(members, rng.choice(("create", "update", "close")), _NOW * 60.0))
    assert len(KnownVersions().key(members)) == 16
    assert ProblemSelection(Rules(), TamperWatch(()), RateLimits({})).key(b"", fetched)
    message = _rendered_in_time(renderer, data, fetched)
    assert len(message) <= most
    assert len(message.decode().splitlines()) == 1
    fields = parts(message)
    if fetched.event is None or data.count(b"[") + data.count(b"{") >= _DEEP:
        return
    if form == "cef":
        assert cefp.parse(fields["msg"])["device"]["product"] == "OCI Cloud Guard"
    elif form == "leef":
        assert read_leef(fields["msg"])[0][:2] == ("Oracle", "OCI Cloud Guard")
    elif form == "json" or rng.random() < _VALIDATED:
        {"json": _check_json, "ocsf": _check_ocsf}[form](fields["msg"])


def page(data: bytes) -> None:
    """Decodes as many events as the list has elements, or raises ValueError, as it must for JSON that is not a list."""
    try:
        events = decode_page(data)
    except ValueError:
        events = None
    try:
        elements = json.loads(data.decode())
    except (ValueError, RecursionError):
        return
    assert (None if events is None else len(events)) == (len(elements) if isinstance(elements, list) else None)


def batch(data: bytes) -> None:
    """Reads any batch of Connector Hub, each of its elements as an event with a window and a key."""
    for pushed in read_batch(data):
        window = window_of(pushed, _NOW)
        assert 0 < window.end - window.start <= INGESTED_WITHIN + PROCESSED_WITHIN + 1
        assert len(event_key(b"tag!", decode_event(pushed.text))) == 16


def event_file(data: bytes) -> None:
    """Finds objects with an event type, or raises NotAnEvent."""
    with contextlib.suppress(NotAnEvent):
        for found in find_events(data):
            assert found.startswith(b"{")
            assert b'"eventType"' in found or b"\\u" in found
            decode_event(found)


def state(data: bytes) -> None:
    """Unpacks a state that survives a round trip, or raises StateDamaged or StateOutdated, with the given and with a valid checksum.

    As a state of format 1, the input has a cursor and an owner, or is none.
    """
    for packed in (data, with_checksum(data)):
        try:
            read = unpack(packed, "here")
        except StateOutdated:
            assert packed.startswith(b"EPIMETHEUS-STATE 1 ")
        except StateDamaged as error:
            assert str(error).startswith("The state in here is damaged: ")
        else:
            assert unpack(pack(read), "here") == read
    earlier = read_earlier(with_checksum(data, b"EPIMETHEUS-STATE 1 "))
    assert earlier is None or earlier.through == parse_minute(minute_text(earlier.through))


def with_checksum(payload: bytes, header: bytes = b"EPIMETHEUS-STATE 2 ") -> bytes:
    """Returns a packed state, or another form with this header: ``payload`` after a first line with its checksum."""
    return header + b"sha256=" + hashlib.sha256(payload).hexdigest().encode() + b"\n" + payload


def entry(data: bytes) -> None:
    """Unpacks exactly what an entry of the ledger is packed to, or raises LedgerDamaged; parses exactly the text of a name.

    Each input is also unpacked with a valid checksum, and with its head as it would be written.
    """
    for packed in (data, *(with_checksum(payload, b"EPIMETHEUS-LEDGER 1 ") for payload in (data, _with_written_head(data)))):
        try:
            read = ledger.unpack(packed, "here")
        except LedgerDamaged as error:
            assert str(error).startswith("The ledger entry here is damaged: ")
        else:
            assert ledger.pack(read) == packed
            assert ledger.EntryName.parse(read.name.text()) == read.name
    text = os.fsdecode(data)
    name = ledger.EntryName.parse(text)
    assert name is None or name.text() == text


def _with_written_head(payload: bytes) -> bytes:
    head, separator, packed = payload.partition(b"\n\0")
    try:
        return msgspec.json.format(head, indent=1) + separator + packed
    except (msgspec.DecodeError, RecursionError):
        return payload


def rules(data: bytes) -> None:
    """Reads rules and a field map, or raises ConfigError that names the setting in each problem."""
    for key, read in (("RULES", read_rules), ("FIELD_MAP", read_field_map)):
        try:
            _, warnings = read(key, os.fsdecode(data))
        except ConfigError as error:
            warnings = error.problems
            assert warnings
        assert all(problem.startswith(key) and problem.isprintable() for problem in warnings)


def marker(data: bytes) -> None:
    """Reads a marker of the Go program, and finds a minute within the retention of OCI Audit, or raises ConfigError that names the file."""
    now = 1_767_268_800.0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "marker"
        path.write_bytes(data)
        try:
            minute = read_marker("FILE", path, "us-ashburn-1").minute("FILE", Duration(3600), now)
        except ConfigError as error:
            assert all(problem.startswith("FILE") and problem.isprintable() and len(problem) < 1000 for problem in error.problems)
        else:
            assert 0 <= now // 60 - minute + 65 <= 366 * 24 * 60


def settings(data: bytes) -> None:
    """Reads settings, or raises ConfigError without the private key. ``data``: KEY=value pairs separated by NUL, as in /proc."""
    pairs = [os.fsdecode(pair).partition("=") for pair in data.split(b"\0")]
    environment = {key: MARKER + value if key == "SYSLOG_CLIENT_KEY" else value for key, _, value in pairs}
    try:
        assert Settings.read(environment).warnings is not None
    except ConfigError as error:
        assert error.problems
        text = f"{error!r} {error.__cause__!r} {error.__context__!r}"
        if not any(MARKER in pair[0] or (MARKER in pair[2] and pair[0] != "SYSLOG_CLIENT_KEY") for pair in pairs):
            assert MARKER not in text


def body(data: bytes) -> None:
    """Reads a request, or raises RequestError."""
    with contextlib.suppress(RequestError):
        read_request(data)


def pem(data: bytes) -> None:
    """Builds a TLS context, or raises ConfigError that quotes no PEM text. ``data``: CA, certificate and key separated by NUL."""
    ca, certificate, key = [os.fsdecode(text) or None for text in (*data.split(b"\0"), b"", b"")[:3]]
    try:
        tls_context(ca or "", certificate, key)
    except ConfigError as error:
        assert "BEGIN" not in str(error)


def variables(data: bytes) -> None:
    """Parses an env file and a Terraform variable file, or raises an error that names a line and quotes none."""
    text = data.decode("utf-8", "replace")
    lines = text.count("\n") + text.count("\r") + 1
    try:
        values = parse_env(text, "file")
    except ConfigError as error:
        number, _, what = error.problems[0].removeprefix("file line ").partition(": ")
        assert what == "expected NAME=value, with a value of several lines in double quotes" or " is set twice, first in line " in what
        assert 1 <= int(number) <= lines
    else:
        assert all(name.isidentifier() for name in values)
    try:
        parse_tfvars(text)
    except TfvarsSyntaxError as error:
        assert 1 <= error.line <= lines
        assert str(error).startswith(("expected ", "the ")), error


def stored_seal(data: bytes) -> None:
    """Unpacks exactly what a seal is packed to, or raises SealDamaged; parses exactly the text of a name.

    Each input is also unpacked in canonical form.
    """
    for packed in (data, _canonical(data)):
        try:
            read = seal.unpack(packed, "here")
        except SealDamaged as error:
            assert str(error).startswith("The seal here is damaged: ")
        else:
            assert seal.pack(read) == packed
            assert SealName.parse(read.name.text()) == read.name
    text = os.fsdecode(data)
    name = SealName.parse(text)
    assert name is None or name.text() == text


def _canonical(data: bytes) -> bytes:
    try:
        return msgspec.json.encode(msgspec.json.decode(data), order="sorted")
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError, ValueError):
        return data


def export(data: bytes) -> None:
    """Reads an export of a SIEM, or raises an error that names the file; what is found are numbers and IDs that a seal can have."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "export"
        path.write_bytes(data)
        records = ExportRecords(path)
        try:
            messages = list(records)
        except ExportError as error:
            assert str(path) in error.what
            return
    assert len(messages) + records.others + records.unreadable <= data.count(b"\n") + 1 or data.startswith(b"\x1f\x8b")
    for message in messages:
        assert re.fullmatch(rb"[A-Za-z0-9._:-]{0,128}", message.event_id)
        assert bool(message.run) == bool(message.sequence) or message.sequence == 0


TARGETS: Mapping[str, Callable[[bytes], None]] = MappingProxyType(
    {"event": event, "page": page, "event_file": event_file, "state": state, "rules": rules, "settings": settings, "body": body}
    | {"batch": batch, "pem": pem, "variables": variables, "entry": entry, "seal": stored_seal, "export": export, "marker": marker}
    | {"problem": problem}
)

"""An event that costs too much: what of it is rendered then, so little that every way through render is quick.

An event of more than MOST_BYTES is not rendered whole, nor is one that has taken longer than EVENT_SECONDS. In its place stands the same
event with its main fields only, each cut, and the beginning of its text under ``epimetheusCut``; its message says so.
"""

from collections.abc import Callable
from typing import TypeVar

import msgspec

from epimetheus.model import AuditEvent
from epimetheus.render.formats.json_base import CUT_KEY
from epimetheus.render.redact import json_tree as tree
from epimetheus.render.redact.redactor import Redactor
from epimetheus.render.size import shorten

MOST_BYTES = 1024 * 1024
"""JSON text of an event that is rendered whole."""
NAMES_BYTES = 8192
"""What an event's type, version, name and address may have together: they are what caches are asked for, and stay in memory."""
EVENT_SECONDS = 2.0
"""What rendering one event may take; it is looked at between values, for no search in one can be interrupted."""
MALFORMED_BYTES = 64 * 1024
"""Of what could not be understood."""
FIELD_BYTES = 512
TEXT_BYTES = 4096

T = TypeVar("T", bound=msgspec.Struct)


class TakesTooLong(Exception):
    """Rendering an event has taken as long as it may."""


class Meter:
    """Measures one event at a time by ``monotonic`` (seconds); whatever takes long calls `check` between its steps."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._end = float("inf")

    def start(self, seconds: float) -> None:
        """From now on there are so many ``seconds``."""
        self._end = self._monotonic() + seconds

    def stop(self) -> None:
        """From now on there is no limit."""
        self._end = float("inf")

    def check(self) -> None:
        """Raises TakesTooLong."""
        if self._monotonic() > self._end:
            raise TakesTooLong


def is_costly(raw: bytes | msgspec.Raw, event: AuditEvent) -> bool:
    """Whether the event is too large to be rendered whole."""
    size = len(memoryview(raw))
    if size <= NAMES_BYTES:
        return False
    address = event.data.identity.ip_address if event.data.identity else None
    names = (event.event_type, event.event_type_version or "", event.data.event_name or "", address or "")
    return size > MOST_BYTES or sum(map(len, names)) > NAMES_BYTES


def abridged(raw: bytes, event: AuditEvent, redactor: Redactor) -> tuple[bytes, AuditEvent]:
    """The event with fields of at most FIELD_BYTES, as JSON text and typed; the text has the first TEXT_BYTES of ``raw``, without secrets.

    That text is left out where the user has paths of secrets: in a part of a JSON text they lead nowhere.
    """
    short = _cut(event)
    message = f"[abridged: {len(raw)} bytes] {short.data.message or ''}".rstrip()
    short = msgspec.structs.replace(short, data=msgspec.structs.replace(short.data, message=message))
    excerpt = {} if redactor.paths else {CUT_KEY: beginning(raw, TEXT_BYTES, redactor)}
    fields = msgspec.json.decode(msgspec.json.encode(short), type=dict[str, object])
    return tree.to_json_line({**_without_nulls(fields), **excerpt}), short


def beginning(raw: bytes, most: int, redactor: Redactor) -> str:
    """The first ``most`` bytes of a text without the secrets in it, on one line, and how many bytes follow."""
    text = redactor.json(raw[:most]).text()
    return f"{text}…[{len(raw) - most} bytes cut]" if len(raw) > most else text


def _cut(value: T) -> T:
    """A struct with its strings in at most FIELD_BYTES; JSON text that is longer becomes null."""
    changed: dict[str, object] = {}
    for name in value.__struct_fields__:
        item = getattr(value, name)
        if isinstance(item, str):
            changed[name] = shorten(item, FIELD_BYTES)
        elif isinstance(item, msgspec.Raw):
            changed[name] = item if len(bytes(item)) <= FIELD_BYTES else msgspec.Raw(b"null")
        elif isinstance(item, msgspec.Struct):
            changed[name] = _cut(item)
    return msgspec.structs.replace(value, **changed)


def _without_nulls(value: dict[str, object]) -> dict[str, object]:
    return {key: _without_nulls(item) if isinstance(item, dict) else item for key, item in value.items() if item is not None}

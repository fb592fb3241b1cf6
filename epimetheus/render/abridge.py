"""Abridges an event that is too large or takes too long to render, so that no event can delay a run.

The message of an event over MAX_BYTES, or of one that takes longer than EVENT_SECONDS, has only the event's main fields, each cut, and
the start of the event's text under ``epimetheusCut``. The message is marked as abridged.
"""

from collections.abc import Callable
from typing import TypeVar

import msgspec

from epimetheus.model import AuditEvent
from epimetheus.render.formats.json_base import CUT_KEY
from epimetheus.render.meaning import short_details
from epimetheus.render.redact import json_tree as tree
from epimetheus.render.redact.redactor import Redactor
from epimetheus.render.size import truncate_with_mark

MAX_BYTES = 1024 * 1024
"""JSON text of an event that is rendered in full."""
NAMES_BYTES = 8192
"""Total of an event's type, version, name and address. They are keys of caches, so their size must be bounded."""
EVENT_SECONDS = 2.0
"""Time to render one event. It is checked between values: a single regular expression search cannot be interrupted."""
MALFORMED_BYTES = 64 * 1024
"""Text of a malformed event that is sent."""
FIELD_BYTES = 512
DETAIL_CHARACTERS = 128
"""Length of a member of ``additionalDetails`` that says what the event means; the others are left out."""
TEXT_BYTES = 4096

T = TypeVar("T", bound=msgspec.Struct)


class TimeBudgetExceeded(Exception):
    """Rendering one event took longer than its time budget."""


class TimeBudget:
    """The time that rendering one event may take. ``monotonic`` returns seconds. Slow code calls `check` between its steps."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._end = float("inf")

    def start(self, seconds: float) -> None:
        """Start a budget of ``seconds``."""
        self._end = self._monotonic() + seconds

    def stop(self) -> None:
        """Remove the limit."""
        self._end = float("inf")

    def check(self) -> None:
        """Raises TimeBudgetExceeded if the budget is used up."""
        if self._monotonic() > self._end:
            raise TimeBudgetExceeded


def is_too_large(raw: bytes | msgspec.Raw, event: AuditEvent) -> bool:
    """Whether the event is too large to be rendered in full."""
    size = len(memoryview(raw))
    if size <= NAMES_BYTES:
        return False
    address = event.data.identity.ip_address if event.data.identity else None
    names = (event.event_type, event.event_type_version or "", event.data.event_name or "", address or "")
    return size > MAX_BYTES or sum(map(len, names)) > NAMES_BYTES


def abridge_event(raw: bytes, event: AuditEvent, redactor: Redactor) -> tuple[bytes, AuditEvent]:
    """The event with fields of at most FIELD_BYTES, as JSON text and typed. The text has the first TEXT_BYTES of ``raw``, redacted.

    That excerpt is left out if the user has REDACT paths: they cannot be resolved in incomplete JSON.
    """
    short = _with_short_fields(event)
    message = f"[abridged: {len(raw)} bytes] {short.data.message or ''}".rstrip()
    details = short_details(event.data.additional_details, DETAIL_CHARACTERS)
    short = msgspec.structs.replace(short, data=msgspec.structs.replace(short.data, message=message, additional_details=details))
    excerpt = {} if redactor.paths else {CUT_KEY: redacted_excerpt(raw, TEXT_BYTES, redactor)}
    fields = msgspec.json.decode(msgspec.json.encode(short), type=dict[str, object])
    return tree.to_json_line({**_without_nulls(fields), **excerpt}), short


def redacted_excerpt(raw: bytes, max_bytes: int, redactor: Redactor) -> str:
    """The first ``max_bytes`` of a text, redacted, on one line, and the number of bytes that were cut."""
    text = redactor.json(raw[:max_bytes]).text()
    return f"{text}…[{len(raw) - max_bytes} bytes cut]" if len(raw) > max_bytes else text


def _with_short_fields(value: T) -> T:
    """A struct with each string cut to FIELD_BYTES; longer JSON text becomes null."""
    changed: dict[str, object] = {}
    for name in value.__struct_fields__:
        item = getattr(value, name)
        if isinstance(item, str):
            changed[name] = truncate_with_mark(item, FIELD_BYTES)
        elif isinstance(item, msgspec.Raw):
            changed[name] = item if len(bytes(item)) <= FIELD_BYTES else msgspec.Raw(b"null")
        elif isinstance(item, msgspec.Struct):
            changed[name] = _with_short_fields(item)
    return msgspec.structs.replace(value, **changed)


def _without_nulls(value: dict[str, object]) -> dict[str, object]:
    return {key: _without_nulls(item) if isinstance(item, dict) else item for key, item in value.items() if item is not None}

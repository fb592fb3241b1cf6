"""Data types used everywhere: audit events, compartments, windows, and reports. Immutable, without I/O.

Times are whole minutes or seconds since the epoch (UTC); they are text only in reports and in stored or sent data.
"""

from datetime import UTC, datetime
from typing import NamedTuple

import msgspec


class Identity(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """The actor (``data.identity``); every field may be absent or null."""

    principal_name: str | None = None
    principal_id: str | None = None
    auth_type: str | None = None
    caller_name: str | None = None
    caller_id: str | None = None
    tenant_id: str | None = None
    ip_address: str | None = None
    user_agent: str | None = None
    console_session_id: str | None = None


class Request(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """The API call (``data.request``), without its headers; ``parameters`` is not decoded."""

    id: str | None = None
    path: str | None = None
    action: str | None = None
    parameters: msgspec.Raw = msgspec.Raw(b"null")


class Response(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """The API response (``data.response``). ``status`` is a string in real events; ``payload`` is not decoded."""

    status: str | int | None = None
    response_time: str | None = None
    message: str | None = None
    payload: msgspec.Raw = msgspec.Raw(b"null")


class Data(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """The event's body (``data``), the same in the Audit API and in Logging. Details and state change are not decoded."""

    event_name: str | None = None
    event_grouping_id: str | None = None
    compartment_id: str | None = None
    compartment_name: str | None = None
    resource_name: str | None = None
    resource_id: str | None = None
    message: str | None = None
    identity: Identity | None = None
    request: Request | None = None
    response: Response | None = None
    additional_details: msgspec.Raw = msgspec.Raw(b"null")
    state_change: msgspec.Raw = msgspec.Raw(b"null")


class AuditEvent(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """One audit event, schema v2, with the fields that Epimetheus uses; other fields are only in the raw text.

    https://docs.oracle.com/en-us/iaas/Content/Audit/Reference/logeventreference.htm
    """

    event_type: str
    data: Data
    event_id: str | None = None
    event_time: str | None = None
    event_type_version: str | None = None
    source: str | None = None


class Fetched(msgspec.Struct, frozen=True, gc=False):
    """An event as fetched: its JSON text, and the decoded event (None: malformed; the text is forwarded)."""

    raw: bytes | msgspec.Raw
    event: AuditEvent | None


class Compartment(msgspec.Struct, frozen=True):
    """A compartment of the tenancy. ``created``: minutes since the epoch, 0 if unknown; ``deleted``: its lifecycle state is DELETED."""

    ocid: str
    name: str
    parent: str | None = None
    created: int = 0
    deleted: bool = False


class Window(NamedTuple):
    """``[start, end)`` in whole minutes since the epoch, of the time OCI processed an event (ListEvents startTime and endTime)."""

    start: int
    end: int


class RunProgress(NamedTuple):
    """How far a run or a replay is.

    ``cursor``: from the cursor to the end of the range. ``done`` of the ``total`` tasks of the current slice have ended; ``ended``: the
    last one just did, and otherwise a page was read. ``fetched`` and ``confirmed`` count events so far. ``minutes``: by how many the cursor
    advances when the slice is complete; 0 for a backfill. ``listed``: the events that were compared with the ledger, and ``fetched`` then
    counts those that it lacks; None if nothing is compared.
    """

    cursor: Window
    done: int
    total: int
    ended: bool
    fetched: int
    confirmed: int
    minutes: int = 0
    listed: int | None = None


class HourlyCount(NamedTuple):
    """Counts of the events of one type in one hour: forwarded (``passed``), ``suppressed`` by a limit, and ``reported`` as suppressed.

    ``first`` and ``last``: times of the earliest and latest event suppressed and not yet reported, in milliseconds since the epoch.
    """

    passed: int = 0
    suppressed: int = 0
    reported: int = 0
    first: int | None = None
    last: int | None = None


RETENTION_DAYS = 365
"""How long OCI Audit keeps events."""


def plural(count: int, one: str, several: str = "") -> str:
    """The word that agrees with ``count``: ``one`` for 1, otherwise ``several``; if that is not given, ``one`` with an s."""
    return one if count == 1 else several or f"{one}s"


def count_text(count: int, one: str, several: str = "") -> str:
    """``1 event``, ``12,345 events``: a count and its noun, for texts. ``one``, ``several``: as in `plural`."""
    return f"{count:,} {plural(count, one, several)}"


def minute_text(minute: int) -> str:
    """``2026-11-24T10:05:00Z`` for a minute since the epoch (RFC 3339; seconds are 0, as ListEvents requires)."""
    return datetime.fromtimestamp(minute * 60, UTC).isoformat().replace("+00:00", "Z")


def time_text(seconds: float) -> str:
    """``2026-11-24T10:05:00.123Z`` for seconds since the epoch (RFC 3339, UTC)."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_seconds(text: str) -> float:
    """The inverse of `time_text`: seconds since the epoch, or 0 if ``text`` is not a time."""
    try:
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError):
        return 0.0


def parse_minute(text: str) -> int:
    """The inverse of `minute_text`; any RFC 3339 time is rounded down to its minute.

    Raises ValueError if ``text`` is no such time, has no time zone, or is outside the range of `minute_text`.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone; write it like 2026-11-24T10:05:00Z")
    minute = int(moment.timestamp() // 60)
    minute_text(minute)
    return minute

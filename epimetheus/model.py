"""Data types used everywhere: audit events, compartments, windows, and reports. Immutable, without I/O.

Times are whole minutes or seconds since the epoch (UTC); they are text only in reports and in stored or sent data.
"""

from datetime import UTC, datetime
from typing import Literal, NamedTuple

import msgspec

from epimetheus.coverage import Coverage


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
    advances when the slice is complete; 0 for a backfill.
    """

    cursor: Window
    done: int
    total: int
    ended: bool
    fetched: int
    confirmed: int
    minutes: int = 0


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


Status = Literal["ok", "partial", "skipped", "failed"]


class Problem(msgspec.Struct, frozen=True):
    """An error in a report: ``kind``, ``fault``, ``what`` failed, and what to ``do``, as in `epimetheus.errors`."""

    kind: str
    fault: str
    what: str
    do: str


class BehindNow(msgspec.Struct, frozen=True):
    """A compartment read only up to ``since`` (RFC 3339), the ``reason``, and the number of ``attempts`` (runs that tried to read on)."""

    since: str
    reason: str
    attempts: int


class Position(msgspec.Struct, frozen=True):
    """How far a region was read: from ``since`` (the cursor before this run) to ``through`` (the cursor), except compartments ``behind``.

    ``behind`` is by OCID, furthest behind first. ``lag_seconds`` is the time from the oldest position to now, ``slices_left`` the number of
    slices of SLICE_MINUTES still to read, at most. ``known``, ``polled`` and ``vanished`` count compartments.
    """

    since: str
    through: str
    lag_seconds: int
    caught_up: bool
    slices_left: int
    known: int
    polled: int
    vanished: int
    behind: dict[str, BehindNow]


class ReconciledNow(msgspec.Struct, frozen=True):
    """How far a pass of reconciliation is: ``through`` (RFC 3339), except compartments ``behind`` (a count).

    ``lag_seconds``: how much time of due windows is not listed again yet.
    """

    through: str
    lag_seconds: int
    behind: int


class Replayed(msgspec.Struct, frozen=True, kw_only=True):
    """A replay of ``window`` (from, to; RFC 3339): events sent again up to ``through``, or only counted if ``dry``.

    ``compartments`` counts the compartments of the replay, ``duplicates`` events that OCI returned twice within the window. ``unread`` is
    compartment OCID → reason. ``status`` is never ``skipped``.
    """

    run: str
    region: str
    dry: bool
    status: Status
    error: Problem | None
    window: list[str]
    through: str
    compartments: int
    fetched: int
    forwarded: int
    duplicates: int
    filtered: dict[str, int]
    unread: dict[str, str]


class Cache(msgspec.Struct, frozen=True):
    """The ``hits`` and ``misses`` of a cache, and its ``size`` in entries."""

    hits: int
    misses: int
    size: int


class Performance(msgspec.Struct, frozen=True):
    """``events_per_second``: events fetched and processed per second; ``phases``: step of the run → seconds."""

    events_per_second: float
    phases: dict[str, float]


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """The complete result of one run over one region. The log line, metrics, terminal output and function response contain nothing else.

    ``fetched = forwarded + unconfirmed + duplicates + filtered``; ``unconfirmed`` is 0 unless the run failed.

    ``position`` and ``coverage``: None if the state could not be read. ``filtered``: reason → events. ``abridged``: events sent with their
    main fields only, because they cost too much to render. ``redacted``: events with at least one masked value. ``notices``: messages of
    Epimetheus itself, which are not events. ``bytes``: bytes written to the receiver. ``api``: service → ``requests``, ``retries``,
    ``throttled``. ``relisted``: events that reconciliation listed again; ``late``: the events among them that had not been forwarded, which
    count as ``fetched``; ``latest_seconds``: the time from the earliest of these to now. ``reconciliation``: minutes of a pass → its
    progress. ``listing_age_seconds``: since the last complete listing of compartments, None if none are listed. ``given_up``: deleted
    compartments that are no longer polled. ``certificate_days``: days until the first certificate expires, the client's or the receiver's.
    ``caches``: ``dedupe`` (event keys; a hit is a duplicate) and ``names`` (rule decisions by event type).
    """

    version: int = 3
    run: str
    region: str
    status: Status
    error: Problem | None
    warnings: list[str]
    started: str
    seconds: float
    position: Position | None
    coverage: Coverage | None
    slices: int
    fetched: int
    forwarded: int
    unconfirmed: int
    duplicates: int
    filtered: dict[str, int]
    malformed: int
    truncated: int
    abridged: int
    redacted: int
    notices: int
    bytes: int
    api: dict[str, dict[str, int]]
    receiver: dict[str, int | str]
    relisted: int
    late: int
    latest_seconds: int
    reconciliation: dict[str, ReconciledNow]
    listing_stale: bool
    listing_age_seconds: int | None
    given_up: int
    first_start: bool
    state_writes: int
    certificate_days: float | None
    caches: dict[str, Cache]
    performance: Performance

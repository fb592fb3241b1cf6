"""The nouns: what an audit event is, where it happened, and which stretch of time is asked for. Frozen, without I/O.

Times inside the program are whole minutes or seconds since the epoch, UTC; they become text only at the edges.
"""

from datetime import UTC, datetime
from typing import Literal, NamedTuple

import msgspec


class Identity(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """Who acted (``data.identity``); every field may be absent or null."""

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
    """The API call (``data.request``), without its headers and parameters."""

    id: str | None = None
    path: str | None = None
    action: str | None = None


class Response(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """Its answer (``data.response``). ``status`` is a string in real events; ``payload`` is kept unread."""

    status: str | int | None = None
    response_time: str | None = None
    message: str | None = None
    payload: msgspec.Raw = msgspec.Raw(b"null")


class Data(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """The event's body (``data``), in the API's form and in Logging's alike."""

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


class AuditEvent(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """One audit event, schema v2, typed for the fields that are used; the others stand in its raw text.

    https://docs.oracle.com/en-us/iaas/Content/Audit/Reference/logeventreference.htm
    """

    event_type: str
    data: Data
    event_id: str | None = None
    event_time: str | None = None
    event_type_version: str | None = None
    source: str | None = None


class Fetched(msgspec.Struct, frozen=True, gc=False):
    """An event as it came: its JSON text, and what was understood of it (``None``: malformed, forwarded as it is)."""

    raw: bytes | msgspec.Raw
    event: AuditEvent | None


class Compartment(msgspec.Struct, frozen=True):
    """A compartment of the tenancy. ``created``: minutes since the epoch, 0 where unknown; ``deleted``: OCI says it is gone."""

    ocid: str
    name: str
    parent: str | None = None
    created: int = 0
    deleted: bool = False


class Window(NamedTuple):
    """``[start, end)`` in whole minutes since the epoch, of *processed* time (ListEvents startTime, endTime)."""

    start: int
    end: int


class HourlyCount(NamedTuple):
    """Counts of the events of one type in one hour: forwarded (``passed``), ``suppressed`` by a limit, and ``reported`` as suppressed.

    ``first`` and ``last``: times of the earliest and latest event suppressed and not yet reported, in milliseconds since the epoch.
    """

    passed: int = 0
    suppressed: int = 0
    reported: int = 0
    first: int | None = None
    last: int | None = None


def minute_text(minute: int) -> str:
    """``2026-11-24T10:05:00Z`` for a minute since the epoch (RFC 3339, seconds always 0 as ListEvents wants them)."""
    return datetime.fromtimestamp(minute * 60, UTC).isoformat().replace("+00:00", "Z")


def time_text(seconds: float) -> str:
    """RFC 3339 with milliseconds, UTC, for seconds since the epoch."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_time(text: str) -> float:
    """The inverse of `time_text`: seconds since the epoch; 0 for what is not a time."""
    try:
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError):
        return 0.0


def parse_minute(text: str) -> int:
    """The inverse of `minute_text`; any RFC 3339 time is rounded down to its minute. Raises ValueError, also for one it can not write."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone; write it like 2026-11-24T10:05:00Z")
    minute = int(moment.timestamp() // 60)
    minute_text(minute)
    return minute


Status = Literal["ok", "partial", "skipped", "failed"]


class Problem(msgspec.Struct, frozen=True):
    """Something that went wrong: ``kind`` as in errors.py, ``fault`` whose it is, ``what`` happened, what to ``do``."""

    kind: str
    fault: str
    what: str
    do: str


class BehindNow(msgspec.Struct, frozen=True):
    """A compartment that is read only up to ``since`` (RFC 3339), ``why``, and for how many runs."""

    since: str
    why: str
    tries: int


class Position(msgspec.Struct, frozen=True):
    """How far a region is: read from ``since`` (before this run) to ``through`` (the cursor), but for who is ``behind`` (by OCID).

    ``behind`` begins with the furthest. ``lag_seconds`` is measured from the furthest mark to now, ``slices_left`` how many of
    SLICE_MINUTES that is at the most; ``known``, ``asked`` and ``gone`` count compartments.
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


class Replayed(msgspec.Struct, frozen=True, kw_only=True):
    """A ``window`` (from, to; RFC 3339) that was sent again as far as ``through``, or counted, where it ran ``dry``.

    ``duplicates`` came twice within it; ``unread`` is compartment → why. ``status`` is never ``skipped``.
    """

    run: str
    region: str
    dry: bool
    status: Status
    error: Problem | None
    window: list[str]
    through: str
    fetched: int
    forwarded: int
    duplicates: int
    filtered: dict[str, int]
    unread: dict[str, str]


class Cache(msgspec.Struct, frozen=True):
    """How often a cache knew the answer (``hits``), how often not, and how much it holds."""

    hits: int
    misses: int
    size: int


class Performance(msgspec.Struct, frozen=True):
    """``events_per_second`` fetched and dealt with; ``phases``: step of the run → seconds."""

    events_per_second: float
    phases: dict[str, float]


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """One run over one region, whole: the log line, the metrics, the terminal and the function's answer show this and nothing else.

    ``fetched = forwarded + uncertain + duplicates + left out``, where ``unconfirmed`` is 0 unless the run failed.
    ``position`` is None where the state could not be read. ``filtered`` counts by reason, ``abridged`` events that cost too much to
    render (main fields only), ``redacted`` events in which something was masked, ``notices`` messages of our own, which are no events,
    ``bytes`` what was written to the receiver. ``certificate_days``: until the first certificate is over, ours or the receiver's. ``api``
    is service → ``requests``, ``retries``, ``throttled``. ``caches`` are ``dedupe`` (keys of events; a hit is a duplicate) and ``names``
    (what the rules say of a type) ``listing_age_seconds``: since the compartments were last listed completely, None where
    none are listed; ``given_up``: deleted compartments that are no longer tried.
    """

    version: int = 2
    run: str
    region: str
    status: Status
    error: Problem | None
    warnings: list[str]
    started: str
    seconds: float
    position: Position | None
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
    listing_stale: bool
    listing_age_seconds: int | None
    given_up: int
    first_start: bool
    state_writes: int
    certificate_days: float | None
    caches: dict[str, Cache]
    performance: Performance

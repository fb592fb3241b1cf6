"""The results of runs and replays, as reports, metrics and the command line have them. Immutable, without I/O.

Times are text (RFC 3339).
"""

from typing import Literal

import msgspec

from epimetheus.coverage import Coverage

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


class SealNow(msgspec.Struct, frozen=True):
    """The seal of a run: its ``sequence`` number and ``sha256``, whether it is ``stored`` and its message ``sent`` and confirmed.

    ``pending``: the number of seals whose message is not confirmed, with this one. The next run stores and sends what is missing.
    ``chain_broken``: the seal before was deleted.
    """

    sequence: int
    sha256: str
    stored: bool
    sent: bool
    pending: int
    chain_broken: bool


class Problems(msgspec.Struct, frozen=True):
    """What a poll of Cloud Guard found. ``region``: the reporting region.

    ``active``, ``inactive``: problems that were listed. ``excluded``: those in compartments that the settings exclude. ``changed``: those
    that are new or have changed; ``waiting``: those among them that are left to the next run. ``without_details``: those that were
    forwarded as listed, because OCI rejected the request for their details, or several runs could not read them.
    """

    region: str
    active: int
    inactive: int
    excluded: int
    changed: int
    waiting: int
    without_details: int


class EventName(msgspec.Struct, frozen=True):
    """What identifies an event: its ``time`` (as OCI sent it), ``type``, ``id``, and the path or OCID of its ``compartment``.

    The texts are redacted and shortened. Empty: the event has none, as if it is malformed.
    """

    time: str
    type: str
    id: str
    compartment: str


class Replayed(msgspec.Struct, frozen=True, kw_only=True):
    """A replay or reconciliation of ``window`` (from, to; RFC 3339): events sent up to ``through``, or only counted if ``dry``.

    ``missing_only``: only events that the ledger does not have were sent. ``relisted`` then counts all events that OCI listed, ``fetched``
    those that the ledger does not have, and ``missing`` names the first of these that were not filtered. ``compartments`` counts the
    compartments, ``duplicates`` events that OCI returned twice within the window. ``unread`` is compartment OCID → reason. ``status`` is
    never ``skipped``.
    """

    run: str
    region: str
    action: Literal["replay", "reconcile"] = "replay"
    missing_only: bool = False
    dry: bool
    status: Status
    error: Problem | None
    warnings: list[str] = []
    window: list[str]
    through: str
    compartments: int
    fetched: int
    forwarded: int
    duplicates: int
    filtered: dict[str, int]
    relisted: int = 0
    missing: list[EventName] = []
    unread: dict[str, str]


class Pushed(msgspec.Struct, frozen=True, kw_only=True):
    """The result of one push: a batch of Connector Hub.

    ``batch`` counts the events of the batch, ``fetched`` those that were looked at; it is less if the push failed. ``deferred``: events
    that are left to the next scheduled run. ``fetched = forwarded + unconfirmed + duplicates + filtered + deferred``. ``delay_seconds`` and
    ``longest_delay_seconds``: from the time of an event to the end of the push, the median and the maximum over the batch; None if no event
    has a time. The other fields are as in `Report`.
    """

    version: int = 3
    run: str
    region: str
    action: Literal["push"] = "push"
    status: Literal["ok", "failed"]
    error: Problem | None
    warnings: list[str]
    started: str
    seconds: float
    batch: int
    fetched: int
    forwarded: int
    unconfirmed: int
    duplicates: int
    filtered: dict[str, int]
    deferred: int
    malformed: int
    truncated: int
    abridged: int
    redacted: int
    bytes: int
    delay_seconds: int | None
    longest_delay_seconds: int | None
    api: dict[str, dict[str, int]]
    receiver: dict[str, int | str]


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
    count as ``fetched``; ``latest_seconds``: the time from the earliest of these to now. ``pushed``: events that pushes delivered, of the
    time that this run read; ``filled``: events that were not pushed, so that this run forwarded them. ``reconciliation``: minutes of a pass
    → its progress. ``listing_age_seconds``: since the last complete listing of compartments, None if none are listed. ``given_up``: deleted
    compartments that are no longer polled. ``seal``: None if the run has none, as if it was skipped.
    ``problems``: None unless the run polled Cloud Guard.
    ``certificate_days``: days until the first certificate expires, the client's or the receiver's.
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
    pushed: int
    filled: int
    reconciliation: dict[str, ReconciledNow]
    listing_stale: bool
    listing_age_seconds: int | None
    given_up: int
    seal: SealNow | None
    first_start: bool
    state_writes: int
    certificate_days: float | None
    problems: Problems | None = None
    caches: dict[str, Cache]
    performance: Performance

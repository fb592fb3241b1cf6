"""The state of one region: what one run leaves for the next. Times are minutes since the epoch, unless a docstring says seconds."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from epimetheus.model import HourlyCount, Window
from epimetheus.state.owner import ReceiverId
from epimetheus.state.seals import SealState

LEASE_SECONDS = 300.0
"""The longest lease. A run renews its lease, so a run that was killed blocks others no longer than this."""
CLOCK_TOLERANCE_SECONDS = 300.0
"""The largest clock difference between hosts that share a state."""

NO_SEALS = SealState()
_MOST_ENTERED = 20


def with_entered(entered: Mapping[str, int], run: str, number: int) -> dict[str, int]:
    """``entered`` (`State.entered`) with ``number`` for ``run``, and the latest others."""
    others = {one: last for one, last in entered.items() if one != run}
    return dict([*others.items()][-_MOST_ENTERED:]) | {run: number}


Summary = dict[str, str | bool | int | float | None]
"""The summary of a run: name → value."""


@dataclass(frozen=True)
class PageCursor:
    """A position in a partly read window: all ``events`` before ``page`` (a ListEvents page token) are confirmed."""

    window: Window
    page: str
    events: int = 0


@dataclass(frozen=True)
class BehindCompartment:
    """A compartment that is read only up to ``since``, which is before the cursor.

    ``reason`` and ``attempts``: why, and the number of failed attempts. ``page_cursor``: the position in its current window.
    ``window_minutes``: the length of its next window, 0 for SLICE_MINUTES. ``touched``: the end of the last window at the cursor of which
    a part may be confirmed, 0: none after ``since``; the ledger is searched up to it. ``tokens_expire``: OCI rejected a page token from
    an earlier run, so an unfinished window is shortened instead of resumed. ``not_found_at``: the last minute at which OCI answered 404
    for it while other compartments were readable; ``not_found_minutes``: how long that has lasted. ``floor``: the earliest minute that
    is read again; earlier windows ended so long ago that only reconciliation reads them again.
    """

    since: int
    reason: str
    attempts: int = 0
    page_cursor: PageCursor | None = None
    window_minutes: int = 0
    tokens_expire: bool = False
    not_found_at: int | None = None
    not_found_minutes: int = 0
    floor: int = 0
    touched: int = 0

    @property
    def reach(self) -> int:
        """The minute up to which slices at the cursor may have read the compartment."""
        return max(self.since, self.touched)


@dataclass(frozen=True)
class Reconciled:
    """How far one pass of reconciliation has listed closed windows again: through the minute ``through``, except compartments ``behind``.

    ``slice_minutes``: the adapted length of its next slice, 0 for SLICE_MINUTES.
    """

    through: int
    behind: dict[str, BehindCompartment] = field(default_factory=dict)
    slice_minutes: int = 0


@dataclass(frozen=True)
class KnownCompartment:
    """A compartment as last listed. ``polled``: its events are forwarded.

    ``vanished``: the minute at which it was first absent from a listing, or listed as deleted. ``read_until``: where polling stopped,
    because it vanished or is no longer selected; polling resumes there. ``floor``: as in `BehindCompartment`. ``given_up``: it is
    deleted, and OCI has answered 404 for too long. ``page_rate``: full pages of events per hour in its last window.
    """

    name: str
    parent: str | None = None
    polled: bool = False
    deleted: bool = False
    vanished: int | None = None
    read_until: int | None = None
    floor: int = 0
    given_up: bool = False
    page_rate: int = 0


@dataclass(frozen=True)
class Lease:
    """The exclusive right of ``run`` to write the state, from ``acquired`` (0: unknown) to ``until``, both in seconds since the epoch."""

    run: str
    until: float
    acquired: float = 0.0

    def is_live(self, now: float) -> bool:
        """Whether other runs must wait. An impossibly long lease was written with a wrong clock and counts as expired."""
        return now < self.until <= now + LEASE_SECONDS + CLOCK_TOLERANCE_SECONDS


@dataclass(frozen=True)
class Adoption:
    """When (seconds since the epoch) and why a state was assigned to another receiver or tenancy, and its owner ``before``."""

    at: float
    reason: str
    before: str


@dataclass(frozen=True)
class State:
    """The state of one region. ``through`` is the cursor: all polled compartments that are not behind are confirmed up to it.

    ``behind``: OCID → compartment, in the order in which they take turns. ``known``: OCID → compartment.
    ``rate_limits``: event type → start of the hour → counts under its rate limit.
    ``slice_minutes``: the adapted slice length, 0 for SLICE_MINUTES.
    ``listed``: the minute of the last complete listing of compartments, 0: none. ``partly_listed``: no listing was complete yet, and
    ``listed`` is the minute of the first. ``regions``: the subscribed regions, home region first, as listed at ``regions_listed`` (0:
    never). ``began``: the first minute that was read, 0: unknown.
    ``reconciled``: the passes of reconciliation, by their minutes of RECONCILE_AFTER.
    ``entered``: run → number of its last entry of the ledger whose counts are in ``rate_limits``, for runs that may have written later
    ones: those that did not end with a commit.
    ``epoch``: the minute in which the state began or was last rewound, raised by each; entries of the ledger with an earlier one do not
    prevent that their events are sent again. ``first_epoch``: the epoch in which the state began; earlier entries are of another state.
    ``identity``: the location where the state was first written by a run. Its entries of the ledger have it; it stays when the state moves.
    ``seals``: the newest seal, and what the next one names.
    ``newest_entry``: the name of the entry of the ledger with the latest window that runs wrote; empty: none, or it was deleted.
    ``writer`` and ``serial`` identify the write that produced this state. ``last`` is the summary of the last run.
    ``tenancy`` (OCID), ``receiver`` and ``ledger`` (bucket and prefix): the owner, recorded once a run has verified it. ``adopted``: the
    last change of owner.
    ``marker_owner``: the `Owner.digest` for which the markers are complete (`epimetheus.state.marker`).
    """

    region: str
    through: int
    behind: dict[str, BehindCompartment] = field(default_factory=dict)
    known: dict[str, KnownCompartment] = field(default_factory=dict)
    rate_limits: dict[str, dict[int, HourlyCount]] = field(default_factory=dict)
    slice_minutes: int = 0
    listed: int = 0
    partly_listed: bool = False
    began: int = 0
    reconciled: dict[int, Reconciled] = field(default_factory=dict)
    entered: dict[str, int] = field(default_factory=dict)
    epoch: int = 0
    first_epoch: int = 0
    identity: str = ""
    seals: SealState = NO_SEALS
    newest_entry: str = ""
    regions: tuple[str, ...] = ()
    regions_listed: int = 0
    lease: Lease | None = None
    writer: str = ""
    serial: int = 0
    last: Summary = field(default_factory=dict)
    tenancy: str = ""
    receiver: ReceiverId | None = None
    ledger: str = ""
    adopted: Adoption | None = None
    marker_owner: str = ""

    def read_until(self, ocid: str) -> int:
        """The minute up to which this compartment is read."""
        behind = self.behind.get(ocid)
        return self.through if behind is None else behind.since

    def without_lease(self) -> "State":
        """The state after its lease was taken away. If the run that had it left no seal, the next seal names the run."""
        if self.lease is None or self.seals.is_of(self.lease.run):
            return replace(self, lease=None)
        run = self.lease.run
        return replace(self, lease=None, seals=self.seals.with_unsealed_run(run).with_unfinished(run, self.entered.get(run, 0)))

    def latest(self) -> tuple[str, int]:
        """The latest time in the state: its name, and its minute."""
        return max(self._times(), key=lambda time: time[1])

    def rewound(self, minute: int, now: int) -> "State":
        """The state with its cursor at ``minute``, in a new epoch: later events are sent again. No time in it is after ``now``.

        If the cursor moves forward, earlier windows are not listed again: a pass would send what the operator skips.
        """
        behind = _rewound_all(self.behind, minute, now)
        passes = self.reconciled.items()
        reconciled = {after: Reconciled(min(one.through, minute), _rewound_all(one.behind, minute, now)) for after, one in passes}
        reconciled = reconciled if minute <= self.through else dict.fromkeys(reconciled, Reconciled(minute))
        known = {ocid: _rewound_known(one, minute, now) for ocid, one in self.known.items()}
        kept = replace(self.without_lease(), through=minute, behind=behind, known=known, rate_limits={})
        kept = replace(kept, reconciled=reconciled, epoch=max(now, self.epoch + 1))
        listed, last = min(self.listed, now), {**self.last, "caught_up": False}  # so that compartments are listed again
        return replace(kept, slice_minutes=0, listed=listed, last=last, regions_listed=0, began=min(self.began, minute))

    def for_other_tenancy(self) -> "State":
        """The state without anything that belongs to its tenancy: the cursor and the identity remain."""
        listings = replace(self, known={}, behind={}, listed=0, partly_listed=False, regions=(), regions_listed=0)
        return replace(listings, rate_limits={}, slice_minutes=0, began=0, reconciled={}, newest_entry="")

    def _times(self) -> Iterator[tuple[str, int]]:
        """Every minute of processed time. The hours of ``rate_limits`` are event times, which a sender chooses freely."""
        yield "the cursor", self.through
        yield "the last listing of compartments", self.listed
        yield "the last listing of regions", self.regions_listed
        yield "the start of reading", self.began
        for one in self.reconciled.values():
            yield "a mark of reconciliation", one.through
        for ocid, behind in self.behind.items():
            yield f"the position of {ocid}", behind.since
            yield f"the last 404 for {ocid}", behind.not_found_at or 0
            yield f"the re-read limit of {ocid}", behind.floor
            yield f"the end of the last window of {ocid}", behind.touched
            yield f"the current window of {ocid}", behind.page_cursor.window.end if behind.page_cursor else 0
        for ocid, known in self.known.items():
            yield f"the disappearance of {ocid}", known.vanished or 0
            yield f"the position of {ocid}", known.read_until or 0
            yield f"the re-read limit of {ocid}", known.floor


def new_state(region: str, minute: int, now: int) -> State:
    """A state that begins at ``minute``, in the epoch ``now`` (minutes)."""
    return State(region, minute, began=minute, epoch=now, first_epoch=now)


def _rewound_all(behind: Mapping[str, BehindCompartment], minute: int, now: int) -> dict[str, BehindCompartment]:
    return {ocid: _rewound_behind(one, minute, now) for ocid, one in behind.items() if one.since < minute}


def _rewound_behind(behind: BehindCompartment, minute: int, now: int) -> BehindCompartment:
    """No entry of the new epoch has its events, so nothing of it is ``touched``."""
    cursor = behind.page_cursor
    page_cursor = cursor if cursor and cursor.window.end <= minute else None
    return replace(behind, page_cursor=page_cursor, floor=0, touched=0, not_found_at=_at_most(behind.not_found_at, now))


def _rewound_known(known: KnownCompartment, minute: int, now: int) -> KnownCompartment:
    return replace(known, vanished=_at_most(known.vanished, now), read_until=_at_most(known.read_until, minute), floor=0)


def _at_most(minute: int | None, limit: int) -> int | None:
    return None if minute is None else min(minute, limit)

"""What a run remembers: the nouns of the state. Times are minutes since the epoch."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from epimetheus.model import HourlyCount, Window
from epimetheus.state.owner import ReceiverId

LEASE_SECONDS = 300.0
"""The longest lease: a run renews it while it works, and one that was killed blocks the others no longer than this."""
CLOCK_TOLERANCE_SECONDS = 300.0
"""How far the clocks of hosts that share a state may differ."""

Summary = dict[str, str | bool | int | float | None]
"""What a run leaves of itself: name → value."""


@dataclass(frozen=True)
class PageCursor:
    """A window that is being read: everything before ``page`` (ListEvents' token) is confirmed, ``events`` of them."""

    window: Window
    page: str
    events: int = 0


@dataclass(frozen=True)
class BehindCompartment:
    """A compartment that is read up to ``since`` only: ``why``, the failed ``tries``, and the window in progress (``reading``).

    ``minutes``: length of its next window, 0 for SLICE_MINUTES. ``restarts``: OCI rejected one of its page tokens in a later run, so
    an unfinished window is made shorter instead of being resumed. ``missing``: the last minute at which OCI answered 404 for it while
    other compartments were readable; ``refused``: for how many minutes that has gone on. ``floor``: nothing before this minute is read
    again, because the dedupe keys are gone.
    """

    since: int
    why: str
    tries: int = 0
    reading: PageCursor | None = None
    minutes: int = 0
    restarts: bool = False
    missing: int | None = None
    refused: int = 0
    floor: int = 0


@dataclass(frozen=True)
class KnownCompartment:
    """A compartment as last listed. ``asked``: its events are forwarded. ``gone``: the minute it was first missed, or listed as deleted.

    ``read``: the minute up to which it was read when polling stopped, because it was gone or no longer selected; polling resumes there.
    ``floor``: as in `BehindCompartment`. ``given_up``: it is deleted, and OCI has refused its events for too long.
    """

    name: str
    parent: str | None = None
    polled: bool = False
    deleted: bool = False
    vanished: int | None = None
    read: int | None = None
    floor: int = 0
    given_up: bool = False


@dataclass(frozen=True)
class Lease:
    """The run that is at work, since ``taken`` and ``until`` (both seconds since the epoch; ``taken`` 0: unknown)."""

    run: str
    until: float
    taken: float = 0.0

    def is_live(self, now: float) -> bool:
        """Whether other runs must wait. One that is longer than any lease can be was written by a wrong clock, and counts as expired."""
        return now < self.until <= now + LEASE_SECONDS + CLOCK_TOLERANCE_SECONDS


@dataclass(frozen=True)
class Adoption:
    """When (seconds since the epoch) and why a state was given to another receiver or tenancy, and to which it belonged ``before``."""

    at: float
    reason: str
    before: str


@dataclass(frozen=True)
class State:
    """All of one region. ``through`` is the cursor: every asked compartment that is not behind is read and confirmed up to it.

    ``keys``: minute → packed dedupe keys; ``quotas``: event type → start of an hour → what became of its events under a limit;
    ``listed``: minute since the epoch of the last listing of compartments that came whole, 0: none yet;
    ``writer`` and ``serial`` tell our own write from another's; ``last`` is the last run's summary. ``tenancy`` (OCID) and ``receiver``:
    whose events these are, and where they are sent, as a run that worked recorded it; ``adopted``: their last change. ``marked``: the
    `Owner.mark` for which its markers are complete (see `epimetheus.state.marker`).
    ``partly_listed``: no listing was complete yet, and ``listed`` is the minute of the first.
    ``began``: the minute where reading began, 0 where unknown.
    ``behind`` is also a queue: its order is the order in which compartments take turns.
    ``overlap``: minutes before the marks for which dedupe keys are kept, 0 where unknown; ``floor``: as in `BehindCompartment`, for the cursor.
    ``regions``: the subscribed regions as last listed, at the minute ``regions_listed`` (REGIONS=all; 0: never).
    """

    region: str
    through: int
    behind: dict[str, BehindCompartment] = field(default_factory=dict)
    known: dict[str, KnownCompartment] = field(default_factory=dict)
    keys: dict[int, bytes] = field(default_factory=dict)
    quotas: dict[str, dict[int, HourlyCount]] = field(default_factory=dict)
    slice_minutes: int = 0
    listed: int = 0
    partly_listed: bool = False
    began: int = 0
    overlap: int = 0
    floor: int = 0
    regions: tuple[str, ...] = ()
    regions_listed: int = 0
    lease: Lease | None = None
    writer: str = ""
    serial: int = 0
    last: Summary = field(default_factory=dict)
    tenancy: str = ""
    receiver: ReceiverId | None = None
    adopted: Adoption | None = None
    marked: str = ""

    def latest(self) -> tuple[str, int]:
        """The time that lies furthest ahead: what it is, and its minute."""
        return max(self._times(), key=lambda time: time[1])

    def rewound(self, minute: int, now: int) -> "State":
        """Read up to ``minute`` only, the minute it is ``now``: what was sent after it is forgotten, and nothing lies in the future."""
        behind = {ocid: one for ocid, one in self.behind.items() if one.since < minute}
        behind = {ocid: replace(one, reading=None) if one.reading and one.reading.window.end > now else one for ocid, one in behind.items()}
        known = {
            ocid: replace(one, vanished=_at_most(one.vanished, now), read=_at_most(one.read, minute), floor=0) for ocid, one in self.known.items()
        }
        behind = {ocid: replace(one, floor=0, missing=_at_most(one.missing, now)) for ocid, one in behind.items()}
        kept = replace(self, through=minute, behind=behind, known=known, floor=0, keys={}, quotas={}, lease=None)
        return replace(kept, slice_minutes=0, listed=0, regions_listed=0, began=min(self.began, minute))

    def for_other_tenancy(self) -> "State":
        """The cursor and what identifies the state: of the tenancy that it was for, nothing is kept."""
        listings = replace(self, known={}, behind={}, listed=0, partly_listed=False, regions=(), regions_listed=0)
        return replace(listings, keys={}, quotas={}, slice_minutes=0, floor=0, began=0)

    def _times(self) -> Iterator[tuple[str, int]]:
        """Every minute of processed time in the state. Hours of limits are those of events, which may be dated as they like."""
        yield "its cursor", self.through
        yield "its last listing", self.listed
        yield "its last listing of regions", self.regions_listed
        yield "its beginning", self.began
        yield "the end of what is read again", self.floor
        for minute in self.keys:
            yield "a dedupe key", minute
        for ocid, behind in self.behind.items():
            yield f"the mark of {ocid}", behind.since
            yield f"the last refusal of {ocid}", behind.missing or 0
            yield f"the end of what is read again of {ocid}", behind.floor
            yield f"the window that is being read of {ocid}", behind.reading.window.end if behind.reading else 0
        for ocid, known in self.known.items():
            yield f"the disappearance of {ocid}", known.vanished or 0
            yield f"the mark of {ocid}", known.read or 0
            yield f"the end of what is read again of {ocid}", known.floor

    def read_until(self, ocid: str) -> int:
        """The minute up to which this compartment is read."""
        behind = self.behind.get(ocid)
        return self.through if behind is None else behind.since


def _at_most(minute: int | None, limit: int) -> int | None:
    return None if minute is None else min(minute, limit)

"""What a run remembers: the nouns of the state. Times are minutes since the epoch."""

from dataclasses import dataclass, field

from epimetheus.model import Quota, Window

Summary = dict[str, str | bool | int | float | None]
"""What a run leaves of itself: name → value."""


@dataclass(frozen=True)
class Reading:
    """A window that is being read: everything before ``page`` (ListEvents' token) is confirmed."""

    window: Window
    page: str


@dataclass(frozen=True)
class Behind:
    """A compartment that is read up to ``since`` only: ``why``, the failed ``tries``, and the window in progress (``reading``).

    ``minutes``: length of its next window, 0 for SLICE_MINUTES. ``restarts``: OCI rejected one of its page tokens in a later run, so
    an unfinished window is made shorter instead of being resumed. ``missing``: the first minute at which OCI answered 404 for it while
    other compartments were readable. ``floor``: nothing before this minute is read again, because the dedupe keys are gone.
    """

    since: int
    why: str
    tries: int = 0
    reading: Reading | None = None
    minutes: int = 0
    restarts: bool = False
    missing: int | None = None
    floor: int = 0


@dataclass(frozen=True)
class Known:
    """A compartment as last listed. ``asked``: its events are forwarded. ``gone``: the minute it was first missed, or listed as deleted.

    ``read``: the minute up to which it was read when polling stopped, because it was gone or no longer selected; polling resumes there.
    ``floor``: as in `Behind`.
    """

    name: str
    parent: str | None = None
    asked: bool = False
    deleted: bool = False
    gone: int | None = None
    read: int | None = None
    floor: int = 0


@dataclass(frozen=True)
class Lease:
    """Who is at work, until when (seconds since the epoch)."""

    run: str
    until: float


@dataclass(frozen=True)
class State:
    """All of one region. ``through`` is the cursor: every asked compartment that is not behind is read and confirmed up to it.

    ``keys``: minute → packed dedupe keys; ``quotas``: event type → start of an hour → what became of its events under a limit;
    ``listed``: minute since the epoch of the last listing of compartments that came whole, 0: none yet;
    ``writer`` and ``serial`` tell our own write from another's; ``last`` is the last run's summary.
    ``partly_listed``: no listing was complete yet, and ``listed`` is the minute of the first.
    ``behind`` is also a queue: its order is the order in which compartments take turns.
    ``overlap``: minutes before the marks for which dedupe keys are kept, 0 where unknown; ``floor``: as in `Behind`, for the cursor.
    ``regions``: the subscribed regions as last listed, at the minute ``regions_listed`` (REGIONS=all; 0: never).
    """

    region: str
    through: int
    behind: dict[str, Behind] = field(default_factory=dict)
    known: dict[str, Known] = field(default_factory=dict)
    keys: dict[int, bytes] = field(default_factory=dict)
    quotas: dict[str, dict[int, Quota]] = field(default_factory=dict)
    slice_minutes: int = 0
    listed: int = 0
    partly_listed: bool = False
    overlap: int = 0
    floor: int = 0
    regions: tuple[str, ...] = ()
    regions_listed: int = 0
    lease: Lease | None = None
    writer: str = ""
    serial: int = 0
    last: Summary = field(default_factory=dict)

    def mark(self, ocid: str) -> int:
        """The minute up to which this compartment is read."""
        behind = self.behind.get(ocid)
        return self.through if behind is None else behind.since

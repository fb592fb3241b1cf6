"""What a run counts while it goes, and the `Report` it comes to."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field

from epimetheus.errors import EpimetheusError
from epimetheus.model import BehindNow, Cache, Performance, Position, Problem, minute_text
from epimetheus.run import plan
from epimetheus.state.model import State

_MOST_NAMED = 5


@dataclass
class Tally:
    """Counts of one run over one region; each is written by exactly one stage. ``phases``: step → seconds it took.

    ``listing_age``: seconds since the compartments (and regions) were last listed; ``outdated``: that is too long ago.
    """

    fetched: int = 0
    forwarded: int = 0
    duplicates: int = 0
    filtered: Counter[str] = field(default_factory=Counter)
    malformed: int = 0
    truncated: int = 0
    abridged: int = 0
    redacted: int = 0
    notices: int = 0
    bytes: int = 0
    slices: int = 0
    listing_stale: bool = False
    listing_age: int | None = None
    outdated: bool = False
    phases: dict[str, float] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    @property
    def accounted(self) -> int:
        """Events whose fate is known: the receiver has them, or they were left out."""
        return self.forwarded + self.duplicates + sum(self.filtered.values())

    def dedupe(self, size: int) -> Cache:
        """The dedupe keys as a cache of ``size``: who was met before, and who was not."""
        return Cache(self.duplicates, self.fetched - self.duplicates, size)

    def performance(self) -> Performance:
        """Events a second over all phases together, and what each took."""
        seconds = sum(self.phases.values())
        return Performance(round(self.fetched / seconds, 1) if seconds else 0.0, dict(self.phases))


def to_problem(error: EpimetheusError) -> Problem:
    """The error as the report has it."""
    return Problem(error.kind, error.fault, error.what, error.do)


def given_up_warning(ocids: Collection[str]) -> list[str]:
    """The warning for deleted compartments whose last events could not be read."""
    if not ocids:
        return []
    some = ", ".join(sorted(ocids)[:_MOST_NAMED])
    hours = plan.GIVE_UP_MINUTES // 60
    return [
        f"{len(ocids)} deleted compartments are given up: OCI has answered 404 for {hours} hours, so their last events are not forwarded:"
        f" {some}. If OCI lists them as active again, reading resumes where it stopped."
    ]


def days_left(end: float | None, now: float) -> float | None:
    """Days from ``now`` to ``end``, both in seconds since the epoch; negative once it is over."""
    return None if end is None else round((end - now) / 86_400, 2)


def is_caught_up(state: State, end: int) -> bool:
    """Whether everybody has been read up to the minute ``end``."""
    return state.through >= end and not state.behind


def position(state: State, since: int, end: int, now: float, length: int) -> Position:
    """How far a region is: ``since`` (minute of the cursor before the run), ``end`` (minute it was to come to), ``now`` in seconds.

    ``length``: minutes of a slice.
    """
    oldest = min([state.through, *(b.since for b in state.behind.values())])
    furthest = sorted(state.behind.items(), key=lambda item: (item[1].since, item[0]))
    return Position(
        since=minute_text(since),
        through=minute_text(state.through),
        lag_seconds=max(0, int(now - oldest * 60)),
        caught_up=is_caught_up(state, end),
        slices_left=max(0, -((oldest - end) // length)),
        known=len(state.known),
        polled=len(plan.polled_compartments(state)),
        vanished=sum(known.vanished is not None for known in state.known.values()),
        behind={ocid: BehindNow(minute_text(b.since), b.reason, b.attempts) for ocid, b in furthest},
    )

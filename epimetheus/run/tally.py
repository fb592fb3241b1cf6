"""The counts of a run."""

import math
from collections import Counter
from dataclasses import dataclass, field

from epimetheus.errors import EpimetheusError
from epimetheus.model import Fetched, parse_seconds
from epimetheus.reports import Cache, Performance, Problem, Problems


@dataclass
class Tally:
    """Counts of one run over one region. ``phases``: name of a step → seconds.

    ``deferred``: events of a push that are left to the next run; ``filled``: events that were polled, though they should have been pushed.
    ``relisted``: events that reconciliation listed again; ``late``: those that were not forwarded before, the ``earliest_late`` of them at
    that event time (seconds since the epoch). ``listing_age``: seconds since the compartments (and regions) were last listed;
    ``outdated``: more than LISTING_MAX_AGE_MINUTES ago, or never. ``unlisted``: OCIDs of compartments whose children could not be listed.
    ``problems``: those of Cloud Guard.
    """

    fetched: int = 0
    forwarded: int = 0
    duplicates: int = 0
    filtered: Counter[str] = field(default_factory=Counter)
    deferred: int = 0
    filled: int = 0
    malformed: int = 0
    truncated: int = 0
    abridged: int = 0
    redacted: int = 0
    notices: int = 0
    bytes: int = 0
    slices: int = 0
    relisted: int = 0
    late: int = 0
    earliest_late: float = math.inf
    listing_stale: bool = False
    listing_age: int | None = None
    outdated: bool = False
    unlisted: tuple[str, ...] = ()
    problems: Problems | None = None
    phases: dict[str, float] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    @property
    def accounted(self) -> int:
        """Events with a known outcome: confirmed, duplicate, filtered or deferred."""
        return self.forwarded + self.duplicates + sum(self.filtered.values()) + self.deferred

    def count_known(self, *, late: bool) -> None:
        """Count an event that was forwarded before. ``late``: reconciliation listed it."""
        if late:
            self.relisted += 1
        else:
            self.fetched += 1
            self.duplicates += 1

    def count_new(self, fetched: Fetched, *, late: bool) -> None:
        """Count an event that was not forwarded before. ``late``: reconciliation listed it."""
        self.fetched += 1
        if late:
            self.relisted += 1
            self.late += 1
            happened = parse_seconds(fetched.event.event_time or "") if fetched.event else 0.0
            self.earliest_late = min(self.earliest_late, happened or math.inf)

    def dedupe_cache(self, size: int) -> Cache:
        """The dedupe keys as a cache of ``size``: duplicates are its hits."""
        return Cache(self.duplicates, self.fetched - self.duplicates, size)

    def performance(self) -> Performance:
        """Events per second over all phases, and seconds of each."""
        seconds = sum(self.phases.values())
        return Performance(round(self.fetched / seconds, 1) if seconds else 0.0, dict(self.phases))


def to_problem(error: EpimetheusError) -> Problem:
    """The error as reports and observers get it."""
    return Problem(error.kind, error.fault, error.what, error.do)

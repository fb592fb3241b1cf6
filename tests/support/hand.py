"""A clock that tests advance manually."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from epimetheus.clock import Clock, Deadline

NOON = 1_767_268_800.0  # 2026-01-01T12:00:00Z
LONGEST_WAIT = 0.25  # seconds: the confirmation delay may be awaited, pauses before retries are not


@dataclass
class HandClock:
    """A clock that advances only in `sleep` and `forward`. ``slept``: the seconds of each sleep. For the others, see `date_only`."""

    time: float = NOON
    slept: list[float] = field(default_factory=list)
    skipped: float = 0.0
    awaits: Callable[[], bool] = lambda: True

    def forward(self, seconds: float) -> None:
        self.time += seconds

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.forward(seconds)

    @property
    def clock(self) -> Clock:
        return Clock(now=lambda: self.time, monotonic=lambda: self.time, sleep=self.sleep)

    @property
    def date_only(self) -> Clock:
        """Clock with the date of this clock, and real time otherwise, which jumps over sleeps: over all that are longer than LONGEST_WAIT,
        and while ``awaits`` returns False, over the shorter ones, too.
        """
        return Clock(now=lambda: self.time, monotonic=lambda: time.monotonic() + self.skipped, sleep=self._wait_or_skip)

    @property
    def today(self) -> Clock:
        """Clock with the real date, and otherwise as `date_only`."""
        return Clock(monotonic=lambda: time.monotonic() + self.skipped, sleep=self._wait_or_skip)

    def _wait_or_skip(self, seconds: float) -> None:
        if seconds > LONGEST_WAIT or not self.awaits():
            self.skipped += seconds
        else:
            time.sleep(seconds)

    def deadline(self, seconds: float) -> Deadline:
        return Deadline.after(self.clock, seconds)

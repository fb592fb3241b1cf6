"""A clock that tests advance manually."""

import time
from dataclasses import dataclass, field

from epimetheus.clock import Clock, Deadline

NOON = 1_767_268_800.0  # 2026-01-01T12:00:00Z


@dataclass
class HandClock:
    """A clock that advances only in `sleep` and `forward`. ``slept``: the seconds of each sleep."""

    time: float = NOON
    slept: list[float] = field(default_factory=list)

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
        """Clock with the date of this clock, and real waits."""
        return Clock(now=lambda: self.time, monotonic=time.monotonic, sleep=time.sleep)

    def deadline(self, seconds: float) -> Deadline:
        return Deadline.after(self.clock, seconds)

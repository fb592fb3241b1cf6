"""Everything that is left to chance in a simulation, and the time: the same seed plays the same play."""

import random
from collections import Counter

from epimetheus.clock import Clock

START = 1_767_225_600.0  # 2026-01-01T00:00:00Z


class Killed(BaseException):
    """The process is gone: nothing of the package catches this."""


class Stage:
    """The time, the dice, and what happens between any two calls to the outside.

    ``calm`` turns every fault off. ``counted`` says how often each fault struck.
    """

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.now = START
        self.skew = 0.0
        self.calm = False
        self.counted: Counter[str] = Counter()
        self.kill_in: int | None = None
        self.nested_in: int | None = None
        self.nested = None

    @property
    def clock(self) -> Clock:
        """As the function sees it: its date may be off."""
        return Clock(now=lambda: self.now + self.skew, monotonic=lambda: self.now, sleep=self.sleep)

    def sleep(self, seconds: float) -> None:
        self.now += max(0.0, seconds)

    def chance(self, fault: str, probability: float) -> bool:
        """Whether ``fault`` strikes; counted where it does."""
        strikes = not self.calm and self.dice.random() < probability
        self.counted[fault] += strikes
        return strikes

    def step(self, slowest: float = 0.02) -> None:
        """A call to the outside begins: time passes, the process may be killed here, another run may come in between."""
        self.now += self.dice.random() * slowest
        if self.kill_in is not None:
            self.kill_in -= 1
            if self.kill_in < 0:
                self.kill_in = None
                self.counted["killed"] += 1
                raise Killed
        if self.nested_in is not None:
            self.nested_in -= 1
            if self.nested_in < 0:
                self.nested_in, nested = None, self.nested
                self.counted["overlapping run"] += 1
                nested()

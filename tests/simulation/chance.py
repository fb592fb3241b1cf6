"""Randomness and time of a simulation: the same seed plays the same play."""

import random
import threading
from collections import Counter
from collections.abc import Callable, Collection

from epimetheus.clock import Clock

START = 1_767_225_600.0  # 2026-01-01T00:00:00Z


class Killed(BaseException):
    """The process was killed. Each further call to the outside raises it again."""


class Stage:
    """The time, the random numbers, and what happens between calls to the outside.

    ``calm``: no fault occurs. ``without``: faults that never occur. ``counted``: occurrences of each fault. ``skew``: the function's clock
    minus the true time, in seconds. ``slowness``: factor on the duration of each call. ``trouble_at``: the last time of a fault that
    may leave a lease.
    """

    def __init__(self, seed: int, without: Collection[str] = ()) -> None:
        self.dice = random.Random(seed)
        self.without = frozenset(without)
        self.now = START
        self.skew = 0.0
        self.slowness = 1.0
        self.calm = False
        self.counted: Counter[str] = Counter()
        self.stop_in: int | None = None
        self.stop_with: type[BaseException] = Killed
        self.dead = False
        self.jump_in: int | None = None
        self.jump_to = 0.0
        self.nested_in: int | None = None
        self.nested: Callable[[], None] | None = None
        self.trouble_at = float("-inf")
        self._lock = threading.Lock()

    @property
    def clock(self) -> Clock:
        """The function's clock, which may be skewed."""
        return Clock(now=lambda: self.now + self.skew, monotonic=lambda: self.now, sleep=self.sleep)

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self.now += max(0.0, seconds)

    def has(self, fault: str) -> bool:
        """Whether ``fault`` is part of this simulation."""
        return fault not in self.without

    def chance(self, fault: str, probability: float) -> bool:
        """Whether ``fault`` occurs; counts it."""
        occurs = not self.calm and self.dice.random() < probability and fault not in self.without
        if occurs:
            self.counted[fault] += 1
        return occurs

    def trouble(self) -> None:
        """Record that a lease may be left from now on."""
        self.trouble_at = self.now

    def step(self, slowest: float = 0.02) -> None:
        """A call to the outside: time passes, the process may stop, and another run may start."""
        if self.dead:
            raise Killed
        self.sleep(self.dice.random() * slowest * self.slowness)
        if self.stop_in is not None:
            self.stop_in -= 1
            if self.stop_in < 0:
                self._stop()
        if self.jump_in is not None:
            self.jump_in -= 1
            if self.jump_in < 0:
                self.jump_in, self.skew = None, self.jump_to
                self.counted["clock jumps during a run"] += 1
        if self.nested_in is not None and threading.current_thread() is threading.main_thread():
            self.nested_in -= 1
            if self.nested_in < 0:
                self.nested_in, nested = None, self.nested
                self.counted["overlapping run"] += 1
                nested()

    def _stop(self) -> None:
        self.stop_in = None
        if self.stop_with is Killed:
            self.dead = True
            self.counted["killed"] += 1
            self.trouble()
        else:
            self.counted["interrupted"] += 1
            self.calm = True  # the lease must be returned, which only a fault of the store would excuse
        raise self.stop_with

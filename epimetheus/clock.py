"""Time as a parameter: waiting uses a `Clock` and each step has a `Deadline`, so that tests control both."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from epimetheus.errors import OutOfTime


@dataclass(frozen=True)
class Clock:
    """``now``: seconds since the epoch. ``monotonic``: seconds that never jump. ``sleep``: waits for a number of seconds."""

    now: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


SYSTEM = Clock()


@dataclass(frozen=True)
class Deadline:
    """A point in monotonic time by which all waiting ends."""

    clock: Clock
    at: float

    @classmethod
    def after(cls, clock: Clock, seconds: float) -> "Deadline":
        """The deadline ``seconds`` from now."""
        return cls(clock, clock.monotonic() + seconds)

    def left(self) -> float:
        """Seconds until the deadline; negative once it has passed."""
        return self.at - self.clock.monotonic()

    def earlier(self, seconds: float) -> "Deadline":
        """A deadline ``seconds`` before this one, which reserves them for later steps."""
        return Deadline(self.clock, self.at - seconds)

    def within(self, seconds: float) -> "Deadline":
        """The deadline ``seconds`` from now, or this one if it comes first."""
        return Deadline(self.clock, min(self.at, self.clock.monotonic() + seconds))

    def clip(self, seconds: float) -> float:
        """The timeout for one step: ``seconds``, or the time left if that is less. Raises OutOfTime once the deadline has passed."""
        left = self.left()
        if left <= 0:
            raise OutOfTime("The run is out of time.", do="The next run continues where this one stopped.")
        return min(seconds, left)

"""Time as an argument: every wait asks a `Clock`, and every step a `Deadline`, so that a test can hold both in its hand."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from epimetheus.errors import OutOfTime


@dataclass(frozen=True)
class Clock:
    """``now``: seconds since the epoch. ``monotonic``: seconds that never jump. ``sleep``: waits so many seconds."""

    now: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


SYSTEM = Clock()


@dataclass(frozen=True)
class Deadline:
    """A point of monotonic time after which nothing may still be waiting."""

    clock: Clock
    at: float

    @classmethod
    def after(cls, clock: Clock, seconds: float) -> "Deadline":
        """The deadline ``seconds`` from now."""
        return cls(clock, clock.monotonic() + seconds)

    def left(self) -> float:
        """Seconds until then; negative once it has passed."""
        return self.at - self.clock.monotonic()

    def earlier(self, seconds: float) -> "Deadline":
        """The same deadline with a reserve of ``seconds`` kept back."""
        return Deadline(self.clock, self.at - seconds)

    def within(self, seconds: float) -> "Deadline":
        """``seconds`` from now, or this deadline where it comes first."""
        return Deadline(self.clock, min(self.at, self.clock.monotonic() + seconds))

    def clip(self, seconds: float) -> float:
        """``seconds``, or what is left of it where that is less; the timeout for one step. Raises OutOfTime at the end."""
        left = self.left()
        if left <= 0:
            raise OutOfTime("The time of this run is over.", do="It goes on where it stopped at the next one.")
        return min(seconds, left)

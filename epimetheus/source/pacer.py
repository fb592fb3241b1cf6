"""How fast to ask: at most so many requests a second, fewer while OCI throttles."""

import threading

from epimetheus.clock import Clock, Deadline

_SLOWEST = 0.5
_RECOVERY = 1.02
_NAP = 1.0


def pause(clock: Clock, seconds: float, deadline: Deadline) -> None:
    """Sleep so long, in naps: a deadline can come earlier than it was said to. Raises OutOfTime."""
    while seconds > 0:
        clock.sleep(deadline.clip(min(seconds, _NAP)))
        seconds -= _NAP


class Pacer:
    """Gives each request its moment, over all threads. ``per_second`` is the limit; a 429 halves the pace, successes raise it again."""

    def __init__(self, per_second: float, clock: Clock) -> None:
        self._limit = self._pace = per_second
        self._clock = clock
        self._next = clock.monotonic()
        self._slowed_at = float("-inf")
        self._lock = threading.Lock()

    def wait(self, deadline: Deadline) -> None:
        """Sleep until this request's moment; where that is after ``deadline``, until then, and raise OutOfTime."""
        with self._lock:
            now = self._clock.monotonic()
            moment = max(self._next, now)
            if moment - now < deadline.left():  # whoever is out of time may not take the moments of those to come
                self._next = moment + 1 / self._pace
        pause(self._clock, moment - now, deadline)
        deadline.clip(_NAP)

    def throttled(self) -> None:
        """OCI answered 429: half the pace; one step for a burst of answers to requests that were under way together."""
        with self._lock:
            if self._clock.monotonic() - self._slowed_at >= 1:
                self._slowed_at = self._clock.monotonic()
                self._pace = max(min(self._limit, _SLOWEST), self._pace / 2)

    def served(self) -> None:
        """OCI answered: a little faster again, up to the limit."""
        with self._lock:
            self._pace = min(self._limit, self._pace * _RECOVERY)

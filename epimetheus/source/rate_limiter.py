"""How fast to ask: at most so many requests a second, fewer while OCI throttles."""

import threading

from epimetheus.clock import Clock, Deadline

_SLOWEST = 0.5
_SHY = 0.95
_SLOWLY, _FASTER = 0.02, 0.2  # growth a second
_NEAR_SECONDS = 10.0
_BURST_SECONDS, _SEEN_SECONDS = 0.25, 1.0
_NAP = 1.0


def pause(clock: Clock, seconds: float, deadline: Deadline) -> None:
    """Sleep so long, in naps: a deadline can come earlier than it was said to. Raises OutOfTime."""
    while seconds > 0:
        clock.sleep(deadline.clip(min(seconds, _NAP)))
        seconds -= _NAP


class RateLimiter:
    """Gives each request its moment, over all threads; ``per_second`` is the limit.

    A 429 brings the pace down to a little less than OCI has been seen to serve; where that is not known yet, to half. Then it goes up
    again: slowly at first, since there the limit is, and faster once the last 429 is long ago.
    """

    def __init__(self, per_second: float, clock: Clock) -> None:
        self._limit = self._pace = per_second
        self._clock = clock
        self._next = self._since = self._raised_at = clock.monotonic()
        self._served = 0
        self._slowed = False
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
        """OCI answered 429: slower; one step for a burst of answers to requests that were under way together."""
        with self._lock:
            now = self._clock.monotonic()
            elapsed = now - self._since
            if elapsed < _BURST_SECONDS and self._slowed:
                return
            seen = _SHY * self._served / elapsed if elapsed >= _SEEN_SECONDS and self._served else self._pace / 2
            self._pace = max(min(self._limit, _SLOWEST), min(self._pace, seen))
            self._since, self._served, self._slowed = now, 0, True

    def served(self) -> None:
        """OCI answered: a little faster again, up to the limit."""
        with self._lock:
            now = self._clock.monotonic()
            seconds, self._raised_at = min(now - self._raised_at, 1.0), now
            growth = _SLOWLY if now - self._since < _NEAR_SECONDS else _FASTER
            self._pace = min(self._limit, self._pace * (1 + growth * seconds))
            self._served += 1

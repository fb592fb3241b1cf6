"""Limit the rate of requests, and lower it while OCI throttles."""

import threading

from epimetheus.clock import Clock, Deadline

_MIN_RATE = 0.5  # requests a second
_BACKOFF = 0.95  # of the rate that OCI last served
_SLOW_GROWTH, _FAST_GROWTH = 0.02, 0.2  # of the rate, per second
_SLOW_GROWTH_SECONDS = 10.0
_BURST_SECONDS, _MEASURED_SECONDS = 0.25, 1.0
_MAX_SLEEP = 1.0


def pause(clock: Clock, seconds: float, deadline: Deadline) -> None:
    """Sleep for ``seconds``, in short steps because the deadline may move forward. Raises OutOfTime at ``deadline``."""
    while seconds > 0:
        clock.sleep(deadline.clip(min(seconds, _MAX_SLEEP)))
        seconds -= _MAX_SLEEP


class RateLimiter:
    """Spaces the requests of all threads; ``per_second`` is the maximum rate.

    A 429 lowers the rate to slightly below the rate that OCI was measured to serve, or to half if that is not known yet. The rate then
    recovers: slowly at first, because it is close to OCI's limit, and faster once the last 429 is long ago.
    """

    def __init__(self, per_second: float, clock: Clock) -> None:
        self._max_rate = self._rate = per_second
        self._clock = clock
        self._next_slot = self._throttled_at = self._raised_at = clock.monotonic()
        self._served = 0
        self._slowed = False
        self._lock = threading.Lock()

    def wait(self, deadline: Deadline) -> None:
        """Sleep until this request's time slot. If the slot is after ``deadline``, sleep until ``deadline`` and raise OutOfTime."""
        with self._lock:
            now = self._clock.monotonic()
            slot = max(self._next_slot, now)
            if slot - now < deadline.left():  # a request that is out of time takes no slot
                self._next_slot = slot + 1 / self._rate
        pause(self._clock, slot - now, deadline)
        deadline.clip(_MAX_SLEEP)

    def throttled(self) -> None:
        """Lower the rate after a 429; a burst of 429s to concurrent requests lowers it once."""
        with self._lock:
            now = self._clock.monotonic()
            elapsed = now - self._throttled_at
            if elapsed < _BURST_SECONDS and self._slowed:
                return
            measured = _BACKOFF * self._served / elapsed if elapsed >= _MEASURED_SECONDS and self._served else self._rate / 2
            self._rate = max(min(self._max_rate, _MIN_RATE), min(self._rate, measured))
            self._throttled_at, self._served, self._slowed = now, 0, True

    def served(self) -> None:
        """Raise the rate slightly after a successful request, up to the maximum."""
        with self._lock:
            now = self._clock.monotonic()
            seconds, self._raised_at = min(now - self._raised_at, 1.0), now
            growth = _SLOW_GROWTH if now - self._throttled_at < _SLOW_GROWTH_SECONDS else _FAST_GROWTH
            self._rate = min(self._max_rate, self._rate * (1 + growth * seconds))
            self._served += 1

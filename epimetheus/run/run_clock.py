"""The time of a run by OCI's clock: windows end at OCI's time, even if the local clock is wrong."""

from collections.abc import Callable

from epimetheus.clock import Clock
from epimetheus.oci_client.clock_offset import corrected_now, to_oci_time


class RunClock:
    """``minute``: the minute in which the run takes place. ``end``: where reading ends, ``settle_minutes`` minutes earlier.

    ``offset``: as `RunPorts.clock_offset`.
    """

    def __init__(self, clock: Clock, offset: Callable[[], float | None], settle_minutes: int) -> None:
        self._clock, self._offset, self._settle_minutes = clock, offset, settle_minutes
        self._set(self.now())

    def now(self) -> float:
        """Seconds since the epoch, by OCI's clock if it is known."""
        return to_oci_time(self._clock.now(), self._offset())

    def synchronize(self) -> str | None:
        """Set ``minute`` and ``end`` by OCI's clock if it is known. Returns a warning if the clocks differ. Raises ClockError."""
        now, warning = corrected_now(self._clock.now(), self._offset())
        self._set(now)
        return warning

    def _set(self, now: float) -> None:
        self.minute = int(now // 60)
        self.end = self.minute - self._settle_minutes

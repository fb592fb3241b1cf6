"""Limit the events of a type per hour, counted by event time, so that a late or repeated run counts the same.

The counts of a batch are separate until the receiver has confirmed the batch (`RateLimits.confirm`): a failed run counts nothing. Hours are
minutes since the epoch, event times are milliseconds since the epoch.
"""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime

from epimetheus.model import HourlyCount

Hours = Mapping[str, Mapping[int, HourlyCount]]
"""Event type → start of an hour → counts of its events."""

Counts = Mapping[tuple[str, int], HourlyCount]
"""(Event type, or kind of own polling; start of the hour) → counts of its events."""

OWN = "own polling: "
"""The prefix of kinds that count the deployment's own calls; no event type contains a space."""

_HOUR = 60
_MAX_MILLIS = 253_402_300_799_999  # the end of year 9999, after which datetime cannot represent a time
_ZERO = HourlyCount()


def event_millis(text: str | None) -> int | None:
    """The event time in milliseconds since the epoch; None if it is missing, invalid, or out of range."""
    try:
        moment = datetime.fromisoformat((text or "").strip())
        millis = int(moment.timestamp() * 1000) if moment.tzinfo else -1
    except (ValueError, OverflowError):
        return None
    return millis if 0 <= millis <= _MAX_MILLIS else None


class RateLimits:
    """Counts events by kind (an event type, or an own call) and hour. ``saved`` is from the state; `packed` is for the next state."""

    def __init__(self, saved: Hours) -> None:
        self._confirmed = {(kind, hour): count for kind, hours in saved.items() for hour, count in hours.items()}
        self._passed = {key: count.passed for key, count in self._confirmed.items()}
        self._pending_passed: Counter[tuple[str, int]] = Counter()
        self._pending_suppressed: dict[tuple[str, int], HourlyCount] = {}

    @property
    def pending(self) -> bool:
        """True if anything was counted since the last `take_pending`."""
        return bool(self._pending_passed or self._pending_suppressed)

    def admit(self, kind: str, millis: int, most: int) -> bool:
        """True if one more event of ``kind`` is within the limit ``most`` in its hour. Counts it as passed or suppressed."""
        key = (kind, _hour(millis))
        passed = self._passed.get(key, 0)
        if passed >= most:
            self.suppress(kind, millis)
            return False
        self._passed[key] = passed + 1
        self._pending_passed[key] += 1
        return True

    def count_passed(self, kind: str, millis: int) -> None:
        """Count a forwarded event, without a limit."""
        self._pending_passed[kind, _hour(millis)] += 1

    def saved(self, prefix: str) -> dict[tuple[str, int], HourlyCount]:
        """The confirmed counts of kinds that start with ``prefix``."""
        return {key: count for key, count in self._confirmed.items() if key[0].startswith(prefix)}

    def suppress(self, kind: str, millis: int) -> None:
        """Count a suppressed event."""
        key = (kind, _hour(millis))
        one = HourlyCount(suppressed=1, first=millis, last=millis)
        self._pending_suppressed[key] = add_counts(self._pending_suppressed.get(key, _ZERO), one)

    def take_pending(self) -> dict[tuple[str, int], HourlyCount]:
        """Remove and return the counts since the last call. The caller passes them to `confirm` once the batch is confirmed."""
        passed, taken = self._pending_passed, self._pending_suppressed
        self._pending_passed, self._pending_suppressed = Counter(), {}
        for key, number in passed.items():
            taken[key] = taken.get(key, _ZERO)._replace(passed=number)
        return taken

    def confirm(self, counts: Counts) -> None:
        """Add confirmed ``counts`` to those that `packed` returns."""
        for key, count in counts.items():
            self._confirmed[key] = add_counts(self._confirmed.get(key, _ZERO), count)

    def add_saved(self, counts: Counts) -> None:
        """Add ``counts`` of an earlier run that did not save them."""
        self.confirm(counts)
        for key in counts:
            self._passed[key] = self._confirmed[key].passed

    def unreported(self, before: int, immediate: str) -> dict[tuple[str, int], HourlyCount]:
        """Counts with suppressed events not yet reported, of hours that ended by the minute ``before``.

        Kinds that start with ``immediate`` do not wait for the end of their hour.
        """
        found = {key: count for key, count in sorted(self._confirmed.items()) if count.suppressed > count.reported}
        return {key: count for key, count in found.items() if key[1] + _HOUR <= before or key[0].startswith(immediate)}

    def mark_reported(self, counts: Counts) -> None:
        """Mark ``counts`` as reported to the receiver. They are the result of `unreported`, with no `confirm` in between."""
        for key, count in counts.items():
            self._confirmed[key] = count._replace(reported=count.suppressed, first=None, last=None)

    def packed(self, before: int) -> dict[str, dict[int, HourlyCount]]:
        """The counts to save: of hours that ended after the minute ``before``, whose events may still be read, and unreported ones.

        For each own call, the latest hour that passed and the latest that was suppressed are kept indefinitely (see `OwnPolling`).
        """
        latest: dict[tuple[str, bool], int] = {}
        for (kind, hour), count in self._confirmed.items():
            if kind.startswith(OWN):
                latest[kind, count.suppressed > 0] = max(hour, latest.get((kind, count.suppressed > 0), 0))
        kept: dict[str, dict[int, HourlyCount]] = {}
        for (kind, hour), count in sorted(self._confirmed.items()):
            if hour + _HOUR > before or count.suppressed > count.reported or latest.get((kind, count.suppressed > 0)) == hour:
                kept.setdefault(kind, {})[hour] = count
        return kept


def _hour(millis: int) -> int:
    return millis // 3_600_000 * _HOUR


def add_counts(one: HourlyCount, other: HourlyCount) -> HourlyCount:
    """The sum of two counts of the same type and hour."""
    times = [time for time in (one.first, one.last, other.first, other.last) if time is not None]
    return HourlyCount(
        one.passed + other.passed,
        one.suppressed + other.suppressed,
        one.reported + other.reported,
        min(times, default=None),
        max(times, default=None),
    )

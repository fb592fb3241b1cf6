"""At most so many events of a type in an hour: counted by event time, so that a late or repeated run counts the same.

What a batch spends is kept apart until the receiver has the batch (`RateLimits.settle`): a run that fails has spent nothing. Hours are
minutes since the epoch, times of events milliseconds.
"""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime

from epimetheus.model import HourlyCount

Hours = Mapping[str, Mapping[int, HourlyCount]]
"""Event type → start of the hour → what became of its events."""

OWN = "own polling: "
"""What the kind of a quota begins with that counts calls of our own; no event type has a blank."""

_HOUR = 60
_LAST_MILLIS = 253_402_300_799_999  # the year 9999 ends: what comes later can not be written down
_NOTHING = HourlyCount()


def event_millis(text: str | None) -> int | None:
    """The time of an event in milliseconds since the epoch; None where it tells none that can be counted by."""
    try:
        moment = datetime.fromisoformat((text or "").strip())
        millis = int(moment.timestamp() * 1000) if moment.tzinfo else -1
    except (ValueError, OverflowError):
        return None
    return millis if 0 <= millis <= _LAST_MILLIS else None


class RateLimits:
    """``remembered`` is what the state holds; `packed` is what it is to hold."""

    def __init__(self, remembered: Hours) -> None:
        self._settled = {(kind, hour): quota for kind, hours in remembered.items() for hour, quota in hours.items()}
        self._passed = {key: quota.passed for key, quota in self._settled.items()}
        self._spent: Counter[tuple[str, int]] = Counter()
        self._held: dict[tuple[str, int], HourlyCount] = {}

    @property
    def pending(self) -> bool:
        """Whether anything was spent or held back since `taken` was called last."""
        return bool(self._spent or self._held)

    def admits(self, kind: str, millis: int, most: int) -> bool:
        """Whether one more event of this type is within ``most`` in its hour; it is spent or held back from now on, in this run."""
        key = (kind, _hour(millis))
        passed = self._passed.get(key, 0)
        if passed >= most:
            self.hold(kind, millis)
            return False
        self._passed[key] = passed + 1
        self._spent[key] += 1
        return True

    def passes(self, kind: str, millis: int) -> None:
        """An event that is sent, and counted with others of its kind, without a limit."""
        self._spent[kind, _hour(millis)] += 1

    def remembered(self, prefix: str) -> dict[tuple[str, int], HourlyCount]:
        """What earlier batches settled, of kinds that begin with ``prefix``."""
        return {key: quota for key, quota in self._settled.items() if key[0].startswith(prefix)}

    def hold(self, kind: str, millis: int) -> None:
        """An event that is held back, and told with others of its kind."""
        key = (kind, _hour(millis))
        self._held[key] = _added(self._held.get(key, _NOTHING), HourlyCount(suppressed=1, first=millis, last=millis))

    def taken(self) -> dict[tuple[str, int], HourlyCount]:
        """What was spent and held back since this was asked last; to be given to `settle` once the receiver has what goes with it."""
        spent, taken = self._spent, self._held
        self._spent, self._held = Counter(), {}
        for key, passed in spent.items():
            taken[key] = taken.get(key, _NOTHING)._replace(passed=passed)
        return taken

    def settle(self, spent: Mapping[tuple[str, int], HourlyCount]) -> None:
        """From now on it is remembered."""
        for key, quota in spent.items():
            self._settled[key] = _added(self._settled.get(key, _NOTHING), quota)

    def untold(self, before: int, at_once: str) -> dict[tuple[str, int], HourlyCount]:
        """What was held back in hours that ended by the minute ``before``, or whose kind begins with ``at_once``, and is not told yet."""
        found = {key: quota for key, quota in sorted(self._settled.items()) if quota.suppressed > quota.reported}
        return {key: quota for key, quota in found.items() if key[1] + _HOUR <= before or key[0].startswith(at_once)}

    def tell(self, told: Mapping[tuple[str, int], HourlyCount]) -> None:
        """The receiver has been told of these, as `untold` gave them; nothing was settled since."""
        for key, quota in told.items():
            self._settled[key] = quota._replace(reported=quota.suppressed, first=None, last=None)

    def packed(self, before: int) -> dict[str, dict[int, HourlyCount]]:
        """What to remember: hours that ended after the minute ``before``, since events of them may still be read, and those not told of.

        Of each kind of our own polling, the latest hour that passed and the latest that held are remembered for good (`OwnPolling`).
        """
        latest: dict[tuple[str, bool], int] = {}
        for (kind, hour), quota in self._settled.items():
            if kind.startswith(OWN):
                latest[kind, quota.suppressed > 0] = max(hour, latest.get((kind, quota.suppressed > 0), 0))
        kept: dict[str, dict[int, HourlyCount]] = {}
        for (kind, hour), quota in sorted(self._settled.items()):
            if hour + _HOUR > before or quota.suppressed > quota.reported or latest.get((kind, quota.suppressed > 0)) == hour:
                kept.setdefault(kind, {})[hour] = quota
        return kept


def _hour(millis: int) -> int:
    return millis // 3_600_000 * _HOUR


def _added(one: HourlyCount, other: HourlyCount) -> HourlyCount:
    times = [time for time in (one.first, one.last, other.first, other.last) if time is not None]
    return HourlyCount(
        one.passed + other.passed,
        one.suppressed + other.suppressed,
        one.reported + other.reported,
        min(times, default=None),
        max(times, default=None),
    )

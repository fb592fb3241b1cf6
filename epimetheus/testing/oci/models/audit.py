"""What the audit service recorded: events by region and compartment, in the order of their processed time."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field

Key = tuple[float, int]
"""The processed time and a running number: where an event stands in its log."""


@dataclass(frozen=True)
class Selection:
    """The JSON texts of some events, and where the next ones begin: after this key; None if there are no more."""

    rows: list[bytes]
    last: Key | None


@dataclass
class _Log:
    keys: list[Key] = field(default_factory=list)
    rows: list[bytes] = field(default_factory=list)
    held_back: dict[int, float] = field(default_factory=dict)

    def add(self, key: Key, row: bytes) -> None:
        place = len(self.keys) if not self.keys or self.keys[-1] < key else bisect_left(self.keys, key)
        self.keys.insert(place, key)
        self.rows.insert(place, row)

    def visible(self, start: int, end: int, now: float) -> Sequence[int]:
        if not self.held_back:
            return range(start, end)
        return [place for place in range(start, end) if self.held_back.get(self.keys[place][1], now) <= now]


class AuditLog:
    """Events are kept as the JSON text they are answered with, so that a page costs one join."""

    def __init__(self) -> None:
        self._logs: dict[tuple[str, str], _Log] = {}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, region: str, compartment: str, row: bytes, processed: float, listed: float | None) -> None:
        """Record an event; where ``listed`` is given, it shows only from then on, though it was processed before."""
        self._count += 1
        log = self._logs.setdefault((region, compartment), _Log())
        log.add((processed, self._count), row)
        if listed is not None:
            log.held_back[self._count] = listed

    def rows(self, region: str, compartment: str) -> list[bytes]:
        """Every event of a compartment, shown or not."""
        return list(self._logs.get((region, compartment), _Log()).rows)

    def select(self, where: tuple[str, str], window: tuple[float, float], after: Key | None, limit: int, now: float) -> Selection:
        """The first events of ``where`` (region, compartment) with processed time in the half-open ``window``, beyond ``after``."""
        log = self._logs.get(where, _Log())
        # A running number is never below 1, so (time, 0) stands before every event of that time.
        start = bisect_left(log.keys, (window[0], 0)) if after is None else bisect_right(log.keys, after)
        end = bisect_left(log.keys, (window[1], 0))
        places = log.visible(start, end, now)
        last = log.keys[places[limit - 1]] if len(places) > limit else None
        return Selection([log.rows[place] for place in places[:limit]], last)

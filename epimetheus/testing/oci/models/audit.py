"""Events of the audit service, by region and compartment, ordered by processed time."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field

Key = tuple[float, int]
"""Position of an event in its log: the processed time, and a sequence number from 1."""


@dataclass(frozen=True)
class Selection:
    """Selected events in JSON. ``last``: the key after which the next page begins, or None if this is the last page."""

    rows: list[bytes]
    last: Key | None


@dataclass
class _Log:
    keys: list[Key] = field(default_factory=list)
    rows: list[bytes] = field(default_factory=list)
    listed_from: dict[int, float] = field(default_factory=dict)

    def add(self, key: Key, row: bytes) -> None:
        index = len(self.keys) if not self.keys or self.keys[-1] < key else bisect_left(self.keys, key)
        self.keys.insert(index, key)
        self.rows.insert(index, row)

    def listed(self, start: int, end: int, now: float) -> Sequence[int]:
        if not self.listed_from:
            return range(start, end)
        return [index for index in range(start, end) if self.listed_from.get(self.keys[index][1], now) <= now]


class AuditLog:
    """Stores events in JSON, as the API returns them, so that a page takes only one join."""

    def __init__(self) -> None:
        self._logs: dict[tuple[str, str], _Log] = {}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, region: str, compartment: str, row: bytes, processed: float, listed: float | None) -> None:
        """Adds an event. With ``listed``, it is listed only from that time on, regardless of its processed time."""
        self._count += 1
        log = self._logs.setdefault((region, compartment), _Log())
        log.add((processed, self._count), row)
        if listed is not None:
            log.listed_from[self._count] = listed

    def rows(self, region: str, compartment: str) -> list[bytes]:
        """Returns all events of a compartment, listed or not."""
        return list(self._logs.get((region, compartment), _Log()).rows)

    def rows_with_times(self, region: str, compartment: str) -> list[tuple[bytes, float]]:
        """Returns all events of a compartment with their processed times."""
        log = self._logs.get((region, compartment), _Log())
        return [(row, key[0]) for key, row in zip(log.keys, log.rows, strict=True)]

    def select(self, where: tuple[str, str], window: tuple[float, float], after: Key | None, limit: int, now: float) -> Selection:
        """Returns up to ``limit`` events of ``where`` (region, compartment) after the key ``after``.

        ``window`` is the half-open interval of their processed times.
        """
        log = self._logs.get(where, _Log())
        # Sequence numbers begin at 1, so (time, 0) precedes every event of that time.
        start = bisect_left(log.keys, (window[0], 0)) if after is None else bisect_right(log.keys, after)
        end = bisect_left(log.keys, (window[1], 0))
        indexes = log.listed(start, end, now)
        last = log.keys[indexes[limit - 1]] if len(indexes) > limit else None
        return Selection([log.rows[index] for index in indexes[:limit]], last)

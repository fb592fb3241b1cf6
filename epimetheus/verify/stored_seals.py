"""Finds and reads the seals of a window, with the one before it and the one after it.

Objects are in folders of days. If the clock goes back over midnight, the days do not have the order of the chain: all numbers between the
first and the last seal of the window are read, whatever their day.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol

from epimetheus.errors import SealDamaged
from epimetheus.ledger.seal import MOST_BYTES, Seal, digest, unpack
from epimetheus.ledger.seal_name import SealName, day_folder
from epimetheus.model import Window, parse_seconds

_MINUTES_A_DAY = 24 * 60
_STEPS = (1, 30, 366, 36_600)  # days before the window in which the seal before it is searched for, or one that is missing
_LAST = "9999/"


class ObjectReader(Protocol):
    """Stored objects that are listed and read; an `EntryStore` is one. ``name``: their location, for messages."""

    name: str

    def read(self, key: str) -> bytes | None:
        """The bytes of the object ``key``, or None if it does not exist. Raises LedgerError, CredentialsError."""
        ...

    def names(self, start: str, end: str) -> Iterator[str]:
        """The names of the objects from ``start`` until before ``end``, in order. Raises LedgerError, CredentialsError."""
        ...


class StoredSeal(NamedTuple):
    """A stored seal. ``sha256``: of its bytes. ``seal``: None if it is damaged, and ``problem`` says why."""

    name: SealName
    sha256: str
    seal: Seal | None
    problem: str

    @property
    def text(self) -> str:
        """Its name in the store."""
        return self.name.text()

    def is_in(self, window: Window) -> bool:
        """Whether its run ended in the window; of a damaged one, whether its day is in it."""
        if self.seal is None:
            return self.name.day * _MINUTES_A_DAY < window.end and (self.name.day + 1) * _MINUTES_A_DAY > window.start
        return window.start * 60 <= parse_seconds(self.seal.time) < window.end * 60


class StoredSeals:
    """The seals of a region that concern a window.

    ``by_sequence``: sequence number → the seals with that number, from the last seal before the window to the first one after it.
    ``names``: sequence number → the names of the seals with it, of all seals from some days before the window on.
    """

    def __init__(self, store: ObjectReader, region: str, window: Window) -> None:
        """Raises LedgerError, CredentialsError, as all methods may."""
        self._store, self._region, self._window = store, region, window
        self._earlier: Mapping[int, Sequence[SealName]] | None = None
        self.names = self._listed()
        self.by_sequence = {sequence: self.read(sequence) for sequence in _concerned(self.names, window)}

    @property
    def newest_sequence(self) -> int:
        """The highest number in the store, 0 if it has no seal."""
        return max(self.names, default=0)

    @property
    def runs(self) -> set[str]:
        """The runs that have a seal, from some days before the window on."""
        return {name.run for names in self.names.values() for name in names}

    def read(self, sequence: int) -> list[StoredSeal]:
        """The seals with this number."""
        return [_read(self._store, self._region, name) for name in self.names[sequence]]

    def newest(self, most: int) -> StoredSeal | None:
        """The seal with the highest number, ``most`` at most; one that is not damaged, if there are several."""
        sequence = max((one for one in self.names if one <= most), default=0)
        seals = (self.by_sequence.get(sequence) or self.read(sequence)) if sequence else []
        return next((one for one in seals if one.seal), seals[0] if seals else None)

    def oldest(self) -> int:
        """The lowest number in the store, 0 if it has no seal."""
        return min((*self._before(), *self.names), default=0)

    def oldest_day(self) -> int:
        """The day of the oldest seal in the store, since the epoch; 0 if it has no seal."""
        return min((name.day for names in (*self._before().values(), *self.names.values()) for name in names), default=0)

    def lacks(self, sequence: int) -> bool:
        """Whether no seal in the store has this number."""
        return sequence not in self.names and sequence not in self._before()

    def _before(self) -> Mapping[int, Sequence[SealName]]:
        """The names of the seals of the days before those in ``names``. They are listed once, if at all."""
        if self._earlier is None:
            first = min((name.day for names in self.names.values() for name in names), default=0)
            self._earlier = _by_sequence(self._store.names("", day_folder(first * _MINUTES_A_DAY)))
        return self._earlier

    def _listed(self) -> Mapping[int, Sequence[SealName]]:
        """The names of all seals from some days before the window on, by sequence number.

        They are enough days to have one before the window, and every number after it, unless seals are missing.
        """
        found: Mapping[int, Sequence[SealName]] = {}
        first_day = self._window.start // _MINUTES_A_DAY
        for days in _STEPS:
            found = _by_sequence(self._store.names(day_folder(max(0, first_day - days) * _MINUTES_A_DAY), _LAST))
            lowest = min(found, default=0)
            is_whole = len(found) == max(found, default=0) - lowest + 1
            if is_whole and (lowest == 1 or any(name.day < first_day for name in found.get(lowest, ()))):
                break
        return found


def _by_sequence(names: Iterable[str]) -> Mapping[int, Sequence[SealName]]:
    found: defaultdict[int, list[SealName]] = defaultdict(list)
    for name in filter(None, map(SealName.parse, names)):
        found[name.sequence].append(name)
    return dict(found)


def _concerned(names: Mapping[int, Sequence[SealName]], window: Window) -> Sequence[int]:
    """The numbers from the last one before ``window`` to the first one after it."""
    first_day, last_day = window.start // _MINUTES_A_DAY, (window.end - 1) // _MINUTES_A_DAY
    sequences = sorted(names)
    of_days = [one for one in sequences if any(first_day <= name.day <= last_day for name in names[one])]
    inside = [one for one in sequences if of_days and of_days[0] <= one <= of_days[-1]]
    before = [one for one in sequences if (one < inside[0] if inside else any(name.day < first_day for name in names[one]))]
    after = [one for one in sequences if (one > inside[-1] if inside else all(name.day > last_day for name in names[one]))]
    return [*before[-1:], *inside, *after[:1]]


def _read(store: ObjectReader, region: str, name: SealName) -> StoredSeal:
    text = name.text()
    data = store.read(text)
    if data is None:
        return StoredSeal(name, "", None, "it was deleted while it was read")
    try:
        seal = unpack(data[: MOST_BYTES + 1], text)
    except SealDamaged as error:
        return StoredSeal(name, digest(data), None, error.what.partition("is damaged: ")[2].removesuffix("."))
    if seal.name != name:
        return StoredSeal(name, digest(data), None, f"its content is that of the seal {seal.name.text()}")
    if seal.region != region:
        return StoredSeal(name, digest(data), None, f"it is a seal of the region {seal.region}")
    return StoredSeal(name, digest(data), seal, "")

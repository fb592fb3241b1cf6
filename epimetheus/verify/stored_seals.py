"""Finds and reads the seals of a window, with the one before it and the one after it.

Objects are in folders of days. If the clock goes back over midnight, the days do not have the order of the chain: all numbers between the
first and the last seal of the window are read, whatever their day.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
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


class StoredSeals(NamedTuple):
    """Sequence number → the seals with that number, from the last seal before the window to the first one after it, and the ``newest``.

    ``newest_sequence``: the highest number in the store, 0 if it has no seal.
    """

    by_sequence: Mapping[int, Sequence[StoredSeal]]
    newest: StoredSeal | None
    newest_sequence: int


def read_seals(store: ObjectReader, region: str, window: Window) -> StoredSeals:
    """The seals of ``region`` that concern ``window``. Raises LedgerError, CredentialsError."""
    by_sequence = _listed(store, window)
    if not by_sequence:
        return StoredSeals({}, None, 0)
    first_day, last_day = window.start // _MINUTES_A_DAY, (window.end - 1) // _MINUTES_A_DAY
    sequences = sorted(by_sequence)
    days = {sequence: min(name.day for name in by_sequence[sequence]) for sequence in sequences}
    of_days = [sequence for sequence in sequences if first_day <= days[sequence] <= last_day]
    inside = [sequence for sequence in sequences if of_days and of_days[0] <= sequence <= of_days[-1]]
    before = [sequence for sequence in sequences if (sequence < inside[0] if inside else days[sequence] < first_day)]
    after = [sequence for sequence in sequences if (sequence > inside[-1] if inside else days[sequence] > last_day)]
    chosen = [*before[-1:], *inside, *after[:1]]
    read = {sequence: [_read(store, region, name) for name in by_sequence[sequence]] for sequence in chosen}
    newest = sequences[-1]
    last = read[newest] if newest in read else [_read(store, region, name) for name in by_sequence[newest]]
    return StoredSeals(read, next((one for one in last if one.seal), last[0]), newest)


def _listed(store: ObjectReader, window: Window) -> Mapping[int, Sequence[SealName]]:
    """The names of all seals from some days before the window on, by sequence number.

    They are enough days to have one before the window, and every number after it, unless seals are missing.
    """
    found: dict[int, list[SealName]] = {}
    first_day = window.start // _MINUTES_A_DAY
    for days in _STEPS:
        names = store.names(day_folder(max(0, first_day - days) * _MINUTES_A_DAY), _LAST)
        by_sequence = defaultdict(list)
        for name in filter(None, map(SealName.parse, names)):
            by_sequence[name.sequence].append(name)
        found = dict(by_sequence)
        lowest = min(found, default=0)
        is_whole = len(found) == max(found, default=0) - lowest + 1
        if is_whole and (lowest == 1 or any(name.day < first_day for name in found.get(lowest, ()))):
            break
    return found


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

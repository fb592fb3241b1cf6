"""The stored seals of a region: written once, found by their place in the chain, and read."""

from collections.abc import Iterator

from epimetheus.ledger.seal import Seal, unpack
from epimetheus.ledger.seal_name import SealName, day_folder
from epimetheus.ledger.store import EntryStore

_AFTER_ALL = "9999/12/31/9"
_DAY = 24 * 60
_SEARCHED_DAYS = (2, 40, 400)
"""How far back the newest seal is searched for, step by step, before all days are listed."""


class SealChain:
    """The seals in ``store``. ``name``: its location, for messages. Every method may raise LedgerError and CredentialsError."""

    def __init__(self, store: EntryStore) -> None:
        self._store = store
        self.name = store.name

    @property
    def store(self) -> EntryStore:
        """Its objects as they are stored, for verification."""
        return self._store

    def create(self, name: str, data: bytes) -> None:
        """Durably write the seal ``name``. It is done if the object exists with the same bytes."""
        self._store.create(name, data)

    def read(self, name: SealName) -> bytes | None:
        """The stored bytes of a seal, or None if it no longer exists."""
        return self._store.read(name.text())

    def load(self, name: SealName) -> Seal | None:
        """The seal ``name``, or None if it no longer exists. Raises SealDamaged."""
        data = self.read(name)
        return None if data is None else unpack(data, f"{self.name}{name.text()}")

    def since(self, minute: int, until: int | None = None) -> Iterator[SealName]:
        """The names of the seals of the day of ``minute`` and of later days, up to that of ``until``. Other objects are ignored."""
        return self._names(day_folder(minute), _AFTER_ALL if until is None else day_folder(until + _DAY))

    def after(self, name: SealName) -> list[SealName]:
        """The seals from the sequence number of ``name`` on, of its day and later days, in the order of the chain."""
        start = f"{day_folder(name.day * _DAY)}/{name.sequence:010d}"
        return sorted(self._names(start, _AFTER_ALL), key=lambda one: one.sequence)

    def between(self, first: int, last: int, now: int) -> list[SealName]:
        """The seals with the sequence numbers ``first`` to ``last``. ``now``: minutes since the epoch; the last days are listed first."""
        for days in (*_SEARCHED_DAYS, now // _DAY):
            names = self._names(day_folder(max(0, now - days * _DAY)), _AFTER_ALL)
            found = sorted((name for name in names if first <= name.sequence <= last), key=lambda name: name.sequence)
            if found and found[0].sequence == first:
                break
        return found

    def newest(self, now: int) -> SealName | None:
        """The seal with the highest sequence number of the last days that have any. ``now``: minutes since the epoch."""
        end = _AFTER_ALL
        for days in _SEARCHED_DAYS:
            start = day_folder(max(0, now - days * _DAY))
            if found := self._newest_of(start, end):
                return found
            end = start
        return self._newest_of("", end)

    def prune(self, before: int) -> None:
        """Remove the seals of days before that of the minute ``before``, unless a lifecycle rule does."""
        self._store.prune(before)

    def _newest_of(self, start: str, end: str) -> SealName | None:
        return max(self._names(start, end), key=lambda name: name.sequence, default=None)

    def _names(self, start: str, end: str) -> Iterator[SealName]:
        return (name for text in self._store.names(start, end) if (name := SealName.parse(text)))

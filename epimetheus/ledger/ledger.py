"""The ledger of a region: its entries are written once, found by window, and read."""

from hashlib import sha256

from epimetheus.errors import LedgerDamaged
from epimetheus.ledger.entry import LONGEST_MINUTES, Entry, EntryName, pack, unpack
from epimetheus.ledger.entry_name import name_bound
from epimetheus.ledger.store import EntryStore
from epimetheus.model import Window


class Ledger:
    """The entries in ``store``. ``name``: its location, for messages."""

    def __init__(self, store: EntryStore) -> None:
        self._store = store
        self.name = store.name

    @property
    def store(self) -> EntryStore:
        """Its objects as they are stored, for verification."""
        return self._store

    def append(self, entry: Entry) -> str:
        """Durably write ``entry``. The hex digest of its stored bytes.

        Raises LedgerError, CredentialsError, and ValueError for an invalid entry (`pack`).
        """
        data = pack(entry)
        self._store.create(entry.name.text(), data)
        return sha256(data).hexdigest()

    def overlapping(self, window: Window) -> list[EntryName]:
        """The entries of any epoch whose window intersects ``window``, by the end of their window. Raises LedgerError, CredentialsError.

        Objects that are not entries are ignored.
        """
        names = self._store.names(name_bound(window.start + 1), name_bound(window.end + LONGEST_MINUTES))
        found = (EntryName.parse(text) for text in names)
        return [name for name in found if name and name.window.start < window.end]

    def read(self, name: EntryName) -> Entry | None:
        """The entry ``name``, or None if it no longer exists. Raises LedgerDamaged, LedgerError, CredentialsError."""
        found = self.read_with_digest(name)
        return found and found[0]

    def read_with_digest(self, name: EntryName) -> tuple[Entry, str] | None:
        """As `read`, and the hex digest of the stored bytes."""
        text = name.text()
        location = f"{self.name}{text}"
        if (data := self._store.read(text)) is None:
            return None
        entry = unpack(data, location)
        if entry.name != name:
            raise LedgerDamaged(
                f"The ledger entry {location} is damaged: its content is that of the entry {entry.name.text()}.",
                do="Delete the object, which is a copy under another name, or restore its content.",
            )
        return entry, sha256(data).hexdigest()

    def prune(self, before: int) -> None:
        """Remove the entries of days before that of the minute ``before``, unless a lifecycle rule does. Raises LedgerError."""
        self._store.prune(before)

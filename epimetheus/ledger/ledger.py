"""The ledger of a region: its entries are written once, found by window, and read."""

from collections.abc import Callable
from hashlib import sha256

from epimetheus.clock import Deadline
from epimetheus.errors import LedgerDamaged, LedgerError, OutOfTime
from epimetheus.ledger.entry import LONGEST_MINUTES, Entry, EntryName, pack, unpack
from epimetheus.ledger.entry_name import name_bound
from epimetheus.ledger.entry_signature import sign_entry
from epimetheus.ledger.seal_key import SealKey
from epimetheus.ledger.store import EntryStore
from epimetheus.model import Window, minute_text

MOST_NAMES = 200_000
"""Maximum number of entries of a listing, whose names take 100 MB. With a commit every half minute, 16 days have 46,000."""
_NAMES_BETWEEN_CHECKS = 500
_ONLY_WRITER = "Check what else writes to it: only Epimetheus should, about an entry for each run."


class Ledger:
    """The entries in ``store``. ``name``: its location, for messages. ``deadline``: nothing is listed or read after it.

    ``key``: returns the key that signs new entries, or None; it is called when an entry is written, because a reader may lack the key.
    """

    def __init__(self, store: EntryStore, deadline: Deadline | None = None, key: Callable[[], SealKey | None] = lambda: None) -> None:
        self._store, self._key = store, key
        self.name = store.name
        self._deadline = deadline

    @property
    def store(self) -> EntryStore:
        """Its objects as they are stored, for verification."""
        return self._store

    def append(self, entry: Entry) -> str:
        """Durably write ``entry``. The hex digest of its stored bytes.

        Raises LedgerError, CredentialsError, ValueError for an invalid entry (`pack`), and what reading the key raises.
        """
        data, key = pack(entry), self._key()
        if key:
            data = sign_entry(data, key)
        self._store.create(entry.name.text(), data)
        return sha256(data).hexdigest()

    def overlapping(self, window: Window) -> list[EntryName]:
        """The entries of any epoch whose window intersects ``window``, by the end of their window.

        Objects that are not entries are ignored. Raises LedgerError, also for more than MOST_NAMES; OutOfTime, CredentialsError.
        """
        found: list[EntryName] = []
        for number, text in enumerate(self._store.names(name_bound(window.start + 1), name_bound(window.end + LONGEST_MINUTES))):
            if number % _NAMES_BETWEEN_CHECKS == 0:
                self._check_time()
            if (name := EntryName.parse(text)) and name.window.start < window.end:
                found.append(name)
            if len(found) > MOST_NAMES:
                raise LedgerError(
                    f"The ledger {self.name} could not be listed: it has more than {MOST_NAMES:,} entries between"
                    f" {minute_text(window.start)} and {minute_text(window.end)}.",
                    do=_ONLY_WRITER,
                )
        return found

    def contains(self, name: EntryName) -> bool:
        """Whether the entry ``name`` exists; it is not read. Raises LedgerError, CredentialsError."""
        text = name.text()
        return text in self._store.names(text, f"{text}~")

    def has_entries(self, minute: int) -> bool:
        """Whether any entry has a window that ends at ``minute`` or earlier. Raises LedgerError, OutOfTime, CredentialsError."""
        for text in self._store.names("", name_bound(minute + 1)):
            self._check_time()
            if EntryName.parse(text):
                return True
        return False

    def read(self, name: EntryName) -> Entry | None:
        """The entry ``name``, or None if it no longer exists. Raises LedgerDamaged, LedgerError, OutOfTime, CredentialsError."""
        found = self.read_with_digest(name)
        return found and found[0]

    def read_with_digest(self, name: EntryName) -> tuple[Entry, str] | None:
        """As `read`, and the hex digest of the stored bytes."""
        self._check_time()
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

    def _check_time(self) -> None:
        if self._deadline is not None and self._deadline.left() <= 0:
            what = f"The ledger {self.name} could not be read before the deadline of the run."
            raise OutOfTime(what, do=f"Raise the timeout. {_ONLY_WRITER}")

    def try_write(self) -> bool:
        """See `EntryStore`. Raises LedgerError."""
        return self._store.try_write()

    def prune(self, before: int) -> None:
        """Remove the entries of days before that of the minute ``before``, unless a lifecycle rule does. Raises LedgerError."""
        self._store.prune(before)

"""The interface of a store of entries: objects that are created and read, and never replaced."""

from collections.abc import Iterator
from typing import Protocol

from epimetheus.errors import LedgerError


class EntryStore(Protocol):
    """Storage for the entries of one region. ``name``: its location, for messages; it ends with a slash."""

    name: str

    def create(self, key: str, data: bytes) -> None:
        """Durably create the object ``key``. It is done if the object exists with the same bytes, because a response may be lost.

        Raises LedgerError, also if the object exists with other bytes; CredentialsError.
        """
        ...

    def read(self, key: str) -> bytes | None:
        """The bytes of the object ``key``, or None if it does not exist. Raises LedgerError, CredentialsError."""
        ...

    def names(self, start: str, end: str) -> Iterator[str]:
        """The names of the objects from ``start`` until before ``end``, in order. Raises LedgerError, CredentialsError."""
        ...

    def prune(self, before: int) -> None:
        """Remove the objects of days before that of the minute ``before``, unless the store does so itself. Raises LedgerError."""
        ...


def exists_otherwise(location: str) -> LedgerError:
    """The error if ``location`` has an object with other bytes than those to write."""
    return LedgerError(
        f"The ledger entry {location} could not be created: it exists with other content. Nothing was overwritten.",
        do="Find out what wrote it: only Epimetheus should have access to this ledger. The next run writes an entry with another name.",
    )

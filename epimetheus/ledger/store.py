"""The interface of a store of entries or seals: objects that are created and read, and never replaced."""

from collections.abc import Iterator
from types import MappingProxyType
from typing import Literal, Protocol

from epimetheus.errors import LedgerError

Noun = Literal["ledger entry", "seal"]
"""What the objects of a store are, for messages."""
WHOLES = MappingProxyType[Noun, str]({"ledger entry": "the ledger", "seal": "the seals"})
"""All objects of a store, for messages."""


class EntryStore(Protocol):
    """Storage for the entries of one region, or for its seals. ``name``: its location, for messages; it ends with a slash."""

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

    def try_write(self) -> bool:
        """Whether a test write succeeded; False if none can be tried, because nothing may be deleted. Nothing stays. Raises LedgerError."""
        ...

    def prune(self, before: int) -> None:
        """Remove the objects of days before that of the minute ``before``, unless the store does so itself. Raises LedgerError."""
        ...


def exists_otherwise(location: str, noun: Noun = "ledger entry") -> LedgerError:
    """The error if ``location`` has an object with other bytes than those to write."""
    following = " The next run writes an entry with another name." if noun == "ledger entry" else ""
    return LedgerError(
        f"The {noun} {location} could not be created: it exists with other content. Nothing was overwritten.",
        do=f"Find out what wrote it: only Epimetheus should have access to {WHOLES[noun]}.{following}",
    )

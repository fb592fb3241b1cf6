"""Entries of the ledger that a run comes across in its listings and that no seal names yet: those of other writers, and of killed runs."""

from collections.abc import Iterable, Mapping
from typing import Final

from epimetheus.ledger.entry import EntryName, Source

MOST_FOUND = 3_000
"""Maximum number of such entries that a run adds to its seal, which then has room for its own. Later runs find the others.

With a push each second and a run every 15 minutes, there are 900."""

_OTHER_WRITERS: Final[frozenset[Source]] = frozenset(("push", "replay", "reconcile"))
"""Sources of entries that are not written by runs."""


class UnsealedEntries:
    """``named``: entries of other writers that a seal names. ``unfinished``: run that was killed → number of its last entry that is known.

    ``found``: name → hex digest of the stored bytes. ``most``: maximum number of entries found; 0 for what writes no seal.
    """

    def __init__(self, named: Iterable[str] = (), unfinished: Mapping[str, int] | None = None, most: int = MOST_FOUND) -> None:
        self.found: dict[str, str] = {}
        self._named = frozenset(named)
        self._unfinished = unfinished or {}
        self._most = most

    def lacks(self, name: EntryName) -> bool:
        """Whether no seal names this entry, and it should be read and added."""
        unknown = is_of_other_writer(name) or name.number > self._unfinished.get(name.run, name.number)
        return unknown and len(self.found) < self._most and (text := name.text()) not in self._named and text not in self.found

    def add(self, name: EntryName, sha256: str, others: Mapping[str, str]) -> None:
        """Add an entry that was read, and ``others`` that it names."""
        if self.lacks(name):
            self.found |= {other: digest for other, digest in others.items() if other not in self._named}
            self.found[name.text()] = sha256


def is_of_other_writer(name: EntryName) -> bool:
    """Whether the entry was not written by a run."""
    return name.source in _OTHER_WRITERS

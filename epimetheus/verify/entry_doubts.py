"""Entries for which nothing vouches (`epimetheus.verify.entry_trust`): their events are complete only if the SIEM has a message of each."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from epimetheus.ledger.seal import Seal
from epimetheus.model import count_text, plural
from epimetheus.verify.sealed_messages import SealedMessages, Segment


class DoubtfulEntry(NamedTuple):
    """An entry: its number of ``keys``, and its messages, None if it has none. ``is_sealed``: a seal names it.

    ``is_signed``: it has a signature, which is not verified.
    """

    name: str
    keys: int
    messages: Segment | None
    is_sealed: bool
    is_signed: bool


class EntryMessages(NamedTuple):
    """The messages of entries that seals name, and of those that ``wait`` for a seal and are not expected in an export."""

    sealed: SealedMessages
    waiting: SealedMessages

    def add_hosts(self, region: str, seals: Iterable[Seal]) -> None:
        """Add the host names that messages of ``region`` and of the regions that its ``seals`` name may have in their header."""
        names = [(region, region)]
        names += [(seal.hostname or name, name) for seal in seals for name in (region, *seal.coverage.regions.polled)]
        for messages in self:
            for host, name in names:
                messages.add_host(host, name)

    def runs_of(self, region: str) -> set[str]:
        """The runs that have an entry with messages in ``region``."""
        runs = (each for messages in self for each in messages.segments.items())
        return {run for run, segments in runs if any(segment.region == region for segment in segments)}

    def count_own(self, entry: DoubtfulEntry) -> int:
        """How many messages of ``entry`` the export has, not counting one that may be the message of another entry."""
        if entry.messages is None:
            return 0
        return self.sealed.count_own(entry.messages) if entry.is_sealed else self.waiting.count_own(entry.messages, self.sealed)


def entry_doubt(region: str, entries: Sequence[DoubtfulEntry], messages: EntryMessages, *, has_export: bool) -> str:
    """A sentence about the events of ``entries`` that have no message; empty if there are none.

    Without an export, each message that an entry records counts.
    """
    lacking = [(entry, count) for entry in entries if (count := entry.keys - _count_messages(entry, messages, has_export=has_export)) > 0]
    if not lacking:
        return ""
    total, first = sum(count for _, count in lacking), lacking[0][0]
    of = f"the ledger entry {first.name}" if len(lacking) == 1 else f"{len(lacking):,} ledger entries, the first of which is {first.name},"
    own = " of their own in the export" if has_export else ""
    events = f"{count_text(total, 'event')} of {of} {plural(total, 'has', 'have')} no message{own}"
    say = "Give the public key: it is signed" if first.is_signed else "SEAL_KEY, if set, signs entries; a replay sends these events again"
    return f"{region}: {events}, and nothing but the entry says that a rule filtered {plural(total, 'it', 'them')}. {say}."


def _count_messages(entry: DoubtfulEntry, messages: EntryMessages, *, has_export: bool) -> int:
    if has_export:
        return messages.count_own(entry)
    return entry.messages.last - entry.messages.first + 1 if entry.messages else 0

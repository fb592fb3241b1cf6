"""What the state has of the seals: the newest one, and what the next one must name.

A seal is stored and sent only after the state that has it is written, so that no two runs continue the chain from the same seal.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

MOST_UNSEALED = 4_000
"""Maximum number of entries that wait for a seal. There are so many only if no seal could be written for days."""

_MOST_RUNS = 100
_MOST_UNFINISHED = 20
_MOST_NAMED = 4_000  # with a push each second, of more than the 51 minutes that a run lists; they take 350 kB

SealableEntry = tuple[str, str]
"""The name of an entry of the ledger, and the hex digest of its stored bytes."""


@dataclass(frozen=True)
class SealHead:
    """The newest seal: its ``name`` among the seals of the region, and the ``sha256`` of its stored bytes, which are ``text``.

    ``text`` is empty once it is stored and its message is confirmed. ``stored``: the object is known to exist. ``sent``: the sequence
    number of the last seal whose message is confirmed, with those of all before it.
    """

    name: str
    sequence: int
    run: str
    sha256: str
    text: str
    stored: bool
    sent: int

    @property
    def pending(self) -> int:
        """The number of seals whose message is not confirmed."""
        return self.sequence - self.sent

    def done(self) -> "SealHead":
        """The seal without its ``text`` if nothing needs it."""
        return replace(self, text="") if self.stored and not self.pending else self


@dataclass(frozen=True)
class SealState:
    """``head``: the newest seal, None: the stored seals have to be searched for it.

    ``entries``: those that no seal names yet, in the order of writing. ``runs``: runs that ended without a seal, which no seal names yet.
    ``unfinished``: run that ended without a report → number of its last entry in a seal or in ``entries``; it may have written a later
    one. ``named``: entries of other writers than runs, as pushes, that a seal names; runs may come across them again. In order.
    """

    head: SealHead | None = None
    entries: tuple[SealableEntry, ...] = ()
    runs: tuple[str, ...] = ()
    unfinished: dict[str, int] = field(default_factory=dict)
    named: tuple[str, ...] = ()

    def with_entries(self, written: Iterable[SealableEntry]) -> "SealState":
        """With entries that were written. An entry is added once."""
        known = {name for name, _ in self.entries}
        added = [entry for entry in dict(written).items() if entry[0] not in known]
        return replace(self, entries=(*self.entries, *added)[:MOST_UNSEALED])

    def with_unsealed_run(self, run: str) -> "SealState":
        """With a run that ends without a seal."""
        return replace(self, runs=(*(one for one in self.runs if one != run), run)[-_MOST_RUNS:])

    def with_unfinished(self, run: str, number: int) -> "SealState":
        """With a run that ended without a report. ``number``: of its last entry that is known."""
        others = {one: last for one, last in self.unfinished.items() if one != run}
        return replace(self, unfinished=dict([*others.items()][1 - _MOST_UNFINISHED :]) | {run: number})

    def with_named(self, names: Iterable[str]) -> "SealState":
        """With entries of other writers that a seal names. If there are too many, those with the latest windows remain."""
        return replace(self, named=tuple(sorted({*self.named, *names})[-_MOST_NAMED:]))

    def is_of(self, run: str) -> bool:
        """Whether the newest seal is that of ``run``."""
        return self.head is not None and self.head.run == run

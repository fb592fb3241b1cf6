"""Verifies the entries of the ledger: each is stored as the seal says, and none is in the ledger that should not be there.

An entry is read once, and only one is in memory at a time. Its messages are added to `SealedMessages` if it was written in the window: a
seal may name it a day later, if its run was killed, or could not write a seal.
"""

from collections import defaultdict
from collections.abc import Callable, Set
from typing import NamedTuple

from epimetheus.errors import LedgerDamaged
from epimetheus.ledger.entry import Entry, EntryName, unpack
from epimetheus.ledger.entry_name import name_bound
from epimetheus.ledger.seal import Seal, SealedEntry, digest
from epimetheus.model import Window, parse_seconds
from epimetheus.verify.chain import Chain
from epimetheus.verify.model import EntriesResult, Fault
from epimetheus.verify.sealed_messages import SealedMessages
from epimetheus.verify.stored_seals import ObjectReader

_MINUTES_A_DAY = 24 * 60
_MOST_AHEAD = 20  # minutes: the window of a push ends this much after it, because Audit may process its events later

Progress = Callable[[int, int], None]
"""``(done, total)`` of entries."""


class _Numbers(NamedTuple):
    """The number of an entry in its run, and the first and the last sequence number of its messages."""

    number: int
    first: int
    last: int


class EntryCheck:
    """The check of one region's entries. ``kept_since``: minute before which entries may have been deleted by a lifecycle rule."""

    def __init__(self, store: ObjectReader, region: str, kept_since: int, messages: SealedMessages) -> None:
        self.faults: list[Fault] = []
        self.expired: list[str] = []
        self.unsealed: list[str] = []
        self._store, self._region, self._kept_since, self._messages = store, region, kept_since, messages
        self._checked = self._valid = self._untrusted = 0
        self._window = Window(0, 0)
        self._numbers: defaultdict[str, dict[int, _Numbers]] = defaultdict(dict)
        self._missing: list[tuple[EntryName, Seal]] = []

    def run(self, chain: Chain, window: Window, progress: Progress) -> EntriesResult:
        """Check what the seals of ``chain`` name, and what else is in the ledger. Raises LedgerError, CredentialsError."""
        self._window = window
        named = {(sealed.name, sealed.sha256): seal for seal in reversed(chain.valid) for sealed in seal.entries}
        # After an older state was restored, a later seal may name an entry again.
        for (name, sha256), seal in sorted(named.items(), key=lambda item: item[1].sequence):
            self._check(SealedEntry(name=name, sha256=sha256), seal)
            progress(self._checked, len(named))
        for seal in chain.untrusted:
            self._add_untrusted(seal, named.keys())
        for seal in chain.around:
            if not window.start * 60 <= parse_seconds(seal.time) < window.end * 60:
                self._add_sealed_outside(seal)
        self._report_missing()
        self._check_unnamed(chain, window)
        return EntriesResult(self._checked, self._valid, len(self.unsealed), len(self.expired), self._untrusted)

    def _check(self, sealed: SealedEntry, seal: Seal) -> None:
        self._checked += 1
        name = EntryName.parse(sealed.name)
        data = self._store.read(sealed.name)
        if name is None:  # no valid seal has such a name
            return
        if data is None:
            if parse_seconds(seal.time) < (self._kept_since + _MINUTES_A_DAY) * 60:  # it was written before its seal
                self.expired.append(sealed.name)
            else:
                self._missing.append((name, seal))
            return
        entry, problem = self._unpack(data, name)
        if digest(data) != sealed.sha256:
            why = problem or "it is an entry, but not the one that was written"
            what = f"The ledger entry {sealed.name} was altered: seal {seal.sequence} has another SHA-256, and {why}."
            self._fault("entry_altered", what, name, seal)
        elif entry is None:
            self._fault("entry_altered", f"The ledger entry {sealed.name} is damaged: {problem}.", name, seal)
        else:
            self._valid += 1
            self._add(entry)

    def _unpack(self, data: bytes, name: EntryName) -> tuple[Entry | None, str]:
        """The entry, or why ``data`` is not the entry ``name`` of the region."""
        try:
            entry = unpack(data, name.text())
        except LedgerDamaged as error:
            return None, error.what.partition("is damaged: ")[2].removesuffix(".")
        if entry.name != name:
            return None, f"its content is that of the entry {entry.name.text()}"
        if entry.region != self._region:
            return None, f"it is an entry of the region {entry.region}"
        return entry, ""

    def _add(self, entry: Entry) -> None:
        if (messages := entry.messages) and entry.number not in self._numbers[entry.run]:
            self._numbers[entry.run][entry.number] = _Numbers(entry.number, messages.first, messages.last)
            if self._window.start * 60 <= entry.at < self._window.end * 60:
                self._messages.add(self._region, entry.run, messages.first, entry.name.text(), messages.ids)

    def _add_sealed_outside(self, seal: Seal) -> None:
        """Add the messages of entries that were written in the window, and that a ``seal`` of another time names, as the first after it."""
        for sealed in seal.entries:
            name, data = EntryName.parse(sealed.name), self._store.read(sealed.name)
            if name and data is not None and digest(data) == sealed.sha256 and (entry := self._unpack(data, name)[0]):
                self._add(entry)

    def _add_untrusted(self, seal: Seal, known: Set[tuple[str, str]]) -> None:
        """Add the messages of the entries that an invalid seal names, so that they do not count as unsealed. No such entry is valid."""
        for sealed in seal.entries:
            is_other = (sealed.name, sealed.sha256) not in known
            self._checked += is_other
            name, data = EntryName.parse(sealed.name), self._store.read(sealed.name)
            if name and data is not None and digest(data) == sealed.sha256:
                entry, _ = self._unpack(data, name)
                if entry:
                    self._untrusted += is_other
                    self._add(entry)

    def _report_missing(self) -> None:
        for name, seal in self._missing:
            before, after = self._neighbors(name)
            what = f"The ledger entry {name.text()} is missing: seal {seal.sequence} names it."
            messages = None
            if before and after and before.last + 1 < after.first:
                messages = (before.last + 1, after.first - 1)
            self._fault("entry_missing", what, name, seal, messages)

    def _neighbors(self, name: EntryName) -> tuple[_Numbers | None, _Numbers | None]:
        """The numbers of the entries of the same run before and after ``name``; those before the first one are 0."""
        numbers = sorted(self._numbers[name.run].values())
        missing = {other.number for other, _ in self._missing if other.run == name.run and other != name}
        before = [one for one in numbers if one.number < name.number]
        after = [one for one in numbers if one.number > name.number]
        is_first = not before and name.number == 1
        if missing & {name.number - 1, name.number + 1}:  # then the messages in between belong to several
            return None, None
        return (_Numbers(0, 0, 0) if is_first else before[-1] if before else None), after[0] if after else None

    def _check_unnamed(self, chain: Chain, window: Window) -> None:
        """Check the entries in the ledger that no seal names. A run that was sealed as finished has none."""
        named = {entry.name for seal in (*chain.around, *chain.untrusted) for entry in seal.entries}
        finished = {seal.run for seal in chain.around if seal.status != "killed"}
        for text in self._store.names(name_bound(max(0, window.start - _MINUTES_A_DAY)), name_bound(window.end + _MOST_AHEAD)):
            name = EntryName.parse(text)
            if name is None or text in named or (name.window.end <= window.start and name.run not in finished):
                continue  # an entry of an earlier window is that of an earlier run, as a rule: it is not read
            if (data := self._store.read(text)) is None:
                continue
            entry, problem = self._unpack(data, name)
            if entry is None:
                self._fault("entry_altered", f"The ledger entry {text}, which no seal names, is damaged: {problem}.", name)
            elif not window.start * 60 <= entry.at < window.end * 60:
                continue  # a seal outside the window names it
            elif entry.run in finished:
                what = f"The ledger entry {text} is not in the seal of its run, which names all entries of the run."
                self._fault("entry_unnamed", what, name)
            else:
                self.unsealed.append(text)

    def _fault(
        self, kind: str, what: str, name: EntryName, seal: Seal | None = None, messages: tuple[int, int] | None = None
    ) -> None:
        self.faults.append(
            Fault(
                kind=kind,  # type: ignore[arg-type]
                what=what,
                region=self._region,
                object=f"ledger/{self._region}/{name.text()}",
                run=name.run,
                seals=(seal.sequence, seal.sequence) if seal else None,
                messages=messages,
                count=messages[1] - messages[0] + 1 if messages else 1,
            )
        )

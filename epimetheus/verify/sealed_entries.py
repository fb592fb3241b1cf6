"""Verifies the entries of the ledger: each is stored as the seal says, and none is in the ledger that should not be there.

An entry is read once, and only one is in memory at a time. Its messages are added to `EntryMessages` if it was written in the window: a
seal may name it a day later, if its run was killed, or could not write a seal.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence, Set
from typing import NamedTuple

from epimetheus.errors import LedgerDamaged
from epimetheus.ledger.entry import LONGEST_MINUTES, Entry, EntryName, unpack
from epimetheus.ledger.entry_name import name_bound
from epimetheus.ledger.entry_signature import signature_of
from epimetheus.ledger.seal import Seal, SealedEntry, digest
from epimetheus.ledger.seal_key import PublicKey
from epimetheus.model import Window, count_text, parse_seconds
from epimetheus.verify.chain import Chain
from epimetheus.verify.entry_doubts import DoubtfulEntry, EntryMessages
from epimetheus.verify.entry_trust import EntryTrust, Judgment, count_events, count_keys, is_of_run, time_of
from epimetheus.verify.model import EntriesResult, Fault
from epimetheus.verify.position_check import ReadWindows
from epimetheus.verify.sealed_messages import Segment
from epimetheus.verify.stored_seals import ObjectReader

_MINUTES_A_DAY = 24 * 60
_CLOCK_DIFFERENCE = 10 * 60  # seconds

Progress = Callable[[int, int], None]
"""``(done, total)`` of entries."""


class _Numbers(NamedTuple):
    """The number of an entry in its run, and the first and the last sequence number of its messages."""

    number: int
    first: int
    last: int


class Sealed(NamedTuple):
    """What the entries of a region are compared with. ``kept_since``: minute before which a lifecycle rule may have deleted them.

    ``known_runs``: those with a seal, in the window or not. ``signed_since``: see `EntryTrust`. ``now``: the current minute.
    """

    chain: Chain
    known_runs: Set[str]
    window: Window
    keys: Sequence[PublicKey]
    signed_since: int | None
    kept_since: int
    now: int


class EntryCheck:
    """The check of one region's entries. ``read``: the windows that the runs have read. ``doubtful``: entries for which nothing vouches."""

    def __init__(self, store: ObjectReader, region: str, sealed: Sealed, messages: EntryMessages) -> None:
        self.faults: list[Fault] = []
        self.expired: list[str] = []
        self.unsealed: list[str] = []
        self.doubtful: list[DoubtfulEntry] = []
        self.read = ReadWindows()
        self._store, self._region, self._sealed, self._messages = store, region, sealed, messages
        self._trust = EntryTrust(sealed.keys, sealed.signed_since, sealed.chain)
        self._checked = self._valid = self._untrusted = 0
        self._numbers: defaultdict[str, dict[int, _Numbers]] = defaultdict(dict)
        self._added: dict[str, Segment] = {}
        self._judged: set[str] = set()
        around = reversed(sealed.chain.around)
        self._sealed_at = {one.name: parse_seconds(seal.time) for seal in around for one in seal.entries}
        self._keys: Counter[str] = Counter()
        self._missing: list[tuple[EntryName, Seal]] = []

    def run(self, progress: Progress) -> EntriesResult:
        """Check what the seals name, and what else is in the ledger. Raises LedgerError, CredentialsError."""
        chain = self._sealed.chain
        named = {(one.name, one.sha256): seal for seal in reversed(chain.valid) for one in seal.entries}
        # After an older state was restored, a later seal may name an entry again.
        for (name, sha256), seal in sorted(named.items(), key=lambda item: item[1].sequence):
            self._check(SealedEntry(name=name, sha256=sha256), seal)
            progress(self._checked, len(named))
        for seal in chain.untrusted:
            self._add_untrusted(seal, named.keys())
        for seal in chain.around:
            if not self._sealed.window.start * 60 <= parse_seconds(seal.time) < self._sealed.window.end * 60:
                self._add_sealed_outside(seal)
        self._report_missing()
        self._check_counts()
        self._check_unnamed()
        return EntriesResult(self._checked, self._valid, len(self.unsealed), len(self.expired), self._untrusted)

    def _check(self, sealed: SealedEntry, seal: Seal) -> None:
        self._checked += 1
        name = EntryName.parse(sealed.name)
        data = self._store.read(sealed.name)
        if name is None:  # no valid seal has such a name
            return
        if data is None:
            if parse_seconds(seal.time) < (self._sealed.kept_since + _MINUTES_A_DAY) * 60:  # it was written before its seal
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
            self._judge(entry, data, seal, self._add(entry))

    def _judge(
        self, entry: Entry, data: bytes, seal: Seal | None, messages: Segment | None, *, is_counted: bool = True
    ) -> None:
        """Count an entry that is intact, unless it is not genuine. ``seal``: the valid one that names it, None if none does.

        ``is_counted``: whether the seal is one of the window.
        """
        self._judged.add(name := entry.name.text())
        is_counted = is_counted and seal is not None
        if (judgment := self._judgment(entry, data, seal)) is None:
            self._untrusted += is_counted
            return
        self._valid += is_counted
        if judgment.shows_read:
            self.read.add(entry)
        if not judgment.is_proved and self._is_inside(entry):  # otherwise, it is doubtful in the window in which it was written
            self.doubtful.append(DoubtfulEntry(name, count_keys(entry), messages, seal is not None, signature_of(data) is not None))
        if is_of_run(entry, seal):
            self._keys[entry.run] += count_events(entry)

    def _judgment(self, entry: Entry, data: bytes, seal: Seal | None) -> Judgment | None:
        """What vouches for an entry; None if it is not genuine, which is reported."""
        judgment = self._trust.judge(entry, data, seal)
        if judgment.fault:
            self._fault("entry_signature", f"The ledger entry {entry.name.text()} {judgment.fault}.", entry.name, seal)
            return None
        return judgment

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

    def _add(self, entry: Entry) -> Segment | None:
        """Add the messages of an entry that a seal names, and that was written in the window, once."""
        name, messages = entry.name.text(), entry.messages
        if messages and name not in self._added:
            self._numbers[entry.run].setdefault(entry.number, _Numbers(entry.number, messages.first, messages.last))
            if self._is_inside(entry):
                self._added[name] = self._messages.sealed.add(self._region, entry.run, messages.first, name, messages.ids)
        return self._added.get(name)

    def _add_waiting(self, entry: Entry) -> Segment | None:
        """Add the messages of an entry that no seal names."""
        if (messages := entry.messages) is None:
            return None
        return self._messages.waiting.add(self._region, entry.run, messages.first, entry.name.text(), messages.ids)

    def _add_sealed_outside(self, seal: Seal) -> None:
        """Add the entries that were written in the window, and that a ``seal`` of another time names, as the first after it."""
        for sealed in seal.entries:
            name, data = EntryName.parse(sealed.name), self._store.read(sealed.name)
            if name and data is not None and digest(data) == sealed.sha256 and (entry := self._unpack(data, name)[0]):
                messages = self._add(entry)
                if self._is_inside(entry) and name.text() not in self._judged:
                    self._judge(entry, data, seal, messages, is_counted=False)

    def _is_inside(self, entry: Entry) -> bool:
        """Whether it was written in the window: before the seal that names it, whatever it says, or in the future, which is forged."""
        window, now = self._sealed.window, self._sealed.now * 60
        when = min(time_of(entry), self._sealed_at.get(entry.name.text(), math.inf))
        return when > now + _CLOCK_DIFFERENCE or window.start * 60 <= min(when, now) < window.end * 60

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

    def _check_counts(self) -> None:
        """Compare the events in the entries of each run with those that its seal counts as forwarded and filtered."""
        for seal in self._sealed.chain.valid:
            counted = seal.counts.forwarded + sum(seal.counts.filtered.values())
            if seal.status != "killed" and (keys := self._keys[seal.run]) > counted:
                events = f"The ledger entries of run {seal.run} have {count_text(keys, 'event')}"
                what = f"{events}, but seal {seal.sequence} counts {counted:,} as forwarded and filtered."
                number = (seal.sequence, seal.sequence)
                self.faults.append(
                    Fault(kind="entry_altered", what=what, region=self._region, seals=number, run=seal.run, count=keys - counted)
                )

    def _check_unnamed(self) -> None:
        """Check the entries in the ledger that no seal names. A run that was sealed as finished has none."""
        finished = {seal.run for seal in self._sealed.chain.around if seal.status != "killed"}
        for name in self._unnamed(finished):
            if (data := self._store.read(text := name.text())) is None:
                continue
            entry, problem = self._unpack(data, name)
            if entry is None:
                self._fault("entry_altered", f"The ledger entry {text}, which no seal names, is damaged: {problem}.", name)
            elif entry.run in finished:
                what = f"The ledger entry {text} is not in the seal of its run, which names all entries of the run."
                self._fault("entry_unnamed", what, name)
            elif self._is_inside(entry):
                self.unsealed.append(text)
                self._judge(entry, data, None, self._add_waiting(entry))
            elif self._sealed.keys:  # a seal outside the window names it, but it may be forged
                self._judgment(entry, data, None)

    def _unnamed(self, finished: Set[str]) -> Iterator[EntryName]:
        """The entries that may be of the window, and that no seal names.

        Those of earlier windows are of earlier runs, as a rule, and those of later windows are of later runs, which have seals of their
        own. They are not read.
        """
        chain, window = self._sealed.chain, self._sealed.window
        named = {entry.name for seal in (*chain.around, *chain.untrusted) for entry in seal.entries}
        elsewhere = self._sealed.known_runs - finished
        for text in self._store.names(name_bound(max(0, window.start - _MINUTES_A_DAY)), name_bound(window.end + LONGEST_MINUTES)):
            name = EntryName.parse(text)
            if name is None or text in named or name.window.start >= window.end:
                continue
            if window.start < name.window.end <= window.end or name.run not in elsewhere:
                yield name

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

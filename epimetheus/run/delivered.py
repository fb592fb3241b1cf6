"""The keys of delivered events: what the ledger has of the windows that are about to be read, and what this run adds to it.

A window is read again in the overlap, by a compartment that is behind, and in reconciliation. Before each slice, the entries that can have
events of its windows are read into `SeenKeys`. After each commit, the keys that can no longer come again are dropped.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from epimetheus.errors import LedgerDamaged
from epimetheus.ledger.entry import LONGEST_MINUTES, Entry, EntryName, RateLimitCounts
from epimetheus.ledger.ledger import Ledger
from epimetheus.model import Window, count_text
from epimetheus.run.unsealed import UnsealedEntries
from epimetheus.select.dedupe import KEY_BYTES, SeenKeys
from epimetheus.select.rate_limits import Counts

_MOST_NAMED = 10
_NOT_OWN = (
    "is not used: it has the ID of this run, which did not write it. Find out who wrote it, and run `epimetheus verify`: only Epimetheus"
    " should have access to the ledger."
)


class Lookup(NamedTuple):
    """Which delivered events of ``compartment`` (an OCID) can come again in ``window``.

    ``reach``: the minute up to which slices at the cursor may have read the compartment; entries of such slices with later windows do not
    have its events. ``pushed``: the minute at which the windows of pushes end that may have its events; those that end earlier do not.
    """

    compartment: str
    window: Window
    reach: int
    pushed: int = 0


class DeliveredKeys:
    """The keys of the delivered events of one region, for all runs of one invocation. ``seen``: those in memory.

    ``ahead``: the latest end of the windows at the cursor in the entries that were listed in this run. It is after the cursor if the state
    is older than these entries: it was restored, or the run that wrote them was killed. ``damaged``: a description of each entry that could
    not be used; its events may be sent again. ``foreign``: entries of another state than ``state`` (its identity), whose receiver has the
    events. ``searched``: in this run, all entries at the cursor were searched for counts that are not in the state. ``uncounted``: counts
    found in entries whose state was not written. ``entered``: run → number of its last entry whose counts are known, as `State.entered`.
    ``run``: this run, empty if its own entries are not checked. ``unsealed``: entries found that no seal names. ``pushed``: entries of
    pushes in memory → number of keys.
    """

    _ledger: Ledger

    def __init__(self) -> None:
        self.seen = SeenKeys()
        self.ahead = 0
        self.damaged: dict[EntryName, str] = {}
        self.foreign: set[EntryName] = set()
        self.state = ""
        self.searched = False
        self.uncounted: list[RateLimitCounts] = []
        self.unsealed = UnsealedEntries(most=0)
        self.pushed: dict[EntryName, int] = {}
        self.run = ""
        self._own: dict[EntryName, str] = {}  # entries of this run → hex digest of their stored bytes, empty while it is not known
        self.entered: Mapping[str, int] = {}
        self._first_epoch = self._epoch = 0
        self._loaded: dict[EntryName, int] = {}  # entries in memory as a whole → the earliest end of a window
        self._incomplete = False  # confirmed keys are in memory, but not in the ledger

    def connected(self, ledger: Ledger) -> "DeliveredKeys":
        """These keys, for a run that uses ``ledger``."""
        self._ledger = ledger
        return self

    @property
    def ledger(self) -> Ledger:
        """The ledger that they are read from."""
        return self._ledger

    def warnings(self) -> list[str]:
        """A warning for each of the first damaged entries, one for the others, and one for entries of another state."""
        named = [*self.damaged.values()][:_MOST_NAMED]
        if more := len(self.damaged) - len(named):
            named.append(f"{count_text(more, 'more entry', 'more entries')} of the ledger {self._ledger.name} cannot be used.")
        return [*named, *self._foreign_warning()]

    def begin(
        self,
        first_epoch: int,
        epoch: int,
        entered: Mapping[str, int],
        state: str = "",
        unsealed: UnsealedEntries | None = None,
        run: str = "",
    ) -> None:
        """Begin the run ``run`` over a state with these epochs and ``entered``; ``state``: its identity.

        Confirmed keys of earlier runs of the same invocation stay, unless the ledger lacks some of them: their events have to be entered.
        """
        self.ahead, self.damaged, self.foreign, self.searched, self.uncounted = 0, {}, set(), False, []
        self.unsealed = unsealed or UnsealedEntries(most=0)
        self.entered = entered
        self.run, self._own = run, self._own if run == self.run else {}
        if (self._first_epoch, self._epoch, self.state) == (first_epoch, epoch, state) and not self._incomplete:
            self.seen.drop_unconfirmed()
            self._loaded = {name: first_end for name, first_end in self._loaded.items() if not self._is_uncounted(name)}
            return
        self._first_epoch, self._epoch, self.state = first_epoch, epoch, state
        self.seen, self._loaded, self.pushed, self._incomplete = SeenKeys(), {}, {}, False

    def load_all(self, window: Window, each: Callable[[Entry], None] = lambda entry: None) -> None:
        """Read all keys that can come again in ``window``, and call ``each`` with every entry, in order. Raises LedgerError."""
        listed = self._ledger.overlapping(_prolonged(window))
        names = [name for name in listed if name.epoch >= self._epoch]
        self.ahead = max([self.ahead, *(name.window.end for name in names if name.source == "poll")])
        for name in names:
            if name.window.start < window.end and name not in self._loaded and (entry := self._read(name)):
                for (_, read_in), packed in entry.keys.items():
                    self.seen.add_delivered(read_in.end, packed)
                self._loaded[name] = _first_end(entry)
                if name.source == "push":
                    self.pushed[name] = sum(map(len, entry.keys.values())) // KEY_BYTES
                each(entry)
        self._find_unsealed(listed)
        self.searched = True

    def load(self, lookups: Sequence[Lookup], *, earlier_epochs: bool = False) -> None:
        """Read the keys that ``lookups`` need. ``earlier_epochs``: also those from before the last rewind. Raises LedgerError."""
        least = self._first_epoch if earlier_epochs else self._epoch
        for span, groups in _spans(lookups):
            listed = self._ledger.overlapping(span)
            for name in listed:
                windows = _windows(name, groups)
                if name.epoch >= least and name not in self._loaded and windows and (entry := self._read(name)):
                    for (ocid, read_in), packed in entry.keys.items():
                        if ocid in windows and _intersect(read_in, windows[ocid]):
                            self.seen.add_delivered(read_in.end, packed)
            self._find_unsealed(listed)

    def record(self, entry: Entry) -> dict[str, str]:
        """Write ``entry`` to the ledger; its keys are in memory already. Its name → hex digest of its stored bytes. Raises LedgerError."""
        self._incomplete = True
        self._own[entry.name] = ""  # it may take effect although it fails
        sha256 = self._own[entry.name] = self._ledger.append(entry)
        self._incomplete = False
        self._loaded[entry.name] = _first_end(entry)
        return {entry.name.text(): sha256}

    def prune(self, before: int) -> None:
        """Remove the entries of days before that of the minute ``before`` from a ledger without a lifecycle rule. Raises LedgerError."""
        self._ledger.prune(before)

    def forget(self, before: int) -> None:
        """Drop the keys of windows that end at the minute ``before`` or earlier."""
        self.seen.forget(before)
        self._loaded = {name: first_end for name, first_end in self._loaded.items() if first_end > before}

    def pushed_in(self, window: Window) -> int:
        """The number of events in the entries of pushes that begin in ``window``. Only entries that `load_all` read in this run count."""
        return sum(count for name, count in self.pushed.items() if window.start <= name.window.start < window.end)

    def _read(self, name: EntryName) -> Entry | None:
        """The entry, or None if it no longer exists, is damaged, or is of another state."""
        entry = self._read_any(name)
        if entry and entry.rate_limits and self._is_uncounted(name):
            self.uncounted.append(entry.rate_limits)
            self.entered = {**self.entered, name.run: name.number}  # entries of one run are read in the order of their numbers
        return entry

    def _read_any(self, name: EntryName) -> Entry | None:
        """As `_read`, for an entry of any epoch."""
        if name in self.damaged or name in self.foreign:
            return None
        try:
            found = self._ledger.read_with_digest(name)
        except LedgerDamaged as error:
            self.damaged[name] = f"{error.what} {error.do}"
            return None
        if found is None:
            return None
        entry, sha256 = found
        if name.run == self.run and sha256 != self._own.get(name):
            if name not in self._own:
                self.damaged[name] = f"The ledger entry {self._ledger.name}{name.text()} {_NOT_OWN}"
            return None
        if entry.state != self.state:
            self.foreign.add(name)
            return None
        self.unsealed.add(name, sha256, entry.unsealed)
        return entry

    def _find_unsealed(self, listed: Sequence[EntryName]) -> None:
        for name in listed:
            if self.unsealed.lacks(name):
                self._read_any(name)

    def _foreign_warning(self) -> list[str]:
        if not self.foreign:
            return []
        count, first = count_text(len(self.foreign), "entry is", "entries are"), min(self.foreign).text()
        return [
            f"The ledger {self._ledger.name} is shared with another deployment: {count} of another state than {self.state},"
            f" such as {first}. They are not used. Set a different STATE_PREFIX or LEDGER_BUCKET for each deployment."
        ]

    def _is_uncounted(self, name: EntryName) -> bool:
        return name.number > self.entered.get(name.run, name.number)

    def take_uncounted(self) -> Iterator[Counts]:
        """Remove and return the counts of entries whose state was not written."""
        uncounted, self.uncounted = self.uncounted, []
        for counts in uncounted:
            yield {(kind, hour): count for kind, hours in counts.items() for hour, count in hours.items()}


def _prolonged(window: Window) -> Window:
    """``window``, and the time after it in which entries are listed anyway."""
    return Window(window.start, window.end + LONGEST_MINUTES)


def _first_end(entry: Entry) -> int:
    return min((window.end for _, window in entry.keys), default=entry.window.end)


_Group = tuple[Window, int, int]  # window, reach, pushed
_Groups = Mapping[_Group, set[str]]  # → compartments


def _spans(lookups: Sequence[Lookup]) -> Iterator[tuple[Window, _Groups]]:
    """``lookups`` in groups whose windows overlap or adjoin, each with the window that spans it."""
    groups: defaultdict[_Group, set[str]] = defaultdict(set)
    for lookup in lookups:
        groups[lookup.window, lookup.reach, lookup.pushed].add(lookup.compartment)
    span: Window | None = None
    members: dict[_Group, set[str]] = {}
    for (window, reach, pushed), ocids in sorted(groups.items(), key=lambda group: group[0]):
        if span is not None and window.start > span.end:
            yield span, members
            span, members = None, {}
        span = window if span is None else Window(span.start, max(span.end, window.end))
        members[window, reach, pushed] = ocids
    if span is not None:
        yield span, members


def _windows(name: EntryName, groups: _Groups) -> dict[str, Window]:
    """The compartments whose events the entry ``name`` may have, each with the span of the windows to be read."""
    found: dict[str, Window] = {}
    for (window, reach, pushed), ocids in groups.items():
        first_end = pushed if name.source == "push" else 0
        if _intersect(name.window, window) and (name.source != "poll" or name.window.start < reach) and name.window.end >= first_end:
            for ocid in ocids:
                other = found.get(ocid, window)
                found[ocid] = Window(min(window.start, other.start), max(window.end, other.end))
    return found


def _intersect(one: Window, other: Window) -> bool:
    return one.start < other.end and other.start < one.end

"""Compares the messages of seals in an export with the stored seals: the SIEM's copy is a witness of the chain."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence, Set
from itertools import pairwise
from typing import NamedTuple

from epimetheus.ledger.seal import Seal
from epimetheus.model import Window, count_text, parse_seconds, plural
from epimetheus.verify.chain import Chain, ChainHead
from epimetheus.verify.message import SiemMessage
from epimetheus.verify.model import Fault
from epimetheus.verify.sealed_messages import SealedMessages
from epimetheus.verify.stored_seals import StoredSeals

EXPORTED_MINUTES = 60
"""An export has the messages that arrived until so many minutes after the window, or later."""
_MINUTES_A_DAY = 24 * 60
_MOST = 1_000_000
_DIGITS = 16


class StoredChain(NamedTuple):
    """The seals of a region: as they were ``read`` and verified for ``window``.

    ``kept_since``: the minute before which they may have been deleted. ``runs``: those that a seal or an entry names; ``hosts``: the host
    names of their messages.
    """

    region: str
    read: StoredSeals
    chain: Chain
    head: ChainHead | None
    window: Window
    kept_since: int
    runs: Set[str]
    hosts: Set[str]

    @property
    def is_recent(self) -> bool:
        """Whether the oldest seal is so recent that those before it cannot have been deleted because of their age."""
        return self.read.oldest_day() * _MINUTES_A_DAY > self.kept_since + _MINUTES_A_DAY


    def should_have(self, sequence: int) -> bool:
        """Whether a seal is not stored, and should be. The first seals may have been deleted because they were old."""
        pending = self.head.sequence if self.head and not self.head.stored else 0
        if sequence == pending or sequence in self.read.names or not self.read.lacks(sequence):
            return False
        return self.is_recent or sequence > self.read.oldest()


class _Copy(NamedTuple):
    """A message of a seal: first digits of its SHA-256, and run and host name of the message, empty if the export does not have them."""

    digits: str
    run: str
    host: str


class SealMessages:
    """The messages of seals in an export. ``count``: how many. ``foreign``: different ones of other deployments, which `faults` counts.

    Two deployments in a region number their seals alike. A message is foreign if no record names its run, and the stored seal of this
    number has its message, or the export has messages of this chain, and none of them has this host name. Without either, a foreign
    message looks like that of a seal that was removed or replaced, with its run: the caller reports it as not checked.
    """

    def __init__(self) -> None:
        self.count = self.foreign = 0
        self._copies: defaultdict[str, defaultdict[int, set[_Copy]]] = defaultdict(lambda: defaultdict(set))
        self._digits: defaultdict[str, dict[int, set[str]]] = defaultdict(dict)

    def add(self, message: SiemMessage) -> None:
        """Add a message, if it is that of a seal. Of many different ones, which only a forger sends, the later ones are not kept."""
        if not (notice := message.seal):
            return
        self.count += 1
        if self.count <= _MOST:
            self._copies[notice.region][notice.sequence].add(_Copy(notice.digits, message.run, message.host))

    def has_none(self, region: str) -> bool:
        """Whether the export has no message of a seal of ``region``, as without SEAL_MESSAGES."""
        return not self._digits[region]

    def has(self, region: str, sequence: int) -> bool:
        """Whether the export has a message of this seal."""
        return sequence in self._digits[region]

    def sort_out(self, stored: StoredChain) -> str:
        """Leave out the messages of other deployments, before all else. A sentence about those that may be; empty if there are none."""
        region, copies, digests = stored.region, self._copies[stored.region], stored.chain.digests
        own, doubtful = self._digits[region], list[int]()
        present = {one for one, found in copies.items() if any(_is_of(copy, digests.get(one)) for copy in found)}
        for sequence, found in sorted(copies.items()):
            for copy in found:
                if _is_of(copy, digests.get(sequence)) or copy.run in stored.runs or not _differs(copy, sequence, stored, present):
                    own.setdefault(sequence, set()).add(copy.digits)
                elif sequence in present or (present and copy.host and copy.host not in stored.hosts):
                    self.foreign += 1
                else:
                    doubtful.append(sequence)
        if not doubtful:
            return ""
        what = f"{count_text(len(doubtful), 'message')} of seals in the export, the first of which is that of seal {doubtful[0]},"
        why = f"{plural(len(doubtful), 'is', 'are')} of another deployment, or of seals that were removed: no record names the run"
        return f"{region}: {what} {why}. If there is another deployment, set another SYSLOG_HOSTNAME there."

    def faults(self, stored: StoredChain, messages: SealedMessages) -> list[Fault]:
        """The differences between the messages and the stored seals of a region.

        Seals are sent in order: all before one that was sent must be in the export. A message that an entry has is among ``messages``, and
        is named there if it is missing.
        """
        region, chain = stored.region, stored.chain
        present = (one for one in self._digits[region] if one <= chain.newest_sequence)
        through = max([_confirmed(chain, stored.head, stored.window), *present])
        lacking = self._lacking(region, chain, through, messages)
        return [*self._differing(region, chain), *self._not_stored(stored), *lacking]

    def _differing(self, region: str, chain: Chain) -> Iterator[Fault]:
        for sequence, digits in sorted(self._digits[region].items()):
            stored = chain.digests.get(sequence)
            if stored and (other := sorted(one for one in digits if not stored.startswith(one))):
                what = f"The export has a message of seal {sequence} with the SHA-256 {other[0]}…; that of the stored seal is {stored}."
                yield Fault(kind="seal_message_differs", what=what, region=region, seals=(sequence, sequence))

    def _not_stored(self, stored: StoredChain) -> Iterator[Fault]:
        """Messages whose seal does not exist."""
        missing = [fault.seals for fault in stored.chain.faults if fault.kind == "seal_missing" and fault.seals]
        lacking = [one for one in self._digits[stored.region] if stored.should_have(one)]
        for first, last in _ranges(one for one in lacking if not any(start <= one <= end for start, end in missing)):
            yield _fault("seal_missing", stored.region, first, last, "missing: the export has", "message")

    def _lacking(self, region: str, chain: Chain, through: int, messages: SealedMessages) -> Iterator[Fault]:
        """The seals of the window up to the number ``through`` whose message the export should have."""
        if messages.lack_ids:  # then no message of a seal can be recognized
            return
        inside = [seal.sequence for seal in chain.valid if seal.sequence <= through]
        expected = {*inside} - self._digits[region].keys() - _given_up(inside, chain.around)
        for first, last in _ranges(one for one in expected if not messages.has(seal_id(region, one, chain.digests[one]))):
            yield _fault("seal_message_missing", region, first, last, "stored, but the export lacks", "message")


def _is_of(copy: _Copy, sha256: str | None) -> bool:
    return sha256 is not None and sha256.startswith(copy.digits)


def _differs(copy: _Copy, sequence: int, stored: StoredChain, present: Set[int]) -> bool:
    """Whether a message whose run is unknown contradicts the stored seals.

    Without a run, the only one of its number is an altered message, or that of a seal that was removed.
    """
    if sequence in stored.chain.digests:
        return bool(copy.run) or sequence in present
    return bool(copy.run) and stored.should_have(sequence)


def _confirmed(chain: Chain, head: ChainHead | None, window: Window) -> int:
    """The last seal whose message was confirmed while the export was written, as later seals say, or the state of the newest one.

    While the receiver is down, messages wait: those of the last seals of a window may be sent hours after it.
    """
    until = (window.end + EXPORTED_MINUTES) * 60
    known = [seal.seal_messages.confirmed for seal in chain.around if parse_seconds(seal.time) < until]
    if head and chain.newest and head.sequence == chain.newest.sequence and parse_seconds(chain.newest.time) < until:
        known.append(head.sent)
    return max(known, default=0)


def _given_up(numbers: Sequence[int], seals: Sequence[Seal]) -> set[int]:
    """The seals of ``numbers``, in order, that were not to be sent, or that waited to be sent when SEAL_MESSAGES was turned off.

    It may have been off in a seal that is missing.
    """
    ends = [(seal, seal.sequence) for seal in seals if not seal.seal_messages.enabled]
    ends += [(seal, later.sequence - 1) for seal, later in pairwise(seals) if later.sequence > seal.sequence + 1]
    found = set[int]()
    for seal, end in ends:
        found.update(numbers[bisect_right(numbers, seal.seal_messages.confirmed) : bisect_right(numbers, end)])
    return found


def seal_id(region: str, sequence: int, sha256: str) -> bytes:
    """The event ID of the message of a seal."""
    return f"seal-{region}-{sequence}-{sha256[:_DIGITS]}".encode()


def _fault(kind: str, region: str, first: int, last: int, why: str, noun: str) -> Fault:
    one = first == last
    subject = f"The seal {first} is" if one else f"The seals {first} to {last} are"
    what = f"{subject} {why} {'its' if one else 'their'} {noun}{'' if one else 's'}."
    return Fault(kind=kind, what=what, region=region, seals=(first, last), count=last - first + 1)  # type: ignore[arg-type]


def _ranges(numbers: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Consecutive numbers together: first and last."""
    first = last = 0
    for number in sorted(numbers):
        if number == last + 1 and first:
            last = number
            continue
        if first:
            yield first, last
        first = last = number
    if first:
        yield first, last

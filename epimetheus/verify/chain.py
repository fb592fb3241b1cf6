"""Verifies the seals of a window: each is what the next one says of it, and none is missing or additional.

The walk goes from the newest seal to the oldest. A seal that is intact says what the one before it must be, so that a change is attributed
to the seal that was changed. The state vouches for the newest one, and a signature for its own seal and all before it.
"""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgspec

from epimetheus.ledger.seal import Seal, is_signed_by
from epimetheus.ledger.seal_key import PublicKey
from epimetheus.model import Window, parse_seconds
from epimetheus.stored_form import parse_whole_minute
from epimetheus.verify.model import Fault, SealsResult
from epimetheus.verify.stored_seals import StoredSeal, StoredSeals

_MINUTES_A_DAY = 24 * 60


class ChainHead(msgspec.Struct, frozen=True):
    """The newest seal that the state of a region knows.

    ``stored``: whether the state knows that it is stored. ``sent``: the last one whose message the receiver confirmed, 0 if none is known;
    without SEAL_MESSAGES, the last one.
    """

    sequence: int
    sha256: str
    stored: bool
    sent: int


ReadHead = Callable[[], ChainHead | None]
"""Reads the head from the state; None if there is no state, or if it has none."""


class Chain(NamedTuple):
    """``valid``: the seals of the window that are valid, in order. ``untrusted``: those that can be read, but are not valid.

    ``around``: all valid ones that were read; ``digests``: sequence number → SHA-256 of these. ``newest``: the newest seal of the region.
    ``is_vouched``: whether the state knows its number. ``signed_from``: the time (seconds since the epoch) from which on all is signed, as
    far as it is known. ``doubts``: what is no fault and could not be verified, as sentences.
    """

    valid: list[Seal]
    around: list[Seal]
    untrusted: list[Seal]
    digests: dict[int, str]
    newest: Seal | None
    newest_sequence: int
    is_vouched: bool
    result: SealsResult
    faults: list[Fault]
    signed_from: float
    doubts: list[str]


class Expectation(NamedTuple):
    """What a chain is verified with. ``head``: as it was before the seals were listed; ``later_head`` reads it again.

    ``kept_since``: the minute before which seals may have been deleted by a lifecycle rule. ``signed_since``: the minute from which on
    SEAL_KEY was set, as the auditor knows, None if this is not known.
    """

    window: Window
    keys: Sequence[PublicKey]
    head: ChainHead | None
    later_head: ReadHead
    kept_since: int
    signed_since: int | None = None


def verify_chain(read: StoredSeals, region: str, expectation: Expectation) -> Chain:
    """Verify the seals that were ``read``."""
    walk = _Walk(read, region, expectation)
    walk.check_head(expectation.head, expectation.later_head)
    for sequence in sorted((one for one in read.by_sequence if one <= walk.newest_sequence), reverse=True):
        walk.check(sequence)
    walk.check_oldest(expectation.kept_since)
    walk.check_unsigned()
    walk.finish()
    return walk.chain()


class _Walk:
    """One walk. ``expected``: the SHA-256 of the seal that is checked next, and what says so. ``above``: the number checked before."""

    def __init__(self, read: StoredSeals, region: str, expectation: Expectation) -> None:
        self.read, self.region, self.window, self.since = read, region, expectation.window, expectation.signed_since
        self.keys = {key.fingerprint: key for key in expectation.keys}
        self.expected: tuple[str, str] | None = None
        self.head: tuple[int, str] | None = None
        self.is_vouched = False
        self.newest_sequence = read.newest_sequence
        self.signed: list[Seal] = []
        self.above = 0
        self.valid: list[StoredSeal] = []
        self.untrusted: list[Seal] = []
        self.rejected_keys: set[str] = set()
        self.checked = 0
        self.faults: list[Fault] = []
        self.doubts: list[str] = []

    def check_head(self, head: ChainHead | None, later_head: ReadHead) -> None:
        """Compare the newest stored seal with the state."""
        if head is None:
            return
        self.head = (head.sequence, head.sha256)
        later = later_head() if self.newest_sequence > head.sequence else None
        known = max(head.sequence, later.sequence if later else 0)
        self.is_vouched = self.newest_sequence <= known
        if later and not self.is_vouched:
            self.fault_unknown(known)
        last_stored = head.sequence if head.stored else head.sequence - 1
        if self.newest_sequence < last_stored:
            self.fault_missing(self.newest_sequence + 1, last_stored, "the state has the number of a later one")

    def fault_unknown(self, known: int) -> None:
        """Report the seals with higher numbers than ``known``, the highest that the state knows. Nothing that they say is used."""
        for sequence in sorted(one for one in self.read.names if one > known):
            for one in self.read.by_sequence.get(sequence) or self.read.read(sequence):
                why = f"the newest one that the state knows is {known}"
                self.fault("seal_extra", f"The seal {one.text} is not part of the chain: {why}.", one)
        self.newest_sequence = max((one for one in self.read.names if one <= known), default=0)

    def check(self, sequence: int) -> None:
        """Check the seals with this number, of which there should be one."""
        seals = self.read.by_sequence[sequence]
        if self.above > sequence + 1:
            self.fault_missing(sequence + 1, self.above - 1, f"seal {self.above} exists")
            self.expected = None
        if self.head and self.head[0] == sequence and self.expected is None:
            self.expected = (self.head[1], "the state")
        self.above = sequence
        intact = [one for one in seals if one.seal and (self.expected is None or one.sha256 == self.expected[0])]
        chosen = max(intact, key=self.is_signed) if intact else None
        self.checked += (chosen or seals[0]).is_in(self.window)
        for one in seals:
            if one is not chosen:
                self.fault_of(one, chosen)
        self.expected = None
        if not chosen or not chosen.seal:
            return
        if self.check_signature(chosen, chosen.seal):
            self.valid.append(chosen)
            if previous := chosen.seal.previous:
                self.expected = (previous.sha256, f"seal {sequence}")
        elif chosen.is_in(self.window):
            self.untrusted.append(chosen.seal)
            if signature := chosen.seal.signature:
                self.rejected_keys.add(signature.key)

    def fault_of(self, one: StoredSeal, chosen: StoredSeal | None) -> None:
        """Report a seal that is not the one that belongs there."""
        if one.seal is None:
            self.fault("seal_damaged", f"The seal {one.text} is damaged: {one.problem}.", one)
            return
        if chosen is None:
            if one.is_in(self.window):
                self.untrusted.append(one.seal)
            wanted, source = self.expected or ("", "")
            self.fault("seal_altered", f"The seal {one.text} was altered: its SHA-256 is {one.sha256}, but {source} has {wanted}.", one)
        else:
            self.fault("seal_extra", f"The seal {one.text} is not part of the chain: {chosen.text} has its number.", one)

    def check_signature(self, one: StoredSeal, seal: Seal) -> bool:
        """Whether the seal may be trusted: it is signed, or, for now (`check_unsigned`), a later one that is signed leads to it."""
        if not self.keys:
            return True
        if seal.signature is None:
            if not self.signed and not self.is_from_before_the_key(seal):
                self.fault_unsigned(one, "no later one that is signed vouches for it")
                return False
            return True
        key = self.keys.get(seal.signature.key)
        if key is None:
            self.fault("seal_signature", f"The seal {one.text} is signed by {seal.signature.key}, which is none of the public keys.", one)
        elif not is_signed_by(seal, key):
            self.fault("seal_signature", f"The signature of the seal {one.text} is not valid.", one)
        else:
            self.signed.append(seal)
            return True
        return False

    def check_unsigned(self) -> None:
        """Report unsigned seals after the first one that is signed. Those before it may be older than the key, or forged by then."""
        first = min((seal.sequence for seal in self.signed), default=math.inf)
        kept, unsigned = [], []
        for one in self.valid:
            if not self.keys or one.seal is None or one.seal.signature:
                kept.append(one)
            elif one.name.sequence > first:
                self.distrust(one, one.seal, f"seal {first}, which is before it, is signed")
            elif self.since is not None and not self.is_from_before_the_key(one.seal):
                self.distrust(one, one.seal, "it is not from before the time of --signed-since")
            else:
                kept.append(one)
                unsigned += [one.name.sequence] if one.is_in(self.window) else []
        self.valid = kept
        if unsigned and self.since is None:
            which = f"seal {unsigned[0]} has" if len(unsigned) == 1 else f"seals {unsigned[-1]} to {unsigned[0]} have"
            say = "If SEAL_KEY was set later, say when with --signed-since"
            self.doubts.append(f"{self.region}: {which} no signature, and neither has a seal before. {say}.")

    def is_from_before_the_key(self, seal: Seal) -> bool:
        """Whether the seal is from before the time from which on the auditor expects signatures."""
        return self.since is not None and parse_seconds(seal.time) < self.since * 60

    def distrust(self, one: StoredSeal, seal: Seal, why: str) -> None:
        self.fault_unsigned(one, why)
        if one.is_in(self.window):
            self.untrusted.append(seal)

    def fault_unsigned(self, one: StoredSeal, why: str) -> None:
        self.fault("seal_signature", f"The seal {one.text} has no signature, and {why}.", one)

    def is_signed(self, one: StoredSeal) -> bool:
        """Whether one of the public keys signed it."""
        return one.seal is not None and any(is_signed_by(one.seal, key) for key in self.keys.values())

    def fault_missing(self, first: int, last: int, why: str) -> None:
        count = last - first + 1
        named = f"The seal {first} is missing" if count == 1 else f"The seals {first} to {last} are missing"
        what = f"{named}: {why}."
        self.faults.append(Fault(kind="seal_missing", what=what, region=self.region, seals=(first, last), count=count))

    def fault(self, kind: str, what: str, one: StoredSeal) -> None:
        number, run = one.name.sequence, one.name.run
        fault = Fault(kind=kind, what=what, region=self.region, object=f"seals/{self.region}/{one.text}", seals=(number, number), run=run)  # type: ignore[arg-type]
        self.faults.append(fault)

    def check_oldest(self, kept_since: int) -> None:
        """Report the seal before the oldest one that was found, if it is too young to have been deleted.

        Its run ended after the minute through which it read, where the run of the oldest seal began. The cursor may have been moved back
        since, or runs have paused: then it is not known how old the seal before is.
        """
        oldest = self.valid[-1].seal if self.valid and self.valid[-1].is_in(self.window) else None
        if oldest is None or oldest.previous is None or self.expected is None:
            return
        number, least = oldest.previous.sequence, kept_since + _MINUTES_A_DAY
        if parse_whole_minute(oldest.position.before) > least:
            self.fault_missing(number, number, f"seal {oldest.sequence} names it, and it is too recent to have been deleted")
        elif parse_seconds(oldest.time) > least * 60:
            began = f"the run of seal {oldest.sequence} is recent, and began at {oldest.position.before}"
            self.doubts.append(f"{self.region}: the seals through seal {number} do not exist, and how old they were is not known: {began}.")

    def finish(self) -> None:
        """Put everything in order."""
        self.valid.reverse()
        self.untrusted.sort(key=lambda seal: seal.sequence)
        self.faults.reverse()

    def chain(self) -> Chain:
        inside = [one for one in self.valid if one.is_in(self.window)]
        seals = [one.seal for one in inside if one.seal]
        signers = sorted({seal.signature.key for seal in seals if seal.signature})
        first, last = (inside[0].name.sequence, inside[-1].name.sequence) if inside else (None, None)
        unsigned = sum(1 for seal in seals if not seal.signature)
        checked, rejected = self.checked + self._missing_inside(), sorted(self.rejected_keys)
        result = SealsResult(checked, len(seals), first, last, signers, rejected, unsigned, bool(self.keys))
        newest = self.read.newest(self.newest_sequence)
        if self.keys and newest and newest.name.sequence not in self.read.by_sequence and not self.is_signed(newest):
            newest = self.valid[-1] if self.valid else None
        digests = {one.name.sequence: one.sha256 for one in self.valid}
        around = [one.seal for one in self.valid if one.seal]
        return Chain(
            valid=seals,
            around=around,
            untrusted=self.untrusted,
            digests=digests,
            newest=newest.seal if newest else None,
            newest_sequence=self.newest_sequence,
            is_vouched=self.is_vouched,
            result=result,
            faults=self.faults,
            signed_from=self._signed_from(),
            doubts=self.doubts,
        )

    def _signed_from(self) -> float:
        times = [parse_seconds(seal.time) for seal in self.signed] + ([self.since * 60.0] if self.since is not None else [])
        return min(times, default=math.inf)

    def _missing_inside(self) -> int:
        return sum(fault.count for fault in self.faults if fault.kind == "seal_missing")

"""Verifies the seals of a window: each is what the next one says of it, none is missing or additional, and no minute was skipped.

The walk goes from the newest seal to the oldest. A seal that is intact says what the one before it must be, so that a change is attributed
to the seal that was changed. The state vouches for the newest one, and a signature for its own seal and all before it.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgspec

from epimetheus.ledger.seal import Seal, is_signed_by
from epimetheus.ledger.seal_key import PublicKey
from epimetheus.model import Window, count_text, minute_text
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
    ``is_vouched``: whether the state knows its number.
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


class Expectation(NamedTuple):
    """What a chain is verified with. ``head``: as it was before the seals were listed; ``later_head`` reads it again.

    ``kept_since``: the minute before which seals may have been deleted by a lifecycle rule.
    """

    window: Window
    keys: Sequence[PublicKey]
    head: ChainHead | None
    later_head: ReadHead
    kept_since: int


def verify_chain(read: StoredSeals, region: str, expectation: Expectation) -> Chain:
    """Verify the seals that were ``read``."""
    walk = _Walk(read, region, expectation.window, expectation.keys)
    walk.check_head(expectation.head, expectation.later_head)
    for sequence in range(max(read.by_sequence, default=0), min(read.by_sequence, default=1) - 1, -1):
        walk.check(sequence)
    walk.check_oldest(expectation.kept_since)
    walk.finish()
    return walk.chain()


class _Walk:
    """One walk. ``expected``: the SHA-256 of the seal that is checked next, and what says so."""

    def __init__(self, read: StoredSeals, region: str, window: Window, keys: Sequence[PublicKey]) -> None:
        self.read, self.region, self.window, self.keys = read, region, window, {key.fingerprint: key for key in keys}
        self.expected: tuple[str, str] | None = None
        self.head: tuple[int, str] | None = None
        self.is_vouched = False
        self.signed_later = False
        self.missing: list[int] = []
        self.valid: list[StoredSeal] = []
        self.untrusted: list[Seal] = []
        self.rejected_keys: set[str] = set()
        self.checked = 0
        self.faults: list[Fault] = []

    def check_head(self, head: ChainHead | None, later_head: ReadHead) -> None:
        """Compare the newest stored seal with the state."""
        newest, number = self.read.newest, self.read.newest_sequence
        if head is None:
            return
        self.head = (head.sequence, head.sha256)
        last_stored = head.sequence if head.stored else head.sequence - 1
        if number < last_stored and (newest is None or not _is_after(newest, self.window)):
            self.fault_missing(number + 1, last_stored, "the state has the number of a later one")
        later = later_head() if newest and number > head.sequence else None
        self.is_vouched = number <= max(head.sequence, later.sequence if later else 0)
        if newest and later and not self.is_vouched:
            what = f"The seal {newest.text} is not part of the chain: the newest one that the state knows is {later.sequence}."
            self.fault("seal_extra", what, newest)

    def check(self, sequence: int) -> None:
        """Check the seals with this number, of which there should be one."""
        if self.head and self.head[0] == sequence and self.expected is None:
            self.expected = (self.head[1], "the state")
        seals = self.read.by_sequence.get(sequence, ())
        if not seals:
            self.missing.append(sequence)
            self.expected = None
            return
        self.flush_missing()
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
        """Whether the seal may be trusted: it is signed, or a later one that is signed vouches for it."""
        if not self.keys:
            return True
        if seal.signature is None:
            if not self.signed_later:
                self.fault("seal_signature", f"The seal {one.text} has no signature, and no later one that is signed vouches for it.", one)
            return self.signed_later
        key = self.keys.get(seal.signature.key)
        if key is None:
            self.fault("seal_signature", f"The seal {one.text} is signed by {seal.signature.key}, which is none of the public keys.", one)
        elif not is_signed_by(seal, key):
            self.fault("seal_signature", f"The signature of the seal {one.text} is not valid.", one)
        else:
            self.signed_later = True
            return True
        return False

    def is_signed(self, one: StoredSeal) -> bool:
        """Whether one of the public keys signed it."""
        return one.seal is not None and any(is_signed_by(one.seal, key) for key in self.keys.values())

    def flush_missing(self) -> None:
        """Report the numbers without a seal before the one that was found."""
        if self.missing:
            self.fault_missing(self.missing[-1], self.missing[0], f"seal {self.missing[0] + 1} exists")
            self.missing = []

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

        Its run ended after the minute through which it read, where the run of the oldest seal began.
        """
        oldest = self.valid[-1].seal if self.valid and self.valid[-1].is_in(self.window) else None
        if oldest is None or oldest.previous is None or self.expected is None:
            return
        if parse_whole_minute(oldest.position.before) > kept_since + _MINUTES_A_DAY:
            number = oldest.previous.sequence
            self.fault_missing(number, number, f"seal {oldest.sequence} names it, and it is too recent to have been deleted")

    def finish(self) -> None:
        """Put everything in order, and check that consecutive runs leave no minute out."""
        self.valid.reverse()
        self.untrusted.reverse()
        self.faults.reverse()
        read = 0
        for earlier, later in zip(self.valid, self.valid[1:], strict=False):
            if earlier.seal and later.seal:
                read = max(read, parse_whole_minute(earlier.seal.position.after))
                if later.name.sequence == earlier.name.sequence + 1:
                    self.check_position(read, later.seal, later)

    def check_position(self, read: int, seal: Seal, one: StoredSeal) -> None:
        """Whether the run began after the minute through which earlier runs have ``read``. A killed run leaves no seal of its own."""
        before = parse_whole_minute(seal.position.before)
        if before > read and seal.status != "killed" and not seal.unsealed_runs:
            where = f"from {minute_text(read)} to {seal.position.before}"
            minutes = f"{count_text(before - read, 'minute was', 'minutes were')} not read, {where}"
            self.fault("cursor_gap", f"{minutes}: the cursor was moved forward before the run of {one.text}.", one)

    def chain(self) -> Chain:
        inside = [one for one in self.valid if one.is_in(self.window)]
        seals = [one.seal for one in inside if one.seal]
        signers = sorted({seal.signature.key for seal in seals if seal.signature})
        first, last = (inside[0].name.sequence, inside[-1].name.sequence) if inside else (None, None)
        unsigned = sum(1 for seal in seals if not seal.signature)
        checked, rejected = self.checked + self._missing_inside(), sorted(self.rejected_keys)
        result = SealsResult(checked, len(seals), first, last, signers, rejected, unsigned, bool(self.keys))
        newest = self.read.newest.seal if self.read.newest else None
        digests = {one.name.sequence: one.sha256 for one in self.valid}
        around = [one.seal for one in self.valid if one.seal]
        return Chain(seals, around, self.untrusted, digests, newest, self.read.newest_sequence, self.is_vouched, result, self.faults)

    def _missing_inside(self) -> int:
        return sum(fault.count for fault in self.faults if fault.kind == "seal_missing")


def _is_after(one: StoredSeal, window: Window) -> bool:
    """Whether the seal is of a later run than those of the window."""
    return one.name.day * _MINUTES_A_DAY > window.end

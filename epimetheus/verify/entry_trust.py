"""Whether anything vouches for an entry of the ledger: whoever can write to the bucket can add one, with the keys of events to be left out.

Runs do not send events whose keys are in the ledger, and a seal names each entry that a run finds there. So that a seal names it proves
nothing for an entry of another writer. These do:

- the seal of its own run, unless the run was killed: it counts what the run sent and filtered. With public keys, if this seal is signed,
  the entry must be signed, too
- a signature of one of the public keys

The seal of a killed run, or one that lists its run as unsealed, counts nothing: without a signature, it only shows what was read.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from epimetheus.ledger.entry import KEY_BYTES, KNOWN, Entry, Source
from epimetheus.ledger.entry_signature import signature_of
from epimetheus.ledger.seal import Seal
from epimetheus.ledger.seal_key import PublicKey
from epimetheus.verify.chain import Chain

_OF_RUNS: Final[frozenset[Source]] = frozenset(("poll", "backfill", "late", "cloud_guard"))
_LONGEST_DELAY = 60 * 60  # seconds: the window of a push may end after it was entered, by some minutes


class Judgment(NamedTuple):
    """``fault``: why the entry is not genuine, for a sentence; empty if it may be. ``is_proved``: whether anything vouches for it.

    ``shows_read``: whether it shows that its window was read.
    """

    fault: str
    is_proved: bool
    shows_read: bool


class EntryTrust:
    """``keys``: the public keys, which may be none. ``signed_since``: when SEAL_KEY was set (minute), None if the auditor does not say."""

    def __init__(self, keys: Sequence[PublicKey], signed_since: int | None, chain: Chain) -> None:
        self._keys, self._signed_from = {key.fingerprint: key for key in keys}, chain.signed_from
        self._unsigned_until = (signed_since or 0) * 60

    def judge(self, entry: Entry, data: bytes, seal: Seal | None) -> Judgment:
        """Judge ``entry``, which is stored as ``data``, and which the valid ``seal`` names (None: none does)."""
        is_own = is_of_run(entry, seal)
        is_sealed_with_key = bool(is_own and seal and seal.signature and self._keys)
        if is_own and seal and seal.status != "killed" and not is_sealed_with_key:
            return _PROVED
        signature = signature_of(data)
        is_before_key = signature is None and time_of(entry) < self._unsigned_until and not is_sealed_with_key
        if not self._keys or is_before_key:
            return Judgment("", is_proved=False, shows_read=is_own or (seal is not None and entry.run in seal.unsealed_runs))
        if signature is None:
            is_late = is_sealed_with_key or time_of(entry) >= self._signed_from
            return _not_proved("has no signature, although SEAL_KEY was set by then" if is_late else "")
        if (key := self._keys.get(signature.key)) is None:
            return _not_proved(f"is signed by {signature.key}, which is none of the public keys")
        return _PROVED if signature.is_by(key) else _not_proved("has a signature that is not valid")


_PROVED = Judgment("", is_proved=True, shows_read=True)


def _not_proved(fault: str) -> Judgment:
    return Judgment(fault, is_proved=False, shows_read=False)


def is_of_run(entry: Entry, seal: Seal | None) -> bool:
    """Whether the run of ``seal`` wrote the entry. Another writer may have chosen the same run ID."""
    return seal is not None and seal.run == entry.run and entry.source in _OF_RUNS


def time_of(entry: Entry) -> float:
    """When the entry was written, in seconds since the epoch; not earlier than its window, whatever it says."""
    end = entry.window.end * 60.0
    return entry.at if entry.at > end - _LONGEST_DELAY else end


def count_keys(entry: Entry) -> int:
    """The number of keys of an entry, which are those of events unless a run also entered what it knows."""
    return sum(map(len, entry.keys.values())) // KEY_BYTES


def count_events(entry: Entry) -> int:
    """The number of events of an entry of a run."""
    known = (place for place in entry.keys if place[0] == KNOWN and entry.source == "cloud_guard")
    return count_keys(entry) - sum(len(entry.keys[place]) for place in known) // KEY_BYTES

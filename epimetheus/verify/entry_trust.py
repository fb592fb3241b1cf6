"""Whether anything vouches for an entry of the ledger: whoever can write to the bucket can add one, with the keys of events to be left out.

Runs do not send events whose keys are in the ledger, and a seal names each entry that a run finds there. So that a seal names it proves
nothing for an entry of another writer. These do:

- the seal of its own run, unless the run was killed: it counts what the run sent and filtered
- a signature of one of the public keys
- without public keys, and before SEAL_KEY was set: the seal of its run although it was killed, or a seal that lists the run as unsealed,
  because the state had the entry
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
    """``fault``: why the entry is not genuine, for a sentence; empty if it may be. ``is_proved``: whether anything vouches for it."""

    fault: str
    is_proved: bool


class EntryTrust:
    """``keys``: the public keys, which may be none. ``signed_since``: when SEAL_KEY was set (minute), None if the auditor does not say."""

    def __init__(self, keys: Sequence[PublicKey], signed_since: int | None, chain: Chain) -> None:
        self._keys, self._signed_from = {key.fingerprint: key for key in keys}, chain.signed_from
        self._unsigned_until = (signed_since or 0) * 60

    def judge(self, entry: Entry, data: bytes, seal: Seal | None) -> Judgment:
        """Judge ``entry``, which is stored as ``data``, and which the valid ``seal`` names (None: none does)."""
        is_own = is_of_run(entry, seal)
        if is_own and seal and seal.status != "killed":
            return Judgment("", is_proved=True)
        signature = signature_of(data)
        if not self._keys or (signature is None and time_of(entry) < self._unsigned_until):
            return Judgment("", is_proved=is_own or (seal is not None and entry.run in seal.unsealed_runs))
        if signature is None:
            is_late = time_of(entry) >= self._signed_from
            return Judgment("has no signature, although SEAL_KEY was set by then" if is_late else "", is_proved=False)
        if (key := self._keys.get(signature.key)) is None:
            return Judgment(f"is signed by {signature.key}, which is none of the public keys", is_proved=False)
        return Judgment("", is_proved=True) if signature.is_by(key) else Judgment("has a signature that is not valid", is_proved=False)


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

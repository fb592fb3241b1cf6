"""Writes the entries of one run or replay to the ledger."""

from collections import deque
from collections.abc import Collection, Iterator
from dataclasses import replace
from typing import NamedTuple

from epimetheus.errors import LedgerError
from epimetheus.ledger.entry import Entry, EntryName, Place, Source
from epimetheus.model import Window
from epimetheus.run.delivered import DeliveredKeys
from epimetheus.run.pending_entry import PendingEntry, polled_digest


class Reading(NamedTuple):
    """What was read since the last entry. ``source``: why; ``polled``: the OCIDs of the compartments; ``epoch``: that of the state."""

    source: Source
    polled: Collection[str]
    epoch: int


class EntryWriter:
    """The entries of the run ``run`` over ``region``. ``count``: entries so far; it numbers them.

    ``written``: name → hex digest of the stored bytes, of the entries that are not in a state yet.
    """

    def __init__(self, delivered: DeliveredKeys, tenancy: str, region: str, run: str) -> None:
        self.count = 0
        self.written: dict[str, str] = {}
        self._delivered = delivered
        self._tenancy, self._region, self._run = tenancy, region, run
        self._unwritten: deque[Entry] = deque()  # not known to be written

    def write(self, pending: PendingEntry, reading: Reading, now: float) -> None:
        """Write what is ``pending``, at ``now`` (seconds since the epoch).

        An entry whose write failed may have taken effect: it is written again first, as it was. Raises LedgerError.
        """
        self._unwritten += self._entries(pending, reading, now)
        while self._unwritten:
            self.written |= self._delivered.record(self._unwritten[0])
            self._unwritten.popleft()

    def require_writable(self, place: Place, reading: Reading, now: float) -> None:
        """Write an entry without events for ``place`` before the first event is sent. Raises LedgerError.

        Otherwise each try would send the same events again, as long as the ledger cannot be written.
        """
        empty = PendingEntry()
        empty.add_keys(*place, [])
        try:
            self.write(empty, reading, now)
        except LedgerError as error:
            raise LedgerError(f"{error.what} Nothing is sent until the ledger can be written.", do=error.do) from error

    def announce(self, reading: Reading, now: float, through: int) -> None:
        """Name the entries that are ``written`` and that no run may list, because their windows end at the cursor ``through`` (minute).

        The entry that names them is without events, in the current minute, which the next run lists. Raises LedgerError.
        """
        past = {text: sha256 for text, sha256 in self.written.items() if (name := EntryName.parse(text)) and name.window.end <= through}
        if past:
            minute, empty = int(now // 60), PendingEntry()
            empty.add_keys(self._tenancy, Window(minute, minute + 1), [])
            [entry] = self._entries(empty, reading, now)
            self._delivered.record(replace(entry, unsealed=past))
        self.written = {}

    def _entries(self, pending: PendingEntry, reading: Reading, now: float) -> Iterator[Entry]:
        polled_sha256 = polled_digest(reading.polled)
        for part in pending.parts():
            self.count += 1
            yield Entry(
                tenancy=self._tenancy,
                state=self._delivered.state,
                region=self._region,
                run=self._run,
                number=self.count,
                source=reading.source,
                epoch=reading.epoch,
                at=now,
                keys=part.keys,
                polled=len(reading.polled),
                polled_sha256=polled_sha256,
                messages=part.messages,
                rate_limits=part.rate_limits,
            )

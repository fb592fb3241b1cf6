"""The order of reading and writing the state: lease first, then conditional writes, and never two masters.

A write whose answer was lost is retried by the SDK and then meets 412 on itself; one whose tries are used up may have taken effect, and
the next meets 412 on that. So every attempt carries its run and a serial number of its own, and a 412 is read back before it is called a
conflict: what this run wrote earlier is written over, another's is not.
"""

from collections.abc import Callable
from dataclasses import replace

from epimetheus.errors import StateConflict, StateError
from epimetheus.state.form import pack, unpack
from epimetheus.state.memory import Lease, State
from epimetheus.state.store import Changed, Store, Stored

_LEASE_TRIES = 3
_WRITE_TRIES = 3


class Keeper:
    """Keeps the state of ``region`` in ``store`` for the run ``run_id``. ``writes`` counts those that were confirmed."""

    def __init__(self, store: Store, run_id: str, region: str) -> None:
        self.writes = 0
        self._store = store
        self._run_id = run_id
        self._region = region
        self._etag: str | None = None
        self._serial = 0

    def open(self, fresh: Callable[[], State], *, now: float, until: float) -> tuple[State, Lease | None]:
        """The state as it was left, and leased to this run until ``until``; or the live lease of the run that holds it.

        ``fresh`` makes the first state, where there is none. ``now`` and ``until`` are seconds since the epoch. Raises StateError.
        """
        tries = 0
        while True:
            tries += 1
            found, self._etag = self._read()
            state = found or fresh()
            if state.lease and state.lease.run != self._run_id and state.lease.until > now:
                return state, state.lease
            try:
                return self.commit(replace(state, lease=Lease(self._run_id, until))), None
            except StateConflict:
                if tries == _LEASE_TRIES:
                    raise

    def peek(self) -> State | None:
        """The state as it is, without a lease; the next `commit` replaces it, damaged as it may be. Raises StateError, StateDamaged."""
        stored = self._store.read()
        self._etag = stored.etag if stored else None
        return self._unpacked(stored)

    def commit(self, state: State) -> State:
        """Write ``state`` in place of what was last read or written; as written. Raises StateConflict, StateError.

        After a conflict every further commit is one: another's state is never written over. After any other error it is open whether
        the write took effect; a further commit replaces it either way.
        """
        self._serial = max(self._serial, state.serial) + 1
        stamped = replace(state, writer=self._run_id, serial=self._serial)
        self._etag = self._write(stamped)
        self.writes += 1
        return stamped

    def _write(self, stamped: State) -> str:
        data, etag = pack(stamped), self._etag
        for _ in range(_WRITE_TRIES):
            try:
                return self._store.write(data, etag)
            except Changed as changed:
                found, there = self._read()
                ours = found is not None and found.writer == self._run_id
                if found and there and ours and found.serial == stamped.serial:
                    return there
                if there != etag and not ours:
                    raise self._conflict(found) from changed
                etag = there
        raise StateError(
            f"The state in {self._store.name} could not be written: each of {_WRITE_TRIES} times another write was under way.",
            do="The next run tries again. If it lasts, find out what else writes there.",
        )

    def _read(self) -> tuple[State | None, str | None]:
        stored = self._store.read()
        return self._unpacked(stored), stored.etag if stored else None

    def _unpacked(self, stored: Stored | None) -> State | None:
        if stored is None:
            return None
        state = unpack(stored.data, self._store.name)
        if state.region != self._region:
            raise StateError(
                f"The state in {self._store.name} is that of {state.region}, not of {self._region}.",
                do="Give each region, and each profile, a STATE_FILE or STATE_PREFIX of its own.",
            )
        return state

    def _conflict(self, found: State | None) -> StateConflict:
        writer = "somebody deleted it" if found is None else f"run {found.writer} wrote it"
        return StateConflict(
            f"The state in {self._store.name} is not ours any more: {writer} since this run read it.",
            do="Nothing is lost: what this run sent and could not write down is sent again. If it happens often, runs overlap:"
            " schedule them further apart.",
        )

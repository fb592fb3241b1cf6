"""The order of reading and writing the state: lease first, then conditional writes, and never two masters.

A write whose answer was lost is retried by the SDK and then meets 412 on itself. So every write carries its run and a serial number, and
a 412 is read back before it is called a conflict.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

from epimetheus.errors import StateConflict
from epimetheus.state.form import pack, unpack
from epimetheus.state.memory import Lease, State
from epimetheus.state.store import Changed, Store

_LEASE_TRIES = 3


class Keeper:
    """Keeps one region's state in ``store`` for the run ``run_id``."""

    def __init__(self, store: Store, run_id: str) -> None:
        self.writes = 0
        self._store = store
        self._run_id = run_id
        self._etag: str | None = None

    def open(self, fresh: Callable[[], State], *, now: float, until: float) -> tuple[State, Lease | None]:
        """The state as it was left, and leased to this run until ``until``; or the live lease of the run that holds it.

        ``fresh`` makes the first state, where there is none. ``now`` and ``until`` are seconds since the epoch. Raises StateError.
        """
        for _ in range(_LEASE_TRIES):
            found, self._etag = self._read()
            state = found or fresh()
            if state.lease and state.lease.run != self._run_id and state.lease.until > now:
                return state, state.lease
            with suppress(StateConflict):
                return self.commit(replace(state, lease=Lease(self._run_id, until))), None
        raise self._conflict(found)

    def peek(self) -> State | None:
        """The state as it is, without a lease; the next `commit` replaces it, damaged as it may be. Raises StateError, StateDamaged."""
        stored = self._store.read()
        self._etag = stored.etag if stored else None
        return unpack(stored.data, self._store.name) if stored else None

    def commit(self, state: State) -> State:
        """Write ``state`` in place of what was last read or written; as written. Raises StateConflict, StateError.

        After a conflict every further commit is one: another's state is never written over.
        """
        stamped = replace(state, writer=self._run_id, serial=state.serial + 1)
        try:
            self._etag = self._store.write(pack(stamped), self._etag)
        except Changed as changed:
            found, etag = self._read()
            if found is None or (found.writer, found.serial) != (self._run_id, stamped.serial):
                raise self._conflict(found) from changed
            self._etag = etag
        self.writes += 1
        return stamped

    def _read(self) -> tuple[State | None, str | None]:
        stored = self._store.read()
        return (None, None) if stored is None else (unpack(stored.data, self._store.name), stored.etag)

    def _conflict(self, found: State | None) -> StateConflict:
        writer = "somebody deleted it" if found is None else f"run {found.writer} wrote it"
        return StateConflict(
            f"The state in {self._store.name} is not ours any more: {writer} since this run read it.",
            do="Nothing is lost: what this run sent and could not write down is sent again. If it happens often, runs overlap:"
            " schedule them further apart.",
        )

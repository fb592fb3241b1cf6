"""The protocol for reading and writing the state: take the lease first, then write only over what this run has seen.

Every write is conditional on an ETag, so it cannot overwrite a write that this run has not seen. But a failed precondition does not prove
a conflict: the SDK repeats a write whose response was lost, and the repeat then fails because the first one took effect. A write that
raised an error may have taken effect, too. So each write carries the run and a serial number, and after a failed precondition the
session reads the state back and decides:

    this run's, with this serial number     the write took effect, and only its response was lost: done
    this run's, with another one            an earlier write of this run took effect: write again, over that one
    any, with the expected ETag             another write was in progress and failed: write again
    another run's, or deleted               a conflict: never overwritten

A lease lasts LEASE_SECONDS at most. Each commit renews it; `renew_if_due` renews it between commits. `release` returns it however the run
ends, even if the run's own memory cannot be trusted.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

from epimetheus.errors import StateConflict, StateError
from epimetheus.state.checks import check_times
from epimetheus.state.earlier_format import EarlierState, read_earlier
from epimetheus.state.encoding import pack, unpack
from epimetheus.state.marker import Marker, Markers
from epimetheus.state.model import LEASE_SECONDS, Lease, State, Summary, with_entered
from epimetheus.state.owner import Owner
from epimetheus.state.owner_binding import OwnerBinding
from epimetheus.state.store import PreconditionFailed, Store, Stored

RENEW_SECONDS = 60.0
"""The age at which a lease is renewed."""
_LEASE_ATTEMPTS = 3
_WRITE_ATTEMPTS = 3


class StateSession:
    """One run's access to the state of ``region`` in ``store``. Times are seconds since the epoch.

    ``owner``: the tenancy and receiver that the state must belong to, None: any. ``receiver_verified``: whether this run has verified the
    receiver, given whether everything up to its end is read; a state without a receiver then records the owner's.
    ``writes`` counts confirmed writes. ``first_start``: `open` found no state and created it.
    """

    def __init__(
        self,
        store: Store,
        run_id: str,
        region: str,
        owner: Owner | None = None,
        markers: Markers | None = None,
        receiver_verified: Callable[[bool], bool] = lambda caught_up: True,
    ) -> None:
        self.writes = 0
        self.first_start = False
        self._store = store
        self._run_id = run_id
        self._region = region
        self._owner_binding = OwnerBinding(store.name, region, run_id, owner, markers or Markers(()), receiver_verified)
        self._etag: str | None = None
        self._serial = 0
        self._lease: Lease | None = None
        self._lease_end = self._renew_at = 0.0

    @property
    def holds_lease(self) -> bool:
        """Whether this run has the lease, or may have it."""
        return self._lease is not None

    def open(
        self,
        fresh: Callable[[], State],
        *,
        now: float,
        until: float,
        take_over: Callable[[State], State] = State.without_lease,
    ) -> tuple[State, Lease | None]:
        """Take the lease, ``until`` at the latest. Returns the state as written, or the state and the live lease of another run.

        ``fresh`` makes the first state if there is none. ``take_over``: from a state with the expired lease of another run, the state
        without it. Raises StateError; after StateMissing, StateForeign and StateInFuture, nothing was written.
        """
        for _ in range(_LEASE_ATTEMPTS - 1):
            with suppress(StateConflict):
                return self._take_lease(fresh, take_over, now, until)
        return self._take_lease(fresh, take_over, now, until)

    def _take_lease(
        self, fresh: Callable[[], State], take_over: Callable[[State], State], now: float, until: float
    ) -> tuple[State, Lease | None]:
        found, self._etag = self._read()
        if found:
            self.validate(found, now)
        state = found or self._owner_binding.first_state(fresh(), now)
        if state.lease and state.lease.run != self._run_id and state.lease.is_live(now):
            return state, state.lease
        if state.lease and state.lease.run != self._run_id:
            state = take_over(state)
        self._owner_binding.remember_cursor(state)
        self._lease_end = until
        self._lease = Lease(self._run_id, until, now)  # before the write: it may take effect even if it raises
        try:
            entered = with_entered(state.entered, self._run_id, 0)
            state = self.commit(replace(state, lease=self._lease, entered=entered), now=now)
        except StateConflict:
            self._lease = None
            raise
        self.first_start = found is None
        return state, None

    def commit(self, state: State, *, now: float | None = None) -> State:
        """Write ``state`` over what this session last read or wrote; returns it as written. Raises StateConflict, StateError.

        ``now`` is given during a run: the commit then renews the lease in ``state`` (or returns it, if ``state`` has none) and records
        the owner.

        After a StateConflict, every further commit raises it, too. After any other error, the write may or may not have taken effect; a
        further commit replaces it in both cases.
        """
        self._serial = max(self._serial, state.serial) + 1
        if now is not None:
            state = self._renewed(self._owner_binding.record(state), now)
        state = replace(state, writer=self._run_id, serial=self._serial)
        self._etag = self._write(state)
        self.writes += 1
        if state.lease is None:
            self._lease = None
        if now is None:
            return state
        self._renew_at = now + RENEW_SECONDS
        return self._owner_binding.complete_markers(state, now)

    def _renewed(self, state: State, now: float) -> State:
        """``state`` with the lease of this run renewed, if both have one."""
        if self._lease is None or state.lease is None:
            return state
        self._lease = replace(self._lease, until=min(self._lease_end, now + LEASE_SECONDS))
        return replace(state, lease=self._lease)

    def _write(self, state: State) -> str:
        """Write ``state`` over ``self._etag``; the new ETag. The module docstring explains each branch."""
        data, expected = pack(state), self._etag
        for _ in range(_WRITE_ATTEMPTS):
            try:
                return self._store.write(data, expected)
            except PreconditionFailed as changed:
                found, current = self._read()
                own = found is not None and found.writer == self._run_id
                if found and current and own and found.serial == state.serial:
                    return current
                if current != expected and not own:
                    raise self._conflict(found) from changed
                expected = current
        raise StateError(
            f"The state in {self._store.name} could not be written: another write was in progress at each of {_WRITE_ATTEMPTS} attempts.",
            do="The next run tries again. If this error persists, find out what else writes to this location.",
        )

    def renew_if_due(self, now: float) -> None:
        """Renew the lease of this run if it is RENEW_SECONDS old; otherwise do nothing.

        Raises StateConflict if another run has written the state. If the state cannot be read or written, a later call tries again:
        nothing is lost as long as no other run writes.
        """
        if self._lease is None or now < self._renew_at:
            return
        self._renew_at = now + RENEW_SECONDS / 4
        try:
            found, etag = self._read()
            if found is None or found.writer != self._run_id:
                raise self._conflict(found)
            self._etag = etag
            self.commit(found, now=now)
        except StateConflict:
            raise
        except StateError:
            return

    def extend(self, until: float, now: float) -> None:
        """Let the lease last ``until``, and renew it at once. For OCI's clock, which is unknown before the first response."""
        self._lease_end, self._renew_at = until, 0.0
        self.renew_if_due(now)

    def release(self, attempts: int = _WRITE_ATTEMPTS, last: Summary | None = None) -> State | None:
        """Return the lease of this run, whatever state the run is in; the stored state, or None if the lease may still be there.

        ``last``: added to the summary of the last run.

        This uses nothing of the session but the ID of the run: it reads the stored state and writes it back without the lease. It tries
        again after an error, ``attempts`` times in all, and after a signal, which it raises at the end. It raises no Exception: the run
        ends for another reason, and a lease that remains expires.
        """
        if self._lease is None:
            return None
        saved, signal = None, None
        for _ in range(attempts):
            try:
                saved = self._write_without_lease(last or {})
                break
            except Exception:  # noqa: BLE001, S112 - see above
                continue
            except BaseException as raised:
                if signal is not None:
                    raise
                signal = raised
        if signal is not None:
            raise signal
        return saved

    def _write_without_lease(self, last: Summary) -> State | None:
        """The stored state, which this run no longer leases. Raises PreconditionFailed, StateError."""
        found, etag = self._read()
        if found is None or found.lease is None or found.lease.run != self._run_id:
            return found
        summary, serial = {**found.last, **last}, max(self._serial, found.serial) + 1
        freed = replace(found.without_lease(), last=summary, writer=self._run_id, serial=serial)
        self._store.write(pack(freed), etag)
        return freed

    def peek(self) -> State | None:
        """Read the state without taking the lease. The next `commit` replaces it, even if damaged. Raises StateError, StateDamaged."""
        stored = self._store.read()
        self._etag = stored.etag if stored else None
        return self._decoded(stored)

    def peek_earlier(self) -> EarlierState | None:
        """As `peek`, for a state that an earlier version wrote; None if the stored bytes are no such state. Raises StateError."""
        stored = self._store.read()
        self._etag = stored.etag if stored else None
        return read_earlier(stored.data) if stored else None

    def validate(self, state: State, now: float) -> None:
        """Check that this run may continue ``state``. Raises StateForeign, StateInFuture."""
        self._owner_binding.check(state)
        check_times(state, self._store.name, now)

    def raise_if_missing(self) -> None:
        """Raises StateMissing if a complete marker proves that the state existed. For a location without a state."""
        self._owner_binding.raise_if_missing()

    def find_marker(self) -> tuple[Marker, str] | None:
        """The marker of the state and its location, or None. Raises StateError."""
        return self._owner_binding.find_marker()

    def _read(self) -> tuple[State | None, str | None]:
        stored = self._store.read()
        return self._decoded(stored), stored.etag if stored else None

    def _decoded(self, stored: Stored | None) -> State | None:
        if stored is None:
            return None
        state = unpack(stored.data, self._store.name)
        if state.region != self._region:
            raise StateError(
                f"The state in {self._store.name} cannot be used: it is for region {state.region}, not {self._region}.",
                do="Set a separate STATE_FILE or STATE_PREFIX for each region and each profile.",
            )
        return state

    def _conflict(self, found: State | None) -> StateConflict:
        cause = "it was deleted" if found is None else f"run {found.writer} wrote it"
        return StateConflict(
            f"The state in {self._store.name} could not be written: {cause} since this run read it.",
            do="No event is lost: events that this run sent but could not record are sent again. If this happens often, runs overlap:"
            " schedule them further apart.",
        )

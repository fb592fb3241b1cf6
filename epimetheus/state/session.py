"""The order of reading and writing the state: lease first, then conditional writes, and never two masters.

A write whose answer was lost is retried by the SDK and then meets 412 on itself; one whose tries are used up may have taken effect, and
the next meets 412 on that. So every attempt carries its run and a serial number of its own, and a 412 is read back before it is called a
conflict: what this run wrote earlier is written over, another's is not.

A lease lasts LEASE_SECONDS at most. Each commit renews it, and `renew_if_due` does where none is made; `release` returns it on any way
out of a run, also one where nothing in memory can be relied on.
"""

from collections.abc import Callable
from dataclasses import replace

from epimetheus.errors import StateConflict, StateError
from epimetheus.model import minute_text, parse_minute, time_text
from epimetheus.state.checks import missing, refuse_foreign, refuse_future
from epimetheus.state.encoding import pack, unpack
from epimetheus.state.marker import Marker, Markers
from epimetheus.state.model import LEASE_SECONDS, Lease, State
from epimetheus.state.owner import Owner
from epimetheus.state.store import Changed, Store, Stored

RENEW_SECONDS = 60.0
"""A lease that was written so long ago is renewed."""
_LEASE_TRIES = 3
_WRITE_TRIES = 3


class StateSession:
    """Keeps the state of ``region`` in ``store`` for the run ``run_id``. ``writes`` counts those that were confirmed.

    ``owner``: the tenancy and receiver that the state must be for, None: any. ``works``: whether this run has seen that the receiver works,
    asked with whether everything up to its end is read; a state that records no receiver yet records the owner's then. ``first_start``:
    `open` found no state, and made the first.
    """

    def __init__(
        self,
        store: Store,
        run_id: str,
        region: str,
        owner: Owner | None = None,
        markers: Markers | None = None,
        works: Callable[[bool], bool] = lambda caught_up: True,
    ) -> None:
        self.writes = 0
        self.first_start = False
        self._store = store
        self._run_id = run_id
        self._region = region
        self._owner = owner
        self._markers = markers or Markers(())
        self._works = works
        self._opened_at = 0
        self._marking = True
        self._etag: str | None = None
        self._serial = 0
        self._lease: Lease | None = None
        self._lease_end = self._renew_at = 0.0

    def open(self, fresh: Callable[[], State], *, now: float, until: float) -> tuple[State, Lease | None]:
        """The state as it was left, and leased to this run, ``until`` at the latest; or the live lease of the run that holds it.

        ``fresh`` makes the first state, where there is none. ``now`` and ``until`` are seconds since the epoch. Raises StateError: also
        StateMissing, StateForeign and StateInFuture, and then nothing was written.
        """
        tries = 0
        while True:
            tries += 1
            found, self._etag = self._read()
            if found:
                self.admit(found, now)
            state = found or self._first(fresh(), now)
            if state.lease and state.lease.run != self._run_id and state.lease.is_live(now):
                return state, state.lease
            self._lease_end, self._opened_at = until, state.through
            self._lease = Lease(self._run_id, until, now)  # before it is written: from now on there may be one to return
            try:
                state = self.commit(replace(state, lease=self._lease), now=now)
            except StateConflict:
                self._lease = None
                if tries == _LEASE_TRIES:
                    raise
            else:
                self.first_start = found is None
                return state, None

    def admit(self, state: State, now: float) -> None:
        """Check that this run may continue ``state``. Raises StateForeign, StateInFuture."""
        if self._owner:
            refuse_foreign(state, self._store.name, self._owner)
        refuse_future(state, self._store.name, now)

    def refuse_missing(self) -> None:
        """Raises StateMissing where a complete marker shows that there was a state. To be called where there is none."""
        marker = self.marker()
        if marker and marker[0].complete:
            raise missing(self._store.name, *marker)

    def marker(self) -> tuple[Marker, str] | None:
        """What shows that there was a state, and the name of where that is. Raises StateError."""
        return self._markers.find()

    def renew_if_due(self, now: float) -> None:
        """Renew the lease of this run, if it was written RENEW_SECONDS ago or earlier. Cheap to call where it was not.

        Raises StateConflict where another run has written the state since. Where the state cannot be read or written, it is tried again
        later: as long as no other run writes, nothing is lost.
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
        """The lease of this run may last ``until``, by OCI's clock, which was not known when it was taken; renew it at once."""
        self._lease_end, self._renew_at = until, 0.0
        self.renew_if_due(now)

    def release(self) -> State | None:
        """Return the lease of this run, whatever was being done; the state as it is saved, or None where the lease may still stand.

        Nothing in memory is used but the name of the run: what is stored is read, and written back without the lease, again after an error,
        and after a signal that comes meanwhile, which is raised afterwards. No Exception is raised: the run ends for another reason, and a
        lease that stays expires by itself.
        """
        if self._lease is None:
            return None
        saved, signal = None, None
        for _ in range(_WRITE_TRIES):
            try:
                saved = self._without_lease()
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

    def _without_lease(self) -> State | None:
        """What is stored, and no longer leased to this run. Raises Changed, StateError."""
        found, etag = self._read()
        if found is None or found.lease is None or found.lease.run != self._run_id:
            return found
        freed = replace(found, lease=None, writer=self._run_id, serial=max(self._serial, found.serial) + 1)
        self._store.write(pack(freed), etag)
        return freed

    @property
    def holds_lease(self) -> bool:
        """Whether this run has the lease, or may have it."""
        return self._lease is not None

    def _first(self, fresh: State, now: float) -> State:
        """The first state, the marker begun; with a marker that an earlier start left incomplete, where that one began."""
        self.refuse_missing()
        if self._owner is None:
            return fresh
        marker = self._markers.begin(self._marker(fresh, now))
        if marker.complete:
            return fresh
        begin = parse_minute(marker.begins)
        return replace(fresh, through=begin, began=begin)

    def _owned(self, state: State) -> State:
        """``state`` with its owner, where it names none yet and the settings have been seen to work: a typing error must bind no state.

        The tenancy works once it was read, or listed.
        """
        if self._owner is None:
            return state
        works = self._works(state.last.get("run") == self._run_id and state.last.get("caught_up") is True)
        was_read = works or state.listed > 0 or state.through > self._opened_at
        tenancy = state.tenancy or (self._owner.tenancy if was_read else "")
        return replace(state, tenancy=tenancy, receiver=state.receiver or (self._owner.receiver if works else None))

    def _marked(self, state: State, now: float) -> State:
        """``state``, once it has its owner and its marker is complete; the next commit records that."""
        if self._owner is None or state.marked == self._owner.mark or not (self._marking and state.tenancy and state.receiver):
            return state
        try:
            self._markers.complete(self._marker(state, now))
        except StateError:  # the next run tries again: until then a missing state is a start where this one began
            self._marking = False
            return state
        return replace(state, marked=self._owner.mark)

    def _marker(self, state: State, now: float) -> Marker:
        tenancy, receiver = (self._owner.tenancy, self._owner.receiver.address) if self._owner else ("", "")
        return Marker(
            state=self._store.name, region=self._region, tenancy=tenancy, receiver=receiver,
            run=self._run_id, at=time_text(now), begins=minute_text(state.began or state.through),
        )  # fmt: skip

    def peek(self) -> State | None:
        """The state as it is, without a lease; the next `commit` replaces it, damaged as it may be. Raises StateError, StateDamaged."""
        stored = self._store.read()
        self._etag = stored.etag if stored else None
        return self._unpacked(stored)

    def commit(self, state: State, *, now: float | None = None) -> State:
        """Write ``state`` in place of what was last read or written; as written. Raises StateConflict, StateError.

        ``now`` (seconds since the epoch): in a run. It renews the lease of this run in ``state``, and records the owner; without a lease in
        it, the lease is returned.

        After a conflict every further commit is one: another's state is never written over. After any other error it is open whether
        the write took effect; a further commit replaces it either way.
        """
        self._serial = max(self._serial, state.serial) + 1
        stamped = replace(state if now is None else self._owned(state), writer=self._run_id, serial=self._serial)
        if now is not None and self._lease and state.lease:
            self._lease = replace(self._lease, until=min(self._lease_end, now + LEASE_SECONDS))
            stamped = replace(stamped, lease=self._lease)
        self._etag = self._write(stamped)
        self.writes += 1
        self._renew_at = self._renew_at if now is None else now + RENEW_SECONDS
        if stamped.lease is None:
            self._lease = None
        return stamped if now is None else self._marked(stamped, now)

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

"""Binds a state to its owner: which state a run may use, when it records the owner, and when the markers are complete."""

from collections.abc import Callable
from dataclasses import replace

from epimetheus.errors import StateError
from epimetheus.model import minute_text, parse_minute, time_text
from epimetheus.state.checks import check_owner, missing_state
from epimetheus.state.marker import Marker, Markers
from epimetheus.state.model import State
from epimetheus.state.owner import Owner


class OwnerBinding:
    """Binds the state of ``region`` in ``location`` to its owner, for the run ``run_id``. ``owner`` None: any owner is accepted.

    ``receiver_verified``: whether this run has verified the receiver, given whether everything up to its end is read.
    """

    def __init__(
        self, location: str, region: str, run_id: str, owner: Owner | None, markers: Markers, receiver_verified: Callable[[bool], bool]
    ) -> None:
        self._location = location
        self._region = region
        self._run_id = run_id
        self._owner = owner
        self._markers = markers
        self._receiver_verified = receiver_verified
        self._cursor_at_start = 0
        self._may_complete = True

    def check(self, state: State) -> None:
        """Raises StateForeign if ``state`` belongs to another owner."""
        if self._owner:
            check_owner(state, self._location, self._owner)

    def find_marker(self) -> tuple[Marker, str] | None:
        """The marker and its location, or None. Raises StateError."""
        return self._markers.find()

    def raise_if_missing(self) -> None:
        """Raises StateMissing if a complete marker proves that the state existed. For a location without a state."""
        marker = self.find_marker()
        if marker and marker[0].complete:
            raise missing_state(self._location, *marker)

    def first_state(self, fresh: State, now: float) -> State:
        """The first state, after its marker is begun. It starts where an earlier, incomplete start did, or before. Raises StateMissing."""
        self.raise_if_missing()
        if self._owner is None:
            return fresh
        marker = self._markers.begin(self._marker(fresh, now))
        if marker.complete:
            return fresh
        begin = min(parse_minute(marker.begins), fresh.through)  # the look-back may have been raised since
        return replace(fresh, through=begin, began=begin)

    def remember_cursor(self, state: State) -> None:
        """Remember the cursor of ``state``: that it advances proves that the tenancy can be read."""
        self._cursor_at_start = state.through

    def record(self, state: State) -> State:
        """``state`` with its identity and its owner, as far as this run has verified it. A mistyped setting must not bind a state.

        The tenancy is verified once it was read or listed.
        """
        state = replace(state, identity=state.identity or self._location)
        if self._owner is None:
            return state
        receiver_verified = self._receiver_verified(state.last.get("run") == self._run_id and state.last.get("caught_up") is True)
        tenancy_verified = receiver_verified or state.listed > 0 or state.through > self._cursor_at_start
        tenancy = state.tenancy or (self._owner.tenancy if tenancy_verified else "")
        receiver = state.receiver or (self._owner.receiver if receiver_verified else None)
        ledger_verified = receiver_verified or state.through > self._cursor_at_start  # either way, the ledger was read
        ledger = state.ledger or (self._owner.ledger if ledger_verified else "")
        return replace(state, tenancy=tenancy, receiver=receiver, ledger=ledger)

    def complete_markers(self, state: State, now: float) -> State:
        """Complete the markers once ``state``, as written, has its owner. The returned state records that; the next write stores it."""
        if self._owner is None or state.marker_owner == self._owner.digest:
            return state
        if not (self._may_complete and state.tenancy and state.receiver):
            return state
        try:
            self._markers.complete(self._marker(state, now))
        except StateError:  # the next run tries again; until then, a run without a state starts where this one began
            self._may_complete = False
            return state
        return replace(state, marker_owner=self._owner.digest)

    def _marker(self, state: State, now: float) -> Marker:
        tenancy, receiver = (self._owner.tenancy, self._owner.receiver.address) if self._owner else ("", "")
        return Marker(
            state=self._location, region=self._region, tenancy=tenancy, receiver=receiver,
            run=self._run_id, at=time_text(now), begins=minute_text(state.began or state.through),
        )  # fmt: skip

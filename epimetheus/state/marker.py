"""The marker: proof, stored beside the state, that a state existed. A state that is missing later is then an error, not a first start.

The marker is written in two steps around the first state. Every write is conditional, so a run may be killed between any two of them:

    1  {"complete": false, "begins": T}     there is no state yet; any later start reads from T or earlier
    2  the state, with its cursor at T or earlier
    3  {"complete": true}                   once the state records its owner; from now on a missing state is an error

A run killed after step 1 leaves an incomplete marker and no state: the next run starts at T, or at its own
look-back if that is earlier. A run killed after step 2 leaves a state
without `State.marker_owner`: the next run completes the marker. T never changes, so no start skips events that an earlier one covered.
Until the state has an owner (`epimetheus.state.owner_binding`), no receiver has confirmed anything, so starting at T again loses nothing.

A bucket has two markers with the same content. ``<prefix><region>.started``, beside the state, reveals that the state was deleted.
``epimetheus-started/<region>/<owner>`` depends on tenancy, receiver and selected compartments, but not on STATE_PREFIX, and reveals that
the prefix was changed. The state records the owner for which its markers are complete; they are completed again when the owner changes.
"""

from collections.abc import Sequence
from contextlib import suppress

import msgspec

from epimetheus.errors import StateError
from epimetheus.state.store import PreconditionFailed, Store, Stored

_ATTEMPTS = 3


class Marker(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``state``: the location of the state. ``run``, ``at``: the first run and its time. ``begins``: the first minute it reads.

    Times are RFC 3339 text.
    """

    version: int = 1
    complete: bool = False
    state: str
    region: str
    tenancy: str
    receiver: str
    run: str
    at: str
    begins: str


class Markers:
    """The markers of one state, each in a `Store`. Without stores, a missing state is never an error."""

    def __init__(self, stores: Sequence[Store]) -> None:
        self._stores = stores

    def find(self) -> tuple[Marker, str] | None:
        """A marker, preferably a complete one, and its location. Raises StateError.

        An unreadable marker counts as complete: something was written there.
        """
        found = [(_decode(stored), store.name) for store in self._stores if (stored := store.read())]
        return min(found, key=lambda one: not one[0].complete, default=None)

    def begin(self, marker: Marker) -> Marker:
        """Step 1: write ``marker`` to each store that has none; the marker that is valid now. Raises StateError."""
        for store in self._stores:
            with suppress(PreconditionFailed):  # another run starts at the same time: the first marker is valid for both
                store.write(_encode(marker), None)
        found = self.find()
        return found[0] if found else marker

    def complete(self, marker: Marker) -> None:
        """Step 3: complete each marker with the owner of ``marker``; a store without one gets ``marker`` itself. Raises StateError."""
        for store in self._stores:
            if not any(_try_to_complete(store, marker) for _ in range(_ATTEMPTS)):
                raise StateError(
                    f"The marker {store.name} could not be written: another write was in progress at each of {_ATTEMPTS} attempts.",
                    do="The next run tries again.",
                )


def _try_to_complete(store: Store, marker: Marker) -> bool:
    """Whether the marker in ``store`` is complete now; False if another write intervened."""
    stored = store.read()
    current = _decode(stored) if stored else marker
    if stored and current.complete:
        return True
    try:
        completed = msgspec.structs.replace(current, complete=True, tenancy=marker.tenancy, receiver=marker.receiver)
        store.write(_encode(completed), stored.etag if stored else None)
    except PreconditionFailed:
        return False
    return True


def _encode(marker: Marker) -> bytes:
    return msgspec.json.format(msgspec.json.encode(marker), indent=1)


def _decode(stored: Stored) -> Marker:
    try:
        return msgspec.json.decode(stored.data, type=Marker)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return Marker(complete=True, state="?", region="?", tenancy="?", receiver="?", run="?", at="an unknown date", begins="?")

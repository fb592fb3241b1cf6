"""The marker: proof that a state was written once, kept beside it, so that its absence later is an error and not a first start.

It is written in two steps around the first state, each conditional, so that a run can be killed between any two of them:

    1  {"complete": false, "begins": T}     no state yet: a later start reads from T on, as this one would have
    2  the state, read up to T
    3  {"complete": true}                   once the state records its owner; from now on a missing state is an error

Killed after 1: the next run finds an incomplete marker and no state, and starts at its T. Killed after 2: it finds a state that does not
know of a complete marker (`State.marked`), and completes it. T never moves, so that no start forgets what an earlier one had promised.
Until the state has an owner (see `StateSession`), nothing was confirmed by any receiver, so that starting at T again loses nothing.

In a bucket there are two, which say the same. ``<prefix><region>.started`` stands beside the state: it shows that a state was deleted.
``epimetheus-started/<region>/<owner>`` depends on tenancy, receiver and chosen compartments, but not on STATE_PREFIX: it shows that the
prefix was changed. The state records for which owner its markers are complete; they are completed again where that has changed.
"""

from collections.abc import Sequence
from contextlib import suppress

import msgspec

from epimetheus.errors import StateError
from epimetheus.state.store import Changed, Store, Stored

_TRIES = 3


class Marker(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``state``: where the state is; ``run`` and ``at`` (RFC 3339): the first run; ``begins``: the first minute it reads (RFC 3339)."""

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
    """The markers of one state, in one `Store` each. None of them: no state is missed."""

    def __init__(self, places: Sequence[Store]) -> None:
        self._places = places

    def find(self) -> tuple[Marker, str] | None:
        """The marker, a complete one first, and the name of where it is. Raises StateError.

        One that cannot be read is complete: something was written there.
        """
        found = [(_read(stored), place.name) for place in self._places if (stored := place.read())]
        return min(found, key=lambda one: not one[0].complete, default=None)

    def begin(self, marker: Marker) -> Marker:
        """Write step 1 wherever there is none; what counts from now on. Raises StateError."""
        for place in self._places:
            with suppress(Changed):  # by another run that starts just now: whichever was first counts for both
                place.write(_form(marker), None)
        found = self.find()
        return found[0] if found else marker

    def complete(self, marker: Marker) -> None:
        """Step 3, with what an earlier step wrote, but the owner's of ``marker``; ``marker`` where there is none. Raises StateError."""
        for place in self._places:
            if not any(_completed(place, marker) for _ in range(_TRIES)):
                raise StateError(
                    f"The marker {place.name} could not be written: each of {_TRIES} times another write was under way.",
                    do="The next run tries again.",
                )


def _completed(place: Store, marker: Marker) -> bool:
    """Whether the marker in ``place`` is complete now; False where another write came in between."""
    stored = place.read()
    before = _read(stored) if stored else marker
    if stored and before.complete:
        return True
    try:
        after = msgspec.structs.replace(before, complete=True, tenancy=marker.tenancy, receiver=marker.receiver)
        place.write(_form(after), stored.etag if stored else None)
    except Changed:
        return False
    return True


def _form(marker: Marker) -> bytes:
    return msgspec.json.format(msgspec.json.encode(marker), indent=1)


def _read(stored: Stored) -> Marker:
    try:
        return msgspec.json.decode(stored.data, type=Marker)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return Marker(complete=True, state="?", region="?", tenancy="?", receiver="?", run="?", at="an unknown day", begins="?")

"""What is remembered of the compartments of a tenancy from listing to listing: pure decisions over the state. Times are in minutes."""

from collections.abc import Collection
from dataclasses import replace
from typing import Any, NamedTuple

from epimetheus.model import Compartment, minute_text
from epimetheus.source.compartments import Listing
from epimetheus.state.model import BehindCompartment, KnownCompartment, State

RETENTION_MINUTES = 365 * 24 * 60  # Audit keeps events for a year
NEW = "new: its events since it appeared are being read"
RESUMED = "read again after a pause, from where reading stopped"
_MOST_NAMED = 5


class Changes(NamedTuple):
    """What a listing or a setting changed: compartments ``deselected`` by a setting, and those whose events are ``expired`` in part."""

    deselected: tuple[str, ...] = ()
    expired: tuple[str, ...] = ()

    def warnings(self, now: int) -> list[str]:
        """One sentence for each kind of change that skips events."""
        found = []
        if self.deselected:
            found.append(
                f"{len(self.deselected)} compartments are no longer selected by COMPARTMENT_MODE and COMPARTMENT_IDS, and their events are"
                f" not forwarded: {_named(self.deselected)}. If they are selected again, reading resumes where it stopped."
            )
        if self.expired:
            found.append(
                f"{len(self.expired)} compartments return after more than a year; their events before"
                f" {minute_text(now - RETENTION_MINUTES)} are no longer available: {_named(self.expired)}."
            )
        return found


def _named(ocids: Collection[str]) -> str:
    more = f" and {len(ocids) - _MOST_NAMED} more" if len(ocids) > _MOST_NAMED else ""
    return ", ".join(sorted(ocids)[:_MOST_NAMED]) + more


def remembered(state: State) -> dict[str, Compartment]:
    """Every compartment of the state by OCID, also those that are gone but still read to their end."""
    return {ocid: Compartment(ocid, known.name, known.parent, deleted=known.deleted) for ocid, known in state.known.items()}


def last_known(state: State) -> Listing:
    """The listing that serves while Identity cannot be read; compartments it does not name stay as they were."""
    there = {ocid: one for ocid, one in remembered(state).items() if state.known[ocid].vanished is None or one.deleted}
    return Listing(there, refused=tuple(there))


def still_serves(state: State, needed: Collection[str], *, now: int, minutes: int) -> bool:
    """Whether the last complete listing serves again: it is younger than ``minutes``, and names all ``needed`` OCIDs.

    Not after a run that left anything unread: a compartment that could not be read may be gone, and only a listing shows that.
    """
    young = 0 <= now - state.listed < minutes
    complete = not state.partly_listed and last_known(state).compartments.keys() >= set(needed)
    return young and complete and state.last.get("caught_up") is True


def update_compartments(
    state: State, listing: Listing, selected: Collection[str], *, now: int, lookback: int, overlap: int
) -> tuple[State, Changes]:
    """The state after a listing, and what changed: which compartments are known, new (and from when), gone, or no longer selected.

    A compartment that vanished, or is listed as deleted, is read until everything up to then and the overlap has been read. A new one
    is read from its creation on; one that existed before reading began, at most ``lookback`` before the last complete listing.
    One that was read before, and stopped being so because it vanished or was not selected, is read on from there, at most a year back.
    """
    horizon, oldest = min(now, state.listed or now) - lookback, now - RETENTION_MINUTES
    known = {ocid: _known(ocid, state, listing, selected, now) for ocid in {**listing.compartments, **state.known}}
    known = {ocid: _settled(k, *_read_to(state, ocid), overlap) for ocid, k in known.items()}
    known = {ocid: k for ocid, k in known.items() if ocid in listing.compartments or _is_worth_keeping(k, oldest)}
    behind = {ocid: b for ocid, b in state.behind.items() if ocid in known and known[ocid].polled}
    expired = []
    for ocid, one in known.items() if state.known else ():  # with none known, all begin at the cursor
        before = state.known.get(ocid)
        if one.polled and not (before and before.polled):
            since = _first_minute(listing.compartments.get(ocid), before, horizon, max(oldest, state.began))
            since = max(since, oldest)
            if since < state.through:
                read_before = before is not None and before.read_until is not None
                behind[ocid] = BehindCompartment(since, RESUMED if read_before else NEW, floor=before.floor if before else 0)
            if before and before.read_until is not None and before.read_until < oldest:
                expired.append(ocid)
    deselected = [ocid for ocid, k in known.items() if not k.polled and _was_asked(state, ocid) and ocid not in selected and k.vanished is None]
    state = replace(state, known=known, behind=behind, **_listed(state, listing, now))
    return state, Changes(tuple(deselected), tuple(expired))


def _listed(state: State, listing: Listing, now: int) -> dict[str, Any]:
    """When the compartments were listed completely; where they never were, since when that is so."""
    if not listing.tree:
        return {}
    if listing.refused:
        return {} if state.listed else {"listed": now, "partly_listed": True}
    return {"listed": now, "partly_listed": False}


def _was_asked(state: State, ocid: str) -> bool:
    before = state.known.get(ocid)
    return before is not None and before.polled


def _is_worth_keeping(known: KnownCompartment, oldest: int) -> bool:
    """A compartment that is no longer listed is remembered while it is read, and for a year after, to read on if it returns."""
    return known.vanished is None or known.polled or (known.read_until is not None and known.read_until >= oldest)


def _first_minute(listed: Compartment | None, before: KnownCompartment | None, horizon: int, began: int) -> int:
    """Where to begin with a compartment that is read from now on; ``began``: since then, whatever was created is to be read."""
    if before is not None and before.read_until is not None:
        return before.read_until
    created = listed.created if listed else 0
    return created if before is None and created >= began > 0 else max(created, horizon)


def _known(ocid: str, state: State, listing: Listing, selected: Collection[str], now: int) -> KnownCompartment:
    listed, before = listing.compartments.get(ocid), state.known.get(ocid)
    was_asked = before is not None and before.polled
    if listed is not None:
        gone = (before.vanished if before and before.deleted else now) if listed.deleted else None
        read, floor, given_up = (before.read_until, before.floor, before.given_up and listed.deleted) if before else (None, 0, False)
        current, asked = KnownCompartment(listed.name, listed.parent, False, listed.deleted, gone, read, floor, given_up), ocid in selected
    elif before is not None:
        whole = listing.tree and not listing.refused
        current = replace(before, vanished=before.vanished or (now if whole else None))
        asked = (before.polled or before.read_until is not None) and ocid in selected
    else:
        raise ValueError(f"{ocid} is neither listed nor known")
    if asked:
        return replace(current, polled=True, read_until=None, floor=0)
    if was_asked:
        behind = state.behind.get(ocid)
        return replace(current, polled=False, read_until=state.read_until(ocid), floor=behind.floor if behind else state.floor)
    return replace(current, polled=False)


def _read_to(state: State, ocid: str) -> tuple[int, int]:
    """The minute up to which a compartment was read, 0 where it never was; and its floor."""
    before = state.known.get(ocid)
    if before is None:
        return 0, 0
    return (state.read_until(ocid), state.floor) if before.polled else (before.read_until or 0, before.floor)


def _settled(known: KnownCompartment, mark: int, floor: int, overlap: int) -> KnownCompartment:
    """No longer read once it has been read past its end and the overlap, or was given up."""
    if not known.polled or known.vanished is None or (mark < known.vanished + overlap and not known.given_up):
        return known
    return replace(known, polled=False, read_until=mark, floor=floor)

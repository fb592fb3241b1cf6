"""Updates the known compartments after a listing: pure functions over the state. Times are in minutes."""

from collections.abc import Collection
from dataclasses import replace
from typing import Any, NamedTuple

from epimetheus.model import RETENTION_DAYS, Compartment, count_text, minute_text, plural
from epimetheus.run.plan import LONGEST_SLICE_MINUTES
from epimetheus.source.compartments import Listing
from epimetheus.state.model import BehindCompartment, KnownCompartment, State

RETENTION_MINUTES = RETENTION_DAYS * 24 * 60
UNLISTED_MINUTES = 30 * 24 * 60
"""How long a compartment is polled after the listings left it out: only a listing as deleted shows that no events follow."""
NEW = "new: reading its events since it was created"
RESUMED = "polled again: reading resumes where it stopped"
_MOST_NAMED = 5


class Changes(NamedTuple):
    """Compartments ``deselected`` by a setting, ``unlisted`` for UNLISTED_MINUTES, or returning after some events have ``expired``."""

    deselected: tuple[str, ...] = ()
    unlisted: tuple[str, ...] = ()
    expired: tuple[str, ...] = ()

    def warnings(self, now: int) -> list[str]:
        """A warning for each kind of change that may skip events."""
        warnings = []
        if count := len(self.deselected):
            warnings.append(
                f"{count_text(count, 'compartment is', 'compartments are')} no longer selected by COMPARTMENT_MODE and COMPARTMENT_IDS."
                f" {plural(count, 'Its', 'Their')} events are not forwarded: {first_few(self.deselected)}."
                f" If {plural(count, 'it is', 'they are')} selected again, reading resumes where it stopped."
            )
        if count := len(self.unlisted):
            warnings.append(
                f"{count_text(count, 'compartment has', 'compartments have')} not been listed for {UNLISTED_MINUTES // 1440} days and"
                f" {plural(count, 'is', 'are')} no longer polled: {first_few(self.unlisted)}."
                f" If {plural(count, 'it is', 'they are')} listed again, reading resumes where it stopped."
            )
        if count := len(self.expired):
            warnings.append(
                f"{count_text(count, 'compartment is', 'compartments are')} polled again after more than a year."
                f" {plural(count, 'Its', 'Their')} events before {minute_text(now - RETENTION_MINUTES)} are no longer available:"
                f" {first_few(self.expired)}."
            )
        return warnings


def first_few(ocids: Collection[str]) -> str:
    """The first OCIDs for a message, and the number of the others: ``a, b, c, d, e and 7 more``."""
    more = f" and {len(ocids) - _MOST_NAMED} more" if len(ocids) > _MOST_NAMED else ""
    return ", ".join(sorted(ocids)[:_MOST_NAMED]) + more


def known_compartments(state: State) -> dict[str, Compartment]:
    """Every compartment of the state by OCID, including vanished ones."""
    return {ocid: Compartment(ocid, known.name, known.parent, deleted=known.deleted) for ocid, known in state.known.items()}


def last_listing(state: State) -> Listing:
    """The listing to use while Identity cannot be read. Compartments that it does not include stay unchanged."""
    listed = {ocid: one for ocid, one in known_compartments(state).items() if state.known[ocid].vanished is None or one.deleted}
    return Listing(listed, refused=tuple(listed))


def listing_is_current(state: State, needed: Collection[str], *, now: int, minutes: int) -> bool:
    """Whether the last complete listing can be used again: it is younger than ``minutes`` and includes all ``needed`` OCIDs.

    Not after a run that did not catch up: a compartment that could not be read may be deleted, which only a listing shows.
    """
    young = 0 <= now - state.listed < minutes
    complete = not state.partly_listed and last_listing(state).compartments.keys() >= set(needed)
    return young and complete and state.last.get("caught_up") is True


def update_compartments(
    state: State, listing: Listing, selected: Collection[str], *, now: int, lookback: int, overlap: int
) -> tuple[State, Changes]:
    """The state after a listing, and what changed.

    A compartment that is listed as deleted is read through that minute plus the overlap; one that is no longer listed, for
    UNLISTED_MINUTES. A new compartment is read from its creation, or, if it existed before reading began, from at most ``lookback`` before
    the last complete listing, or before the cursor if that is earlier. A compartment that is polled again resumes where reading stopped, at
    most a year back.
    """
    horizon, oldest = min(now, state.listed or now, state.through) - lookback, now - RETENTION_MINUTES
    known = {ocid: _known(ocid, state, listing, selected, now) for ocid in {**listing.compartments, **state.known}}
    known = {ocid: _stop_if_finished(k, *_read_to(state, ocid), overlap) for ocid, k in known.items()}
    known = {ocid: k for ocid, k in known.items() if ocid in listing.compartments or _is_kept(k, oldest)}
    behind = {ocid: b for ocid, b in state.behind.items() if ocid in known and known[ocid].polled}
    expired = []
    for ocid, one in known.items() if state.known else ():  # in a first listing all compartments begin at the cursor
        before = state.known.get(ocid)
        if one.polled and not (before and before.polled):
            since = _first_minute(listing.compartments.get(ocid), before, horizon, max(oldest, state.began))
            since = max(since, oldest)
            if since < state.through:
                read_before = before is not None and before.read_until is not None
                touched = min(since + LONGEST_SLICE_MINUTES, state.through) if read_before else 0
                reason, floor = RESUMED if read_before else NEW, before.floor if before else 0
                behind[ocid] = BehindCompartment(since, reason, floor=floor, touched=touched)
            if before and before.read_until is not None and before.read_until < oldest:
                expired.append(ocid)
    stopped = [ocid for ocid, k in known.items() if not k.polled and _was_polled(state, ocid)]
    deselected = [ocid for ocid in stopped if ocid not in selected]
    unlisted = [ocid for ocid in stopped if ocid in selected and not known[ocid].deleted]
    state = replace(state, known=known, behind=behind, **_listed(state, listing, now))
    return state, Changes(tuple(deselected), tuple(unlisted), tuple(expired))


def _listed(state: State, listing: Listing, now: int) -> dict[str, Any]:
    """The minute of the last complete listing; if there was none, of the first partial one."""
    if not listing.tree:
        return {}
    if listing.refused:
        return {} if state.listed else {"listed": now, "partly_listed": True}
    return {"listed": now, "partly_listed": False}


def _was_polled(state: State, ocid: str) -> bool:
    before = state.known.get(ocid)
    return before is not None and before.polled


def _is_kept(known: KnownCompartment, oldest: int) -> bool:
    """A compartment that is no longer listed is kept while it is read, and a year longer in case it is listed again."""
    return known.vanished is None or known.polled or (known.read_until is not None and known.read_until >= oldest)


def _first_minute(listed: Compartment | None, before: KnownCompartment | None, horizon: int, began: int) -> int:
    """The first minute to read of a compartment that is polled from now on. ``began``: when reading of the region began."""
    if before is not None and before.read_until is not None:
        return before.read_until
    created = listed.created if listed else 0
    return created if before is None and created >= began > 0 else max(created, horizon)


def _known(ocid: str, state: State, listing: Listing, selected: Collection[str], now: int) -> KnownCompartment:
    listed, before = listing.compartments.get(ocid), state.known.get(ocid)
    was_polled = before is not None and before.polled
    if listed is not None:
        vanished = (before.vanished if before and before.deleted else now) if listed.deleted else None
        earlier = before or KnownCompartment(listed.name)
        given_up = earlier.given_up and listed.deleted
        current = replace(earlier, name=listed.name, parent=listed.parent, deleted=listed.deleted, vanished=vanished, given_up=given_up)
        polled = ocid in selected
    elif before is not None:
        complete = listing.tree and not listing.refused
        current = replace(before, vanished=before.vanished or (now if complete else None))
        polled = (before.polled or before.read_until is not None) and ocid in selected
    else:
        raise ValueError(f"{ocid} is neither listed nor known")
    if polled:
        return replace(current, polled=True, read_until=None, floor=0)
    if was_polled:
        behind = state.behind.get(ocid)
        return replace(current, polled=False, read_until=state.read_until(ocid), floor=behind.floor if behind else 0)
    return replace(current, polled=False)


def _read_to(state: State, ocid: str) -> tuple[int, int]:
    """The minute through which a compartment was read (0: never), and its floor."""
    before = state.known.get(ocid)
    if before is None:
        return 0, 0
    return (state.read_until(ocid), 0) if before.polled else (before.read_until or 0, before.floor)


def _stop_if_finished(known: KnownCompartment, mark: int, floor: int, overlap: int) -> KnownCompartment:
    """Stop polling a vanished compartment that is read to its end or was given up."""
    if not known.polled or known.vanished is None:
        return known
    end = known.vanished + (overlap if known.deleted else UNLISTED_MINUTES)
    if mark < end and not known.given_up:
        return known
    return replace(known, polled=False, read_until=mark, floor=floor)

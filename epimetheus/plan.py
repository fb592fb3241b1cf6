"""Which compartment to ask for which minutes: pure decisions over the state."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from epimetheus.errors import SourceError
from epimetheus.model import Compartment, Window
from epimetheus.source.compartments import Listing
from epimetheus.source.fetch import Work
from epimetheus.state.memory import Behind, Known, Reading, State

LONGEST_SLICE = 7 * 24 * 60
FEW_EVENTS, MANY_EVENTS = 25_000, 100_000
NEW = "new: its events since it appeared are being read"
NO_TIME = "not reached in the time of a run"
_NONE_HELP = "The cursor stays. Check the policy (`read audit-events in tenancy`), the region, and OCI's status page."


def remembered(state: State) -> dict[str, Compartment]:
    """Every compartment of the state by OCID, also those that are gone but still read to their end."""
    return {ocid: Compartment(ocid, known.name, known.parent, deleted=known.deleted) for ocid, known in state.known.items()}


def last_known(state: State) -> Listing:
    """What serves in place of a listing while Identity can not be read; who it does not name stays as they were."""
    there = {ocid: one for ocid, one in remembered(state).items() if state.known[ocid].gone is None or one.deleted}
    return Listing(there, refused=tuple(there))


def still_serves(state: State, needed: Collection[str], *, now: int, minutes: int) -> bool:
    """Whether the last whole listing may serve once more: it is younger than ``minutes``, and names all ``needed`` OCIDs.

    Not after a run that left anything unread: who could not be read may be gone, and only a listing tells.
    """
    young = 0 <= now - state.listed < minutes
    return young and state.last.get("caught_up") is True and last_known(state).compartments.keys() >= set(needed)


def take_stock(state: State, listing: Listing, asked: Collection[str], *, now: int, lookback: int, overlap: int) -> State:
    """The state after a listing: who is known, who is new (and from when), who is gone. Minutes throughout.

    A compartment that vanished, or is listed as deleted, is asked until everything up to then and the overlap has been read. A new one
    is read from its creation on, at most ``lookback`` before the last whole listing, which would have named it had it been there. One
    that is not asked any more is not behind either.
    """
    horizon = min(now, state.listed or now) - lookback
    known = {ocid: _known(ocid, state, listing, asked, now) for ocid in {**listing.compartments, **state.known}}
    known = {ocid: _settled(k, state.mark(ocid), overlap) for ocid, k in known.items()}
    known = {o: k for o, k in known.items() if o in listing.compartments or _worth_keeping(k, state.known.get(o), horizon)}
    behind = {ocid: b for ocid, b in state.behind.items() if ocid in known and known[ocid].asked}
    for ocid, compartment in known.items():
        before = state.known.get(ocid)
        if compartment.asked and not (before and before.asked):
            since = _first_minute(listing.compartments.get(ocid), before, horizon)
            if since < state.through:
                behind[ocid] = Behind(since, NEW)
    listed = state.listed if listing.refused else now if listing.tree else 0
    return replace(state, known=known, behind=behind, listed=listed)


def _worth_keeping(known: Known, before: Known | None, horizon: int) -> bool:
    """A compartment that is listed no more is remembered while it is asked, and long enough to know it again if it returns."""
    was_read = before is not None and (before.asked or before.gone is not None)
    return known.gone is None or known.asked or (was_read and known.gone >= horizon)


def _first_minute(listed: Compartment | None, before: Known | None, horizon: int) -> int:
    start = max(listed.created if listed else 0, horizon)
    return start if before is None or before.read is None else max(start, before.read)


def _known(ocid: str, state: State, listing: Listing, asked: Collection[str], now: int) -> Known:
    listed, before = listing.compartments.get(ocid), state.known.get(ocid)
    if listed is not None:
        if not listed.deleted:
            return Known(listed.name, listed.parent, ocid in asked)
        gone, read = (before.gone, before.read) if before else (None, None)
        return Known(listed.name, listed.parent, ocid in asked, True, gone or now, read)
    if before is None:
        raise ValueError(f"{ocid} is neither listed nor known")
    gone = before.gone if listing.refused else before.gone or now
    return replace(before, asked=before.asked and ocid in asked, gone=gone)


def _settled(known: Known, mark: int, overlap: int) -> Known:
    """Not asked any more once it is read past its end and the overlap."""
    if not known.asked or known.gone is None or mark < known.gone + overlap:
        return known
    return replace(known, asked=False, read=mark if known.read is None else known.read)


def reach(state: State, overlap: int) -> dict[str, int]:
    """Who may be read again from before the cursor's overlap on, and from which minute: those behind, and those who may return."""
    left = {ocid: known.read - overlap for ocid, known in state.known.items() if known.read and not known.deleted}
    return left | {ocid: behind.since - overlap for ocid, behind in state.behind.items()}


def asked_compartments(state: State) -> list[str]:
    """The OCIDs whose events are forwarded, in a stable order."""
    return sorted(ocid for ocid, known in state.known.items() if known.asked)


def catch_up(state: State, given_up: Collection[str], fresh: Collection[str], *, length: int, overlap: int) -> list[Work]:
    """One slice for each compartment behind, furthest behind first: what is left of one it is in, else the next from its own mark."""
    waiting = sorted((b.since, ocid) for ocid, b in state.behind.items() if ocid not in given_up)
    works = []
    for since, ocid in waiting:
        begun = state.behind[ocid].reading
        following = Window(since - (0 if ocid in fresh else overlap), min(since + length, state.through))
        works.append(Work(ocid, begun.window, begun.page) if begun else Work(ocid, following))
    return works


def advance(state: State, fresh: Collection[str], *, end: int, length: int, overlap: int) -> list[Work]:
    """The next slice from the cursor on, for everyone who is not behind; where the cursor has reached ``end``, the overlap alone.

    ``fresh``: who has been asked in this run already, and so needs no overlap again. A run of more than one slice has one that ends where
    the next run's overlap begins, so that only keys from there on have to be remembered for it.
    """
    up_to_date = [ocid for ocid in asked_compartments(state) if ocid not in state.behind]
    last = end - overlap if state.through < end - overlap and all(ocid in fresh for ocid in up_to_date) else end
    until = max(state.through, min(state.through + length, last))
    works = (Work(ocid, Window(state.through - (0 if ocid in fresh else overlap), until)) for ocid in up_to_date)
    return [work for work in works if work.window.start < work.window.end]


def move(state: State, works: Collection[Work], failed: Mapping[str, str], onward: Mapping[str, str]) -> State:
    """The state once ``works`` are confirmed, but for those in ``failed`` (OCID → why): these stay where they were, behind.

    ``onward``: page tokens of those that ran out of time on their way. The cursor follows the works that began at it, unless none of
    them came any further.
    """
    behind = dict(state.behind)
    through = state.through
    moved = (work.compartment for work in works if work.compartment not in failed or work.compartment in onward)
    if any(ocid not in state.behind for ocid in moved):
        through = max(work.window.end for work in works)
    for work in works:
        ocid = work.compartment
        if ocid in failed:
            if ocid in behind or through > state.through:
                before = behind.get(ocid, Behind(state.through, ""))
                reading = Reading(work.window, onward[ocid]) if ocid in onward else None
                behind[ocid] = Behind(before.since, failed[ocid], before.tries + (failed[ocid] != NO_TIME), reading)
        elif ocid in behind:
            behind[ocid] = replace(behind[ocid], since=work.window.end, reading=None)
            if work.window.end >= state.through:
                del behind[ocid]
    return replace(state, through=through, behind=behind)


def refuse_if_none(state: State, works: Sequence[Work], failed: Mapping[str, str], *, came: bool) -> None:
    """Where not one compartment at the cursor could be read, it is not the compartments that are at fault: raises SourceError.

    Nor is it the time, where not one page ``came`` in all of it.
    """
    late = NO_TIME in failed.values() and came
    if len(failed) == len(works) and not late and works[0].compartment not in state.behind:
        raise SourceError(f"None of {len(works)} compartments could be read; the first: {failed[works[0].compartment]}", do=_NONE_HELP)


def next_length(length: int, shortest: int, *, fitted: bool, events: int, seconds: float, left: float, whole: float) -> int:
    """Minutes of the next slice: twice as long after one that cost little, half after one that most of a run was too short for.

    Nor longer after many ``events``, and shorter after very many: the keys of a slice are in memory. ``seconds`` of the ``left`` that
    there were when it began, of ``whole`` in the run. Never below ``shortest``: a compartment with more than a run can hold is read on
    from page to page, and each slice begins with the overlap, which shorter ones would read more often.
    """
    if (not fitted and left > whole / 2) or events > MANY_EVENTS:
        return max(shortest, length // 2)
    return min(2 * length, LONGEST_SLICE) if fitted and events <= FEW_EVENTS and seconds < left / 4 else length

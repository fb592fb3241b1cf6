"""Which compartment is read for which minutes: pure decisions over the state. Times are minutes since the epoch."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from epimetheus.errors import OutOfTime, SourceError
from epimetheus.model import Window
from epimetheus.source.fetch import FetchTask
from epimetheus.state.model import BehindCompartment, PageCursor, State

LONGEST_SLICE = 7 * 24 * 60
FEW_EVENTS, MANY_EVENTS = 25_000, 100_000
GIVE_UP_MINUTES = 6 * 60
"""A deleted compartment whose events are refused (404) for so long, while others are readable, is given up."""
REFUSAL_MINUTES = 60
"""Between two refusals at most so much counts: in a longer pause nothing is known of the compartment."""
NO_TIME = "not reached in the time of a run"
CROWDED = "it holds more events than a window may; they are read in shorter ones"
REJECTED = "its page token was rejected; the window is read again in smaller parts"
_NONE_HELP = "The cursor stays. Check the policy (`read audit-events in tenancy`), the region, and OCI's status page."


class TaskOutcome(NamedTuple):
    """How far a slice got with one compartment. ``why``: what stopped it, empty where its window was read to the end.

    ``page``: token of the first page that was not forwarded, None where that is the first page of the window. ``missing``: OCI answered
    404 to its first page. ``rejected``: OCI rejected the page token. ``crowded``: the window holds too many events to remember their keys
    at once. ``events``: how many were read.
    """

    why: str = ""
    page: str | None = None
    missing: bool = False
    rejected: bool = False
    crowded: bool = False
    events: int = 0


def polled_compartments(state: State) -> list[str]:
    """The OCIDs whose events are forwarded, in a stable order."""
    return sorted(ocid for ocid, known in state.known.items() if known.polled)


def dedupe_horizon(state: State, overlap: int) -> dict[str, int]:
    """OCID → the minute from which its dedupe keys are needed, for compartments that may be read from before the cursor's overlap."""
    left = {ocid: known.read_until - overlap for ocid, known in state.known.items() if known.read_until is not None}
    return left | {ocid: behind.since - overlap for ocid, behind in state.behind.items()}


def quota_horizon(state: State, overlap: int) -> int:
    """The minute from which counts under hourly limits are needed: for what is read again, but at most a week of what has stopped."""
    week = state.through - 7 * 24 * 60
    stopped = [known.read_until for known in state.known.values() if known.read_until is not None and known.read_until >= week]
    return min([state.through, *stopped, *(behind.since for behind in state.behind.values())]) - overlap


def change_overlap(state: State, overlap: int) -> State:
    """The state for a run with this ``overlap``: where it has become longer, nothing is read again whose keys were dropped meanwhile."""
    if not state.overlap or overlap <= state.overlap:
        return replace(state, overlap=overlap)
    kept = state.overlap
    behind = {ocid: replace(b, floor=max(b.floor, b.since - kept)) for ocid, b in state.behind.items()}
    known = {ocid: k if k.read_until is None else replace(k, floor=max(k.floor, k.read_until - kept)) for ocid, k in state.known.items()}
    return replace(state, overlap=overlap, floor=max(state.floor, state.through - kept), behind=behind, known=known)


def plan_backfill(
    state: State, excluded: Collection[str], fresh: Collection[str], *, now: int, length: int, overlap: int
) -> list[FetchTask]:
    """One window for each compartment behind, in the order of their turns: the rest of the one in progress, or the next from its mark.

    ``excluded`` are not read again in this run; ``fresh`` have been read in this run, and need no overlap. ``length``: minutes of a window.
    Where page tokens do not serve in a later run, the overlap is read in windows of that length as well: it may hold more than a run reads.
    """
    works = []
    for ocid, behind in state.behind.items():
        if ocid in excluded:
            continue
        if behind.page_cursor:
            works.append(FetchTask(ocid, behind.page_cursor.window, behind.page_cursor.page))
            continue
        in_parts = behind.tokens_expire and now - behind.since >= overlap
        start = _start(behind.since, behind.floor, 0 if ocid in fresh and not in_parts else overlap)
        end = (start if in_parts else behind.since) + (behind.window_minutes or length)
        works.append(FetchTask(ocid, Window(start, min(end, state.through))))
    return works


def plan_next_slice(state: State, fresh: Collection[str], *, end: int, length: int, overlap: int) -> list[FetchTask]:
    """The next slice from the cursor on, for every compartment that is not behind; the overlap alone once the cursor is at ``end``.

    ``fresh``: read in this run already, so the overlap is not read again. In a run of several slices one ends where the next run's overlap
    begins, so that only keys from there on have to be remembered.
    """
    up_to_date = [ocid for ocid in polled_compartments(state) if ocid not in state.behind]
    last = end - overlap if state.through < end - overlap and all(ocid in fresh for ocid in up_to_date) else end
    until = max(state.through, min(state.through + length, last))
    works = (FetchTask(ocid, Window(_start(state.through, state.floor, 0 if ocid in fresh else overlap), until)) for ocid in up_to_date)
    return [work for work in works if work.window.start < work.window.end]


def _start(mark: int, floor: int, overlap: int) -> int:
    return min(mark, max(mark - overlap, floor))


def apply_progress(
    state: State,
    works: Collection[FetchTask],
    outcomes: Mapping[str, TaskOutcome],
    *,
    now: int,
    length: int,
    overlap: int,
    readable: bool,
    quick: bool,
) -> State:
    """The state once what ``works`` read is confirmed.

    A compartment behind that has no outcome did not get its turn, and keeps its place in the queue; the others go to its end. The cursor
    follows the works that began at it; whatever of these was not read to the end falls behind. ``readable``: some compartment could be
    read in this run, so a refusal concerns the compartment alone. ``length``: minutes of a window that was not adapted yet. ``quick``:
    the slice took less than a quarter of the time it had.
    """
    through, behind = _cursor(state, works, outcomes, readable=readable), dict(state.behind)
    for work in sorted(works, key=lambda work: bool(outcomes.get(work.compartment, TaskOutcome()).page)):
        ocid, outcome = work.compartment, outcomes.get(work.compartment)
        at_cursor = ocid not in state.behind
        if outcome is None or (at_cursor and (not outcome.why or through == state.through)):
            continue
        before = behind.pop(ocid, BehindCompartment(state.through, "", floor=state.floor))
        if outcome.why:
            behind[ocid] = _stopped(before, work, outcome, now=now, readable=readable)
        else:
            after = _read(before, work, outcome.events, length=length, quick=quick, late=now - work.window.end >= overlap)
            behind |= {ocid: after} if after.since < through else {}
    return replace(state, through=through, behind=behind)


def _cursor(state: State, works: Collection[FetchTask], outcomes: Mapping[str, TaskOutcome], *, readable: bool) -> int:
    """Where the cursor stands after a slice: it stays where time ran out before anything was read."""
    at_cursor = [outcomes[work.compartment] for work in works if work.compartment not in state.behind]
    if any(not outcome.why or outcome.page or (readable and outcome.why != NO_TIME) for outcome in at_cursor):
        return max(work.window.end for work in works)
    return state.through


def _read(before: BehindCompartment, work: FetchTask, events: int, *, length: int, quick: bool, late: bool) -> BehindCompartment:
    """A compartment behind whose window was read to its end. ``late``: so long after it that nothing in it can be listed later."""
    minutes = adapted_length(before.window_minutes or length, events, may_grow=quick or not before.tokens_expire)
    floor = work.window.end if late and not work.page else before.floor
    since = max(before.since, work.window.end)
    return replace(before, since=since, page_cursor=None, window_minutes=minutes, not_found_at=None, not_found_minutes=0, floor=floor)


def _stopped(before: BehindCompartment, work: FetchTask, outcome: TaskOutcome, *, now: int, readable: bool) -> BehindCompartment:
    """A compartment behind whose window was not read to its end."""
    minutes = max(1, work.window.end - (work.window.start if before.tokens_expire else before.since))
    if outcome.rejected and (minutes > 1 or is_stored_token(work, outcome)):
        return replace(before, reason=REJECTED, page_cursor=None, window_minutes=max(1, minutes // 2), tokens_expire=True)
    events = outcome.events + (before.page_cursor.events if before.page_cursor and work.page else 0)
    if outcome.crowded or (outcome.why == NO_TIME and events > MANY_EVENTS and minutes > 1):
        return replace(before, reason=CROWDED, page_cursor=None, window_minutes=max(1, minutes // 8))
    if outcome.why == NO_TIME:
        return _unfinished(before, PageCursor(work.window, outcome.page, events) if outcome.page else None, minutes)
    shorter = max(1, minutes // 2) if outcome.events else before.window_minutes
    failed = replace(before, reason=outcome.why, attempts=before.attempts + 1, page_cursor=None, window_minutes=shorter)
    return _refused(failed, now, readable=readable) if outcome.missing else replace(failed, not_found_at=None, not_found_minutes=0)


def _unfinished(before: BehindCompartment, reading: PageCursor | None, minutes: int) -> BehindCompartment:
    """Time ran out: it is read on, or, where tokens do not serve in a later run, begun again with a shorter window."""
    after = replace(before, reason=NO_TIME)
    if reading is None:
        return after
    if before.tokens_expire and minutes > 1:
        return replace(after, page_cursor=None, window_minutes=minutes // 2)
    return replace(after, page_cursor=reading)


def _refused(failed: BehindCompartment, now: int, *, readable: bool) -> BehindCompartment:
    """OCI answered 404: how long that has been seen to go on, where it does not concern all of Audit."""
    if not readable:
        return failed
    pause = 0 if failed.not_found_at is None else now - failed.not_found_at
    return replace(failed, not_found_at=now, not_found_minutes=failed.not_found_minutes + min(max(0, pause), REFUSAL_MINUTES))


def is_stored_token(work: FetchTask, outcome: TaskOutcome) -> bool:
    """Whether what stopped this work was about the page token that an earlier run left, and not about one of this run."""
    return work.page is not None and outcome.page == work.page


def give_up(state: State, refused: Collection[str]) -> tuple[State, list[str]]:
    """The state without deleted compartments that have been refused for too long, and their OCIDs; ``refused``: in this run."""
    given_up = [o for o, b in state.behind.items() if o in refused and state.known[o].deleted and b.not_found_minutes >= GIVE_UP_MINUTES]
    if not given_up:
        return state, given_up
    marks = {ocid: state.behind[ocid].since for ocid in given_up}
    known = {o: replace(k, polled=False, read_until=marks[o], given_up=True) if o in marks else k for o, k in state.known.items()}
    return replace(state, known=known, behind={o: b for o, b in state.behind.items() if o not in marks}), given_up


def refuse_if_none(state: State, works: Sequence[FetchTask], outcomes: Mapping[str, TaskOutcome], *, readable: bool) -> None:
    """Raise SourceError where no compartment at the cursor could be read, nor any other in this run: then Audit as a whole refuses."""
    stopped = [outcome.why for outcome in outcomes.values() if outcome.why]
    if not readable and stopped and len(stopped) == len(works) and works[0].compartment not in state.behind:
        raise none_readable(len(works), stopped[0])


def all_stopped(works: Sequence[FetchTask], outcomes: Mapping[str, TaskOutcome]) -> bool:
    """Whether none of ``works`` was read to its end."""
    return all(work.compartment in outcomes and outcomes[work.compartment].why for work in works)


def refuse_empty(state: State, excluded: Mapping[str, str], *, end: int) -> None:
    """Raise where a run that had something to read up to the minute ``end`` has read no page. ``excluded``: OCID → why.

    Raises SourceError, OutOfTime.
    """
    if excluded:
        raise none_readable(len(excluded), excluded[min(excluded)])
    if state.through < end or state.behind:
        raise OutOfTime("No events were read: the time of the run was over before.", do="Give it more time; see docs/operate.md, lag.")


def none_readable(count: int, why: str) -> SourceError:
    """The error for a run that could read none of ``count`` compartments; ``why``: what stopped the first."""
    return SourceError(f"None of {count} compartments could be read; the first: {why}", do=_NONE_HELP)


def adapted_length(length: int, events: int, *, may_grow: bool) -> int:
    """Minutes of the next window of one compartment, after one of ``length`` minutes with ``events``: its keys are in memory."""
    if events > MANY_EVENTS:
        return max(1, length // 2)
    return min(2 * length, LONGEST_SLICE) if may_grow and events <= FEW_EVENTS else length


def next_length(
    length: int, shortest: int, outcomes: Collection[TaskOutcome], *, events: int, seconds: float, left: float, whole: float
) -> int:
    """Minutes of the next slice from the cursor: twice as long after a cheap one, half after one that most of a run was too short for.

    Never longer after a slice with failures or many ``events``, and shorter after very many: the keys of a slice are in memory. ``seconds``
    of the ``left`` that there were when it began, of ``whole`` in the run. Never below ``shortest``: each slice begins with the overlap,
    and a compartment with more than a run can read falls behind, where its windows have a length of their own.
    """
    fitted = all(outcome.why != NO_TIME for outcome in outcomes)
    if (not fitted and left > whole / 2) or events > MANY_EVENTS:
        return max(shortest, length // 2)
    complete = not any(outcome.why for outcome in outcomes)
    return min(2 * length, LONGEST_SLICE) if complete and events <= FEW_EVENTS and seconds < left / 4 else length

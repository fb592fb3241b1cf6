"""Decides which compartment is read for which window: pure functions over the state. Times are minutes since the epoch."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from epimetheus.model import Window
from epimetheus.source.fetch import FetchTask
from epimetheus.state.model import BehindCompartment, KnownCompartment, PageCursor, State

LONGEST_SLICE_MINUTES = 7 * 24 * 60
FEW_EVENTS, MANY_EVENTS = 25_000, 100_000
GIVE_UP_MINUTES = 6 * 60
"""A vanished compartment is given up after OCI has answered 404 for this long while other compartments were readable."""
REFUSAL_MINUTES = 60
"""The most that the time between two 404 responses counts: a longer pause says nothing about the compartment."""
NO_TIME = "not read before the end of the run"
OVERSIZED = "too many events for one window; shorter windows are read"
REJECTED = "its page token was rejected; the window is read again in smaller parts"


class TaskOutcome(NamedTuple):
    """How far a task got. ``reason``: why it stopped; empty if its window was read to the end.

    ``page``: token of the first page that was not forwarded, None for the first page of the window. ``not_found``: OCI answered 404 to the
    first page. ``rejected``: OCI rejected the page token. ``oversized``: the window has too many events to keep their keys in memory.
    ``events``: number of events read. ``pages``: number of pages read that named a next page. ``sub_window``: the first part of a divided
    window that was not read to its end, which the other values are of; events of later parts may be forwarded.
    """

    reason: str = ""
    page: str | None = None
    not_found: bool = False
    rejected: bool = False
    oversized: bool = False
    events: int = 0
    pages: int = 0
    sub_window: Window | None = None

    def has_passed(self, since: int) -> bool:
        """Whether all sub-windows up to one that begins after the minute ``since`` were read."""
        return self.sub_window is not None and self.sub_window.start > since


def polled_compartments(state: State) -> list[str]:
    """The OCIDs of the compartments whose events are forwarded, sorted."""
    return sorted(ocid for ocid, known in state.known.items() if known.polled)


def rate_limit_horizon(state: State, overlap: int) -> int:
    """The minute from which hourly counts are needed: at most a week for compartments that are no longer polled."""
    week = state.through - 7 * 24 * 60
    stopped = [known.read_until for known in state.known.values() if known.read_until is not None and known.read_until >= week]
    return min([state.through, *stopped, *(behind.since for behind in state.behind.values())]) - overlap


def plan_backfill(
    state: State, excluded: Collection[str], fresh: Collection[str], *, now: int, length: int, overlap: int
) -> list[FetchTask]:
    """One task for each compartment behind, in queue order: the rest of its window in progress, or the next window.

    ``excluded`` compartments are not read again in this run. ``fresh`` compartments were read in this run and need no overlap. ``length``:
    minutes of a window. For a compartment whose page tokens expire between runs, the overlap is divided into windows as well: it may
    have more events than one run can read.
    """
    tasks = []
    for ocid, behind in state.behind.items():
        if ocid in excluded:
            continue
        if behind.page_cursor:
            tasks.append(FetchTask(ocid, behind.page_cursor.window, behind.page_cursor.page))
            continue
        in_parts = behind.tokens_expire and now - behind.since >= overlap
        start = _start(behind.since, behind.floor, 0 if ocid in fresh and not in_parts else overlap)
        end = (start if in_parts else behind.since) + (behind.window_minutes or length)
        tasks.append(FetchTask(ocid, Window(start, min(end, state.through))))
    return [task for task in tasks if task.window.start < task.window.end]


def plan_next_slice(state: State, fresh: Collection[str], *, end: int, length: int, overlap: int) -> list[FetchTask]:
    """The next slice from the cursor, for every compartment that is not behind. With the cursor at ``end``, the overlap alone.

    ``fresh`` compartments were read in this run and need no overlap. If a run has several slices, one ends where the overlap of the next
    run begins, so that only later dedupe keys are stored.
    """
    up_to_date = [ocid for ocid in polled_compartments(state) if ocid not in state.behind]
    last = end - overlap if state.through < end - overlap and all(ocid in fresh for ocid in up_to_date) else end
    until = max(state.through, min(state.through + length, last))
    tasks = (FetchTask(ocid, Window(_start(state.through, 0, 0 if ocid in fresh else overlap), until)) for ocid in up_to_date)
    return [task for task in tasks if task.window.start < task.window.end]


def _start(mark: int, floor: int, overlap: int) -> int:
    return min(mark, max(mark - overlap, floor))


def apply_progress(
    state: State,
    tasks: Collection[FetchTask],
    outcomes: Mapping[str, TaskOutcome],
    *,
    now: int,
    length: int,
    overlap: int,
    readable: bool,
    quick: bool,
) -> State:
    """The state after everything that ``tasks`` read is confirmed.

    A compartment behind without an outcome keeps its place in the queue; the others move to its end. The cursor follows the tasks that
    began at it; compartments that these did not read to the end fall behind. ``readable``: some compartment could be read in this run, so
    a 404 concerns its compartment only. ``length``: minutes of a window that was not adapted yet. ``quick``: the slice took less than a
    quarter of its time.
    """
    outcomes = {ocid: _without_useless_page(outcome, state.read_until(ocid)) for ocid, outcome in outcomes.items()}
    through, behind = _cursor(state, tasks, outcomes, readable=readable), dict(state.behind)
    for task in sorted(tasks, key=lambda task: bool(outcomes.get(task.compartment, TaskOutcome()).page)):
        ocid, outcome = task.compartment, outcomes.get(task.compartment)
        at_cursor = ocid not in state.behind
        if outcome is None or (at_cursor and (not outcome.reason or through == state.through)):
            continue
        before = behind.pop(ocid, BehindCompartment(state.through, "", touched=task.window.end))
        if outcome.reason:
            since = outcome.sub_window.start if outcome.sub_window else before.since
            stopped = _after_stop(before, task, outcome, now=now, readable=readable)
            behind[ocid] = replace(stopped, since=max(before.since, since))
        else:
            late = now - task.window.end >= overlap
            after = _after_complete_window(before, task, outcome.events, length=length, quick=quick, late=late)
            behind |= {ocid: after} if after.since < through else {}
    return replace(state, through=through, behind=behind, known=_with_page_rates(state, tasks, outcomes))


def _without_useless_page(outcome: TaskOutcome, since: int) -> TaskOutcome:
    """``outcome`` without the page of a sub-window that ends before ``since``: reading its rest would not advance the compartment."""
    return outcome._replace(page=None) if outcome.sub_window and outcome.sub_window.end <= since else outcome


def _with_page_rates(
    state: State, tasks: Collection[FetchTask], outcomes: Mapping[str, TaskOutcome]
) -> dict[str, KnownCompartment]:
    """The known compartments with the page rates of the windows that were read to the end.

    After sub-windows that did not advance the compartment, its rate is forgotten: the whole window can be continued at a page.
    """
    known = dict(state.known)
    for task in tasks:
        ocid, outcome = task.compartment, outcomes.get(task.compartment)
        if outcome is None or ocid not in known:
            continue
        rate = known[ocid].page_rate
        if not outcome.reason and not task.page:
            rate = outcome.pages * 60 // (task.window.end - task.window.start)
        elif outcome.sub_window and not (outcome.page or outcome.has_passed(state.read_until(ocid))):
            rate = 0
        known[ocid] = replace(known[ocid], page_rate=rate) if rate != known[ocid].page_rate else known[ocid]
    return known


def touch(state: State, ahead: int) -> State:
    """``state``, if its cursor is before ``ahead``: slices up to there may have read the compartments that are behind.

    They did so in runs whose state was replaced by an older one.
    """
    if ahead <= state.through or not state.behind:
        return state
    return replace(state, behind={ocid: replace(b, touched=max(b.touched, ahead)) for ocid, b in state.behind.items()})


def _cursor(state: State, tasks: Collection[FetchTask], outcomes: Mapping[str, TaskOutcome], *, readable: bool) -> int:
    """The cursor after a slice. It does not move if time ran out before anything was read."""
    at_cursor = [outcomes[task.compartment] for task in tasks if task.compartment not in state.behind]
    read = [one for one in at_cursor if not one.reason or one.page or one.has_passed(state.through)]
    if read or (readable and any(outcome.reason != NO_TIME for outcome in at_cursor)):
        return max(task.window.end for task in tasks)
    return state.through


def _after_complete_window(
    before: BehindCompartment, task: FetchTask, events: int, *, length: int, quick: bool, late: bool
) -> BehindCompartment:
    """A compartment behind after its window was read to the end. ``late``: so late that OCI lists no further events in the window."""
    may_grow, shortest = quick or not before.tokens_expire, shortest_window(length)
    minutes = next_window_minutes(before.window_minutes or length, events, may_grow=may_grow, shortest=shortest)
    floor = task.window.end if late and not task.page else before.floor
    since = max(before.since, task.window.end)
    return replace(before, since=since, page_cursor=None, window_minutes=minutes, not_found_at=None, not_found_minutes=0, floor=floor)


def _after_stop(before: BehindCompartment, task: FetchTask, outcome: TaskOutcome, *, now: int, readable: bool) -> BehindCompartment:
    """A compartment behind after its window was not read to the end."""
    minutes = max(1, task.window.end - (task.window.start if before.tokens_expire else before.since))
    if outcome.rejected and (minutes > 1 or is_stored_token(task, outcome)):
        return replace(before, reason=REJECTED, page_cursor=None, window_minutes=max(1, minutes // 2), tokens_expire=True)
    events = outcome.events + (before.page_cursor.events if before.page_cursor and task.page else 0)
    if outcome.oversized or (outcome.reason == NO_TIME and events > MANY_EVENTS and minutes > 1):
        return replace(before, reason=OVERSIZED, page_cursor=None, window_minutes=max(1, minutes // 8))
    if outcome.reason == NO_TIME:
        window = outcome.sub_window or task.window
        return _after_timeout(before, PageCursor(window, outcome.page, events) if outcome.page else None, minutes)
    shorter = max(1, minutes // 2) if outcome.events else before.window_minutes
    failed = replace(before, reason=outcome.reason, attempts=before.attempts + 1, page_cursor=None, window_minutes=shorter)
    if outcome.not_found:
        return _after_not_found(failed, now, readable=readable)
    return replace(failed, not_found_at=None, not_found_minutes=0)


def _after_timeout(before: BehindCompartment, reading: PageCursor | None, minutes: int) -> BehindCompartment:
    """A compartment behind after time ran out: its window continues, or, if page tokens expire between runs, begins again shorter."""
    after = replace(before, reason=NO_TIME)
    if reading is None:
        return after
    if before.tokens_expire and minutes > 1:
        return replace(after, page_cursor=None, window_minutes=minutes // 2)
    return replace(after, page_cursor=reading)


def _after_not_found(failed: BehindCompartment, now: int, *, readable: bool) -> BehindCompartment:
    """A compartment behind after a 404: adds up how long that has lasted, unless all of Audit is unreadable."""
    if not readable:
        return failed
    pause = 0 if failed.not_found_at is None else now - failed.not_found_at
    return replace(failed, not_found_at=now, not_found_minutes=failed.not_found_minutes + min(max(0, pause), REFUSAL_MINUTES))


def is_stored_token(task: FetchTask, outcome: TaskOutcome) -> bool:
    """Whether the task stopped at the page token stored by an earlier run."""
    return task.page is not None and outcome.page == task.page


def give_up(state: State, refused: Collection[str]) -> tuple[State, list[str]]:
    """Stop polling vanished compartments that OCI has refused for GIVE_UP_MINUTES. Returns the state and their OCIDs.

    ``refused``: the compartments that failed in this run.
    """
    vanished = {ocid for ocid in state.behind if ocid in refused and state.known[ocid].vanished is not None}
    given_up = [ocid for ocid, behind in state.behind.items() if ocid in vanished and behind.not_found_minutes >= GIVE_UP_MINUTES]
    if not given_up:
        return state, given_up
    read = {ocid: state.behind[ocid].since for ocid in given_up}
    known = {o: replace(k, polled=False, read_until=read[o], given_up=True) if o in read else k for o, k in state.known.items()}
    return replace(state, known=known, behind={o: b for o, b in state.behind.items() if o not in read}), given_up


def all_stopped(tasks: Sequence[FetchTask], outcomes: Mapping[str, TaskOutcome]) -> bool:
    """Whether no task read its window to the end."""
    return all(task.compartment in outcomes and outcomes[task.compartment].reason for task in tasks)


def shortest_window(slice_minutes: int) -> int:
    """Windows do not become shorter than this because of their events: one that is much shorter could not be divided."""
    return max(1, slice_minutes // 4)


def next_window_minutes(length: int, events: int, *, may_grow: bool, shortest: int = 1) -> int:
    """Minutes of the next window of a compartment after one of ``length`` minutes with ``events``, whose dedupe keys are in memory."""
    if events > MANY_EVENTS:
        return max(min(length, shortest), length // 2)
    return min(2 * length, LONGEST_SLICE_MINUTES) if may_grow and events <= FEW_EVENTS else length


def next_slice_minutes(
    length: int, shortest: int, outcomes: Collection[TaskOutcome], *, events: int, seconds: float, left: float, whole: float
) -> int:
    """Minutes of the next slice from the cursor: double after a quick slice, half after one that most of a run was too short for.

    It does not grow after a slice with failures or many ``events``, and shrinks after very many: the dedupe keys of a slice are in memory.
    ``seconds``: duration of the slice; ``left``: its time when it began; ``whole``: the time of the run. It is ``shortest`` at least,
    because each slice begins with the overlap; a compartment with more events than a run can read falls behind, with its own length.
    """
    fitted = all(outcome.reason != NO_TIME for outcome in outcomes)
    if (not fitted and left > whole / 2) or events > MANY_EVENTS:
        return max(shortest, length // 2)
    complete = not any(outcome.reason for outcome in outcomes)
    return min(2 * length, LONGEST_SLICE_MINUTES) if complete and events <= FEW_EVENTS and seconds < left / 4 else length

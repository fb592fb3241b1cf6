"""The forward step, a loop over slices: plans, reads, confirms and commits one after another, until no work or no time is left."""

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

from epimetheus.clock import Deadline
from epimetheus.errors import OutOfTime
from epimetheus.model import Window
from epimetheus.run import plan
from epimetheus.run.commit import add_uncounted, commit, require_ledger
from epimetheus.run.context import RunContext
from epimetheus.run.deleted_entries import check_for_deleted_entries
from epimetheus.run.delivered import Lookup
from epimetheus.run.reconcile_plan import skip_windows_read_late
from epimetheus.run.slice_reader import LEAST_SECONDS, read_slice
from epimetheus.run.unreadable import raise_if_none_readable, raise_if_nothing_read
from epimetheus.source.fetch import FetchTask
from epimetheus.state.model import State

_TURN_SECONDS = 20.0  # one page may take this long; a compartment with more pages takes another turn


class Slice(NamedTuple):
    """What to read next. ``backfill``: compartments behind the cursor; otherwise the next ``length`` minutes from the cursor.

    ``seconds``: how long reading may take.
    """

    tasks: list[FetchTask]
    length: int
    seconds: float
    backfill: bool


def forward_slices(ctx: RunContext) -> None:
    """Forward slices at the cursor and backfill in turn. Raises SourceError, OutOfTime, LedgerError, and the errors of `read_slice`.

    A slice is committed when the next one starts. The last one is committed by `epimetheus.run.commit.finish`, in the same write that
    returns the lease.
    """
    require_ledger(ctx)
    check_for_deleted_entries(ctx)
    prefer_backfill = False
    while (left := ctx.budget.work.left()) > LEAST_SECONDS:
        current = _next_slice(ctx, left, prefer_backfill=prefer_backfill)
        if current is None:
            break
        if ctx.progress.uncommitted:
            commit(ctx, ctx.state)
        if not _forward_slice(ctx, current, ctx.budget.work.within(current.seconds)):
            break
        prefer_backfill = not prefer_backfill
    if not ctx.progress.pages:
        raise_if_nothing_read(ctx.state, ctx.progress.excluded, end=ctx.time.end)


def _next_slice(ctx: RunContext, left: float, *, prefer_backfill: bool) -> Slice | None:
    """The next slice, if any work remains. A slice at the cursor needs time for one like the last."""
    options, progress = ctx.options, ctx.progress
    length, overlap = ctx.state.slice_minutes or options.slice_minutes, options.overlap_minutes
    behind = plan.plan_backfill(
        ctx.state, progress.excluded, progress.fresh, now=ctx.time.minute, length=options.slice_minutes, overlap=overlap
    )
    at_cursor = plan.plan_next_slice(ctx.state, progress.fresh | progress.excluded.keys(), end=ctx.time.end, length=length, overlap=overlap)
    at_cursor = at_cursor if left > progress.slice_seconds else []
    backfill = bool(behind) and (prefer_backfill or not at_cursor)
    tasks = behind if backfill else at_cursor
    if not tasks:
        return None
    share = left / 2 if behind and at_cursor and left / 2 > LEAST_SECONDS else left  # with less, no task of a backfill would start
    if backfill:
        share = min(share, max(_TURN_SECONDS, ctx.budget.work_seconds / 8))
    return Slice(tasks, length, share, backfill)


def _forward_slice(ctx: RunContext, current: Slice, deadline: Deadline) -> bool:
    """Fetch, forward and confirm one slice, and only then move the cursor in memory; `forward_slices` commits it.

    Returns False if the time was too short to read the ledger; earlier slices stand.
    """
    tasks, clock, progress = current.tasks, ctx.ports.clock, ctx.progress
    left, began, fetched = deadline.left(), clock.monotonic(), ctx.tally.fetched
    try:
        _begin_slice(ctx, current)
    except OutOfTime:
        if not progress.pages:
            raise
        return False
    outcomes = read_slice(ctx, tasks, deadline, bounded=current.backfill)
    readable = progress.pages > 0
    waiting = ctx.state.behind.keys() - progress.excluded.keys()
    if waiting and not current.backfill and not readable and plan.all_stopped(tasks, outcomes):
        return True  # compartments behind take their turn before all of Audit counts as unreadable
    raise_if_none_readable(ctx.state, tasks, outcomes, readable=readable)
    ctx.pipeline.forwarder.finish()
    progress.reading = ()
    seconds = clock.monotonic() - began
    length = current.length
    if not current.backfill:
        progress.slice_seconds = seconds
        length = _adapted(ctx, length, outcomes, events=ctx.tally.fetched - fetched, seconds=seconds, left=left)
    state = plan.apply_progress(
        ctx.state,
        tasks,
        outcomes,
        now=ctx.time.minute,
        length=ctx.options.slice_minutes,
        overlap=ctx.options.overlap_minutes,
        readable=readable,
        quick=seconds < left / 4,
    )
    state = skip_windows_read_late(ctx.state, state, ctx.time.minute)
    ctx.state = replace(_touched(ctx, state), slice_minutes=length)
    ctx.tally.slices += 1
    progress.uncommitted = True
    return True


def _begin_slice(ctx: RunContext, current: Slice) -> None:
    """Read the keys of events that were delivered earlier and can come again in this slice. Raises LedgerError, OutOfTime."""
    progress, delivered = ctx.progress, ctx.ports.delivered
    progress.source = "backfill" if current.backfill else "poll"
    progress.polled = tuple(task.compartment for task in current.tasks)
    progress.reading = tuple(current.tasks)
    if not (current.backfill and delivered.searched):
        windows = [Window(ctx.state.through, ctx.state.through + 1)] if current.backfill else [task.window for task in current.tasks]
        delivered.load_all(Window(min(window.start for window in windows), max(window.end for window in windows)))
        ctx.state = _touched(ctx, ctx.state)
    if current.backfill:
        behind = ctx.state.behind
        delivered.load([Lookup(task.compartment, task.window, behind[task.compartment].reach) for task in current.tasks])
    add_uncounted(ctx)


def _touched(ctx: RunContext, state: State) -> State:
    """As `plan.touch`. A name is no proof that an entry exists: one in the future would make a state that no run accepts."""
    return plan.touch(state, min(ctx.ports.delivered.ahead, ctx.time.minute))


def _adapted(
    ctx: RunContext, length: int, outcomes: Mapping[str, plan.TaskOutcome], *, events: int, seconds: float, left: float
) -> int:
    shortest, whole = ctx.options.slice_minutes, ctx.budget.work_seconds
    return plan.next_slice_minutes(length, shortest, outcomes.values(), events=events, seconds=seconds, left=left, whole=whole)

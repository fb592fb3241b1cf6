"""The reconcile step: lists closed windows again, and forwards the events that OCI listed late.

Everything that a window lists is compared with the keys of the ledger. What is missing is forwarded as any other event, marked ``late``,
and entered. The marks of a pass move in memory once its slice is confirmed, and are saved with the state, as the cursor is.
"""

from dataclasses import replace
from typing import NamedTuple

from epimetheus.errors import OutOfTime
from epimetheus.run import plan, reconcile_plan
from epimetheus.run.commit import add_uncounted, commit, forget_delivered
from epimetheus.run.context import RunContext
from epimetheus.run.delivered import Lookup
from epimetheus.run.reconcile_plan import Pass
from epimetheus.run.slice_reader import read_slice
from epimetheus.source.fetch import FetchTask
from epimetheus.state.model import State

_LEAST_SECONDS = 1.0


def reconcile(ctx: RunContext) -> None:
    """Reconcile slice by slice in the time that is left, the pass that is furthest behind first. Raises as `read_slice`."""
    stopped: set[int] = set()
    prefer_behind = True
    while (left := ctx.budget.work.left()) > _LEAST_SECONDS:
        open_passes = [one for one in reconcile_plan.due(ctx.state, ctx.time.minute) if one.after not in stopped]
        if not open_passes:
            return
        _settle(ctx)
        if not _reconcile_slice(ctx, open_passes[0], left, prefer_behind=prefer_behind):
            stopped.add(open_passes[0].after)
        prefer_behind = not prefer_behind


def _settle(ctx: RunContext) -> None:
    """Enter what is confirmed, if there is anything, or only drop keys: most slices find nothing, and their marks can be saved together."""
    if ctx.pipeline.forwarder.pending.keys:
        commit(ctx, ctx.state)
    else:
        forget_delivered(ctx, ctx.state)


class _Slice(NamedTuple):
    """The tasks of one slice: compartments that are ``behind`` in the pass, or the next ``length`` minutes from its mark.

    ``share``: the part of the time left that reading may take.
    """

    tasks: list[FetchTask]
    length: int
    behind: bool
    share: float


def _reconcile_slice(ctx: RunContext, one: Pass, left: float, *, prefer_behind: bool) -> bool:
    """List, forward and confirm one slice of the pass. Returns False if the pass has nothing more to do in this run."""
    marks = reconcile_plan.view(ctx.state, one)
    current = _next_slice(ctx, marks, one, prefer_behind=prefer_behind)
    if not current.tasks:
        return False
    began, relisted = ctx.ports.clock.monotonic(), ctx.tally.relisted
    try:
        _begin_slice(ctx, current.tasks)
    except OutOfTime:  # the next run tries again
        return False
    outcomes = read_slice(ctx, current.tasks, ctx.budget.work.within(left * current.share), bounded=current.behind)
    ctx.pipeline.forwarder.finish()
    ctx.progress.reading = ()
    if not outcomes or (not current.behind and plan.all_stopped(current.tasks, outcomes) and ctx.tally.relisted == relisted):
        return False  # too little time is left, or all of Audit may be unreadable
    seconds = ctx.ports.clock.monotonic() - began
    length = current.length
    if not current.behind:
        events, whole, shortest = ctx.tally.relisted - relisted, ctx.budget.work_seconds, plan.shortest_window(ctx.options.slice_minutes)
        length = plan.next_slice_minutes(length, shortest, outcomes.values(), events=events, seconds=seconds, left=left, whole=whole)
    after = plan.apply_progress(
        marks,
        current.tasks,
        outcomes,
        now=ctx.time.minute,
        length=ctx.options.slice_minutes,
        overlap=0,
        readable=ctx.progress.pages > 0,
        quick=seconds < left / 4,
    )
    ctx.state = reconcile_plan.after_slice(ctx.state, one, replace(after, slice_minutes=length))
    ctx.progress.uncommitted = True
    return True


def _next_slice(ctx: RunContext, marks: State, one: Pass, *, prefer_behind: bool) -> _Slice:
    options, everyone = ctx.options, marks.known.keys()
    length = min(marks.slice_minutes or options.slice_minutes, reconcile_plan.unit_minutes(one.after))
    planned = plan.plan_backfill(marks, ctx.progress.excluded, everyone, now=ctx.time.minute, length=length, overlap=0)
    behind = reconcile_plan.clipped(ctx.state, planned)
    next_tasks = plan.plan_next_slice(marks, everyone, end=one.end, length=length, overlap=0)
    share = 0.5 if behind and next_tasks else 1.0
    if behind and (prefer_behind or not next_tasks):
        return _Slice(behind, length, behind=True, share=share)
    return _Slice(next_tasks, length, behind=False, share=share)


def _begin_slice(ctx: RunContext, tasks: list[FetchTask]) -> None:
    progress = ctx.progress
    progress.source = "late"
    progress.polled = tuple(task.compartment for task in tasks)
    progress.reading = tuple(tasks)
    ctx.ports.delivered.load([Lookup(task.compartment, task.window, task.window.end) for task in tasks], earlier_epochs=True)
    add_uncounted(ctx)

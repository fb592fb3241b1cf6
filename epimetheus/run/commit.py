"""Commits of a run: conditional writes of the state, with the dedupe keys and hourly counts of confirmed events only."""

from contextlib import suppress
from dataclasses import replace

from epimetheus.errors import EpimetheusError
from epimetheus.model import time_text
from epimetheus.run import plan
from epimetheus.run.context import RunContext
from epimetheus.run.report import is_caught_up
from epimetheus.select.dedupe import compartment_tag
from epimetheus.state.model import State, Summary

CHECKPOINT_SECONDS = 30.0
_LATE_MINUTES = 24 * 60  # an event may be processed a day after its event time, whose hour counts


def commit(ctx: RunContext, state: State) -> None:
    """Write ``state`` with the keys and counts still needed. Raises StateConflict, StateError."""
    overlap, pipeline = ctx.options.overlap_minutes, ctx.pipeline
    horizon = {compartment_tag(ocid): minute for ocid, minute in plan.dedupe_horizon(state, overlap).items()}
    pipeline.seen.forget(state.through - overlap, horizon)
    rate_limits = pipeline.rate_limits.packed(plan.rate_limit_horizon(state, overlap) - _LATE_MINUTES)
    written = ctx.ports.session.commit(replace(state, keys=pipeline.seen.packed(), rate_limits=rate_limits), now=ctx.time.now())
    ctx.set_state(written)
    ctx.progress.committed_at = ctx.ports.clock.monotonic()
    ctx.progress.uncommitted = False


def commit_if_due(ctx: RunContext) -> None:
    """Commit what is confirmed of a long slice every CHECKPOINT_SECONDS. The cursor does not move."""
    if ctx.ports.clock.monotonic() - ctx.progress.committed_at >= CHECKPOINT_SECONDS:
        ctx.pipeline.forwarder.record_confirmed()
        commit(ctx, ctx.state)


def finish(ctx: RunContext) -> None:
    """The finish step: give up deleted compartments that OCI refuses, commit the last slice, and return the lease."""
    if ctx.progress.pages:
        ctx.state, ctx.progress.given_up = plan.give_up(ctx.state, ctx.progress.excluded)
    _commit_last(ctx)


def commit_confirmed(ctx: RunContext) -> None:
    """After a failure: commit what is confirmed, and return the lease. The cursor is that of the last confirmed slice."""
    session = ctx.ports.session
    if not (ctx.progress.opened and session.holds_lease):
        session.release()  # the response to the first write may be lost
        return
    with suppress(EpimetheusError):  # the run has failed already; what can still be confirmed is not sent again
        ctx.pipeline.forwarder.finish()
    ctx.pipeline.forwarder.record_confirmed()
    try:
        _commit_last(ctx)
    except EpimetheusError as error:
        ctx.problem(error)
        session.release(attempts=1)  # the time reserved for the commit is nearly used up; the report must still be sent


def _commit_last(ctx: RunContext) -> None:
    caught_up = is_caught_up(ctx.state, ctx.time.end)
    state = replace(ctx.state, slice_minutes=0) if ctx.state.through >= ctx.time.end else ctx.state
    last: Summary = {"run": ctx.run_id, "at": time_text(ctx.time.now()), "forwarded": ctx.tally.forwarded}
    commit(ctx, replace(state, lease=None, last={**last, "caught_up": caught_up}))

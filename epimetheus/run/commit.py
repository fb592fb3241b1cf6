"""Commits of a run: an entry of the ledger with what is confirmed, then a conditional write of the state."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial

from epimetheus.errors import EpimetheusError, LedgerError
from epimetheus.ledger.seal import SealStatus
from epimetheus.model import Window, time_text
from epimetheus.run import plan
from epimetheus.run.context import RunContext
from epimetheus.run.entry_writer import Reading
from epimetheus.run.pending_entry import PendingEntry
from epimetheus.run.reconcile_plan import begin_compartments
from epimetheus.run.report import final_status, is_caught_up
from epimetheus.run.sealing import finish_seal, with_own_seal
from epimetheus.state.model import State, Summary, with_entered

CHECKPOINT_SECONDS = 30.0
NOT_ENTERED = "not_entered"
"""In the summary of the last run: it could not write its entry."""
_LATE_MINUTES = 24 * 60  # an event may be processed a day after its event time, whose hour counts


def commit(ctx: RunContext, state: State, complete: Callable[[State], State] = lambda state: state) -> None:
    """Enter what is confirmed in the ledger, and only then write ``state``. Raises LedgerError, StateConflict, StateError.

    An entry whose state is not written is true all the same: its events are confirmed, and the next run does not send them again.
    ``complete``: from the state with its entries, the state to write.
    """
    overlap = ctx.options.overlap_minutes
    _enter(ctx)
    forget_delivered(ctx, state)
    rate_limits = ctx.pipeline.rate_limits.packed(plan.rate_limit_horizon(state, overlap) - _LATE_MINUTES)
    entered = with_entered(ctx.ports.delivered.entered, ctx.run_id, ctx.entries.count)
    seals = state.seals.with_entries(ctx.entries.written.items())
    newest = max([state.newest_entry, *ctx.entries.written])
    state = complete(replace(state, rate_limits=rate_limits, entered=entered, seals=seals, newest_entry=newest))
    ctx.state = ctx.ports.session.commit(state, now=ctx.time.now())
    ctx.entries.written = {}
    ctx.progress.committed_at = ctx.ports.clock.monotonic()
    ctx.progress.uncommitted = False


def add_uncounted(ctx: RunContext) -> None:
    """Add the counts under rate limits of entries that were found, and whose state was not written."""
    for counts in ctx.ports.delivered.take_uncounted():
        ctx.pipeline.rate_limits.add_saved(counts)


def forget_delivered(ctx: RunContext, state: State) -> None:
    """Drop the keys that neither the overlap nor a slice in progress needs."""
    ctx.ports.delivered.forget(min([state.through - ctx.options.overlap_minutes, *(task.window.start for task in ctx.progress.reading)]))


def require_ledger(ctx: RunContext) -> None:
    """If the last run could not write its entry, write one without events before anything is sent. Raises LedgerError.

    Otherwise each run would send the same events again, as long as the ledger cannot be written.
    """
    if not ctx.state.last.get(NOT_ENTERED):
        return
    empty, before = PendingEntry(), Window(ctx.state.through - 1, ctx.state.through)
    empty.add_keys(plan.polled_compartments(ctx.state)[0], before, [])
    try:
        ctx.entries.write(empty, Reading("poll", (), ctx.state.epoch), ctx.time.now())
    except LedgerError as error:
        raise LedgerError(f"{error.what} Nothing is sent until the ledger can be written.", do=error.do) from error


def _enter(ctx: RunContext) -> None:
    reading = Reading(ctx.progress.source, ctx.progress.polled, ctx.state.epoch)
    ctx.entries.write(ctx.pipeline.forwarder.take_pending(), reading, ctx.time.now())


def commit_if_due(ctx: RunContext) -> None:
    """Commit what is confirmed of a long slice every CHECKPOINT_SECONDS. The cursor does not move."""
    if ctx.ports.clock.monotonic() - ctx.progress.committed_at >= CHECKPOINT_SECONDS:
        ctx.pipeline.forwarder.record_confirmed()
        commit(ctx, ctx.state)


def finish(ctx: RunContext) -> None:
    """The finish step: give up deleted compartments that OCI refuses, commit the last slice with the seal, and prune the ledger."""
    if ctx.progress.pages:
        state, ctx.progress.given_up = plan.give_up(ctx.state, ctx.progress.excluded)
        ctx.state = begin_compartments(state, ctx.state)
    _commit_last(ctx, final_status(ctx))
    first_kept = ctx.time.minute - ctx.options.ledger_days * 24 * 60
    try:
        ctx.ports.delivered.prune(first_kept)
        ctx.ports.seals.prune(first_kept)
    except LedgerError as error:  # the next run tries again
        ctx.problem(error)


def commit_confirmed(ctx: RunContext) -> None:
    """After a failure: commit what is confirmed, with a seal, and return the lease. The cursor is that of the last confirmed slice."""
    session = ctx.ports.session
    if not (ctx.progress.opened and session.holds_lease):
        session.release()  # the response to the first write may be lost
        return
    receiver_works = False
    with suppress(EpimetheusError):  # the run has failed already; what can still be confirmed is not sent again
        ctx.pipeline.forwarder.finish()
        receiver_works = True
    ctx.pipeline.forwarder.record_confirmed()
    try:
        _commit_last(ctx, "failed")
    except EpimetheusError as error:
        ctx.problem(error)
        last: Summary = {NOT_ENTERED: True} if isinstance(error, LedgerError) else {}
        session.release(attempts=1, last=last)  # the time reserved for the commit is nearly used up; the report must still be sent
    else:
        # What a failed run sends must not count as the verification of the state's first owner.
        finish_seal(ctx, send=receiver_works and ctx.state.receiver is not None)


def _commit_last(ctx: RunContext, status: SealStatus) -> None:
    caught_up = is_caught_up(ctx.state, ctx.time.end)
    state = replace(ctx.state, slice_minutes=0) if ctx.state.through >= ctx.time.end else ctx.state
    last: Summary = {"run": ctx.run_id, "at": time_text(ctx.time.now()), "forwarded": ctx.tally.forwarded}
    commit(ctx, replace(state, last={**last, "caught_up": caught_up}), partial(with_own_seal, ctx, status))

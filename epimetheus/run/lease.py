"""The lease of a run: taken with the state, and returned however the run ends."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial

from epimetheus.errors import Interrupted
from epimetheus.model import minute_text, time_text
from epimetheus.problem import STREAM
from epimetheus.run.context import RunContext
from epimetheus.run.ports import RunPorts
from epimetheus.run.sealing import take_over
from epimetheus.run.tally import to_problem
from epimetheus.signals import Signaled
from epimetheus.state.model import LEASE_SECONDS, Lease, State, new_state

_GRACE_SECONDS = 5.0


def open_state(ctx: RunContext) -> Lease | None:
    """Take the lease and load the state. Returns None, or the lease of the run that holds it. Raises StateError, ClockError."""
    session = ctx.ports.session
    if ctx.ports.clock_offset() is None:
        ctx.ports.measure_clock()
    fresh, taken_over = partial(_first_state, ctx), partial(take_over, ctx)
    state, other = session.open(fresh, now=ctx.time.now(), until=_lease_end(ctx), take_over=taken_over)
    if other is None and (warning := ctx.time.synchronize()):
        ctx.tally.warnings.append(warning)
        session.extend(_lease_end(ctx), ctx.time.now())
    ctx.load(state)
    if session.first_start:
        ctx.tally.warnings.append(first_start_warning(ctx.options.region, state.through - ctx.options.overlap_minutes))
    return other


def _lease_end(ctx: RunContext) -> float:
    return ctx.time.now() + ctx.budget.total.left() + _GRACE_SECONDS


def _first_state(ctx: RunContext) -> State:
    """The state of a first run. Raises ClockError."""
    ctx.time.synchronize()
    begin = ctx.time.end - ctx.options.lookback_minutes
    return new_state(ctx.options.region, begin, ctx.time.minute)


@contextmanager
def returning_lease(ports: RunPorts, region: str) -> Iterator[None]:
    """Return the lease if the run ends without a report: by a signal, a bug, or no memory.

    Nothing in memory is saved, because the run may have stopped in the middle of a change. Earlier commits stand.
    """
    try:
        yield
    except BaseException as ending:
        leased, saved = ports.session.holds_lease, ports.session.release()
        with suppress(Exception):  # a report that fails must not replace what ended the run
            ports.observer.problem(to_problem(_interrupted(ending, leased, saved)), region)
        raise


def _interrupted(ending: BaseException, leased: bool, saved: State | None) -> Interrupted:
    """The error to report when ``ending`` ends a run. ``saved``: the state, if its lease is known to be returned."""
    what = f"Interrupted by {ending.name if isinstance(ending, Signaled) else type(ending).__name__}:"
    if not leased:
        return Interrupted(f"{what} the run held no lease.", do="Nothing was changed.")
    if saved is None:
        what = f"{what} the lease could not be returned; it expires within {LEASE_SECONDS:.0f} seconds."
        return Interrupted(what, do="Until then runs are skipped. To remove the lease now, run `epimetheus state unlock`.")
    what = f"{what} the state is saved through {minute_text(saved.through)}, and the lease is returned."
    return Interrupted(what, do="The next run continues from there; events sent since the last save are sent again.")


def lease_held_warning(lease: Lease) -> str:
    """The warning of a run that is skipped."""
    since = f" since {time_text(lease.acquired)}" if lease.acquired else ""
    return f"Run {lease.run} holds the lease{since}, until {time_text(lease.until)}; skipping this run."


def first_start_warning(region: str, minute: int) -> str:
    """The warning of a run over ``region``, or the stream of problems, that found no state and reads from ``minute`` on."""
    if region == STREAM:
        return f"First start: there is no state yet. Problems that were last detected before {minute_text(minute)} are not forwarded."
    return f"First start: there is no state yet. Reading begins at {minute_text(minute)}; events processed earlier are not forwarded."

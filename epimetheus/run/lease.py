"""The lease of a run, from outside: returned on every way out, and what is reported about it."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from epimetheus.errors import Interrupted
from epimetheus.model import minute_text, time_text
from epimetheus.run.ports import RunPorts
from epimetheus.run.tally import to_problem
from epimetheus.signals import Signaled
from epimetheus.state.model import LEASE_SECONDS, Lease, State


@contextmanager
def lease_returned(parts: RunPorts, region: str) -> Iterator[None]:
    """Where a run ends by anything but its own report (a signal, a mistake of ours, no memory left), its lease is returned all the same.

    Nothing that the run has in memory is saved then: it may have been left in the middle of a change. What it saved before stands.
    """
    try:
        yield
    except BaseException as ending:
        leased, saved = parts.session.holds_lease, parts.session.release()
        with suppress(Exception):  # a report that fails must not replace what ended the run
            parts.watcher.wrong(to_problem(_interrupted(ending, leased, saved)), region)
        raise


def _interrupted(ending: BaseException, leased: bool, saved: State | None) -> Interrupted:
    """What is reported when ``ending`` ends a run. ``saved``: the state, if its lease is known to be returned."""
    what = f"Interrupted by {ending.name if isinstance(ending, Signaled) else type(ending).__name__}:"
    if not leased:
        return Interrupted(f"{what} the run held no lease.", do="Nothing was changed.")
    if saved is None:
        what = f"{what} the lease could not be returned; it expires within {LEASE_SECONDS:.0f} seconds."
        return Interrupted(what, do="Until then runs are skipped. `python -m epimetheus state unlock` removes the lease at once.")
    what = f"{what} the state is saved through {minute_text(saved.through)}, and the lease is returned."
    return Interrupted(what, do="The next run continues from there; events sent since the last save are sent again.")


def lease_held(lease: Lease) -> str:
    """The warning of a run that is skipped."""
    since = f" since {time_text(lease.acquired)}" if lease.acquired else ""
    return f"Run {lease.run} holds the lease{since}, until {time_text(lease.until)}; skipping this run."


def first_start(minute: int) -> str:
    """The warning of a run that found no state, and reads from ``minute`` on."""
    return f"First start: there is no state yet. Reading begins at {minute_text(minute)}; events processed before it are not forwarded."

"""The report of a run: its counts, its position, and what needs attention."""

from collections.abc import Collection
from math import inf
from typing import Literal

from epimetheus.errors import EpimetheusError
from epimetheus.model import Window, count_text, minute_text, plural, time_text
from epimetheus.reports import BehindNow, Position, ReconciledNow, Report, SealNow, Status
from epimetheus.run import plan
from epimetheus.run.context import RunContext
from epimetheus.run.coverage import coverage_warnings, run_coverage
from epimetheus.run.known_compartments import first_few
from epimetheus.run.reconcile_plan import lag_minutes
from epimetheus.run.tally import to_problem
from epimetheus.state.model import State


def build_report(ctx: RunContext, status: Status, error: EpimetheusError | None = None) -> Report:
    """The report of a run that ends now."""
    tally, ports, progress, selection = ctx.tally, ctx.ports, ctx.progress, ctx.pipeline.selection
    audit, sender = ports.audit, ports.sender
    coverage = run_coverage(ctx.options, ctx.state, tally.unlisted) if progress.opened else None
    uncovered = coverage_warnings(coverage, ports.policies) if coverage else []
    given_up = given_up_warning(progress.given_up)
    pushed = ports.delivered.pushed_in(Window(progress.since, ctx.state.through))
    stopped = push_warning(pushed, tally.filled, progress.since, ctx.state.through)
    return Report(
        run=ctx.run_id,
        region=ctx.options.region,
        status=status,
        error=to_problem(error) if error else None,
        warnings=[*tally.warnings, *selection.warnings(), *ports.delivered.warnings(), *given_up, *stopped, *uncovered],
        started=time_text(ctx.started),
        seconds=round(ports.clock.monotonic() - ctx.monotonic_start, 3),
        position=_current_position(ctx) if progress.opened else None,
        coverage=coverage,
        slices=tally.slices,
        fetched=tally.fetched,
        forwarded=tally.forwarded,
        unconfirmed=tally.fetched - tally.accounted,
        duplicates=tally.duplicates,
        filtered=dict(tally.filtered),
        malformed=tally.malformed,
        truncated=tally.truncated,
        abridged=tally.abridged,
        redacted=tally.redacted,
        notices=tally.notices,
        bytes=tally.bytes,
        api={ports.source: {"requests": audit.requests, "retries": audit.retries, "throttled": audit.throttled}, **ports.calls.counts()},
        receiver={"connections": sender.connections, "confirmations": sender.confirmations, "confirmation": sender.confirmation},
        relisted=tally.relisted,
        late=tally.late,
        latest_seconds=_latest_seconds(ctx),
        pushed=pushed,
        filled=tally.filled,
        reconciliation=_reconciliation(ctx),
        listing_stale=tally.listing_stale,
        listing_age_seconds=tally.listing_age,
        given_up=len(progress.given_up),
        seal=_seal(ctx),
        problems=tally.problems,
        first_start=ports.session.first_start,
        state_writes=ports.session.writes,
        certificate_days=days_left(ports.certificate_end(), ctx.time.now()),
        caches={"dedupe": tally.dedupe_cache(len(ports.delivered.seen)), "names": selection.name_cache()},
        performance=tally.performance(),
    )


def push_warning(pushed: int, filled: int, since: int, through: int) -> list[str]:
    """The warning of a run from the minute ``since`` through ``through`` that found events although nothing was pushed."""
    if pushed or not filled:
        return []
    return [
        f"No event was pushed from {minute_text(since)} to {minute_text(through)}, but polling found {count_text(filled, 'event')}."
        " Nothing is lost. Check the connector's state, its errors, and its policies (docs/operate.md, push)."
    ]


def final_status(ctx: RunContext) -> Literal["ok", "partial"]:
    """The status of a run that has not failed."""
    waiting = ctx.tally.problems is not None and ctx.tally.problems.waiting
    return "partial" if ctx.state.behind or ctx.progress.given_up or ctx.tally.outdated or waiting else "ok"


def _seal(ctx: RunContext) -> SealNow | None:
    """The seal of this run, None: it has none."""
    head = ctx.state.seals.head
    if head is None or head.run != ctx.run_id:
        return None
    return SealNow(head.sequence, head.sha256, head.stored, not head.pending, head.pending, ctx.sealing.chain_broken)


def _latest_seconds(ctx: RunContext) -> int:
    earliest = ctx.tally.earliest_late
    return 0 if earliest == inf else max(0, int(ctx.time.now() - earliest))


def _reconciliation(ctx: RunContext) -> dict[str, ReconciledNow]:
    lags = lag_minutes(ctx.state, ctx.time.minute)
    passes = ctx.state.reconciled.items()
    return {str(after): ReconciledNow(minute_text(one.through), lags[after] * 60, len(one.behind)) for after, one in passes}


def _current_position(ctx: RunContext) -> Position:
    return position(ctx.state, ctx.progress.since, ctx.time.end, ctx.time.now(), ctx.options.slice_minutes)


def position(state: State, since: int, end: int, now: float, length: int) -> Position:
    """The position of a region.

    ``since``: the cursor before the run, ``end``: the end of the run's range, ``length``: of a slice, all in minutes. ``now``: seconds
    since the epoch.
    """
    oldest = min([state.through, *(b.since for b in state.behind.values())])
    furthest = sorted(state.behind.items(), key=lambda item: (item[1].since, item[0]))
    return Position(
        since=minute_text(since),
        through=minute_text(state.through),
        lag_seconds=max(0, int(now - oldest * 60)),
        caught_up=is_caught_up(state, end),
        slices_left=max(0, -((oldest - end) // length)),
        known=len(state.known),
        polled=len(plan.polled_compartments(state)),
        vanished=sum(known.vanished is not None for known in state.known.values()),
        behind={ocid: BehindNow(minute_text(b.since), b.reason, b.attempts) for ocid, b in furthest},
    )


def is_caught_up(state: State, end: int) -> bool:
    """Whether every compartment is read through the minute ``end``."""
    return state.through >= end and not state.behind


def given_up_warning(ocids: Collection[str]) -> list[str]:
    """The warning for vanished compartments whose last events could not be read."""
    if not ocids:
        return []
    count, hours = len(ocids), plan.GIVE_UP_MINUTES // 60
    return [
        f"{count_text(count, 'deleted or unlisted compartment is', 'deleted or unlisted compartments are')} given up: OCI has answered 404"
        f" for {hours} hours, so {plural(count, 'its', 'their')} last events are not forwarded: {first_few(ocids)}."
        f" If OCI lists {plural(count, 'it', 'them')} as active again, reading resumes where it stopped."
    ]


def days_left(end: float | None, now: float) -> float | None:
    """Days from ``now`` to ``end``, both in seconds since the epoch; negative after ``end``."""
    return None if end is None else round((end - now) / 86_400, 2)

"""One run over one region: the order of its steps, its errors, and its lease.

    lease ─▶ discover compartments ─▶ forward, slice by slice: fetch, send, confirm, commit ─▶ reconcile ─▶ notices ─▶ finish ─▶ seal

Each step is a function over the `RunContext`. The cursor moves in `epimetheus.run.slice_loop` only, after a slice is confirmed;
`epimetheus.run.commit` saves it. `epimetheus.run.sealing` seals the run.
"""

from collections.abc import Callable, Sequence

from epimetheus.clock import Deadline
from epimetheus.errors import EpimetheusError
from epimetheus.reports import Report
from epimetheus.run.commit import commit_confirmed, finish
from epimetheus.run.context import RunContext
from epimetheus.run.discovery import discover_compartments
from epimetheus.run.lease import lease_held_warning, open_state, returning_lease
from epimetheus.run.notices import send_notices
from epimetheus.run.ports import RunOptions, RunPorts
from epimetheus.run.reconcile import reconcile
from epimetheus.run.report import build_report, final_status
from epimetheus.run.sealing import finish_seal, settle
from epimetheus.run.slice_loop import forward_slices

Steps = Sequence[tuple[str, Callable[[RunContext], None]]]
STEPS: Steps = (
    ("discover", discover_compartments),
    ("forward", forward_slices),
    ("reconcile", reconcile),
    ("notices", send_notices),
    ("finish", finish),
)
"""The steps of a run in order, each with its name in the report's ``performance.phases``. The step ``seal`` follows."""


def run(
    options: RunOptions, ports: RunPorts, run_id: str, deadline: Deadline, warnings: Sequence[str] = (), steps: Steps = STEPS
) -> Report:
    """Forward the new events of one region before ``deadline``. An error is part of the report and is not raised.

    ``warnings`` are added to the report as they are. ``steps``: those of another source.
    """
    with returning_lease(ports, options.region):
        ctx = RunContext.start(options, ports, run_id, deadline, warnings)
        try:
            if (lease := open_state(ctx)) is not None:
                ctx.tally.warnings.append(lease_held_warning(lease))
                return build_report(ctx, "skipped")
            settle(ctx)
            for phase, step in steps:
                _timed(ctx, phase, _renewing_lease(step))
            _timed(ctx, "seal", finish_seal)
        except EpimetheusError as error:
            commit_confirmed(ctx)
            return build_report(ctx, "failed", error)
        finally:
            ports.sender.drop()
        return build_report(ctx, final_status(ctx))


def _renewing_lease(step: Callable[[RunContext], None]) -> Callable[[RunContext], None]:
    def renewing(ctx: RunContext) -> None:
        ctx.ports.session.renew_if_due(ctx.time.now())
        step(ctx)

    return renewing


def _timed(ctx: RunContext, phase: str, step: Callable[[RunContext], None]) -> None:
    began = ctx.ports.clock.monotonic()
    try:
        step(ctx)
    finally:
        ctx.tally.phases[phase] = round(ctx.ports.clock.monotonic() - began, 3)

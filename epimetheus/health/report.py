"""Health report: every dependency is checked in the way a run uses it. The cursor does not move.

The checks are listed in `epimetheus.health.checks`. A check is ok, degraded, failed or skipped. A check whose prerequisite failed is
skipped, so that only the cause is reported as failed.
"""

from collections.abc import Callable, Mapping
from functools import partial
from itertools import groupby

from epimetheus.clock import Clock, Deadline
from epimetheus.errors import EpimetheusError, OutOfTime
from epimetheus.health.checks import CHECKS
from epimetheus.health.context import FUNCTION, Caller, HealthContext
from epimetheus.health.model import Check, CheckResult, HealthReport, ReportedCheck, verdict
from epimetheus.model import time_text
from epimetheus.oci_client.time_limit import TimedOut, run_within
from epimetheus.problem import STREAM

LIMIT_SECONDS = 60.0
"""The time limit of all checks together when the function runs them."""

_MOST_SECONDS = 20.0
_LEAST_SECONDS = 0.2
_SLOW_HELP = "Check the network path: the subnet's route (to OCI: a service gateway), its security lists, and DNS."


def run_health_checks(
    environment: Mapping[str, str],
    run_id: str,
    clock: Clock,
    deadline: Deadline,
    *,
    probe: bool = False,
    report: Callable[[ReportedCheck], None] = lambda result: None,
    caller: Caller = FUNCTION,
) -> HealthReport:
    """Check everything that the settings in ``environment`` name, until ``deadline``; ``report`` receives each result as it arrives.

    Failures are part of the report; none is raised.
    """
    started, began = clock.now(), clock.monotonic()
    runner = _CheckRunner(HealthContext(environment, run_id, clock, deadline, caller), report)
    for per_region, checks in groupby(CHECKS, lambda check: check.per_region):
        runner.run_all([check for check in checks if probe or not check.on_request], per_region=per_region)
    results = runner.results
    return HealthReport(
        run=run_id,
        verdict=verdict([result.status for result in results]),
        started=time_text(started),
        seconds=round(clock.monotonic() - began, 3),
        issues=[f"{one.title} {one.status}: {one.what} {one.do}" for one in results if one.status in ("degraded", "failed")],
        checks=results,
    )


class _CheckRunner:
    """Runs checks in order, skips those whose prerequisite failed, and limits the time of each."""

    def __init__(self, context: HealthContext, report: Callable[[ReportedCheck], None]) -> None:
        self.context, self.report = context, report
        self.results: list[ReportedCheck] = []
        self.failed_root: dict[str, str] = {}  # check that failed or was skipped → the check that failed first

    def run_all(self, checks: list[Check], *, per_region: bool) -> None:
        for region in (self.context.streams or [""]) if per_region else [""]:
            self.context.region = region
            for check in checks:
                if self.applies(check):
                    self.run(check)

    def applies(self, check: Check) -> bool:
        """Whether SOURCES has the source of ``check``, and the stream in turn is one of it. Until the settings are known: that of audit."""
        sources = self.context.opened.settings.sources if self.context.opened else ("audit",)
        return not check.source or (check.source in sources and not (check.source == "audit" and self.context.region == STREAM))

    def run(self, check: Check) -> None:
        context = self.context
        began = context.clock.monotonic()
        root = next((self.failed_root[need] for need in self.needs(check) if need in self.failed_root), None)
        answer = CheckResult(f"Skipped: the {root} check failed.", "skipped") if root else self.answer(check)
        if root or answer.status == "failed":
            self.failed_root[check.name] = root or check.name
        context.healthy = context.healthy and answer.status in ("ok", "skipped")
        seconds = round(context.clock.monotonic() - began, 3)
        self.results.append(ReportedCheck(check.name, context.region or None, answer.status, seconds, answer.what, answer.do))
        self.report(self.results[-1])

    def needs(self, check: Check) -> tuple[str, ...]:
        if check.files and self.context.opened and self.context.refers_to_oci(check.files):
            return (*check.needs, "credentials")
        return check.needs

    def answer(self, check: Check) -> CheckResult:
        """Run ``check`` within a third of the time left, so that a check that hangs leaves time for the others."""
        share = min(_MOST_SECONDS, self.context.deadline.left() / 3)
        if share < _LEAST_SECONDS:
            return CheckResult("No time was left for this check.", "failed", "Fix the slow checks before it, or raise the time limit.")
        limit = self.context.deadline.within(share)
        try:
            return call_until(limit, partial(check.run, self.context, limit.earlier(share / 10)))
        except OutOfTime as error:
            return CheckResult(error.what, "failed", _SLOW_HELP)
        except EpimetheusError as error:
            return CheckResult(error.what, "failed", error.do)


def call_until(limit: Deadline, run: Callable[[], CheckResult]) -> CheckResult:
    """What ``run`` returns; at ``limit`` it is abandoned, whatever it waits for. Raises what it raises, and OutOfTime."""
    seconds = limit.left()
    try:
        return run_within(seconds, run, "health")
    except TimedOut:
        raise OutOfTime(f"No response within {seconds:.1f} s.", do=_SLOW_HELP) from None

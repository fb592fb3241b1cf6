"""One invocation of the function: reads the settings, runs every region, and returns the reports, or raises if a region failed.

The platform counts any returned value as success, so a failed run must raise: fdk then responds 502 with the error's text.
"""

import signal
import sys
import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

import msgspec

from epimetheus.clock import SYSTEM, Clock, Deadline
from epimetheus.config.settings import Settings
from epimetheus.errors import EpimetheusError, OutOfTime, RequestError
from epimetheus.function.request import Health, Push, Reconcile, Replay, read_request
from epimetheus.health.model import HealthReport
from epimetheus.observe.log import LogObserver, log_failure, log_health, log_pushed, log_replayed, log_report, log_to
from epimetheus.reports import Pushed, Replayed, Report
from epimetheus.signals import raise_on_signals
from epimetheus.wiring.regions import replay_regions, run_regions
from epimetheus.wiring.wiring import Wiring


class RunFailed(EpimetheusError):
    """At least one region failed. The text lists each failed region with its error; the reports have the details."""

    kind = "run_failed"


class InternalError(EpimetheusError):
    """A bug in Epimetheus. The log line has its traceback, but not its message, which may quote secrets."""

    kind = "internal"


_PAUSE_SECONDS = 60.0  # OCI lists events minute by minute
_LEAST_SECONDS = 15.0
_RESPONSE_SECONDS = 1.0


def invoke(
    environment: Mapping[str, str],
    body: bytes,
    deadline: str,
    *,
    clock: Clock = SYSTEM,
    new_id: Callable[[], str] = lambda: uuid.uuid4().hex[:12],
) -> list[Report] | list[Replayed] | list[Pushed] | HealthReport:
    """Handle one invocation. ``body``: as in `request`. ``deadline``: RFC 3339. Returns one report per run and region.

    A health check returns its result whatever the verdict, even with invalid settings: an error would reach the operator as a 502
    response with one line of text.

    Raises EpimetheusError, which never contains a secret: ConfigError, RequestError, CredentialsError, RunFailed, InternalError.
    """
    run_id = new_id()
    log_to(sys.stderr, "info")
    try:
        request = read_request(body)
        if isinstance(request, Health):
            return check_health(environment, run_id, deadline_of(deadline, clock), probe=request.probe)
        settings = Settings.read(environment)
        log_to(sys.stderr, settings.log_level)
        wiring = Wiring.open(settings, clock, deadline_of(deadline, clock))
        reports: list[Report] | list[Replayed] | list[Pushed]
        if isinstance(request, Push):
            from epimetheus.wiring.push import push_batch  # noqa: PLC0415 - not needed by a run

            reports = [push_batch(wiring, run_id, LogObserver(run_id), log_pushed, request.body)]
        elif isinstance(request, Replay | Reconcile):
            reports = replay_regions(wiring, run_id, LogObserver(run_id), log_replayed, request.to_run(clock.now()))
        else:
            with raise_on_signals(signal.SIGTERM):  # return the lease before the container stops
                reports = run_and_follow(wiring, run_id, new_id, request.follow_seconds)
    except EpimetheusError as error:
        log_failure(error.what, error.do, error.kind, run_id)
        raise
    except Exception as error:  # noqa: BLE001 — raised again, without the message that the platform would show
        bug = InternalError(
            f"Run {run_id} failed: a bug in Epimetheus raised {type(error).__name__}.", do="Report it with the log line of this run."
        )
        log_failure(bug.what, bug.do, bug.kind, run_id)
        raise bug from None
    raise_if_failed(reports)
    return reports


def check_health(environment: Mapping[str, str], run_id: str, deadline: Deadline, *, probe: bool) -> HealthReport:
    """Run and log the health checks."""
    from epimetheus.health.report import LIMIT_SECONDS, run_health_checks  # noqa: PLC0415 - not needed by a run

    within = deadline.earlier(_RESPONSE_SECONDS).within(LIMIT_SECONDS)
    report = run_health_checks(environment, run_id, deadline.clock, within, probe=probe)
    log_health(report.verdict, report.issues, msgspec.to_builtins(report))
    return report


def run_and_follow(wiring: Wiring, run_id: str, new_id: Callable[[], str], seconds: float) -> list[Report]:
    """Run once, then again after each pause, until ``seconds`` have passed or the deadline leaves too little time."""
    until = wiring.deadline.within(seconds)
    reports = run_regions(wiring, run_id, LogObserver(run_id), log_report)
    while until.left() > _PAUSE_SECONDS + _LEAST_SECONDS:
        wiring.clock.sleep(_PAUSE_SECONDS)
        run_id = new_id()
        reports += run_regions(wiring, run_id, LogObserver(run_id), log_report)
    return reports


def deadline_of(text: str, clock: Clock) -> Deadline:
    """The platform's deadline (RFC 3339). Raises OutOfTime if it has passed, RequestError if it is not a time."""
    try:
        seconds = datetime.fromisoformat(text).timestamp() - clock.now()
    except ValueError as error:
        raise RequestError(f"The deadline {text[:40]!r} is not an RFC 3339 time.", do="Invoke the function through fdk.") from error
    if seconds <= 0:
        raise OutOfTime("The invocation began after its deadline.", do="Raise the function's timeout.")
    return Deadline.after(clock, seconds)


def raise_if_failed(reports: Sequence[Report | Replayed | Pushed]) -> None:
    """Raise RunFailed if a region failed, with the last error of each."""
    failed = {report.region: report.error for report in reports if report.status == "failed" and report.error}
    if failed:
        what = " ".join(f"{region}: {error.what} {error.do}" for region, error in failed.items())
        raise RunFailed(what, do="")

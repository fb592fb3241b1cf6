"""One call of the function: settings, a run for each region, the reports; and an error where one of them failed.

The platform takes whatever is returned for success, so a failed run must raise (facts: fdk answers 502 with the error's text).
"""

import logging
import signal
import sys
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from datetime import datetime

import msgspec

from epimetheus.clock import SYSTEM, Clock, Deadline
from epimetheus.config.settings import Settings
from epimetheus.errors import EpimetheusError, OutOfTime, RequestError
from epimetheus.function.request import Health, Replay, read_request
from epimetheus.health.model import HealthReport
from epimetheus.health.report import LIMIT_SECONDS, run_health_checks
from epimetheus.model import Replayed, Report
from epimetheus.observe import metrics
from epimetheus.observe.log import LogObserver, log_failure, log_health, log_replayed, log_report, log_to
from epimetheus.run.ports import RunObserver
from epimetheus.run.replay import replay
from epimetheus.run.run import run
from epimetheus.signals import signals_raised
from epimetheus.wiring.wiring import Wiring


class RunFailed(EpimetheusError):
    """One region or more failed; the text names each with its reason. The reports tell everything."""

    kind = "run_failed"


class Unforeseen(EpimetheusError):
    """A mistake of our own. The log line has its trace; its message stays there, for it may quote what must not be shown."""

    kind = "unforeseen"


_PAUSE_SECONDS = 60.0  # events settle minute by minute
_LEAST_SECONDS = 15.0
_ANSWER_SECONDS = 1.0


def invoke(
    environment: Mapping[str, str],
    body: bytes,
    deadline: str,
    *,
    clock: Clock = SYSTEM,
    new_id: Callable[[], str] = lambda: uuid.uuid4().hex[:12],
) -> list[Report] | list[Replayed] | HealthReport:
    """What the platform asks: ``body`` is the request's (see `request`), ``deadline`` an RFC 3339 time. The reports, one a run and region.

    Asked for health it answers, whatever the verdict is, also with settings that can not be used: an error would come to the operator as
    a 502 with one line of text, and the checks are what was asked for.

    Raises EpimetheusError, always safe to show: ConfigError, RequestError, CredentialsError, RunFailed, Unforeseen.
    """
    run_id = new_id()
    log_to(sys.stderr, "info")
    try:
        request = read_request(body)
        if isinstance(request, Health):
            return diagnose(environment, run_id, deadline_of(deadline, clock), probe=request.probe)
        settings = Settings.read(environment)
        log_to(sys.stderr, settings.log_level)
        workshop = Wiring.open(settings, clock, deadline_of(deadline, clock))
        reports: list[Report] | list[Replayed]
        if isinstance(request, Replay):
            reports = replay_regions(workshop, run_id, LogObserver(run_id), log_replayed, request)
        else:
            with signals_raised(signal.SIGTERM):  # a container that is stopped: the lease is returned before it ends
                reports = run_and_follow(workshop, run_id, new_id, request.follow_seconds)
    except EpimetheusError as error:
        log_failure(error.what, error.do, error.kind, run_id)
        raise
    except Exception as error:  # noqa: BLE001 — raised again, without the message that the platform would show
        foreign = Unforeseen(f"Run {run_id} failed by a mistake of Epimetheus ({type(error).__name__}).", do="Please report its log line.")
        log_failure(foreign.what, foreign.do, foreign.kind, run_id)
        raise foreign from None
    refuse_failed(reports)
    return reports


def diagnose(environment: Mapping[str, str], run_id: str, deadline: Deadline, *, probe: bool) -> HealthReport:
    """Ask every dependency how it is, and log what came of it."""
    within = deadline.earlier(_ANSWER_SECONDS).within(LIMIT_SECONDS)
    diagnosis = run_health_checks(environment, run_id, deadline.clock, within, probe=probe)
    log_health(diagnosis.verdict, diagnosis.issues, msgspec.to_builtins(diagnosis))
    return diagnosis


def run_and_follow(workshop: Wiring, run_id: str, new_id: Callable[[], str], seconds: float) -> list[Report]:
    """Run once; and again and again for so many ``seconds``, with a pause in between, as long as the deadline leaves time for it."""
    until = workshop.deadline.within(seconds)
    reports = run_regions(workshop, run_id, LogObserver(run_id), log_report)
    while until.left() > _PAUSE_SECONDS + _LEAST_SECONDS:
        workshop.clock.sleep(_PAUSE_SECONDS)
        run_id = new_id()
        reports += run_regions(workshop, run_id, LogObserver(run_id), log_report)
    return reports


def deadline_of(text: str, clock: Clock) -> Deadline:
    """The platform's deadline (RFC 3339). Raises OutOfTime where it has passed, RequestError where it is none."""
    try:
        seconds = datetime.fromisoformat(text).timestamp() - clock.now()
    except ValueError as error:
        raise RequestError(f"The deadline {text[:40]!r} is not an RFC 3339 time.", do="Invoke the function through fdk.") from error
    if seconds <= 0:
        raise OutOfTime("The deadline of this call has passed before it began.", do="Raise the function's timeout.")
    return Deadline.after(clock, seconds)


def run_regions(workshop: Wiring, run_id: str, watcher: RunObserver, announce: Callable[[Report], None]) -> list[Report]:
    """A run for each region, each with its share of the time left, whatever becomes of the others; announced and measured."""
    reports = []
    workshop.prepare()
    regions = workshop.regions
    afterwards = _measuring_seconds(workshop.deadline.left()) / len(regions)
    for number, region in enumerate(regions):
        share = workshop.deadline.left() / (len(regions) - number) - afterwards
        report = run_region(workshop, region, run_id, workshop.deadline.within(share), watcher)
        announce(report)
        publish(workshop, report, afterwards)
        reports.append(report)
    return reports


def _measuring_seconds(seconds: float) -> float:
    """Of so many seconds a call has, those kept back for metrics."""
    return min(6.0, seconds * 0.05)


def run_region(workshop: Wiring, region: str, run_id: str, deadline: Deadline, watcher: RunObserver) -> Report:
    """One region's run."""
    parts = workshop.parts(region, run_id, deadline, watcher)
    try:
        return run(workshop.options(region), parts, run_id, deadline, workshop.warnings)
    finally:
        parts.audit.close()


def replay_regions(
    workshop: Wiring, run_id: str, watcher: RunObserver, announce: Callable[[Replayed], None], asked: Replay
) -> list[Replayed]:
    """A replay for each region, each with its share of the time left. Raises RequestError."""
    window, told = asked.window(), []
    workshop.prepare()
    for number, region in enumerate(workshop.regions):
        deadline = workshop.deadline.within(workshop.deadline.left() / (len(workshop.regions) - number))
        parts = workshop.parts(region, run_id, deadline, watcher, replay=True)
        with closing(parts.audit):
            replayed = replay(workshop.options(region), parts, run_id, deadline, window, asked.compartments, dry=asked.dry)
        announce(replayed)
        told.append(replayed)
    return told


def publish(workshop: Wiring, report: Report, seconds: float) -> None:
    """Post metrics within ``seconds``, unless there is no namespace for them; a failure is told and no more."""
    settings = workshop.settings
    if not settings.metrics_namespace:
        return
    try:
        compartment = settings.metrics_compartment_ocid or workshop.tenancy
        statistics, client = workshop.rules_file[0].statistics, workshop.monitoring(seconds)
        more = metrics.PostRequest(statistics.track_cache_metrics, statistics.track_performance_metrics)
        metrics.post(
            client, settings.metrics_namespace, compartment, report.region, metrics.measures(report, more), workshop.clock.now()
        )
    except EpimetheusError as error:
        fields = {"run": report.run, "kind": "metrics", "do": error.do}
        logging.getLogger("epimetheus").warning("%s", error.what, extra={"event": "trouble", "fields": fields})


def refuse_failed(reports: Sequence[Report | Replayed]) -> None:
    """Raises RunFailed where a region failed, with the last failure of each."""
    failed = {report.region: report.error for report in reports if report.status == "failed" and report.error}
    if failed:
        what = " ".join(f"{region}: {error.what} {error.do}" for region, error in failed.items())
        raise RunFailed(what, do="")

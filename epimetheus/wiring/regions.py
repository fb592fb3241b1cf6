"""Runs or replays every stream (a region, or Cloud Guard), one after another, each with its share of the remaining time.

The function and the command line use it.
"""

import logging
from collections.abc import Callable, Mapping
from pathlib import Path

from epimetheus.config.settings import Settings
from epimetheus.errors import EpimetheusError
from epimetheus.observe import metrics
from epimetheus.reports import Pushed, Replayed, Report
from epimetheus.run.ports import RunObserver
from epimetheus.run.replay import ReplayRequest
from epimetheus.wiring.sources import due_streams, replayed_streams
from epimetheus.wiring.wiring import Wiring


def run_regions(wiring: Wiring, run_id: str, observer: RunObserver, announce: Callable[[Report], None]) -> list[Report]:
    """Run each stream with its share of the remaining time, whether or not others fail; announce its report, and post its metrics."""
    reports = []
    wiring.prepare()
    todo = due_streams(wiring)
    reserve = metrics_seconds(wiring.deadline.left()) / max(1, len(todo))
    for number, stream in enumerate(todo):
        share = wiring.deadline.left() / (len(todo) - number) - reserve
        report = stream.run(run_id, wiring.deadline.within(share), observer)
        announce(report)
        publish(wiring, report, reserve)
        reports.append(report)
    return reports


def metrics_seconds(seconds: float) -> float:
    """The part of an invocation's ``seconds`` that is reserved for metrics."""
    return min(6.0, seconds * 0.05)


def replay_regions(
    wiring: Wiring, run_id: str, observer: RunObserver, announce: Callable[[Replayed], None], request: ReplayRequest
) -> list[Replayed]:
    """Replay what is requested of each stream with its share of the remaining time, and announce the result.

    Raises RequestError, SourceError.
    """
    results = []
    wiring.prepare()
    todo = replayed_streams(wiring, request)
    for number, stream in enumerate(todo):
        deadline = wiring.deadline.within(wiring.deadline.left() / (len(todo) - number))
        replayed = stream.replay(run_id, deadline, observer, request)
        announce(replayed)
        results.append(replayed)
    return results


def metric_dimensions(settings: Settings, region: str) -> dict[str, str]:
    """The dimensions of all metrics. Deployments that post to one compartment differ in the location of their state.

    OCI Monitoring accepts values of up to 256 characters. terraform/observability.tf makes the same value for its alarms.
    """
    in_bucket = f"{settings.state_bucket}/{settings.state_prefix}".removesuffix("/")
    location = in_bucket if settings.state_bucket else Path(settings.state_file or "state").name
    return {"deployment": location[:256], "region": region}


def publish(wiring: Wiring, report: Report, seconds: float) -> None:
    """Post the metrics of a run within ``seconds``, as `publish_measures`."""
    if wiring.settings.metrics_namespace:
        statistics = wiring.selection.rules_file[0].statistics
        optional = metrics.OptionalMetrics(statistics.track_cache_metrics, statistics.track_performance_metrics)
        publish_measures(wiring, report, metrics.measures(report, optional), seconds)


def publish_measures(wiring: Wiring, report: Report | Pushed, measures: Mapping[str, float], seconds: float) -> None:
    """Post ``measures`` within ``seconds`` if METRICS_NAMESPACE is set. A failure is logged only."""
    settings = wiring.settings
    if not settings.metrics_namespace:
        return
    try:
        compartment = settings.metrics_compartment_ocid or wiring.tenancy
        client, dimensions = wiring.oci.monitoring(seconds), metric_dimensions(settings, report.region)
        metrics.post(client, settings.metrics_namespace, compartment, dimensions, measures, wiring.clock.now(), wiring.oci.policies)
    except EpimetheusError as error:
        fields = {"run": report.run, "kind": "metrics", "do": error.do}
        logging.getLogger("epimetheus").warning("%s", error.what, extra={"event": "problem", "fields": fields})

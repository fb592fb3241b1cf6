"""Posts the metrics of a report to OCI Monitoring in one call. A failed post is a warning, because the events are already forwarded.

https://docs.oracle.com/en-us/iaas/api/#/en/monitoring/20180401/MetricData/PostMetricData
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from epimetheus.errors import SourceError
from epimetheus.model import count_text
from epimetheus.oci_client.clients import oci_errors
from epimetheus.oci_client.policies import Policies
from epimetheus.problem import STREAM
from epimetheus.reports import Pushed, Report
from epimetheus.safe_text import safe_message

_HELP = "Metrics are optional: an empty METRICS_NAMESPACE turns them off."


class OptionalMetrics(NamedTuple):
    """Which additional metrics to post, as ``statistics`` in the rules file says."""

    caches: bool = False
    performance: bool = False


def measures(report: Report, optional: OptionalMetrics) -> dict[str, float]:
    """Metric name → value. Lags, coverage and compartments behind are included only if the state was read."""
    values: dict[str, float] = {
        "runs_failed": report.status == "failed",
        "runs_skipped": report.status == "skipped",
        "first_start": report.first_start,
        "seals": report.seal is not None and report.seal.stored,
        "poll_seconds" if report.region == STREAM else "run_seconds": report.seconds,
        "events_fetched": report.fetched,
        "events_forwarded": report.forwarded,
        "events_unconfirmed": report.unconfirmed,
        "events_duplicate": report.duplicates,
        "events_filtered": sum(report.filtered.values()),
        "events_rate_limited": report.filtered.get("rate_limited", 0),
        "events_malformed": report.malformed,
        "compartments_given_up": report.given_up,
        "events_abridged": report.abridged,
        "late_events": report.late,
        "late_seconds": report.latest_seconds,
        "events_filled": report.filled,
        "push_stopped": report.filled > 0 and report.pushed == 0,
        "api_requests": sum(counts["requests"] for counts in report.api.values()),
        "api_throttled": sum(counts["throttled"] for counts in report.api.values()),
    }
    for name, cache in report.caches.items() if optional.caches else ():
        values |= {f"cache_{name}_hits": cache.hits, f"cache_{name}_misses": cache.misses, f"cache_{name}_size": cache.size}
    if optional.performance:
        values["events_per_second"] = report.performance.events_per_second
    if report.certificate_days is not None:
        values["certificate_days_left"] = report.certificate_days
    if report.listing_age_seconds is not None:
        values["listing_age_seconds"] = report.listing_age_seconds
    if report.problems:
        values["problems_active"] = report.problems.active
        values["problems_changed"] = report.problems.changed
        values["problems_waiting"] = report.problems.waiting
    if report.seal:
        values["seals_unsent"] = report.seal.pending
        values["seal_chain_broken"] = report.seal.chain_broken
    if report.reconciliation:
        values["reconcile_lag_seconds"] = max(one.lag_seconds for one in report.reconciliation.values())
    if report.position:
        values["lag_seconds"] = report.position.lag_seconds
        values["compartments_behind"] = len(report.position.behind)
    if report.coverage:
        values["regions_uncovered"] = report.coverage.regions.gaps
        values["compartments_uncovered"] = report.coverage.compartments.gaps
    return {name: float(value) for name, value in values.items()}


def push_measures(pushed: Pushed) -> dict[str, float]:
    """Metric name → value for one push. ``push_delay_seconds`` is included only if an event of the batch has a time."""
    values: dict[str, float] = {
        "pushes_failed": pushed.status == "failed",
        "events_pushed": pushed.forwarded,
        "push_duplicates": pushed.duplicates,
        "push_seconds": pushed.seconds,
    }
    if pushed.longest_delay_seconds is not None:
        values["push_delay_seconds"] = pushed.longest_delay_seconds
    return {name: float(value) for name, value in values.items()}


def post(
    client: Any,
    namespace: str,
    compartment: str,
    dimensions: Mapping[str, str],
    values: Mapping[str, float],
    now: float,
    policies: Policies | None = None,
) -> None:
    """Post ``values`` by metric name, with ``dimensions``. ``now`` is in seconds since the epoch. ``policies``: for errors.

    Raises SourceError, CredentialsError.
    """
    from oci.monitoring.models import Datapoint, MetricDataDetails, PostMetricDataDetails  # noqa: PLC0415 - needed once, at the end

    moment = datetime.fromtimestamp(now, UTC)
    streams = [
        MetricDataDetails(
            namespace=namespace,
            compartment_id=compartment,
            name=name,
            dimensions=dict(dimensions),
            datapoints=[Datapoint(timestamp=moment, value=value)],
        )
        for name, value in values.items()
    ]
    with oci_errors("posting metrics", do=_HELP, policy=(policies or Policies()).metrics(namespace, compartment)):
        result = client.post_metric_data(PostMetricDataDetails(metric_data=streams)).data
    if result.failed_metrics_count:  # OCI responds with 200 even so
        why = safe_message(str(result.failed_metrics[0].message)) if result.failed_metrics else "no reason given"
        raise SourceError(f"OCI rejected {result.failed_metrics_count} of {count_text(len(streams), 'metric')}: {why}.", do=_HELP)

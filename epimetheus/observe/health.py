"""A health result as a log line, and as one metric of OCI Monitoring: `healthy`, 1 or 0."""

import logging
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from oci.monitoring.models import Datapoint, MetricDataDetails, PostMetricDataDetails

from epimetheus.cloud import oci_errors
from epimetheus.errors import SourceError

_HELP = "The function needs `use metrics`; METRICS_NAMESPACE= turns metrics off. Events are forwarded all the same, alarms are blind."
_LEVELS = {"healthy": logging.INFO, "degraded": logging.WARNING, "unhealthy": logging.ERROR}


def log_health(verdict: str, issues: Sequence[str], fields: Mapping[str, object]) -> None:
    """One line: the ``verdict`` (healthy, degraded, unhealthy) with its ``issues``, and the whole result in ``fields``."""
    what = f"{verdict}: {' '.join(issues)}" if issues else verdict
    logging.getLogger("epimetheus").log(_LEVELS[verdict], "%s", what, extra={"event": "health", "fields": {"health": fields}})


def post_healthy(client: Any, namespace: str, compartment: str, region: str, *, healthy: bool, now: float) -> None:
    """Post one datapoint; ``now`` is seconds since the epoch. Raises SourceError, CredentialsError."""
    stream = MetricDataDetails(
        namespace=namespace,
        compartment_id=compartment,
        name="healthy",
        dimensions={"region": region},
        datapoints=[Datapoint(timestamp=datetime.fromtimestamp(now, UTC), value=float(healthy))],
    )
    with oci_errors("posting a metric", do=_HELP):
        answer = client.post_metric_data(PostMetricDataDetails(metric_data=[stream])).data
    if answer.failed_metrics_count:  # OCI answers 200 all the same
        why = answer.failed_metrics[0].message if answer.failed_metrics else "no reason given"
        raise SourceError(f"OCI did not take the metric: {why}.", do=_HELP)

"""Health check of OCI Monitoring."""

from epimetheus.clock import Deadline
from epimetheus.errors import SourceError
from epimetheus.health.context import HealthContext
from epimetheus.health.model import CheckResult
from epimetheus.observe import metrics
from epimetheus.wiring.regions import metric_dimensions


def check_monitoring(context: HealthContext, deadline: Deadline) -> CheckResult:
    """A metric is accepted: ``healthy``, 1 if every check so far passed, otherwise 0."""
    wiring, settings = context.wiring, context.wiring.settings
    if not (namespace := settings.metrics_namespace):
        return CheckResult("METRICS_NAMESPACE is empty.", "skipped")
    client, compartment = wiring.oci.monitoring(deadline.left()), settings.metrics_compartment_ocid or wiring.tenancy
    try:
        values, now = {"healthy": float(context.healthy)}, context.now()
        dimensions = metric_dimensions(settings, wiring.credentials.region)
        metrics.post(client, namespace, compartment, dimensions, values, now, wiring.oci.policies)
    except SourceError as error:
        return CheckResult(error.what, "degraded", error.do)
    return CheckResult(f"Monitoring accepted the metric `healthy` of {namespace}.")

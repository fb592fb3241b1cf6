"""Health checks of the regions and compartments that a run reads."""

from epimetheus.clock import Deadline
from epimetheus.health.context import HealthContext
from epimetheus.health.model import CheckResult
from epimetheus.oci_client.clients import ServiceFailure


def check_regions(context: HealthContext, _: Deadline) -> CheckResult:
    """REGIONS can be resolved; the checks per region run in each of them. Raises CredentialsError."""
    context.regions, context.streams = context.wiring.regions, context.wiring.stream_names
    return CheckResult(f"A run reads {', '.join(context.regions)}.")


def check_identity(context: HealthContext, deadline: Deadline) -> CheckResult:
    """The compartments can be listed. Raises SourceError, CredentialsError."""
    wiring = context.wiring
    if wiring.settings.compartment_mode == "tenancy_only":
        return CheckResult("Skipped: COMPARTMENT_MODE=tenancy_only needs no listing.", "skipped")
    list_page = wiring.oci.list_page(deadline.left() / 2)
    try:
        list_page(wiring.tenancy, True, None)
    except ServiceFailure as failure:
        if failure.status not in (403, 404):
            raise
        list_page(wiring.tenancy, False, None)
        return CheckResult(f"ListCompartments of {wiring.tenancy} works, but not for the whole tree at once: a run walks the tree.")
    return CheckResult(f"ListCompartments of {wiring.tenancy} works.")

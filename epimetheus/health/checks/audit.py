"""Health check of the Audit service."""

from contextlib import closing

from epimetheus.clock import Deadline
from epimetheus.health.context import HealthContext
from epimetheus.health.model import CheckResult
from epimetheus.model import Window, count_text, minute_text


def check_audit(context: HealthContext, deadline: Deadline) -> CheckResult:
    """Events can be read. Raises SourceError, CredentialsError."""
    settings = context.wiring.settings
    ocid = settings.compartment_ids[0] if settings.compartment_mode == "include" else context.wiring.tenancy
    end = int(context.now() // 60) - settings.settle_minutes
    with closing(context.wiring.oci.audit(context.region)) as audit:
        events, _ = next(audit.pages(ocid, Window(end - 1, end), None, deadline))
    found = count_text(len(events), "event")
    return CheckResult(f"ListEvents of {ocid} works: {found} on the first page of the minute from {minute_text(end - 1)}.")

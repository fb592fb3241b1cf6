"""Health check of the Audit service."""

from contextlib import closing

from epimetheus.clock import Deadline
from epimetheus.health.context import HealthContext
from epimetheus.health.model import CheckAnswer
from epimetheus.model import Window, minute_text


def check_audit(context: HealthContext, deadline: Deadline) -> CheckAnswer:
    """Events can be read. Raises SourceError, CredentialsError."""
    settings = context.wiring.settings
    ocid = settings.compartment_ids[0] if settings.compartment_mode == "include" else context.wiring.tenancy
    end = int(context.now() // 60) - settings.settle_minutes
    with closing(context.wiring.oci.audit(context.region)) as audit:
        events, _ = next(audit.pages(ocid, Window(end - 1, end), None, deadline))
    return CheckAnswer(f"ListEvents of {ocid} works: {len(events)} events on the first page of the minute from {minute_text(end - 1)}.")

"""Health check of the clock."""

from epimetheus.clock import Deadline
from epimetheus.errors import ClockError
from epimetheus.health.context import HealthContext
from epimetheus.health.model import CheckResult
from epimetheus.oci_client.clock_offset import corrected_now


def check_clock(context: HealthContext, _: Deadline) -> CheckResult:
    """How far this machine's clock is from OCI's, by the responses so far."""
    offset = context.wiring.clock_offset.seconds()
    if offset is None:
        return CheckResult("No response from OCI had a date.", "skipped")
    try:
        warning = corrected_now(context.clock.now(), offset)[1]
    except ClockError as error:
        return CheckResult(error.what, "failed", error.do)
    if warning:
        return CheckResult(warning, "degraded", "Synchronize the clock: over 300 s, a run reads nothing.")
    return CheckResult(f"OCI's clock and this machine's differ by {abs(offset):.1f} s. The precision is one second.")

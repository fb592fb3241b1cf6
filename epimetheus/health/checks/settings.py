"""Health check of the configuration."""

from epimetheus.clock import Deadline
from epimetheus.health.context import HealthContext
from epimetheus.health.model import CheckResult
from epimetheus.oci_client.clients import Credentials
from epimetheus.wiring.wiring import Wiring

_NOT_SIGNED_IN = Credentials(None, "", "")


def check_settings(context: HealthContext, _: Deadline) -> CheckResult:
    """The configuration is valid. Every other check uses it. Raises ConfigError."""
    settings = context.caller.read(context.environment)
    context.opened = Wiring(settings, _NOT_SIGNED_IN, context.clock, context.deadline)
    if settings.syslog_transport == "tcp":
        return CheckResult(" ".join(settings.warnings), "degraded", "Set SYSLOG_TRANSPORT=tls, and SYSLOG_CA.")
    return CheckResult("The configuration is valid.")

"""Health checks of RULES and FIELD_MAP."""

from epimetheus.clock import Deadline
from epimetheus.health.context import HealthContext
from epimetheus.health.model import CheckResult


def check_rules(context: HealthContext, _: Deadline) -> CheckResult:
    """RULES can be read, with its warnings. Raises ConfigError, SourceError, CredentialsError."""
    return CheckResult(" ".join(["RULES is valid.", *context.wiring.selection.rules_file[1]]))


def check_field_map(context: HealthContext, _: Deadline) -> CheckResult:
    """FIELD_MAP can be read, with its warnings. Raises ConfigError, SourceError, CredentialsError."""
    return CheckResult(" ".join(["FIELD_MAP is valid.", *context.wiring.rendering.field_map[1]]))

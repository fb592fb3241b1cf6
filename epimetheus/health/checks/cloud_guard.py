"""Health check of Cloud Guard."""

from epimetheus.clock import Deadline
from epimetheus.health.context import HealthContext
from epimetheus.health.model import CheckResult
from epimetheus.model import count_text
from epimetheus.run.problems import HORIZON_DAYS
from epimetheus.wiring.cloud_guard import open_source


def check_cloud_guard(context: HealthContext, deadline: Deadline) -> CheckResult:
    """It is enabled, and problems can be listed. Raises SourceError, CredentialsError."""
    source, tenancy = open_source(context.wiring, deadline.left() * 4, tree=True), context.wiring.tenancy
    region = source.reporting_region()
    problems = next(source.listed(tenancy, context.now() - HORIZON_DAYS * 86_400, None, deadline))
    return CheckResult(f"ListProblems works in the reporting region {region}: {count_text(len(problems), 'problem')} on the first page.")

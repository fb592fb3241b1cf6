"""What a health check is, what it finds, and the report of all checks."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import msgspec

from epimetheus.clock import Deadline
from epimetheus.health.context import HealthContext

Status = Literal["ok", "degraded", "failed", "skipped"]
Verdict = Literal["healthy", "degraded", "unhealthy"]


class CheckResult(NamedTuple):
    """What a check found, and what to ``do`` about it (empty: nothing)."""

    what: str
    status: Status = "ok"
    do: str = ""


RunCheck = Callable[[HealthContext, Deadline], CheckResult]
"""Runs a check within its deadline. Raises EpimetheusError for what failed."""


@dataclass(frozen=True)
class Check:
    """One health check.

    ``needs``: checks without which this one cannot run; if one of them failed, this one is skipped. ``files``: settings (in lower case)
    that the check reads; if one of them refers to OCI, the check needs ``credentials`` as well. ``per_region``: runs once for each region,
    with ``context.region`` set. ``on_request``: runs only if a probe is requested. ``source``: runs only if SOURCES has it, and not for the
    stream of another source.
    """

    name: str
    run: RunCheck
    needs: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    per_region: bool = False
    on_request: bool = False
    source: str = ""


class ReportedCheck(msgspec.Struct, frozen=True):
    """The result of one check: what it found, how many ``seconds`` it took, and what to ``do`` (empty: nothing)."""

    name: str
    region: str | None
    status: Status
    seconds: float
    what: str
    do: str

    @property
    def title(self) -> str:
        """The name, with the region if there is one."""
        return f"{self.name} {self.region}" if self.region else self.name


class HealthReport(msgspec.Struct, frozen=True, kw_only=True):
    """All checks in the order they ran, and the verdict. ``issues`` has a line for each check that is degraded or failed.

    ``run`` marks what was written and sent; ``started`` is RFC 3339.
    """

    version: int = 1
    run: str
    verdict: Verdict
    started: str
    seconds: float
    issues: list[str]
    checks: list[ReportedCheck]


def verdict(statuses: Sequence[Status]) -> Verdict:
    """Unhealthy if a check failed, degraded if one is degraded, otherwise healthy."""
    return "unhealthy" if "failed" in statuses else "degraded" if "degraded" in statuses else "healthy"

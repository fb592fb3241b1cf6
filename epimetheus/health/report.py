"""Health that asks: each dependency of a run is asked how it is, the way a run asks it, and nothing is moved.

    settings              the configuration is read; degraded: plain TCP
    credentials           we sign in, and a request that needs no policy (GetNamespace) is not answered with 401
    rules, field_map      RULES and FIELD_MAP are read
    regions               which regions a run reads (REGIONS)
    identity              one page of ListCompartments; skipped for COMPARTMENT_MODE=tenancy_only, which needs none
    clock                 ours against OCI's: degraded over 60 s, failed over 300 s
    audit *               ListEvents for the last settled minute, of the root (COMPARTMENT_MODE=include: of the first of COMPARTMENT_IDS)
    state *               a run may use it (neither foreign, missing nor in the future); a lease that is over is written, and taken back
    lag *                 how far the cursor is behind, the settle time aside: degraded over 2 h, failed over 24 h
    behind *              degraded: some compartments are
    tls                   SYSLOG_CA, SYSLOG_CLIENT_CERT and SYSLOG_CLIENT_KEY are read, and fit together
    client_certificate    days left of ours: degraded under 30, failed once it is over
    receiver              it can be reached, and speaks TLS
    receiver_certificate  trusted, and of the right name; days left as above
    session               a connection is opened and closed strictly (RELP: open, close), which shows whether our certificate is accepted
    probe                 only where asked for: one marked message (epimetheus.Probe) is sent, and confirmed
    monitoring            PostMetricData of one metric, `healthy`; degraded where it fails, for events are forwarded all the same

(*: for each region.) A check is ok, degraded, failed or skipped. One that needs another which failed is skipped and says so: red is what is
broken, and nothing else. The whole is unhealthy if a check failed, degraded if one is degraded, else healthy.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Literal

import msgspec

from epimetheus.clock import Clock, Deadline
from epimetheus.errors import EpimetheusError, OutOfTime
from epimetheus.health.checks import CheckAnswer, HealthChecks, Status
from epimetheus.model import time_text
from epimetheus.oci_client.time_limit import TimedOut, run_within

LIMIT_SECONDS = 60.0
"""What a call of the function gives to all checks together."""

_MOST_SECONDS = 20.0
_LEAST_SECONDS = 0.2
_SLOW_HELP = "Check what lies between: the subnet's route (to OCI: a service gateway), its security lists and name servers."

Verdict = Literal["healthy", "degraded", "unhealthy"]
Question = Callable[[Deadline], CheckAnswer]


class CheckResult(msgspec.Struct, frozen=True):
    """One check: ``what`` is so, the ``seconds`` it took to find out, and what to ``do`` (empty where nothing is to be done)."""

    name: str
    region: str | None
    status: Status
    seconds: float
    what: str
    do: str

    @property
    def title(self) -> str:
        """For people."""
        return f"{self.name} {self.region}" if self.region else self.name


class HealthReport(msgspec.Struct, frozen=True, kw_only=True):
    """All checks in the order they were made, and what they come to; ``issues`` has a line for each that is degraded or failed.

    ``run`` marks what was written and sent; ``started`` is RFC 3339.
    """

    version: int = 1
    run: str
    verdict: Verdict
    started: str
    seconds: float
    issues: list[str]
    checks: list[CheckResult]


def run_health_checks(
    environment: Mapping[str, str],
    run_id: str,
    clock: Clock,
    deadline: Deadline,
    *,
    probe: bool = False,
    told: Callable[[CheckResult], None] = lambda check: None,
) -> HealthReport:
    """Ask everything that the settings in ``environment`` name, until ``deadline``; ``told`` hears of each check as it ends.

    What is wrong is told, it is not raised.
    """
    examination = _CheckRun(HealthChecks(environment, run_id, clock, deadline), clock, deadline, told)
    started, began = clock.now(), clock.monotonic()
    examination.ask_all(probe=probe)
    checks = examination.checks
    return HealthReport(
        run=run_id,
        verdict=verdict(checks),
        started=time_text(started),
        seconds=round(clock.monotonic() - began, 3),
        issues=[f"{check.title} {check.status}: {check.what} {check.do}" for check in checks if check.status in ("degraded", "failed")],
        checks=checks,
    )


def verdict(checks: Sequence[CheckResult]) -> Verdict:
    """What the checks come to."""
    found = {check.status for check in checks}
    return "unhealthy" if "failed" in found else "degraded" if "degraded" in found else "healthy"


class _CheckRun:
    """The order of the checks, which needs which, and how long each may take."""

    def __init__(self, questions: HealthChecks, clock: Clock, deadline: Deadline, told: Callable[[CheckResult], None]) -> None:
        self.questions, self.clock, self.deadline, self.told = questions, clock, deadline, told
        self.checks: list[CheckResult] = []
        self.roots: dict[str, str] = {}

    def ask_all(self, *, probe: bool) -> None:
        ask, of = self.ask, self.questions
        ask("settings", of.settings)
        ask("credentials", of.credentials, "settings")
        ask("rules", of.rules, *self.needs("rules"))
        ask("field_map", of.field_map, *self.needs("field_map"))
        ask("regions", of.read_regions, "credentials")
        ask("identity", of.identity, "credentials")
        ask("clock", of.clock, "settings")
        for region in of.regions or [""]:
            for name, question in (("audit", of.audit), ("state", of.state), ("lag", of.lag), ("behind", of.behind)):
                ask(name, partial(question, region), "regions", region=region)
        ask("tls", of.tls, *self.needs("syslog_ca", "syslog_client_cert", "syslog_client_key"))
        ask("client_certificate", of.client_certificate, "tls")
        ask("receiver", of.receiver, "tls")
        ask("receiver_certificate", of.receiver_certificate, "receiver")
        ask("session", of.session, "receiver", "receiver_certificate", "client_certificate")
        if probe:
            ask("probe", of.probe, "session", "regions", "rules", "field_map")
        ask("monitoring", partial(of.monitoring, verdict(self.checks) == "healthy"), "credentials")

    def needs(self, *keys: str) -> tuple[str, ...]:
        """What a check needs that reads what these settings point to: in OCI, or at hand."""
        if "settings" in self.roots:
            return ("settings",)
        return ("settings", "credentials") if self.questions.points_to_oci(*keys) else ("settings",)

    def ask(self, name: str, question: Question, *needs: str, region: str = "") -> None:
        """Make a check, unless one that it ``needs`` failed, or was itself not made for that reason."""
        began = self.clock.monotonic()
        root = next((self.roots[need] for need in needs if need in self.roots), None)
        answer = CheckAnswer(f"Not asked, for {root} failed.", "skipped") if root else self.answer(question)
        if root or answer.status == "failed":
            self.roots[name] = root or name
        seconds = round(self.clock.monotonic() - began, 3)
        self.checks.append(CheckResult(name, region or None, answer.status, seconds, answer.what, answer.do))
        self.told(self.checks[-1])

    def answer(self, question: Question) -> CheckAnswer:
        """Ask within a third of what is left, so that one that hangs leaves time for the others."""
        share = min(_MOST_SECONDS, self.deadline.left() / 3)
        if share < _LEAST_SECONDS:
            return CheckAnswer("There was no time left to ask.", "failed", "Mend what took so long before it, or give more time.")
        limit = self.deadline.within(share)
        try:
            return within(limit, partial(question, limit.earlier(share / 10)))
        except OutOfTime as error:
            return CheckAnswer(error.what, "failed", _SLOW_HELP)
        except EpimetheusError as error:
            return CheckAnswer(error.what, "failed", error.do)


def within(limit: Deadline, question: Callable[[], CheckAnswer]) -> CheckAnswer:
    """The answer; at ``limit`` the question is left behind, whatever it hangs in. Raises what it raises, OutOfTime."""
    seconds = limit.left()
    try:
        return run_within(seconds, question, "health")
    except TimedOut:
        raise OutOfTime(f"No answer came within {seconds:.1f} s.", do=_SLOW_HELP) from None

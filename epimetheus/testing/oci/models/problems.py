"""Problems of Cloud Guard. A problem changes in place, and nothing records when."""

from collections.abc import Callable
from typing import Any

from epimetheus.testing.oci.models.compartments import ocid
from epimetheus.testing.oci.wire import format_time

Json = dict[str, Any]

STATES = {"OPEN": "ACTIVE", "RESOLVED": "INACTIVE", "DISMISSED": "INACTIVE", "DELETED": "INACTIVE"}
"""``lifecycleDetail`` → ``lifecycleState``."""
DETAILS_ONLY = frozenset((
    "description", "recommendation", "additionalDetails", "comment", "impactedResourceId", "impactedResourceName", "impactedResourceType",
    "peakRiskScore", "peakRiskScoreDate", "peakRiskScoreLookupPeriodInDays", "autoResolveDate",
))  # fmt: skip
"""Members that GetProblem returns, and ListProblems does not."""

RULES: dict[str, Json] = {
    "BUCKET_IS_PUBLIC": {
        "riskLevel": "CRITICAL", "resourceType": "Bucket", "labels": ["CIS_OCI_V1.1_OBJECTSTORAGE", "ObjectStorage"],
        "detectorId": "IAAS_CONFIGURATION_DETECTOR",
        "description": "Object Storage supports anonymous, unauthenticated access to a bucket. A public bucket allows anyone to read it.",
        "recommendation": "Ensure that the bucket is sanctioned for public access, and if not, restrict the bucket policy.",
        "additionalDetails": {"Public Access Type": "ObjectRead", "namespace": "axexample"},
    },
    "SECURITY_LISTS_OPEN_PORTS": {
        "riskLevel": "HIGH", "resourceType": "SecurityList", "labels": ["CIS_OCI_V1.1_NETWORK", "Network"],
        "detectorId": "IAAS_CONFIGURATION_DETECTOR",
        "description": "A security list allows access from everywhere to a restricted port.",
        "recommendation": "Review the ingress rules of the security list, and restrict their source.",
        "additionalDetails": {"Open Ports": "TCP: [22]"},
    },
    "INSTANCE_WITH_PUBLIC_IP": {
        "riskLevel": "MEDIUM", "resourceType": "Instance", "labels": ["Compute"], "detectorId": "IAAS_CONFIGURATION_DETECTOR",
        "description": "An instance has a public IP address.",
        "recommendation": "Consider whether the instance must be reachable from the internet.",
        "additionalDetails": {"Public IP": "203.0.113.38"},
    },
    "SUSPICIOUS_IP_ACTIVITY": {
        "riskLevel": "LOW", "resourceType": "User", "labels": ["Threat"], "detectorId": "IAAS_ACTIVITY_DETECTOR",
        "description": "A user signed in from a suspicious IP address.",
        "recommendation": "Ask the user, and rotate the user's credentials.",
        "additionalDetails": {"IP Address": "198.51.100.7"},
    },
    "PASSWORD_TOO_OLD": {
        "riskLevel": "MINOR", "resourceType": "User", "labels": ["IAM"], "detectorId": "IAAS_CONFIGURATION_DETECTOR",
        "description": "An IAM password is too old.",
        "recommendation": "Rotate IAM passwords regularly, at least every 90 days.",
        "additionalDetails": {"Age in days": "91"},
    },
}  # fmt: skip
"""Detector rules that generated problems have in turn, with their members."""
_SCORES = {"CRITICAL": 95.0, "HIGH": 75.0, "MEDIUM": 50.0, "LOW": 25.0, "MINOR": 10.0}


class CloudGuard:
    """The problems of a tenancy. ``status``: that of Cloud Guard. ``reporting_region``: the only region that lists problems.

    ``failing``: OCIDs of problems whose details every request fails to read. ``odd_items``: JSON values at the start of each listing of
    active problems, which need not be objects.
    """

    def __init__(self, region: str, now: Callable[[], float]) -> None:
        self.status = "ENABLED"
        self.reporting_region = region
        self.problems: dict[str, Json] = {}
        self.failing: set[str] = set()
        self.odd_items: list[object] = []
        self._now = now
        self._detected: dict[str, float] = {}

    def add(self, compartment: str, rule: str = "", *, at: float | None = None, **members: object) -> str:
        """Adds a problem that was detected now, or at ``at`` (seconds since the epoch), and returns its OCID.

        ``rule``: by default one of RULES in turn. ``members``: by the API's names.
        """
        number = len(self.problems)
        rule = rule or list(RULES)[number % len(RULES)]
        problem: Json = {
            "id": ocid("cloudguardproblem", str(number)),
            "compartmentId": compartment,
            "detectorRuleId": rule,
            "riskLevel": "MEDIUM",
            "resourceId": ocid("resource", str(number)),
            "resourceName": f"resource-{number}",
            "resourceType": "Resource",
            "targetId": ocid("cloudguardtarget", "root"),
            "regions": [self.reporting_region],
            **RULES.get(rule, {}),
            **members,
        }
        problem["riskScore"] = _SCORES.get(str(problem["riskLevel"]), 50.0)
        self.problems[problem["id"]] = problem
        first = self._now() if at is None else at
        problem["timeFirstDetected"] = format_time(first)
        problem.setdefault("lifecycleDetail", "OPEN")
        self._detect(problem, first)
        return str(problem["id"])

    def change(self, problem_id: str, *, at: float | None = None, **members: object) -> None:
        """Changes members of a problem in place. ``at``: when it was detected again; by default, the time does not change."""
        problem = self.problems[problem_id]
        problem.update(members)
        self._detect(problem, self._detected[problem_id] if at is None else at)

    def resolve(self, problem_id: str, detail: str = "RESOLVED") -> None:
        """Ends a problem, without a change of its times."""
        self.change(problem_id, lifecycleDetail=detail)

    def listed(self, state: str, compartments: set[str], since: float, until: float) -> list[tuple[float, str]]:
        """The time and OCID of each problem in ``state`` that was last detected from ``since`` to ``until``, by time."""
        return sorted(
            (time, one)
            for one, time in self._detected.items()
            if since <= time <= until
            and self.problems[one]["lifecycleState"] == state
            and self.problems[one]["compartmentId"] in compartments
        )

    def _detect(self, problem: Json, time: float) -> None:
        problem["lifecycleState"] = STATES[problem["lifecycleDetail"]]
        problem["timeLastDetected"] = format_time(time)
        self._detected[problem["id"]] = time

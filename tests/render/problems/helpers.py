"""Short ways to render problems."""

from epimetheus.render.formats.base import NO_ENRICHMENT
from epimetheus.render.problems.renderer import ProblemRenderer
from tests.render.helpers import SETTINGS, fetched, parts

PROBLEM = {
    "id": "ocid1.cloudguardproblem.oc1..one",
    "detectorRuleId": "BUCKET_IS_PUBLIC",
    "riskLevel": "HIGH",
    "compartmentId": "ocid1.compartment.oc1..c",
    "resourceId": "ocid1.bucket.oc1..b",
    "resourceName": "invoices",
    "detectorId": "IAAS_CONFIGURATION_DETECTOR",
    "recommendation": "Restrict the bucket policy.",
    "description": "A bucket is public.",
    "lifecycleState": "ACTIVE",
    "lifecycleDetail": "OPEN",
    "timeFirstDetected": "2026-03-03T08:00:00.000Z",
    "timeLastDetected": "2026-03-03T09:00:00.000Z",
}


def event(activity="create", **members):
    """The event of a problem."""
    data = {**PROBLEM, **members}
    head = {"eventType": f"CloudGuardProblem.{data['detectorRuleId']}", "eventId": data["id"], "eventTime": data["timeLastDetected"]}
    return {**head, "activity": activity, "data": data}


def render(raw, sequence=7, enrichment=NO_ENRICHMENT, **settings):
    """The message of a problem, from the dict or text of its event."""
    return ProblemRenderer(**{**SETTINGS, **settings})(fetched(raw), sequence, enrichment)


def body(raw, **settings):
    return parts(render(raw, **settings).message)["msg"]

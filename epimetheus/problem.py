"""A problem of Cloud Guard in the form of an audit event, in which it passes through a run like any other event.

    {"eventType": "CloudGuardProblem.BUCKET_IS_PUBLIC", "eventId": "ocid1…", "eventTime": "…", "source": "CloudGuard",
     "activity": "create", "data": {…}}

``data`` is the problem as OCI sends it. ``eventId`` is its OCID, ``eventTime`` when it was last detected or found to be closed.
https://docs.oracle.com/en-us/iaas/api/#/en/cloud-guard/20200131/Problem/
"""

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

import msgspec

from epimetheus.model import parse_seconds, time_text

STREAM = "cloud-guard"
"""The name of the stream of problems, wherever the stream of a region's audit events has the name of the region."""
EVENT_PREFIX = "CloudGuardProblem."
"""Start of the event type; the detector rule follows."""
RISKS: Mapping[str, int] = MappingProxyType({"CRITICAL": 10, "HIGH": 8, "MEDIUM": 6, "LOW": 4, "MINOR": 2})
"""``riskLevel`` → severity on CEF's scale."""
UNKNOWN_RISK = 5

Activity = Literal["create", "update", "close"]
Problem = Mapping[str, object]
"""The members of a problem."""


class _Envelope(msgspec.Struct, frozen=True, gc=False):
    data: dict[str, object]


_decode_envelope = msgspec.json.Decoder(_Envelope).decode


def problem_event(problem: Problem, activity: Activity, now: float | None = None) -> bytes:
    """The event of a problem, as compact JSON.

    ``now``: seconds since the epoch, the time of a close: OCI does not record when a problem was closed.
    """
    head = {
        "eventType": f"{EVENT_PREFIX}{member(problem, 'detectorRuleId') or 'unknown'}",
        "eventId": member(problem, "id"),
        "eventTime": time_text(now) if activity == "close" and now else member(problem, "timeLastDetected"),
        "source": "CloudGuard",
        "activity": activity,
    }
    event = {**{name: value for name, value in head.items() if value}, "data": problem}
    try:
        return msgspec.json.encode(event)
    except (UnicodeEncodeError, OverflowError):  # a lone surrogate, or a number that msgspec does not write
        plain = json.loads(json.dumps(event), parse_constant=lambda name: None)  # without NaN, which is no JSON
        return json.dumps(plain, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def problem_of(event: bytes | msgspec.Raw) -> Problem:
    """The problem in an event. Raises ValueError if there is none."""
    return _decode_envelope(event).data


def member(problem: Problem, name: str) -> str:
    """A member that is text; empty if it is absent or anything else."""
    value = problem.get(name)
    return value if isinstance(value, str) else ""


def identity_of(problem: Problem) -> str:
    """What identifies a problem: its OCID, or its whole text if it has none."""
    return member(problem, "id") or json.dumps(problem, sort_keys=True)


def version_of(problem: Problem) -> str:
    """What distinguishes the versions of a problem: a problem with another one has changed, and is sent again.

    OCI writes the same time in different forms in a listing and in a single problem.
    """
    time = member(problem, "timeLastDetected")
    detected = str(round(parse_seconds(time) * 1000)) if parse_seconds(time) else time
    return "\n".join((detected, *(member(problem, name) for name in ("lifecycleState", "lifecycleDetail", "riskLevel"))))


def is_closed(problem: Problem) -> bool:
    """Whether the problem was resolved, dismissed or deleted."""
    return member(problem, "lifecycleState") == "INACTIVE" or member(problem, "lifecycleDetail") in ("RESOLVED", "DISMISSED", "DELETED")


def severity_of(problem: Problem) -> int:
    """The severity by risk, 0 to 10."""
    return RISKS.get(member(problem, "riskLevel"), UNKNOWN_RISK)

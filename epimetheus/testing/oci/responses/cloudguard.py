"""Cloud Guard: GetConfiguration, ListProblems, GetProblem."""

import json

from epimetheus.testing.oci.call import Call
from epimetheus.testing.oci.errors import InvalidParameter, NotAuthorizedOrNotFound, ServiceError
from epimetheus.testing.oci.models.problems import DETAILS_ONLY
from epimetheus.testing.oci.responses import paging
from epimetheus.testing.oci.wire import Response, json_response, parse_rfc3339

_DEFAULT_DAYS = 30
_STATES = ("ACTIVE", "INACTIVE")


def get_configuration(call: Call) -> Response:
    """GET /configuration: only the home region has it."""
    if call.required("compartmentId") != call.world.tenancy or call.request.region != call.world.region:
        raise NotAuthorizedOrNotFound
    guard = call.world.cloud_guard
    return json_response({"status": guard.status, "reportingRegion": guard.reporting_region, "selfManageResources": False})


def list_problems(call: Call) -> Response:
    """GET /problems: those in one state that were last detected within 30 days, unless the query has other limits.

    Regions other than the reporting region have none.
    """
    world, guard = call.world, call.world.cloud_guard
    compartment = world.compartments.readable(call.required("compartmentId")).id
    state, access = call.query.get("lifecycleState", "ACTIVE"), call.query.get("accessLevel", "RESTRICTED")
    order = call.query.get("sortBy", "timeLastDetected"), call.query.get("sortOrder", "ASC")
    if state not in _STATES or access != "RESTRICTED" or order != ("timeLastDetected", "ASC"):
        raise InvalidParameter(f"lifecycleState={state}, accessLevel={access} and the order {order} are not implemented together")
    subtree = call.query.get("compartmentIdInSubtree") == "true"
    below = {one.id for one in world.compartments.below(compartment, subtree=True)} if subtree else set()
    since = _time(call, "timeLastDetectedGreaterThanOrEqualTo", world.now() - _DEFAULT_DAYS * 86_400)
    until = _time(call, "timeLastDetectedLessThanOrEqualTo", world.now())
    available = guard.status == "ENABLED" and call.request.region == guard.reporting_region
    found = guard.listed(state, {compartment, *below}, since, until) if available else []
    start = paging.position(call)
    begin = int(start[0]) if start else 0
    end = begin + paging.page_size(call)
    rows = [json.dumps(_summary(guard.problems[one])).encode() for _, one in found[begin:end]]
    if state == "ACTIVE" and not start:
        rows[:0] = [json.dumps(item).encode() for item in guard.odd_items]
    return paging.page(call, rows, start, (end,) if end < len(found) else None, collection=True)


def get_problem(call: Call) -> Response:
    """GET /problems/{id}."""
    problem = call.world.cloud_guard.problems.get(call.path["id"])
    if problem is None or call.request.region != call.world.cloud_guard.reporting_region:
        raise NotAuthorizedOrNotFound
    if problem["id"] in call.world.cloud_guard.failing:
        raise ServiceError("The details cannot be read")
    return json_response(problem)


def _summary(problem: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in problem.items() if name not in DETAILS_ONLY}


def _time(call: Call, name: str, default: float) -> float:
    if (text := call.query.get(name)) is None:
        return default
    try:
        return parse_rfc3339(text)
    except ValueError:
        raise InvalidParameter(f"{name} is not an RFC 3339 time: {text}") from None

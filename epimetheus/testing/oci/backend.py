"""From a request to its answer, the same for both doors: route, signature, faults, handler, log."""

from email.utils import formatdate

from epimetheus.testing.oci import signatures, urls
from epimetheus.testing.oci.call import Call
from epimetheus.testing.oci.errors import NotAuthenticated, ServiceError, UnknownRequest
from epimetheus.testing.oci.faults import Fault
from epimetheus.testing.oci.models import World
from epimetheus.testing.oci.models.world import Asked
from epimetheus.testing.oci.wire import Answer, Request, json_answer

_BEFORE = ("timeout", "reset")
_AFTER = ("lost_response", "cut", "stalled")
_UNANSWERED = (*_BEFORE, "lost_response")
_GARBAGE = b"<html><body>\x00\xff this is not what you asked for"


def handle(world: World, request: Request) -> Answer:
    """Answer a request; the answer's ``trouble`` and ``delay`` are left to the door."""
    operation = ""
    try:
        route, path = urls.find(request)
        operation = route.operation
        answer = _authenticated(world, request, route, path)
    except UnknownRequest as unknown:
        world.unknown_requests.append(f"{request.method} {request.target}: {unknown.message}")
        answer = _error(unknown)
    except ServiceError as error:
        answer = _error(error)
    with world.lock:
        _stamp(world, request, answer)
        world.requests.append(_asked(world, request, answer, operation))
    return answer


def _error(error: ServiceError) -> Answer:
    return json_answer({"code": error.code, "message": error.message}, error.status)


def _authenticated(world: World, request: Request, route: urls.Route, path: dict[str, str]) -> Answer:
    # Outside the lock: verifying is what takes the time of a small request.
    signatures.verify(request, world.keys, world.signature_now())
    if request.region not in world.regions:
        raise NotAuthenticated(f"the tenancy is not subscribed to {request.region}")
    with world.lock:
        faults = world.faults.strike(route.service, route.operation, request.query.get("compartmentId"))
        answer = _early(faults) or _handled(Call(world, request, route.operation, path, faults), route)
    answer.delay = faults["delay"].seconds if "delay" in faults else 0.0
    return answer


def _early(faults: dict[str, Fault]) -> Answer | None:
    for kind in _BEFORE:
        if kind in faults:
            return Answer(trouble=faults[kind])
    if "status" not in faults:
        return None
    fault = faults["status"]
    return json_answer({"code": fault.code, "message": fault.message}, fault.status, fault.headers)


def _handled(call: Call, route: urls.Route) -> Answer:
    try:
        answer = route.handler(call)
    except UnknownRequest:
        raise
    except ServiceError as error:
        answer = _error(error)
    if "garbage" in call.faults:
        answer = Answer(200, {**answer.headers, "content-type": "text/html"}, _GARBAGE)
    answer.trouble = next((call.faults[kind] for kind in _AFTER if kind in call.faults), None)
    return answer


def _stamp(world: World, request: Request, answer: Answer) -> None:
    answer.headers["date"] = formatdate(world.now(), usegmt=True)
    answer.headers["opc-request-id"] = f"{request.headers.get('opc-request-id', 'NONE')}/{len(world.requests):032X}"
    if answer.status not in (204, 304):
        answer.headers["content-length"] = str(len(answer.body))


def _asked(world: World, request: Request, answer: Answer, operation: str) -> Asked:
    status = 0 if answer.trouble and answer.trouble.kind in _UNANSWERED else answer.status
    return Asked(request.method, request.path, request.query, status, world.now(), operation, request.region)

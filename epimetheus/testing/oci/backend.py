"""Answers a request, in process or over HTTP: route, signature, faults, handler, log."""

from email.utils import formatdate

from epimetheus.testing.oci import routes, signatures
from epimetheus.testing.oci.call import Call
from epimetheus.testing.oci.errors import NotAuthenticated, ServiceError, UnknownRequest
from epimetheus.testing.oci.faults import Fault
from epimetheus.testing.oci.models import World
from epimetheus.testing.oci.models.world import RecordedRequest
from epimetheus.testing.oci.wire import Request, Response, json_response

_WITHOUT_EFFECT = ("timeout", "reset")
_AFTER_EFFECT = ("lost_response", "cut", "stalled")
_NO_RESPONSE = (*_WITHOUT_EFFECT, "lost_response")
_GARBAGE = b"<html><body>\x00\xff this is not what you asked for"


def handle(world: World, request: Request) -> Response:
    """Answers a request. The caller must apply the ``fault`` and the ``delay`` of the response."""
    operation = ""
    try:
        route, path = routes.find(request)
        operation = route.operation
        response = _authenticated(world, request, route, path)
    except UnknownRequest as unknown:
        world.unknown_requests.append(f"{request.method} {request.target}: {unknown.message}")
        response = _error(unknown)
    except ServiceError as error:
        response = _error(error)
    with world.lock:
        _add_headers(world, request, response)
        world.requests.append(_record(world, request, response, operation))
    return response


def _error(error: ServiceError) -> Response:
    return json_response({"code": error.code, "message": error.message}, error.status)


def _authenticated(world: World, request: Request, route: routes.Route, path: dict[str, str]) -> Response:
    # Outside the lock: verification takes most of the time of a small request.
    signatures.verify(request, world.keys, world.signature_now())
    if request.region not in world.regions:
        raise NotAuthenticated(f"the tenancy is not subscribed to {request.region}")
    with world.lock:
        faults = world.faults.trigger(route.service, route.operation, request.query.get("compartmentId"))
        response = _failed_early(faults) or _handled(Call(world, request, route.operation, path, faults), route)
    response.delay = faults["delay"].seconds if "delay" in faults else 0.0
    return response


def _failed_early(faults: dict[str, Fault]) -> Response | None:
    for kind in _WITHOUT_EFFECT:
        if kind in faults:
            return Response(fault=faults[kind])
    if "status" not in faults:
        return None
    fault = faults["status"]
    return json_response({"code": fault.code, "message": fault.message}, fault.status, fault.headers)


def _handled(call: Call, route: routes.Route) -> Response:
    try:
        response = route.handler(call)
    except UnknownRequest:
        raise
    except ServiceError as error:
        response = _error(error)
    if "garbage" in call.faults:
        response = Response(200, {**response.headers, "content-type": "text/html"}, _GARBAGE)
    response.fault = next((call.faults[kind] for kind in _AFTER_EFFECT if kind in call.faults), None)
    return response


def _add_headers(world: World, request: Request, response: Response) -> None:
    response.headers["date"] = formatdate(world.now(), usegmt=True)
    response.headers["opc-request-id"] = f"{request.headers.get('opc-request-id', 'NONE')}/{len(world.requests):032X}"
    if response.status not in (204, 304):
        response.headers["content-length"] = str(len(response.body))


def _record(world: World, request: Request, response: Response, operation: str) -> RecordedRequest:
    status = 0 if response.fault and response.fault.kind in _NO_RESPONSE else response.status
    return RecordedRequest(request.method, request.path, request.query, status, world.now(), operation, request.region)

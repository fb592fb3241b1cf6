"""Maps requests to operations. The stand-in rejects paths and query parameters that are not listed here."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import unquote

from epimetheus.testing.oci.call import Call
from epimetheus.testing.oci.errors import UnknownRequest
from epimetheus.testing.oci.responses import audit, cloudguard, functions, identity, logsearch, monitoring, objectstorage, secrets
from epimetheus.testing.oci.wire import Request, Response

Handler = Callable[[Call], Response]

HOSTS = {
    "identity": "identity",
    "audit": "audit",
    "objectstorage": "objectstorage",
    "secrets": "secrets.vaults",
    "monitoring": "telemetry-ingestion",
    "logging": "logging",
    "functions": "functions",
    "cloudguard": "cloudguard-cp-api",
}
"""Host name of each service, before the region. Metrics have a different host than the rest of Monitoring."""

_ORACLE = re.compile(r"\.(oraclecloud|oci\.customer-oci)\.com(:\d+)?$")
_REGION = re.compile(r"\.([a-z]+(?:-[a-z]+)+-\d+)\.")


@dataclass(frozen=True)
class Route:
    """One operation: the form of its request, the query parameters that it accepts, and its handler."""

    method: str
    path: re.Pattern[str]
    service: str
    operation: str
    parameters: frozenset[str]
    handler: Handler


def _route(method: str, template: str, service: str, operation: str, handler: Handler, parameters: str = "") -> Route:
    # An object name can contain slashes. Every other part ends at the next slash.
    pattern = re.sub(r"\{(\w+)\}", lambda m: f"(?P<{m[1]}>{'.+' if m[1] == 'object' else '[^/]+'})", template)
    return Route(method, re.compile(pattern), service, operation, frozenset(parameters.split()), handler)


_COMPARTMENTS = "compartmentId compartmentIdInSubtree accessLevel name lifecycleState page limit"
_BUCKET = "/n/{namespace}/b/{bucket}"
_LISTING = "prefix start end limit fields"
_OBJECT = _BUCKET + "/o/{object}"
_PROBLEMS = (
    "compartmentId compartmentIdInSubtree accessLevel lifecycleState timeLastDetectedGreaterThanOrEqualTo timeLastDetectedLessThanOrEqualTo"
    " sortBy sortOrder limit page"
)
_FUNCTIONS = "/(?:20181201|20260325)"  # older and newer SDKs

ROUTES = (
    _route("GET", "/20190901/auditEvents", "audit", "ListEvents", audit.list_events, "compartmentId startTime endTime page"),
    _route("GET", "/20160918/compartments/?", "identity", "ListCompartments", identity.list_compartments, _COMPARTMENTS),
    _route("GET", "/20160918/compartments/{id}", "identity", "GetCompartment", identity.get_compartment),
    _route("GET", "/20160918/tenancies/{id}", "identity", "GetTenancy", identity.get_tenancy),
    _route(
        "GET",
        "/20160918/tenancies/{id}/regionSubscriptions",
        "identity",
        "ListRegionSubscriptions",
        identity.list_region_subscriptions,
    ),
    _route("GET", "/n/?", "objectstorage", "GetNamespace", objectstorage.get_namespace, "compartmentId"),
    _route("GET", _BUCKET, "objectstorage", "GetBucket", objectstorage.get_bucket),
    _route("HEAD", _BUCKET, "objectstorage", "HeadBucket", objectstorage.get_bucket),
    _route("GET", _BUCKET + "/o/?", "objectstorage", "ListObjects", objectstorage.list_objects, _LISTING),
    _route("GET", _OBJECT, "objectstorage", "GetObject", objectstorage.get_object),
    _route("HEAD", _OBJECT, "objectstorage", "HeadObject", objectstorage.get_object),
    _route("PUT", _OBJECT, "objectstorage", "PutObject", objectstorage.put_object),
    _route("DELETE", _OBJECT, "objectstorage", "DeleteObject", objectstorage.delete_object),
    _route("GET", "/20190301/secretbundles/{id}", "secrets", "GetSecretBundle", secrets.get_secret_bundle),
    _route("POST", "/20180401/metrics", "monitoring", "PostMetricData", monitoring.post_metric_data),
    _route("POST", "/20190909/search", "logging", "SearchLogs", logsearch.search_logs, "limit page"),
    _route("GET", _FUNCTIONS + "/functions/{id}", "functions", "GetFunction", functions.get_function),
    _route("GET", _FUNCTIONS + "/applications/{id}", "functions", "GetApplication", functions.get_application),
    _route("GET", "/20200131/configuration", "cloudguard", "GetConfiguration", cloudguard.get_configuration, "compartmentId"),
    _route("GET", "/20200131/problems/?", "cloudguard", "ListProblems", cloudguard.list_problems, _PROBLEMS),
    _route("GET", "/20200131/problems/{id}", "cloudguard", "GetProblem", cloudguard.get_problem),
)


def find(request: Request) -> tuple[Route, dict[str, str]]:
    """Returns the route of a request and the named parts of its path. Raises UnknownRequest if there is none."""
    for route in ROUTES:
        match = route.path.fullmatch(request.path) if route.method == request.method else None
        if match:
            _check(route, request)
            return route, {name: unquote(value) for name, value in match.groupdict().items()}
    raise UnknownRequest(f"no operation is implemented for {request.method} {request.path}")


def region_of(host: str, default: str) -> str:
    """Returns the region in a host name, or the default if it contains none."""
    match = _REGION.search(host)
    return match[1] if match and _ORACLE.search(host) else default


def _check(route: Route, request: Request) -> None:
    unknown = set(request.query) - route.parameters
    if unknown:
        raise UnknownRequest(f"{route.operation} is not implemented with the query parameters {', '.join(sorted(unknown))}")
    host = request.headers.get("host", "")
    if _ORACLE.search(host) and not re.search(rf"(^|\.){re.escape(HOSTS[route.service])}\.", host):
        raise UnknownRequest(f"{route.operation} is not served by {host}: its host is {HOSTS[route.service]}.<region>")

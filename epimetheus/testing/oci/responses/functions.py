"""Functions: GetFunction and GetApplication."""

from epimetheus.testing.oci.call import Call
from epimetheus.testing.oci.errors import NotAuthorizedOrNotFound
from epimetheus.testing.oci.models.functions import DeployedFunction
from epimetheus.testing.oci.wire import Response, format_time, json_response


def get_function(call: Call) -> Response:
    """GET /functions/{id}."""
    function = _deployed(call, "id")
    return json_response({**_common(call, function.id, function.config), "applicationId": function.application, "memoryInMBs": 256})


def get_application(call: Call) -> Response:
    """GET /applications/{id}."""
    function = _deployed(call, "application")
    return json_response(_common(call, function.application, function.application_config))


def _deployed(call: Call, key: str) -> DeployedFunction:
    for function in call.world.functions:
        if (getattr(function, key), function.region) == (call.path["id"], call.request.region):
            return function
    raise NotAuthorizedOrNotFound


def _common(call: Call, ocid: str, config: object) -> dict[str, object]:
    created = format_time(call.world.now())
    names = {"id": ocid, "displayName": "epimetheus", "compartmentId": call.world.tenancy, "lifecycleState": "ACTIVE"}
    return {**names, "config": config, "timeCreated": created, "timeUpdated": created, "freeformTags": {}, "definedTags": {}}

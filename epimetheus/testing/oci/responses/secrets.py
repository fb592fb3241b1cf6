"""Vault: GetSecretBundle."""

import base64

from epimetheus.testing.oci.call import Call
from epimetheus.testing.oci.errors import NotAuthorizedOrNotFound
from epimetheus.testing.oci.wire import Response, format_time, json_response


def get_secret_bundle(call: Call) -> Response:
    """GET /secretbundles/{id}: the current version in base64."""
    content = call.world.secrets.get((call.request.region, call.path["id"]))
    if content is None:
        raise NotAuthorizedOrNotFound
    return json_response(
        {
            "secretId": call.path["id"],
            "versionNumber": 1,
            "timeCreated": format_time(call.world.now()),
            "stages": ["CURRENT", "LATEST"],
            "metadata": {},
            "secretBundleContent": {"contentType": "BASE64", "content": base64.b64encode(content).decode()},
        }
    )

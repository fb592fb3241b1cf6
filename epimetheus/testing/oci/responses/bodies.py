"""Parses JSON bodies of requests."""

import json
from typing import Any

from epimetheus.testing.oci.call import Call
from epimetheus.testing.oci.errors import InvalidParameter


def json_object(call: Call) -> dict[str, Any]:
    """Returns the body. Raises InvalidParameter if it is not a JSON object."""
    try:
        value = json.loads(call.request.body)
    except ValueError:
        raise InvalidParameter("The body is not JSON") from None
    if not isinstance(value, dict):
        raise InvalidParameter("The body is not a JSON object")
    return value

"""The form in which Logging stores an audit event, and Connector Hub pushes it.

As recorded in public forwarders' test data: the envelope of CloudEvents 1.0, ``oracle``, members in alphabetical order. ``source`` is the
name of the resource, which ``data`` then lacks; ``data`` has members that ListEvents does not return.
"""

import json
from typing import Any

from epimetheus.testing.oci.wire import format_time

Json = dict[str, Any]


def logging_form(row: bytes, compartment: str, tenancy: str, ingested: float) -> bytes:
    """Returns the audit event ``row`` in Logging's form. A row that is not an event is returned as it is."""
    try:
        event = json.loads(row)
        data = dict(event["data"])
    except (ValueError, TypeError, KeyError):
        return row
    source = data.pop("resourceName", None) or ""
    envelope = {
        "data": {**data, "securityAttributes": {}, "systemTags": {}},
        "dataschema": event.get("eventTypeVersion"),
        "id": event.get("eventId"),
        "oracle": {
            "compartmentid": compartment,
            "ingestedtime": format_time(ingested),
            "loggroupid": "_Audit",
            "tenantid": tenancy,
        },
        "source": source,
        "specversion": "1.0",
        "time": event.get("eventTime"),
        "type": event.get("eventType"),
    }
    return json.dumps(envelope, sort_keys=True).encode()

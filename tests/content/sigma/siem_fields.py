"""What each SIEM makes of a message, by its documentation: the columns that the queries name.

- Sentinel: "CEF and CommonSecurityLog field mapping" in Microsoft's documentation; keys that it does not list are in AdditionalExtensions.
- Elastic: the processor ``decode_cef``: full names under ``cef.extensions``, and copies in fields of ECS; other keys keep their names.
- QRadar: "LEEF event components" in IBM's documentation; other keys are custom properties of the same name.
- Splunk: a CEF add-on makes a field of each key; JSON becomes paths, in which an array is ``{}``.
"""

import re

SENTINEL = {
    "act": "DeviceAction", "cat": "DeviceEventCategory", "suser": "SourceUserName", "suid": "SourceUserID", "src": "SourceIP",
    "requestClientApplication": "RequestClientApplication", "outcome": "EventOutcome", "cs1": "DeviceCustomString1",
    "cs2": "DeviceCustomString2", "msg": "Message", "cn1": "FieldDeviceCustomNumber1",
}  # fmt: skip
ELASTIC = {
    "act": ("deviceAction", "event.action"), "cat": ("deviceEventCategory",), "suser": ("sourceUserName", "source.user.name"),
    "suid": ("sourceUserId", "source.user.id"), "src": ("sourceAddress", "source.ip"),
    "requestClientApplication": ("requestClientApplication", "user_agent.original"), "outcome": ("eventOutcome", "event.outcome"),
    "cn1": ("deviceCustomNumber1",), "cs1": ("deviceCustomString1",), "cs2": ("deviceCustomString2",), "msg": ("message",),
}  # fmt: skip
QRADAR = {"usrName": "username", "src": "sourceip"}


def sentinel(fields):
    """CommonSecurityLog, after the ``extend`` and ``parse-kv`` of the pipeline."""
    found = {SENTINEL[key]: value for key, value in fields.items() if key in SENTINEL}
    extensions = ";".join(f"{key}={value}" for key, value in fields.items() if key not in SENTINEL)
    found |= dict(pair.split("=", 1) for pair in extensions.split(";") if "=" in pair)
    found["HttpStatus"] = found.get("FieldDeviceCustomNumber1")
    return found


def elastic(fields):
    """The document of the CEF integration."""
    found = {"cef.device.product": "OCI Audit"}
    for key, value in fields.items():
        full, *ecs = ELASTIC.get(key, (key,))
        found |= dict.fromkeys([f"cef.extensions.{full}", *ecs], value)
    return found


def qradar(fields):
    """The event of the log source type Universal LEEF."""
    return {"LOGSOURCETYPENAME(devicetype)": "Universal LEEF", **{QRADAR.get(key, key): value for key, value in fields.items()}}


def splunk(fields):
    """The event in the index of the pipeline."""
    arrays = r"((?:unmapped\.)?data\.stateChange\.current\.(?:statements|ingressSecurityRules|securityRules)|resources)(?=\.|$)"
    return {"index": "oci_audit", **{re.sub(f"^{arrays}", r"\1{}", key): value for key, value in fields.items()}}

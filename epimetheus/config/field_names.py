"""What people call an event's fields, where they stand in it, and which of CEF's keys holds each by default."""

import re
from collections.abc import Mapping
from types import MappingProxyType

from epimetheus.render.derived_fields import ipv6
from epimetheus.render.formats import base as form
from epimetheus.render.formats import cef, leef
from epimetheus.render.formats.cef_keys import TYPED
from epimetheus.render.typed_values import ValueType, integer, ipv4, mac, millis, number, port

NOTED = tuple(map(".".join, (form.COMPARTMENT_PATH, form.ACTOR, form.TAMPER_WATCH)))
"""Paths that lead to what we found out about an event."""

_TOP = "eventType cloudEventsVersion eventTypeVersion source eventId eventTime contentType data"
_BELOW = (
    (
        "data",
        "eventGroupingId eventName compartmentId compartmentName resourceName resourceId availabilityDomain freeformTags definedTags"
        " identity request response stateChange additionalDetails message systemTags securityAttributes internalDetails",
    ),
    ("data.identity", "principalName principalId authType callerName callerId tenantId ipAddress userAgent consoleSessionId"),
    ("data.request", "path action parameters"),
    ("data.response", "status responseTime payload"),
)
PATHS: Mapping[str, str] = MappingProxyType(
    {name: name for name in _TOP.split()}
    | {name: f"{above}.{name}" for above, names in _BELOW for name in names.split()}
    | {
        "requestId": "data.request.id",
        "requestPath": "data.request.path",
        "requestAction": "data.request.action",
        "responseStatus": "data.response.status",
        "responseMessage": "data.response.message",
        "responsePayload": "data.response.payload",
    }
)
"""Short name, as the Go program has it → path in the event as the API writes it."""

HELD: Mapping[str, str] = MappingProxyType({
    **dict.fromkeys((*cef.SHED_ORDER, *cef.CORE), ""),
    "rt": "eventTime",
    "externalId": "eventId",
    "src": "data.identity.ipAddress",
    "suser": "data.identity.principalName",
    "suid": "data.identity.principalId",
    "act": "data.eventName",
    "end": "data.response.responseTime",
    "requestMethod": "data.request.action",
    "request": "data.request.path",
    "requestClientApplication": "data.identity.userAgent",
    "sourceServiceName": "data.identity.callerName",
    "deviceExternalId": "data.identity.tenantId",
    "cn1": "data.response.status",
    "msg": "data.message",
    "cs1": "data.resourceId",
    "cs2": "data.resourceName",
    "cs3": "data.compartmentId",
    "cs4": "data.compartmentName",
    "cs5": "data.identity.authType",
    "cs6": "data.request.id",
    "flexString2": "data.eventGroupingId",
    cef.COMPARTMENT_PATH: ".".join(form.COMPARTMENT_PATH),
    cef.TAMPER_WATCH: ".".join(form.TAMPER_WATCH),
})  # fmt: skip
"""Every key that CEF has by default → the path of what it holds; "" where that is told from more than one field, or a part of one."""

KEYS: Mapping[str, str] = MappingProxyType({path: key for key, path in HELD.items() if path})
"""The reverse."""

IN_LEEF = (*leef.SHED_ORDER, *leef.CORE)
"""Every key that LEEF has by default."""

_HEADER = MappingProxyType({
    "deviceEventClassId": "the event type",
    "name": "the event's name",
    "severity": "the severity",
    "deviceVendor": "cef_vendor",
    "deviceProduct": "cef_product",
    "deviceVersion": "cef_version",
})  # fmt: skip
_LABELLED = re.compile(r"c[ns][1-6]|c6a[1-4]|cfp[1-4]|flex(?:Date|Number|String)[12]|deviceCustomDate[12]")
_KINDS: Mapping[ValueType, str] = MappingProxyType({
    ipv4: "an IPv4 address",
    ipv6: "an IPv6 address",
    millis: "a time",
    integer: "a whole number",
    number: "a number",
    port: "a port",
    mac: "a MAC address",
})  # fmt: skip


def path_of(field: str) -> str | None:
    """The path in an event that a short name, a path, or a path from a short name on (``request.id``) means; None: no event has it."""
    first, dot, rest = field.partition(".")
    return field if field in NOTED else f"{PATHS[first]}{dot}{rest}" if first in PATHS else None


def has_label(key: str) -> bool:
    """Whether this CEF key has no meaning of its own, but a label that says what it holds."""
    return _LABELLED.fullmatch(key) is not None


def label_of(key: str | None, path: str) -> str:
    """What the label says of the value at ``path``, or of what ``key`` has by default."""
    return cef.LABELS.get(key or "") or path.rpartition(".")[2] or key or ""


def cef_conflict(key: str, default: str | None, path: str) -> str | None:
    """Why ``key`` can not hold what is by default under another, or stands at ``path``; None where nothing speaks against it."""
    if key in _HEADER:
        return f"{key} is a field of the header and holds {_HEADER[key]}"
    if key.endswith("Label") and has_label(key.removesuffix("Label")):
        return f"{key} says what {key.removesuffix('Label')} holds, and never holds a value"
    held = default or KEYS.get(path)
    if key in TYPED and (held or path in PATHS.values()) and not _fits(TYPED.get(held or ""), TYPED[key]):
        return f"{key} takes nothing but {_KINDS[TYPED[key]]}"
    return None


def leef_conflict(key: str, default: str | None) -> str | None:
    """Why ``key`` can not hold what is by default under another; None where nothing speaks against it, or it depends on the event."""
    typed = default is not None and key in leef.TYPED and leef.TYPED.get(default) is not leef.TYPED[key]
    return f"{key} takes values of another type" if typed else None


def _fits(kind: ValueType | None, wanted: ValueType) -> bool:
    return kind is wanted or (kind is integer and wanted is number)

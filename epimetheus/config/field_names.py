"""Names of event fields: short name → path in the event, and the CEF and LEEF key that each field has by default."""

import re
from collections.abc import Mapping
from types import MappingProxyType

from epimetheus.render.addresses import ipv6
from epimetheus.render.derived_values import DERIVED_PATHS
from epimetheus.render.formats import base, cef, leef
from epimetheus.render.formats.cef_keys import TYPED
from epimetheus.render.typed_values import ValueType, integer, ipv4, mac, millis, number, port

ADDED_PATHS = (*map(".".join, (base.COMPARTMENT_PATH, base.ACTOR, base.TAMPER_WATCH, base.REPLAY, base.LATE)), *DERIVED_PATHS)
"""Paths of values that Epimetheus adds to an event."""

_TOP = "eventType cloudEventsVersion eventTypeVersion source eventId eventTime contentType data"
_NESTED = (
    (
        "data",
        "eventGroupingId eventName compartmentId compartmentName resourceName resourceId availabilityDomain freeformTags definedTags"
        " identity request response stateChange additionalDetails message systemTags securityAttributes internalDetails",
    ),
    ("data.identity", "principalName principalId authType callerName callerId tenantId ipAddress userAgent consoleSessionId"),
    ("data.request", "path action parameters"),
    ("data.response", "status responseTime payload"),
)
EVENT_PATHS: Mapping[str, str] = MappingProxyType(
    {name: name for name in _TOP.split()}
    | {name: f"{parent}.{name}" for parent, names in _NESTED for name in names.split()}
    | {
        "requestId": "data.request.id",
        "requestPath": "data.request.path",
        "requestAction": "data.request.action",
        "responseStatus": "data.response.status",
        "responseMessage": "data.response.message",
        "responsePayload": "data.response.payload",
    }
)
"""Short name, as in the Go program → path in the event, as in the Audit API."""

EVENT_MEMBERS = frozenset((*_TOP.split(), "extensions", "oracle", "epimetheus"))
"""The members that an event can have: those of the Audit API, of Logging (``oracle``) and of Epimetheus."""
DATA_MEMBERS = frozenset(_NESTED[0][1].split())
"""The members of ``data``."""

CEF_SOURCES: Mapping[str, str] = MappingProxyType({
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
    cef.GROUPING_ID: "data.eventGroupingId",
    cef.COMPARTMENT_PATH: ".".join(base.COMPARTMENT_PATH),
    cef.TAMPER_WATCH: ".".join(base.TAMPER_WATCH),
    cef.REPLAY: ".".join(base.REPLAY),
    cef.LATE: ".".join(base.LATE),
})  # fmt: skip
"""Every default CEF key → path of its value; "" if the value comes from several fields, or from a part of one."""

CEF_KEYS: Mapping[str, str] = MappingProxyType({path: key for key, path in CEF_SOURCES.items() if path})
"""Path → default CEF key."""

LEEF_KEYS = (*leef.SHED_ORDER, *leef.CORE)
"""Every default LEEF key."""

_HEADER = MappingProxyType({
    "deviceEventClassId": "the event type",
    "name": "the event name",
    "severity": "the severity",
    "deviceVendor": "cef_vendor",
    "deviceProduct": "cef_product",
    "deviceVersion": "cef_version",
})  # fmt: skip
_LABELED = re.compile(r"c[ns][1-6]|c6a[1-4]|cfp[1-4]|flex(?:Date|Number|String)[12]|deviceCustomDate[12]")
_KINDS: Mapping[ValueType, str] = MappingProxyType({
    ipv4: "an IPv4 address",
    ipv6: "an IPv6 address",
    millis: "a time",
    integer: "an integer",
    number: "a number",
    port: "a port",
    mac: "a MAC address",
})  # fmt: skip


def event_path(field: str) -> str | None:
    """The path that a short name, a path, or a path from a short name (``request.id``) stands for; None if no event has it."""
    first, dot, rest = field.partition(".")
    return field if field in ADDED_PATHS else f"{EVENT_PATHS[first]}{dot}{rest}" if first in EVENT_PATHS else None


def has_label(key: str) -> bool:
    """Whether a CEF key has no meaning of its own, and a label that describes its value."""
    return _LABELED.fullmatch(key) is not None


def label_of(key: str | None, path: str) -> str:
    """The label for the value at ``path``, or for the default value of ``key``."""
    return cef.LABELS.get(key or "") or path.rpartition(".")[2] or key or ""


def cef_conflict(key: str, default: str | None, path: str) -> str | None:
    """Why ``key`` cannot contain the value at ``path`` or of the key ``default``; None if it can."""
    if key in _HEADER:
        return f"{key} is a header field that contains {_HEADER[key]}"
    if key.endswith("Label") and has_label(key.removesuffix("Label")):
        return f"{key} is the label of {key.removesuffix('Label')}, and cannot contain a value"
    source = default or CEF_KEYS.get(path)
    return type_conflict(key, TYPED.get(source or "")) if source or path in EVENT_PATHS.values() else None


def type_conflict(key: str, kind: ValueType | None) -> str | None:
    """Why the CEF key ``key`` cannot contain a value of the type ``kind`` (None: text); None if it can."""
    return f"{key} accepts only {_KINDS[TYPED[key]]}" if key in TYPED and not _fits(kind, TYPED[key]) else None


def leef_conflict(key: str, default: str | None) -> str | None:
    """Why ``key`` cannot contain the value of the key ``default``; None if it can, or if that depends on the event."""
    typed = default is not None and key in leef.TYPED and leef.TYPED.get(default) is not leef.TYPED[key]
    return f"{key} accepts only values of another type" if typed else None


def _fits(kind: ValueType | None, wanted: ValueType) -> bool:
    return kind is wanted or (kind is integer and wanted is number)

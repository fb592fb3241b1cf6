"""Calls that are more severe because of what they set: a public bucket, a port open to every network, a policy that grants everything.

The name of an operation does not show this, so the values that it sets decide. Only the operations in EXPOSURES are examined.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from epimetheus.model import AuditEvent, Request, Response
from epimetheus.render.severity_table import HIGH, SENSITIVE

_MAX_TEXT = 4096
_MAX_DEPTH = 16
_OPENERS = frozenset("{[")
_CONTAINERS = (dict, list)
_EMPTY = frozenset((b"null", b"{}", b"[]", b""))
_NO_REQUEST, _NO_RESPONSE = Request(), Response()
_decode = msgspec.json.Decoder().decode


class Exposure(NamedTuple):
    """``operations``: patterns of the operation without separators, of the service and the operation, or of an identity domain's event ID.

    ``keys``: members that count, in lower case, at any depth. ``values``: an expression for the text of one of their values. ``marks``: one
    of these texts, in lower case, is in the JSON of every event that matches; an event without them is not decoded.
    """

    topic: str
    severity: int
    operations: Sequence[str]
    keys: Sequence[str]
    values: str
    marks: Sequence[str]


EXPOSURES: Sequence[Exposure] = (
    Exposure("public bucket", HIGH, ("CreateBucket", "UpdateBucket"), ("publicaccesstype",), r"ObjectRead\w*", ("objectread",)),
    Exposure(
        "pre-authenticated request for a whole bucket", HIGH, ("CreatePreauthenticatedRequest",),
        ("accesstype",), r"AnyObject\w*", ("anyobject",),
    ),
    Exposure(
        "ingress from every network", HIGH,
        ("CreateSecurityList", "UpdateSecurityList", "AddNetworkSecurityGroupSecurityRule*", "UpdateNetworkSecurityGroupSecurityRule*"),
        ("source",), r"0\.0\.0\.0/0|(?:::|0(?::0){7})/0", ("/0",),
    ),
    Exposure(
        "access from every network", HIGH,
        ("CreateAutonomousDatabase", "UpdateAutonomousDatabase", "CreateAnalyticsInstance", "ChangeAnalyticsInstanceNetworkEndpoint",
         "CreateIntegrationInstance", "UpdateIntegrationInstance", "ChangeIntegrationInstanceNetworkEndpoint"),
        ("whitelistedips", "allowlistedips", "whitelistedipcidrs", "allowlistedhttpips"), r"0\.0\.0\.0/0|(?:::|0(?::0){7})/0", ("/0",),
    ),
    Exposure(
        "policy for everything or everyone", HIGH, ("CreatePolicy", "UpdatePolicy"), ("statements", "statement"),
        r".*\bto\s+manage\s+all-resources\s+in\s+tenancy\b.*|\s*allow\s+any-(?:user|group)\s+to\s+(?:use|manage)\b(?!.*\bwhere\b).*",
        ("all-resources", "any-user", "any-group"),
    ),
    Exposure(
        "membership of administrators", HIGH,
        ("AddUserToGroup", "CreateUserGroupMembership", "PatchGroup", "admin.*.add.member*", "*grant.create*", "CreateGrant"),
        ("groupname", "resourcename", "adminresourcename", "grantedname", "approlename"), r".*administrators?", ("administrator",),
    ),
    Exposure(
        "shorter audit retention", HIGH, ("Audit*.UpdateConfiguration",),
        ("retentionperioddays",), r"[12]?\d{1,2}|3[0-5]\d|36[0-4]", ("retentionperioddays",),
    ),
    Exposure("logging turned off", HIGH, ("UpdateLog",), ("isenabled",), "false", ("isenabled",)),
    Exposure("Cloud Guard turned off", HIGH, ("CloudGuard*.UpdateConfiguration",), ("status",), "disabled", ("disabled",)),
    Exposure(
        "public address", SENSITIVE,
        ("LaunchInstance", "CreateInstance*", "UpdateInstanceConfiguration", "AttachVnic", "CreateVnic", "UpdateVnic", "LaunchDbSystem",
         "CreateDbSystem", "UpdateDbSystem"),
        ("assignpublicip",), "true", ("assignpublicip",),
    ),
    Exposure("public endpoint", SENSITIVE, ("CreateCluster", "UpdateCluster*"), ("ispublicipenabled",), "true", ("ispublicipenabled",)),
    Exposure("public endpoint", SENSITIVE, ("CreateLoadBalancer", "CreateNetworkLoadBalancer"), ("isprivate",), "false", ("isprivate",)),
    Exposure(
        "public endpoint", SENSITIVE, ("CreateGateway", "CreateAnalyticsInstance"),
        ("endpointtype", "networkendpointtype"), "public", ("public",),
    ),
)  # fmt: skip
"""What a call may set, and the minimum severity of such a call."""


class CompiledExposure(NamedTuple):
    """An `Exposure`, ready to be searched for."""

    severity: int
    keys: frozenset[str]
    values: re.Pattern[str]
    marks: Sequence[bytes]


def compile_exposure(exposure: Exposure) -> CompiledExposure:
    """Compiles keys and values."""
    values = re.compile(exposure.values, re.IGNORECASE | re.DOTALL)
    return CompiledExposure(exposure.severity, frozenset(exposure.keys), values, [mark.encode() for mark in exposure.marks])


def exposure_severity(event: AuditEvent, exposures: Sequence[CompiledExposure]) -> int:
    """The severity of what the call sets; 0 if it sets nothing in ``exposures``. A value that was set before the call does not count."""
    data, request, response = event.data, event.data.request or _NO_REQUEST, event.data.response or _NO_RESPONSE
    parts = data.state_change, data.additional_details, request.parameters, response.payload
    text = b" ".join((*parts, (data.resource_name or "").encode("utf-8", "replace"))).lower()
    likely = [exposure for exposure in exposures if any(mark in text for mark in exposure.marks)]
    if not likely:
        return 0
    change, *others = map(_decoded, parts)
    others.append({"resourceName": data.resource_name})
    return max((found.severity for found in likely if _is_set(found, change if isinstance(change, dict) else {}, others)), default=0)


def _is_set(exposure: CompiledExposure, change: dict[str, object], others: object) -> bool:
    before, after = _count(exposure, change.get("previous")), _count(exposure, change.get("current"))
    return after > before or (before == 0 and _count(exposure, others) > 0)


def _count(exposure: CompiledExposure, value: object, *, counts: bool = False, depth: int = 0) -> int:
    """How many values under ``keys`` match. ``counts``: ``value`` is under one of them."""
    if type(value) is str and value[:1] in _OPENERS and _has_mark(exposure, value):  # the request's body, as a string
        value = _decoded(value)
    if type(value) is dict and depth < _MAX_DEPTH:
        keys = exposure.keys
        return sum(
            _count(exposure, item, counts=counted, depth=depth + 1)
            for key, item in value.items()
            if (counted := key.lower() in keys) or type(item) in _CONTAINERS or (type(item) is str and item[:1] in _OPENERS)
        )
    if type(value) is list and depth < _MAX_DEPTH:
        return sum(_count(exposure, item, counts=counts, depth=depth + 1) for item in value)
    return 1 if counts and (text := _text(value)) and exposure.values.fullmatch(text) else 0


def _has_mark(exposure: CompiledExposure, text: str) -> bool:
    lower = text.lower().encode("utf-8", "replace")
    return any(mark in lower for mark in exposure.marks)


def _text(value: object) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)[:_MAX_TEXT] if isinstance(value, str | int | float) else None


def _decoded(raw: msgspec.Raw | str) -> object:
    text = raw.encode() if isinstance(raw, str) else bytes(raw)
    try:
        return None if text in _EMPTY else _decode(text)
    except (ValueError, RecursionError):
        return raw if isinstance(raw, str) else None

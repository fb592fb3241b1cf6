"""Calls that are more severe because of what they set: a public bucket, a port open to every network, a policy that grants everything.

The name of an operation does not show this, so the values that it sets decide. Only the operations in EXPOSURES are examined.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec

from epimetheus.model import AuditEvent, Request, Response
from epimetheus.render.severity_table import HIGH, SENSITIVE

_MAX_TEXT = 4096
_MAX_DEPTH = 16
_EMPTY = frozenset((b"null", b"{}", b"[]", b""))
_NO_REQUEST, _NO_RESPONSE = Request(), Response()
_decode = msgspec.json.Decoder().decode


class Exposure(NamedTuple):
    """``operations``: patterns of the operation without separators, of the service and the operation, or of an identity domain's event ID.

    ``keys``: members that count, in lower case, at any depth. ``values``: an expression for the text of one of their values.
    """

    topic: str
    severity: int
    operations: Sequence[str]
    keys: Sequence[str]
    values: str


EXPOSURES: Sequence[Exposure] = (
    Exposure("public bucket", HIGH, ("CreateBucket", "UpdateBucket"), ("publicaccesstype",), r"ObjectRead\w*"),
    Exposure("pre-authenticated request for a whole bucket", HIGH, ("CreatePreauthenticatedRequest",), ("accesstype",), r"AnyObject\w*"),
    Exposure(
        "ingress from every network", HIGH,
        ("CreateSecurityList", "UpdateSecurityList", "AddNetworkSecurityGroupSecurityRule*", "UpdateNetworkSecurityGroupSecurityRule*"),
        ("source",), r"0\.0\.0\.0/0|(?:::|0(?::0){7})/0",
    ),
    Exposure(
        "access from every network", HIGH,
        ("CreateAutonomousDatabase", "UpdateAutonomousDatabase", "CreateAnalyticsInstance", "ChangeAnalyticsInstanceNetworkEndpoint",
         "CreateIntegrationInstance", "UpdateIntegrationInstance", "ChangeIntegrationInstanceNetworkEndpoint"),
        ("whitelistedips", "allowlistedips", "whitelistedipcidrs", "allowlistedhttpips"), r"0\.0\.0\.0/0|(?:::|0(?::0){7})/0",
    ),
    Exposure(
        "policy for everything or everyone", HIGH, ("CreatePolicy", "UpdatePolicy"), ("statements", "statement"),
        r".*\bto\s+manage\s+all-resources\s+in\s+tenancy\b.*|\s*allow\s+any-(?:user|group)\s+to\s+(?:use|manage)\b(?!.*\bwhere\b).*",
    ),
    Exposure(
        "membership of administrators", HIGH,
        ("AddUserToGroup", "CreateUserGroupMembership", "PatchGroup", "admin.*.add.member*", "*grant.create*", "CreateGrant"),
        ("groupname", "resourcename", "adminresourcename", "grantedname", "approlename"), r".*administrators?",
    ),
    Exposure("shorter audit retention", HIGH, ("Audit*.UpdateConfiguration",), ("retentionperioddays",), r"[12]?\d{1,2}|3[0-5]\d|36[0-4]"),
    Exposure("logging turned off", HIGH, ("UpdateLog",), ("isenabled",), r"false"),
    Exposure("Cloud Guard turned off", HIGH, ("CloudGuard*.UpdateConfiguration",), ("status",), r"DISABLED"),
    Exposure(
        "public address", SENSITIVE,
        ("LaunchInstance", "CreateInstance*", "UpdateInstanceConfiguration", "AttachVnic", "CreateVnic", "UpdateVnic", "LaunchDbSystem",
         "CreateDbSystem", "UpdateDbSystem"),
        ("assignpublicip",), r"true",
    ),
    Exposure("public endpoint", SENSITIVE, ("CreateCluster", "UpdateCluster*"), ("ispublicipenabled",), r"true"),
    Exposure("public endpoint", SENSITIVE, ("CreateLoadBalancer", "CreateNetworkLoadBalancer"), ("isprivate",), r"false"),
    Exposure("public endpoint", SENSITIVE, ("CreateGateway", "CreateAnalyticsInstance"), ("endpointtype", "networkendpointtype"), "PUBLIC"),
)  # fmt: skip
"""What a call may set, and the minimum severity of such a call."""


class CompiledExposure(NamedTuple):
    """An `Exposure`, ready to be searched for."""

    severity: int
    keys: frozenset[str]
    values: re.Pattern[str]


def compile_exposure(exposure: Exposure) -> CompiledExposure:
    """Compiles keys and values."""
    return CompiledExposure(exposure.severity, frozenset(exposure.keys), re.compile(exposure.values, re.IGNORECASE | re.DOTALL))


def exposure_severity(event: AuditEvent, exposures: Sequence[CompiledExposure]) -> int:
    """The severity of what the call sets; 0 if it sets nothing in ``exposures``. A value that was set before the call does not count."""
    data, request, response = event.data, event.data.request or _NO_REQUEST, event.data.response or _NO_RESPONSE
    change = _decoded(data.state_change)
    change = change if isinstance(change, Mapping) else {}
    others = [{"resourceName": data.resource_name}, *map(_decoded, (data.additional_details, request.parameters, response.payload))]
    return max((found.severity for found in exposures if _is_set(found, change, others)), default=0)


def _is_set(exposure: CompiledExposure, change: Mapping[str, object], others: object) -> bool:
    before = sum(1 for _ in _matches(exposure, change.get("previous")))
    after = sum(1 for _ in _matches(exposure, change.get("current")))
    return after > before or (before == 0 and any(True for _ in _matches(exposure, others)))


def _matches(exposure: CompiledExposure, value: object, *, counts: bool = False, depth: int = 0) -> Iterator[str]:
    """The texts under ``keys`` that match. ``counts``: ``value`` is under one of them."""
    if isinstance(value, str) and value[:1] in ("{", "["):  # the request's body, as a string
        value = _decoded(value)
    if isinstance(value, Mapping) and depth < _MAX_DEPTH:
        for key, item in value.items():
            yield from _matches(exposure, item, counts=key.lower() in exposure.keys, depth=depth + 1)
    elif isinstance(value, list) and depth < _MAX_DEPTH:
        for item in value:
            yield from _matches(exposure, item, counts=counts, depth=depth + 1)
    elif counts and (text := _text(value)) and exposure.values.fullmatch(text):
        yield text


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

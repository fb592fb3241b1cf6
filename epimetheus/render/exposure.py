"""Calls that are more severe because of what they set: a public bucket, a port open to every network, a policy that grants everything.

The name of an operation does not show this, so the values that it sets decide. Only the operations in EXPOSURES are examined.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec

from epimetheus.model import AuditEvent, Request, Response
from epimetheus.render.exposed_values import Values, grants_everything, is_any_network, like, plain_text
from epimetheus.render.severity_table import HIGH, SENSITIVE

_MAX_DEPTH = 16
_MAX_INTEGER_DIGITS = 18
_MAX_PART_BYTES = 1024 * 1024
_opens_json = re.compile(r"\s*[{\[]").match
_ESCAPES = (b"\\u", b"\\/")  # a mark may be written with them
_UNCHANGED = (None, False, "")
_CONTAINERS = (dict, list)
_EMPTY = frozenset((b"null", b"{}", b"[]", b""))
_NO_REQUEST, _NO_RESPONSE = Request(), Response()
_decode = msgspec.json.Decoder().decode
_decode_invalid = json.JSONDecoder(strict=False, parse_float=str, parse_int=lambda text: text[:_MAX_INTEGER_DIGITS]).decode
"""Also reads control characters, lone surrogates and numbers of any size, which are no reason not to examine an event."""


class Exposure(NamedTuple):
    """``operations``: patterns of the operation without separators, of the service and the operation, or of an identity domain's event ID.

    ``keys``: members that count, in lower case, at any depth. ``values``: an expression for the text of one of their values,
    or a function of it. ``marks``: one of these texts, in lower case, is in the JSON of every event that matches; an event without them is
    not decoded. ``in_rule``: the value is a part of a rule, so the same value in a rule that is new counts.
    """

    topic: str
    severity: int
    operations: Sequence[str]
    keys: Sequence[str]
    values: str | Values
    marks: Sequence[str]
    in_rule: bool = False


EXPOSURES: Sequence[Exposure] = (
    Exposure("public bucket", HIGH, ("CreateBucket", "UpdateBucket"), ("publicaccesstype",), r"ObjectRead\w*", ("objectread",)),
    Exposure(
        "pre-authenticated request for a whole bucket", HIGH, ("CreatePreauthenticatedRequest",),
        ("accesstype",), r"AnyObject\w*", ("anyobject",),
    ),
    Exposure(
        "ingress from every network", HIGH,
        ("CreateSecurityList", "UpdateSecurityList", "AddNetworkSecurityGroupSecurityRule*", "UpdateNetworkSecurityGroupSecurityRule*"),
        ("source",), is_any_network, ("/0", "/1", "/2", "/3"), in_rule=True,
    ),
    Exposure(
        "access from every network", HIGH,
        ("CreateAutonomousDatabase", "UpdateAutonomousDatabase", "CreateAnalyticsInstance", "ChangeAnalyticsInstanceNetworkEndpoint",
         "CreateIntegrationInstance", "UpdateIntegrationInstance", "ChangeIntegrationInstanceNetworkEndpoint"),
        ("whitelistedips", "allowlistedips", "whitelistedipcidrs", "allowlistedhttpips"), is_any_network, ("/0", "/1", "/2", "/3"),
    ),
    Exposure(
        "policy for everything or everyone", HIGH, ("CreatePolicy", "UpdatePolicy"), ("statements", "statement"),
        grants_everything, ("all-resources", "any-user", "any-group"),
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
    values: Values
    marks: Sequence[bytes]
    in_rule: bool


def compile_exposure(exposure: Exposure) -> CompiledExposure:
    """Compiles keys, values and marks."""
    values = like(exposure.values) if isinstance(exposure.values, str) else exposure.values
    marks = [mark.encode() for mark in exposure.marks]
    return CompiledExposure(exposure.severity, frozenset(exposure.keys), values, marks, exposure.in_rule)


def exposure_severity(event: AuditEvent, exposures: Sequence[CompiledExposure]) -> int:
    """The severity of what the call sets; 0 if it sets nothing in ``exposures``. A value that was set before the call does not count.

    Statements and rules are compared as a whole: a statement that replaces another one counts.
    """
    data, request, response = event.data, event.data.request or _NO_REQUEST, event.data.response or _NO_RESPONSE
    all_parts = data.state_change, data.additional_details, request.parameters, response.payload
    parts = [b"" if len(text := bytes(part)) > _MAX_PART_BYTES else text for part in all_parts]
    text = b" ".join((*parts, (data.resource_name or "").encode("utf-8", "replace"))).lower()
    likely = [exposure for exposure in exposures if _may_match(exposure, text)]
    if not likely:
        return 0
    change, *others = map(_decoded, parts)
    others.append({"resourceName": data.resource_name})
    return max((found.severity for found in likely if _is_set(found, change if isinstance(change, dict) else {}, others)), default=0)


def _is_set(exposure: CompiledExposure, change: dict[str, object], others: object) -> bool:
    before, after = (Counter(_found(exposure, change.get(key))) for key in ("previous", "current"))
    return bool(after - before) or (not before and any(True for _ in _found(exposure, others)))


def _found(exposure: CompiledExposure, value: object, *, counts: bool = False, depth: int = 0) -> Iterator[str]:
    """The values under ``keys`` that match, or the rules with such a value. ``counts``: ``value`` is under one of the keys."""
    if type(value) is str and _opens_json(value) and _may_match(exposure, value.lower().encode("utf-8", "replace")):
        value = _decoded(value)  # the request's body, as a string
    if type(value) is dict and depth < _MAX_DEPTH:
        yield from _found_in_object(exposure, value, depth + 1)
    elif type(value) is list and depth < _MAX_DEPTH:
        for item in value:
            yield from _found(exposure, item, counts=counts, depth=depth + 1)
    elif counts and (text := plain_text(value)) and exposure.values(text):
        yield text


def _found_in_object(exposure: CompiledExposure, members: dict[str, object], depth: int) -> Iterator[str]:
    is_rule = False
    for key, item in members.items():
        counts = key.lower() in exposure.keys
        if counts or type(item) in _CONTAINERS or (type(item) is str and _opens_json(item)):
            found = _found(exposure, item, counts=counts, depth=depth)
            if counts and exposure.in_rule:
                is_rule = is_rule or any(True for _ in found)
            else:
                yield from found
    if is_rule:
        yield _rule_text(members)


def _rule_text(rule: dict[str, object]) -> str:
    """A rule for comparison: its description, and members that say nothing, make no difference."""
    members = {key: item for key, item in rule.items() if item not in _UNCHANGED and key != "description"}
    try:
        return json.dumps(members, sort_keys=True)
    except RecursionError:
        return ""


def _may_match(exposure: CompiledExposure, lower: bytes) -> bool:
    return any(mark in lower for mark in exposure.marks) or any(escape in lower for escape in _ESCAPES)


def _decoded(raw: bytes | str) -> object:
    text = raw.encode("utf-8", "replace") if isinstance(raw, str) else raw
    if text in _EMPTY:
        return None
    try:
        return _decode(text)
    except (ValueError, RecursionError):
        return _decoded_invalid(text, raw if isinstance(raw, str) else None)


def _decoded_invalid(text: bytes, otherwise: str | None) -> object:
    try:
        return _decode_invalid(text.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return otherwise

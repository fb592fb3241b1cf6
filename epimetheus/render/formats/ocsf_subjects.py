"""Users, groups and resources that an event is about, for the OCSF classes. Takes values from the redacted JSON of the event."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

import msgspec

from epimetheus.render.formats.ocsf_classes import ACCOUNT_CHANGE, AUTHENTICATION, GROUP_MANAGEMENT, Classification
from epimetheus.render.formats.ocsf_values import UNKNOWN, UnmappedFields, Values

SAML = 5
"""``auth_protocol_id`` of a sign-on through a federated identity provider: OCI federates by SAML 2.0."""

USER, GROUP = "user", "group"

_DETAILS = tuple((f"{prefix}ResourceName", f"{prefix}ResourceId", f"{prefix}ResourceType") for prefix in ("admin", "adminRef"))
"""Name, id and type of the object of an identity domain's event, and of the other one (the member of a group)."""
_ID_KEYS = {USER: "userId", GROUP: "groupId"}
_ID_PLACES = (
    ("additionalDetails",), ("stateChange", "current"), ("stateChange", "previous"), ("response", "payload"), ("request", "parameters"),
)  # fmt: skip
_RESOURCE_PLACES = ((("data", "resourceName"), "name"), (("data", "resourceId"), "uid"))
_FEDERATED = re.compile(r"federated|saml", re.IGNORECASE)
_decode = msgspec.json.Decoder(dict[str, object]).decode
_OCID = re.compile(r"ocid1\.([a-z\d_\-]{1,64})\.", re.ASCII)
_OCID_IN_PATH = re.compile(r"/(ocid1\.[a-z\d_\-]{1,64}\.[\w.\-]+)", re.ASCII)


class Subject(NamedTuple):
    """A user, a group or another resource; ``type`` is as OCI writes it, or the second part of the OCID."""

    name: str | None = None
    uid: str | None = None
    type: str | None = None


def subjects(found: Classification, rest: UnmappedFields, values: Values) -> Values:
    """What the event is about, in the members of its class: the user, the group, or the resources. Removes it from ``rest``."""
    actor = Subject(_text(values[("actor", "user", "name")]), _text(values[("actor", "user", "uid")]))
    if found.event_class is AUTHENTICATION:
        service = values[("api", "service", "name")] or UNKNOWN
        return {**_placed("user", actor), ("service", "name"): service, **_protocol(rest.data, values)}
    if found.event_class is ACCOUNT_CHANGE:
        user = find_subject(rest.data, USER, is_object=True) or (actor if found.is_self_service else Subject(UNKNOWN))
        return _placed("user", _taken(user, rest))
    if found.event_class is GROUP_MANAGEMENT:
        group = find_subject(rest.data, GROUP, is_object=True) or Subject(UNKNOWN)
        member = find_subject(rest.data, USER, is_object=False) or Subject()
        return {**_placed("group", _taken(group, rest)), **_placed("user", _taken(member, rest))}
    resources = [{key: item for key, item in _taken(resource, rest)._asdict().items() if item} for resource in find_resources(rest.data)]
    return {("resources",): resources or None}


def _placed(member: str, subject: Subject) -> Values:
    return {(member, "name"): subject.name, (member, "uid"): subject.uid}


def _taken(subject: Subject, rest: UnmappedFields) -> Subject:
    for path, name in _RESOURCE_PLACES:
        rest.drop(path, getattr(subject, name))
    return subject


def _protocol(data: Mapping[str, object], values: Values) -> Values:
    """The protocol of a federated sign-on."""
    details = _object(data, ("additionalDetails",))
    texts = (values[("api", "operation")], values[("actor", "user", "type")], details.get("ssoIdentityProviderType"))
    federated = any(isinstance(text, str) and _FEDERATED.search(text) for text in texts)
    return {("auth_protocol_id",): SAML, ("auth_protocol",): "SAML"} if federated else {}


def ocid_type(value: object) -> str | None:
    """``instance`` of ``ocid1.instance.oc1.iad.…``; None if this is not an OCID."""
    found = _OCID.match(value) if isinstance(value, str) else None
    return found[1] if found else None


def domain_subjects(data: Mapping[str, object]) -> list[Subject]:
    """What an identity domain's event names in ``additionalDetails``, its object first."""
    details = _object(data, ("additionalDetails",))
    found = (Subject(*(_text(details.get(key)) for key in keys)) for keys in _DETAILS)
    return [subject for subject in found if subject.name or subject.uid]


def find_resources(data: Mapping[str, object]) -> list[Subject]:
    """The resource of an API call; if it names none, the objects of an identity domain's event."""
    resource = _resource(data)
    return [resource] if resource else domain_subjects(data)


def find_subject(data: Mapping[str, object], kind: str, *, is_object: bool) -> Subject | None:
    """The user or the group of an event, or None.

    Looks at the details of an identity domain's event, then for an OCID of this ``kind`` in ``resourceId``, for members such as
    ``userId``, and in the path. ``is_object``: the event is about this one, so a resource of unknown type is this one.
    """
    domain = domain_subjects(data)
    for subject in domain:
        if _is_kind(subject.type, kind) or (is_object and subject.type is None):
            return subject
    resource = _resource(data) or Subject()
    if _is_kind(resource.type, kind):
        return resource
    if uid := next(_ids(data, kind), None):
        return Subject(uid=uid)
    if is_object and (resource.name or resource.uid):
        return resource if resource.type is None else Subject(resource.name)
    return None


def _resource(data: Mapping[str, object]) -> Subject | None:
    name, uid = _text(data.get("resourceName")), _text(data.get("resourceId"))
    return Subject(name, uid, ocid_type(uid)) if name or uid else None


def _ids(data: Mapping[str, object], kind: str) -> Iterator[str]:
    for place in _ID_PLACES:
        value = _object(data, place).get(_ID_KEYS[kind])
        values: Iterable[object] = value if isinstance(value, list) else (value,)
        yield from filter(None, map(_text, values))
    path = _text(_object(data, ("request",)).get("path"))
    yield from (ocid for ocid in _OCID_IN_PATH.findall(path or "") if _is_kind(ocid_type(ocid), kind))


def _is_kind(name: str | None, kind: str) -> bool:
    return name is not None and name.lower().endswith(kind)


def _object(data: Mapping[str, object], path: Iterable[str]) -> Mapping[str, object]:
    node: object = data
    for key in path:
        node = node.get(key) if isinstance(node, Mapping) else None
    if isinstance(node, str) and node.startswith("{"):  # some events have JSON in a string
        try:
            node = _decode(node)
        except (ValueError, RecursionError):
            return {}
    return node if isinstance(node, Mapping) else {}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value.strip() else None

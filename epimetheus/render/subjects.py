"""The users, groups and resources that an event is about. ``data`` is the JSON object ``data`` of an event."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

import msgspec

from epimetheus.event_details import as_text

USER, GROUP = "user", "group"

_DETAILS = tuple((f"{prefix}ResourceName", f"{prefix}ResourceId", f"{prefix}ResourceType") for prefix in ("admin", "adminRef"))
"""Name, id and type of the object of an identity domain's event, and of the other one (the member of a group)."""
_ID_KEYS = {USER: "userId", GROUP: "groupId"}
_ID_PLACES = (
    ("additionalDetails",), ("stateChange", "current"), ("stateChange", "previous"), ("response", "payload"), ("request", "parameters"),
)  # fmt: skip
DETAIL_KEYS = (*(key for keys in _DETAILS for key in keys), *_ID_KEYS.values())
"""The members of ``data.additionalDetails`` that name a subject."""
_CREATED_PLACES = (("response", "payload"), ("stateChange", "current"))
_decode = msgspec.json.Decoder(dict[str, object]).decode
_OCID = re.compile(r"ocid1\.([a-z\d_\-]{1,64})\.", re.ASCII)
_ID_IN_PATH = {kind: re.compile(rf"/{kind}s/([\w\-][\w.\-]{{7,127}})", re.ASCII | re.IGNORECASE) for kind in (USER, GROUP)}
"""The id in the paths of identity domains (``/admin/v1/Users/0a1b2c3d``), which is no OCID and has 32 characters."""
_OCID_IN_PATH = re.compile(r"/(ocid1\.[a-z\d_\-]{1,64}\.[\w.\-]+)", re.ASCII)


class Subject(NamedTuple):
    """A user, a group or another resource; ``type`` is as OCI writes it, or the second part of the OCID."""

    name: str | None = None
    uid: str | None = None
    type: str | None = None


NO_SUBJECT = Subject()


def ocid_type(value: object) -> str | None:
    """``instance`` of ``ocid1.instance.oc1.iad.…``; None if this is not an OCID."""
    found = _OCID.match(value) if isinstance(value, str) else None
    return found[1] if found else None


def domain_subjects(data: Mapping[str, object]) -> list[Subject]:
    """What an identity domain's event names in ``additionalDetails``, its object first."""
    details = object_at(data, ("additionalDetails",))
    found = [
        Subject(as_text(details.get(name)), as_text(details.get(uid)), as_text(details.get(kind)))
        for name, uid, kind in _DETAILS
        if name in details or uid in details
    ]
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
    if is_object and resource.uid is None and (uid := _own_id(data, kind)):
        return Subject(resource.name, uid)
    if uid := next(_ids(data, kind), None):
        return Subject(uid=uid)
    if is_object and (resource.name or resource.uid):
        return resource if resource.type is None else Subject(resource.name)
    return None


def find_member(data: Mapping[str, object]) -> Subject | None:
    """The user that an event adds to a group or removes from it; None if the event does not name one."""
    domain = domain_subjects(data)
    if found := next((subject for subject in domain if _is_kind(subject.type, USER)), None):
        return found
    untyped = next((subject for subject in domain[1:] if subject.type is None), None)
    return untyped or find_subject(data, USER, is_object=False)


def _resource(data: Mapping[str, object]) -> Subject | None:
    name, uid = text_of(data.get("resourceName")), text_of(data.get("resourceId"))
    return Subject(name, uid, ocid_type(uid)) if name or uid else None


def _own_id(data: Mapping[str, object], kind: str) -> str | None:
    """The OCID of a resource that the call created: the request could not name it."""
    uids = (text_of(object_at(data, place).get("id")) for place in _CREATED_PLACES)
    return next((uid for uid in uids if uid and _is_kind(ocid_type(uid), kind)), None)


def _ids(data: Mapping[str, object], kind: str) -> Iterator[str]:
    for place in _ID_PLACES:
        value = object_at(data, place).get(_ID_KEYS[kind])
        values: Iterable[object] = value if isinstance(value, list) else (value,)
        yield from filter(None, map(text_of, values))
    path = text_of(object_at(data, ("request",)).get("path")) or ""
    yield from (ocid for ocid in _OCID_IN_PATH.findall(path) if _is_kind(ocid_type(ocid), kind))
    yield from _ID_IN_PATH[kind].findall(path)


def _is_kind(name: str | None, kind: str) -> bool:
    return name is not None and name.lower().endswith(kind)


def object_at(data: Mapping[str, object], path: Iterable[str]) -> Mapping[str, object]:
    """The object at ``path``, also if it is JSON in a string; an empty one if there is none."""
    first, *others = path
    node = data.get(first)
    for key in others:
        node = node.get(key) if isinstance(node, dict) else None
    if isinstance(node, str) and node.startswith("{"):  # some events have JSON in a string
        try:
            node = _decode(node)
        except (ValueError, RecursionError):
            return {}
    return node if isinstance(node, dict) else {}


def text_of(value: object) -> str | None:
    """The value if it is a text that is not blank."""
    return value if isinstance(value, str) and value.strip() else None

"""The user that an action is done to: the member of a group, whose password or second factor is reset, whose key is uploaded.

The same rules that give an identity event its OCSF class decide which user of the event that is.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Literal

import msgspec

from epimetheus.model import AuditEvent, Data, Identity
from epimetheus.render.formats.ocsf_classes import (
    ACCOUNT_CHANGE,
    ADD_USER,
    AUTHENTICATION,
    GROUP_MANAGEMENT,
    REMOVE_USER,
    classify_identity_event,
)
from epimetheus.render.meaning import Meaning
from epimetheus.render.operation_words import MAX_LENGTH
from epimetheus.render.subjects import DETAIL_KEYS, NO_SUBJECT, USER, Subject, find_member, find_subject

Role = Literal["object", "self", "member", "owner"]
"""The part that the target user has in an event: its object, the actor itself, the member of a group, or the owner of a credential."""

_CACHED = 1024  # names come from events
_READS = re.compile(r"(?:get|list|head|search|summarize|count|check|validate)(?![a-z])|(?:get|list)(?=[a-z])", re.IGNORECASE)
_EMPTY = frozenset((b"null", b"{}", b""))
_NO_IDENTITY = Identity()
_Details = msgspec.defstruct("_Details", [(key, object, None) for key in DETAIL_KEYS], gc=False)
_decode_details = msgspec.json.Decoder(_Details).decode
_decode = msgspec.json.Decoder().decode


class TargetUsers:
    """Configured once per run: the role depends on names only and is cached."""

    def __init__(self) -> None:
        self._role = lru_cache(_CACHED)(user_role)

    def __call__(self, event: AuditEvent, meaning: Meaning) -> Subject:
        """The name and OCID of the user, as far as the event has them; NO_SUBJECT if the action is not done to a user."""
        event_id = meaning.domain_event
        if event_id is None and "identity" not in event.event_type.lower():
            return NO_SUBJECT
        role = self._role(meaning.operation[:MAX_LENGTH], event_id and event_id[:MAX_LENGTH])
        return _find(event, role) if role else NO_SUBJECT


def user_role(operation: str, domain_event: str | None) -> Role | None:
    """The role of the target user in an event of the identity services; None if the event reads, is a sign-on, or changes no user."""
    if domain_event is None and _READS.match(operation):
        return None
    for subject in (domain_event, operation):
        if subject and (found := classify_identity_event(subject)):
            if found.event_class is ACCOUNT_CHANGE:
                return "self" if found.is_self_service else "object"
            if found.event_class is GROUP_MANAGEMENT:
                return "member" if found.activity in (ADD_USER, REMOVE_USER) else None
            return None if found.event_class is AUTHENTICATION else "owner"
    return "owner"


def _find(event: AuditEvent, role: Role) -> Subject:
    data = _Data(event)
    user = find_member(data) if role == "member" else find_subject(data, USER, is_object=role != "owner")
    actor = event.data.identity or _NO_IDENTITY
    if user is None:
        return Subject(actor.principal_name, actor.principal_id) if role == "self" else NO_SUBJECT
    return user._replace(name=actor.principal_name) if user.uid and user.uid == actor.principal_id and not user.name else user


class _Data(Mapping[str, object]):
    """``data`` of an event as `epimetheus.render.subjects` reads it. Its parts are decoded when they are needed, once."""

    def __init__(self, event: AuditEvent) -> None:
        self._data = event.data
        self._decoded: dict[str, object] = {}

    def __getitem__(self, key: str) -> object:
        if key not in self._decoded:
            self._decoded[key] = _PARTS[key](self._data)
        return self._decoded[key]

    def __iter__(self) -> Iterator[str]:
        return iter(_PARTS)

    def __len__(self) -> int:
        return len(_PARTS)


def _json(raw: msgspec.Raw) -> object:
    text = bytes(raw)
    try:
        return None if text in _EMPTY else _decode(text)
    except (ValueError, RecursionError):  # control characters or lone surrogates
        return None


def _details(raw: msgspec.Raw) -> object:
    """The members that name a subject: decoding the others would take most of the time."""
    try:
        return msgspec.structs.asdict(_decode_details(bytes(raw)))
    except (ValueError, RecursionError):
        return _json(raw)


def _request(data: Data) -> object:
    return {"parameters": _json(data.request.parameters), "path": data.request.path} if data.request else None


def _response(data: Data) -> object:
    return {"payload": _json(data.response.payload)} if data.response else None


_PARTS: Mapping[str, Callable[[Data], object]] = MappingProxyType({
    "resourceName": lambda data: data.resource_name,
    "resourceId": lambda data: data.resource_id,
    "additionalDetails": lambda data: _details(data.additional_details),
    "stateChange": lambda data: _json(data.state_change),
    "request": _request,
    "response": _response,
})  # fmt: skip

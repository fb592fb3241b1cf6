"""What an event means: which operation, with which outcome and why, on what, by which actor, from where.

Standard fields decide. Where they are silent, ``data.additionalDetails`` does, see `epimetheus.event_details`.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

import msgspec

from epimetheus.event_details import DETAIL_KEYS, DETAILS, as_text, first_text, is_domain_event, missing_identity, read_details
from epimetheus.model import AuditEvent, Identity
from epimetheus.render.derived_fields import (
    FAILURE,
    SUCCESS,
    is_sign_on_name,
    message_outcome,
    operation_name,
    standard_reason,
    status_outcome,
)

OUTCOMES: Mapping[str, str] = MappingProxyType({
    "success": SUCCESS, "succeeded": SUCCESS, "failure": FAILURE, "failed": FAILURE, "fail": FAILURE, "error": FAILURE, "denied": FAILURE,
})  # fmt: skip
"""Last part of an identity domain's event ID → outcome."""

_DOMAIN_EVENT = re.compile(r"[A-Za-z][\w\-]*(?:\.[\w\-]+)+", re.ASCII)
_SIGN_ON_EVENTS = ("sso.authentication.", "sso.session.create.")
_SAYS_SUCCESS = re.compile(r"\bsucc(?:ess(?:ful(?:ly)?)?|eeded)\W*$", re.IGNORECASE)
_ENDING = 32
# InstanceAction, DbNodeAction, instance_action; not CommitTransaction, and no name with a verb of its own.
_TAKES_ACTION = re.compile(
    r"(?!(?i:create|update|delete|get|list|cancel|resume|reorder|filter|change|add|remove|search|set|register)(?![a-z]))"
    r"(?:(?:.*[a-z\d_\-])?Actions?|(?!.*(?:trans|inter|extr|red|re|comp|fr)action)(?:[a-z\d_\-]*actions?|[A-Z\d_\-]*ACTIONS?))",
    re.ASCII,
)
_ACTION = re.compile(r"[A-Za-z][\w\-]{0,62}", re.ASCII)
_ACTION_IN_PATH = re.compile(r"(?:[?&]action=|/actions/)([A-Za-z][\w\-]{0,62})(?=[/?&]|$)", re.ASCII)
_NO_IDENTITY = Identity()
_ACTION_KEYS = frozenset(("action", "actiontype", "action_type", "action-type", "actionname"))
_EMPTY = frozenset((b"null", b"{}", b""))

_decode_text = msgspec.json.Decoder(str).decode
_decode_members = msgspec.json.Decoder(dict[str, object]).decode


class Meaning(msgspec.Struct, frozen=True, gc=False):
    """What an event means, beyond its standard fields.

    ``operation``: the event name, or the operation in the event type. ``action``: the verb in a parameter (``STOP`` of InstanceAction).
    ``outcome``: ``success``, ``failure``, or None if nothing shows it; ``reason``: why it failed; ``reason_code``: an identity domain's
    code for that. ``domain_event``: an identity domain's event ID, such as ``sso.authentication.failure``. ``target``: the name of the
    object of an identity domain's event (the group, the user, the application), and ``second_target`` of the other one (the member).
    ``from_details``: the fields of the identity that OCI left silent and the details filled. ``has_details``: the
    event has details, so any of the last eight may be set.
    """

    operation: str
    is_sign_on: bool = False
    action: str | None = None
    outcome: str | None = None
    reason: str | None = None
    reason_code: str | None = None
    domain_event: str | None = None
    target: str | None = None
    target_type: str | None = None
    second_target: str | None = None
    second_target_type: str | None = None
    from_details: Sequence[str] = ()
    has_details: bool = False


class Names(NamedTuple):
    """What the names of an event say: `Meaning.operation`, whether it `takes_action`, and whether it is a sign-on or of a domain."""

    operation: str
    takes_action: bool
    is_domain: bool
    is_sign_on: bool


def read_names(event_type: str, event_name: str | None) -> Names:
    """The same for all events of these names."""
    operation = operation_name(event_type, event_name)
    takes_action = _TAKES_ACTION.fullmatch(operation) is not None
    return Names(operation, takes_action, is_domain_event(event_type), is_sign_on_name(event_type, operation))


def interpret(event: AuditEvent, names_of: Callable[[str, str | None], Names] = read_names) -> tuple[AuditEvent, Meaning]:
    """The event, with the fields of its identity that are silent filled from its details, and its meaning.

    ``names_of``: `read_names`, or a cache of it.
    """
    data = event.data
    operation, takes_action, is_domain, is_sign_on = names_of(event.event_type, data.event_name)
    action = action_parameter(event) if takes_action else None
    status = status_outcome(data.response.status) if data.response else None
    details = read_details(data.additional_details)
    event_id = _domain_event(details) if details is not None else None
    ending = OUTCOMES.get(event_id.rpartition(".")[2].lower()) if event_id and (is_domain or status is None) else None
    outcome = FAILURE if status == FAILURE else ending or message_outcome(event, status)
    failed = outcome == FAILURE
    is_sign_on = is_sign_on or (event_id is not None and event_id.startswith(_SIGN_ON_EVENTS))
    reason = standard_reason(event) if failed else None
    if details is None:
        return event, Meaning(operation, is_sign_on, action, outcome, reason)
    filled = missing_identity(data.identity, details) if is_domain else {}
    return _with_identity(event, filled), Meaning(
        operation,
        is_sign_on,
        action,
        outcome,
        (reason or _reason(details)) if failed else None,
        first_text(details, "reason_code") if failed else None,
        event_id,
        first_text(details, "target"),
        first_text(details, "target_type"),
        first_text(details, "second_target"),
        first_text(details, "second_target_type"),
        tuple(filled),
        has_details=True,
    )


def outcome(event: AuditEvent) -> str | None:
    """``success``, ``failure``, or None; see `Meaning`."""
    return interpret(event)[1].outcome


def short_details(raw: msgspec.Raw, length: int) -> msgspec.Raw:
    """JSON of those members of an event's details that `interpret` uses, each a text of at most ``length`` characters."""
    details = read_details(raw)
    members = {key: as_text(getattr(details, key)) for key in DETAIL_KEYS} if details is not None else {}
    short = {key: value[:length] for key, value in members.items() if value}
    return msgspec.Raw(msgspec.json.encode(short) if short else b"null")


def action_parameter(event: AuditEvent) -> str | None:
    """The verb of an operation such as InstanceAction, from the parameter ``action``, the request's path, or the details."""
    request = event.data.request
    if request and (action := _action_member(request.parameters)):
        return action
    if request and request.path and (found := _ACTION_IN_PATH.search(request.path)):
        return found[1]
    return _action_member(event.data.additional_details)


def _action_member(raw: msgspec.Raw) -> str | None:
    text = bytes(raw)
    try:
        text = _decode_text(text).encode() if text.startswith(b'"') else text  # JSON in a string
        members = _decode_members(text) if text not in _EMPTY else {}
    except (ValueError, RecursionError):  # not an object, or not valid JSON
        return None
    values = (as_text(value) for key, value in members.items() if key.lower() in _ACTION_KEYS or key.endswith(("Action", "ActionType")))
    return next((value for value in values if value and _ACTION.fullmatch(value)), None)


def _domain_event(details: msgspec.Struct) -> str | None:
    """An identity domain's event ID: words with dots. Other services put other ids there."""
    event_id = first_text(details, "domain_event")
    return event_id if event_id and _DOMAIN_EVENT.fullmatch(event_id) else None


def _reason(details: msgspec.Struct) -> str | None:
    """Why it failed, unless the text is that of a success: a domain writes the comment of an earlier step there."""
    texts = (as_text(getattr(details, key)) for key in DETAILS["reason"])
    return next((text for text in texts if text and not ("succ" in text.lower() and _SAYS_SUCCESS.search(text[-_ENDING:]))), None)


def _with_identity(event: AuditEvent, filled: Mapping[str, str]) -> AuditEvent:
    if not filled:
        return event
    identity = msgspec.structs.replace(event.data.identity or _NO_IDENTITY, **filled)
    return msgspec.structs.replace(event, data=msgspec.structs.replace(event.data, identity=identity))

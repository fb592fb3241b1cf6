"""Values that Epimetheus derives from an event: JSON has them under ``epimetheus``, FIELD_MAP as ``epimetheus.outcome`` and so on.

`derived_value` is for FIELD_MAP: it also returns a value that a standard field of the event has. JSON repeats no such value.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from epimetheus.model import Identity
from epimetheus.render.formats.base import ENRICHMENT, EventContext
from epimetheus.render.subjects import NO_SUBJECT

_NO_IDENTITY = Identity()


def _identity(name: str) -> Callable[[EventContext], object]:
    return lambda context: getattr(context.event.data.identity or _NO_IDENTITY, name)


DERIVED: Mapping[str, Callable[[EventContext], object]] = MappingProxyType({
    "severity": lambda context: context.severity,
    "outcome": lambda context: context.meaning.outcome,
    "reason": lambda context: context.meaning.reason,
    "reasonCode": lambda context: context.meaning.reason_code,
    "action": lambda context: context.meaning.action or context.meaning.operation,
    "domainEvent": lambda context: context.meaning.domain_event,
    "target": lambda context: context.meaning.target,
    "secondTarget": lambda context: context.meaning.second_target,
    "targetUser": lambda context: context.target_user.name,
    "targetUserId": lambda context: context.target_user.uid,
    "principalName": _identity("principal_name"),
    "principalId": _identity("principal_id"),
    "ipAddress": _identity("ip_address"),
    "userAgent": _identity("user_agent"),
})  # fmt: skip
"""Name → the value of an event, None if it has none."""
_FROM_DETAILS = MappingProxyType({
    "principal_name": "principalName", "principal_id": "principalId", "ip_address": "ipAddress", "user_agent": "userAgent",
})  # fmt: skip
"""Field of `Identity` → name."""
DERIVED_PATHS: Mapping[str, str] = MappingProxyType({f"{ENRICHMENT}.{name}": name for name in DERIVED})
"""Path in FIELD_MAP → name."""


def derived_texts(context: EventContext) -> dict[str, str]:
    """The derived texts that no standard field of the event has, except for the outcome. They are not redacted."""
    meaning, user = context.meaning, context.target_user
    texts: dict[str, str | None] = {}
    if meaning.action or meaning.operation != context.event.data.event_name:
        texts["action"] = meaning.action or meaning.operation
    if meaning.reason:
        texts["reason"] = meaning.reason
    if meaning.has_details:
        texts["reasonCode"], texts["domainEvent"] = meaning.reason_code, meaning.domain_event
        texts["target"], texts["secondTarget"] = meaning.target, meaning.second_target
        for field in meaning.from_details:
            texts[_FROM_DETAILS[field]] = getattr(context.event.data.identity, field)
    if user is not NO_SUBJECT:
        texts["targetUser"], texts["targetUserId"] = user.name, user.uid
    return {name: text for name, text in texts.items() if text} if texts else {}

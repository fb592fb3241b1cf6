"""What an event reports in ``data.additionalDetails`` instead of its standard fields: DETAILS lists where each value may be.

Identity domains leave ``identity`` and ``response`` empty and put result, reason, actor, address and targets there. Other
services may put there what callers choose, so only an identity domain's event has its actor from there.
"""

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType

import msgspec

from epimetheus.model import AuditEvent, Identity

DETAILS: Mapping[str, Sequence[str]] = MappingProxyType({
    "domain_event": ("eventId",),
    "reason": ("ssoComments", "failureReason", "errorMessage", "reasonValue", "message"),
    "reason_code": ("reasonValue", "errorCode"),
    "principal_name": ("actorName", "actorDisplayName"),
    "principal_id": ("actorOcid", "actorId"),
    "ip_address": ("clientIp",),
    "user_agent": ("ssoUserAgent",),
    "target": ("adminResourceName", "adminResourceId", "ssoApplicationName"),
    "second_target": ("adminRefResourceName", "adminRefResourceId"),
    "target_type": ("adminResourceType",),
    "second_target_type": ("adminRefResourceType",),
})  # fmt: skip
"""Value → the members of ``data.additionalDetails`` that may have it, the best one first."""
IDENTITY_FIELDS = ("principal_name", "principal_id", "ip_address", "user_agent")
"""Fields of ``data.identity`` that `missing_identity` fills."""
NOTHING = frozenset(("none", "null", "nil", "(null)", "undefined", "n/a", "-", "--"))
"""Placeholders that senders write instead of no value, in lower case."""
DETAIL_KEYS = tuple(sorted({key for keys in DETAILS.values() for key in keys}))
"""All members of ``data.additionalDetails`` in DETAILS."""

_is_domain_type = re.compile(r"com\.oraclecloud\.identity(?:domain|signon)[^.]*\.", re.IGNORECASE).match
_EMPTY = frozenset((b"null", b"{}", b""))
_SEPARATORS = re.compile(r"[,;\s]+")
_LONGEST_PLACEHOLDERS = 64
_ADDRESS_LENGTH = 512
_NO_IDENTITY = Identity()

Details = msgspec.defstruct("Details", [(key, object, None) for key in DETAIL_KEYS], gc=False)
"""The members of ``data.additionalDetails`` in DETAILS, of any type."""
_NO_DETAILS = Details()
_decode_details = msgspec.json.Decoder(Details).decode
_decode_text = msgspec.json.Decoder(str).decode


def read_details(raw: msgspec.Raw) -> msgspec.Struct | None:
    """`Details` of an object or of JSON in a string; None if it has no member in DETAILS, which most events do not have."""
    text = bytes(raw)
    if text in _EMPTY:
        return None
    try:
        details: msgspec.Struct = _decode_details(_decode_text(text) if text.startswith(b'"') else text)
    except (ValueError, RecursionError):
        return None
    return None if details == _NO_DETAILS else details


def first_text(details: msgspec.Struct, name: str) -> str | None:
    """The first of the members that may have this value and does."""
    for key in DETAILS[name]:
        value = getattr(details, key)
        if value is not None and (text := as_text(value)):
            return text
    return None


def as_text(value: object) -> str | None:
    """A text or a number as text, the items of a list separated by commas; None if there is nothing in it."""
    if isinstance(value, str):
        return value if value.strip() else None
    if isinstance(value, list):
        return ",".join(filter(None, (as_text(item) for item in value if not isinstance(item, list)))) or None
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def is_silent(value: str | None) -> bool:
    """Whether a standard field has no value: it is missing, blank, or consists of placeholders such as ``None,null``."""
    if not value:
        return True
    return len(value) <= _LONGEST_PLACEHOLDERS and all(not word or word in NOTHING for word in _SEPARATORS.split(value.lower()))


def is_domain_event(event_type: str) -> bool:
    """Whether an identity domain, or the sign-on to one, writes events of this type. The source proves nothing: it may name a resource."""
    return _is_domain_type(event_type) is not None


def actor_of(event: AuditEvent) -> Identity | None:
    """The identity of an event; for an identity domain's, each silent field of IDENTITY_FIELDS is filled from its details."""
    identity = event.data.identity
    if not is_domain_event(event.event_type):
        return identity
    if identity and not (is_silent(identity.principal_name) or is_silent(identity.principal_id) or is_silent(identity.user_agent)):
        return identity
    details = read_details(event.data.additional_details)
    filled = missing_identity(identity, details) if details is not None else None
    return msgspec.structs.replace(identity or _NO_IDENTITY, **filled) if filled else identity


def missing_identity(identity: Identity | None, details: msgspec.Struct) -> dict[str, str]:
    """Field → value, for each silent field of IDENTITY_FIELDS that ``details`` has."""
    known = identity or _NO_IDENTITY
    filled = {
        name: value for name in IDENTITY_FIELDS if is_silent(getattr(known, name)) and (value := first_text(details, name)) is not None
    }
    if len(filled.get("ip_address", "")) > _ADDRESS_LENGTH:  # addresses are keys of caches
        del filled["ip_address"]
    return filled

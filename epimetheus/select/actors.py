"""Classify the actor of an event as a person, a service, or unknown. Names prove nothing: a user called ``svc-x`` must not hide.

https://docs.oracle.com/en-us/iaas/Content/Audit/Reference/logeventreference.htm (identity); observed shapes: docs/rules.md.
"""

from collections.abc import Iterable
from typing import Literal

from epimetheus.model import Identity

Actor = Literal["person", "service", "unknown"]

_NON_PERSON_AUTH_TYPES = frozenset(("resource", "service", "instance"))
_POSSIBLE_PERSON_OCIDS = ("ocid1.user", "ocid1.saml2idp")
_NO_IDENTITY = Identity()
_BROWSER = "mozilla/"  # every browser's user agent starts so, although RFC 9110, section 10.1.5 does not require it


def normalized(names: Iterable[str]) -> frozenset[str]:
    """Names and OCIDs for comparison: casefolded, without surrounding spaces."""
    return frozenset(name.strip().casefold() for name in names)


def is_one_of(identity: Identity, names: frozenset[str]) -> bool:
    """True if the principal's OCID or name is in ``names`` (see `normalized`)."""
    return bool(names) and any(name and name.strip().casefold() in names for name in (identity.principal_id, identity.principal_name))


def classify_actor(identity: Identity | None, services: frozenset[str], actor: Identity | None = None) -> Actor:
    """What the event proves about its actor. ``services`` (see `normalized`): names and OCIDs that the user lists as services.

    ``actor``: the identity completed from the event's details (`epimetheus.event_details.actor_of`). Only ``identity``, which OCI itself
    writes, can prove a service. A console session or a browser means a person, whatever else there is: no possible person is filtered as
    a service.
    """
    actor = actor or identity
    if actor is None:
        return "unknown"
    if actor.console_session_id or (actor.user_agent or "").lstrip().lower().startswith(_BROWSER):
        return "person"
    known = identity or _NO_IDENTITY
    auth_type = (known.auth_type or "").strip().lower()
    principal = (known.principal_id or "").strip()
    not_a_user = bool(auth_type and principal) and not principal.startswith(_POSSIBLE_PERSON_OCIDS)
    return "service" if auth_type in _NON_PERSON_AUTH_TYPES or not_a_user or is_one_of(actor, services) else "unknown"

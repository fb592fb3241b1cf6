"""Who acted: a person, a service, or nobody can tell. Names prove nothing: a user who is called ``svc-x`` must not hide.

https://docs.oracle.com/en-us/iaas/Content/Audit/Reference/logeventreference.htm (identity); what was seen: docs/rules.md.
"""

from collections.abc import Iterable
from typing import Literal

from epimetheus.model import Identity

Actor = Literal["person", "service", "unknown"]

_NOT_PEOPLE = frozenset(("resource", "service", "instance"))
_MAY_BE_PEOPLE = ("ocid1.user", "ocid1.saml2idp")
_BROWSER = "mozilla/"  # how every browser begins (RFC 9110 10.1.5 allows anything)


def normalized(names: Iterable[str]) -> frozenset[str]:
    """Names and OCIDs as they are compared: without case and blanks around them."""
    return frozenset(name.strip().casefold() for name in names)


def is_one_of(identity: Identity, names: frozenset[str]) -> bool:
    """Whether the principal is among ``names`` (`folded`), by OCID or by name."""
    return bool(names) and any(said and said.strip().casefold() in names for said in (identity.principal_id, identity.principal_name))


def classify_actor(identity: Identity | None, services: frozenset[str]) -> Actor:
    """What the event proves. ``services`` (`folded`) are names and OCIDs of which the user knows that they are no people.

    A session of the console or a browser means a person, whatever else is said: nobody is left out as a service who may be one.
    """
    if identity is None:
        return "unknown"
    if identity.console_session_id or (identity.user_agent or "").lstrip().lower().startswith(_BROWSER):
        return "person"
    auth_type = (identity.auth_type or "").strip().lower()
    principal = (identity.principal_id or "").strip()
    foreign = bool(auth_type and principal) and not principal.startswith(_MAY_BE_PEOPLE)
    return "service" if auth_type in _NOT_PEOPLE or foreign or is_one_of(identity, services) else "unknown"

"""Users, groups and resources that an event is about, for the OCSF classes. Takes values from the redacted JSON of the event."""

import re
from collections.abc import Mapping

from epimetheus.render.formats.ocsf_classes import ACCOUNT_CHANGE, AUTHENTICATION, GROUP_MANAGEMENT, Classification
from epimetheus.render.formats.ocsf_values import UNKNOWN, UnmappedFields, Values
from epimetheus.render.subjects import GROUP, USER, Subject, find_member, find_resources, find_subject, object_at, text_of

SAML = 5
"""``auth_protocol_id`` of a sign-on through a federated identity provider: OCI federates by SAML 2.0."""

_RESOURCE_PLACES = ((("data", "resourceName"), "name"), (("data", "resourceId"), "uid"))
_FEDERATED = re.compile(r"federated|saml", re.IGNORECASE)


def subjects(found: Classification, rest: UnmappedFields, values: Values) -> Values:
    """What the event is about, in the members of its class: the user, the group, or the resources. Removes it from ``rest``."""
    actor = Subject(text_of(values[("actor", "user", "name")]), text_of(values[("actor", "user", "uid")]))
    if found.event_class is AUTHENTICATION:
        service = values[("api", "service", "name")] or UNKNOWN
        return {**_placed("user", actor), ("service", "name"): service, **_protocol(rest.data, values)}
    if found.event_class is ACCOUNT_CHANGE:
        user = find_subject(rest.data, USER, is_object=True) or (actor if found.is_self_service else Subject(UNKNOWN))
        return _placed("user", _taken(user, rest))
    if found.event_class is GROUP_MANAGEMENT:
        group = find_subject(rest.data, GROUP, is_object=True) or Subject(UNKNOWN)
        member = find_member(rest.data) or Subject()
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
    details = object_at(data, ("additionalDetails",))
    texts = (values[("api", "operation")], values[("actor", "user", "type")], details.get("ssoIdentityProviderType"))
    federated = any(isinstance(text, str) and _FEDERATED.search(text) for text in texts)
    return {("auth_protocol_id",): SAML, ("auth_protocol",): "SAML"} if federated else {}

"""Classification of actors for every observed shape of an identity."""

import pytest

from epimetheus.event_details import actor_of
from epimetheus.model import Identity
from epimetheus.select.actors import classify_actor, normalized
from tests.render.helpers import event, fetched

USER, FEDERATED = "ocid1.user.oc1..aaaa", "ocid1.saml2idp.oc1..aaaa/alice@example.com"
BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
SDK = "Oracle-PythonSDK/2.189.0 (python 3.11.4; x86_64-Linux)"
SESSION = "csid4bf31c8a4e0b8d2f6b7c9d10a1f2"
LISTED = normalized(["Backup-Robot", "ocid1.user.oc1..robot"])

SHAPES = {
    "a local user with an API key": (Identity("alice", USER, "natv", user_agent=SDK), "unknown"),
    "a local user with a service-like name": (Identity("svc-backup", USER, "natv", user_agent=SDK), "unknown"),
    "a local user in a browser": (Identity("alice", USER, "natv", user_agent=BROWSER), "person"),
    "a service on behalf of a user": (Identity("alice", USER, "natv", "ComputeApi", "ocid1.instance.x", user_agent=SDK), "unknown"),
    "a user of the console": (Identity("alice", USER, "natf", console_session_id=SESSION), "person"),
    "a federated user of the console": (Identity("alice", FEDERATED, "fed", console_session_id=SESSION), "person"),
    "a federated user with a token": (Identity("alice", FEDERATED, "fed", user_agent=SDK), "unknown"),
    "a sign-on": (Identity("alice", None, None), "unknown"),
    "a sign-on in a browser": (Identity("alice", None, None, user_agent=BROWSER), "person"),
    "a function": (Identity(None, "ocid1.fnfunc.oc1.iad.aaaa", "resource"), "service"),
    "an application": (Identity(None, "ocid1.fnapp.oc1.iad.aaaa", "resource"), "service"),
    "a management agent": (Identity(None, "ocid1.managementagent.oc1.iad.aaaa", "resource"), "service"),
    "a service by its name": (Identity("identity-soup", "identity-soup/0A1B2C", "service"), "service"),
    "another service": (Identity("oci-optimizer", "oci-optimizer/FF00", "service"), "service"),
    "an instance": (Identity(None, "ocid1.instance.oc1.iad.aaaa", "instance"), "service"),
    "an instance in capitals": (Identity(None, "ocid1.instance.oc1.iad.aaaa", " INSTANCE "), "service"),
    "a resource without name and OCID": (Identity(None, None, "resource"), "service"),
    "a principal that is not a user": (Identity("x", "ocid1.tenancy.oc1..aaaa", "natv"), "service"),
    "no type, no user": (Identity("x", "ocid1.instance.oc1.iad.aaaa", None), "unknown"),
    "a function with a browser's user agent": (Identity(None, "ocid1.fnfunc.oc1.iad.aaaa", "resource", user_agent=BROWSER), "person"),
    "an empty identity": (Identity(), "unknown"),
    "no identity": (None, "unknown"),
    "empty strings": (Identity("", "", "", user_agent=""), "unknown"),
    "a listed name": (Identity("backup-robot", USER, "natv", user_agent=SDK), "service"),
    "a listed OCID": (Identity("anybody", "ocid1.user.oc1..robot", "natv", user_agent=SDK), "service"),
    "a listed name in a browser": (Identity("backup-robot", USER, "natv", user_agent=BROWSER), "person"),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_an_identity_is_classified_by_what_it_proves(shape):
    identity, expected = SHAPES[shape]
    assert classify_actor(identity, LISTED) == expected


def test_without_a_list_no_name_is_a_service():
    assert {classify_actor(identity, frozenset()) for shape, (identity, _) in SHAPES.items() if "listed" in shape} == {"unknown", "person"}


DETAILS = {"actorName": "alice", "actorOcid": "0a1b2c3d", "ssoUserAgent": BROWSER}
DOMAIN_SHAPES = {
    "only in the details": (None, DETAILS, "person"),
    "in the details, with nulls": ({"principalName": None, "userAgent": None}, DETAILS, "person"),
    "in the details, with placeholders": ({"principalName": "None", "userAgent": "-"}, DETAILS, "person"),
    "without a browser": ({}, {**DETAILS, "ssoUserAgent": "curl/8"}, "unknown"),
    "the identity first": ({"principalName": "alice", "userAgent": SDK}, DETAILS, "unknown"),
    "an authType with an id that is no OCID": ({"authType": "natv"}, {"actorOcid": "0a1b2c3d"}, "unknown"),
    "a listed name": ({}, {"actorName": " Backup-Robot "}, "service"),
    "a listed OCID": ({}, {"actorOcid": "ocid1.user.oc1..robot"}, "service"),
    "a listed name in a browser": ({}, {**DETAILS, "actorName": "backup-robot"}, "person"),
    "a service, whatever the details": ({"principalId": "ocid1.fnfunc.x", "authType": "resource"}, {"actorName": "alice"}, "service"),
    "details in a string": ({}, '{"actorName": "backup-robot"}', "service"),
    "details of another shape": ({}, ["actorName"], "unknown"),
}
"""Actors of identity domains: data.identity, data.additionalDetails, and the result."""


@pytest.mark.parametrize("shape", DOMAIN_SHAPES)
def test_the_actor_of_an_identity_domain_is_in_the_details(shape):
    identity, details, expected = DOMAIN_SHAPES[shape]
    found = fetched(event("Login", "com.oraclecloud.identitydomains.Login", identity=identity, additionalDetails=details)).event
    assert classify_actor(found.data.identity, LISTED, actor_of(found)) == expected


@pytest.mark.parametrize("event_type", ["com.oraclecloud.x.GetThing", "identitydomains.X", "com.oraclecloud.x.identitydomains.X"])
def test_the_details_of_another_service_name_no_actor(event_type):
    silent = {"principalName": "none", "principalId": "-"}
    found = fetched({**event("GetThing", event_type, identity=silent, additionalDetails=DETAILS), "source": "identitydomains"}).event
    assert actor_of(found) == Identity("none", "-")

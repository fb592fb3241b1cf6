"""Which events are filtered, and by which rule: one table for the order, one per rule."""

import json
from dataclasses import replace

import pytest

from epimetheus.select.rules import Decision, RuleEngine, Rules
from epimetheus.source.decode import decode_event
from tests.render.helpers import event

OWN = "ocid1.fnfunc.oc1.iad.own"


def decoded(name, service="ComputeApi", **data):
    fetched = decode_event(json.dumps(event(name, f"com.oraclecloud.{service}.{name}", **data)).encode())
    assert fetched.event is not None
    return fetched.event


def decide(rules, name, service="ComputeApi", **data):
    return RuleEngine(rules)(decoded(name, service, **data))


def reason(rules, name, service="ComputeApi", **data):
    return decide(rules, name, service, **data).reason


def identity(name=None, principal=None, kind=None, **more):
    return {"principalName": name, "principalId": principal, "authType": kind, **more}


def test_without_rules_every_event_is_forwarded():
    assert decide(Rules(), "GetInstance", identity=identity("x", "ocid1.instance.x", "instance")) == Decision(None, None)


@pytest.mark.parametrize(
    ("pattern", "name", "service", "expected"),
    [
        ("com.oraclecloud.ComputeApi.GetInstance", "GetInstance", "ComputeApi", "excluded_event"),
        ("com.oraclecloud.computeapi.getinstance", "GetInstance", "ComputeApi", "excluded_event"),
        ("com.oraclecloud.ComputeApi.GetInstance", "GetInstance", "OtherApi", None),
        ("com.oraclecloud.ComputeApi.GetInstance", "GetInstances", "ComputeApi", None),
        ("com.oraclecloud.ComputeApi.*", "LaunchInstance", "ComputeApi", "excluded_event"),
        ("com.oraclecloud.ComputeApi.*", "LaunchInstance", "ComputeApis", None),
        ("com.oraclecloud.*.Get*", "GetBucket", "ObjectStorage", "excluded_event"),
        ("GetInstance", "GetInstance", "ComputeApi", "excluded_event"),
        ("Get*", "GetInstance", "ComputeApi", "excluded_event"),
        ("Get*", "ForgetInstance", "ComputeApi", None),
        ("*Instance", "GetInstance", "ComputeApi", "excluded_event"),
        ("*", "Anything", "AnyApi", "excluded_event"),
        ("com.oraclecloud+ComputeApi+GetInstance", "GetInstance", "ComputeApi", None),
    ],
)
def test_a_pattern_is_compared_with_the_whole_type_and_the_whole_name(pattern, name, service, expected):
    assert reason(Rules(mode="exclude", excluded=(pattern,)), name, service) == expected
    included = Rules(mode="include", included=(pattern,))
    assert reason(included, name, service) == (None if expected else "not_included_event")


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        (Rules(mode="all", excluded=("*",), included=("Nothing",)), None),
        (Rules(mode="exclude", included=("Nothing",)), None),
        (Rules(mode="include", excluded=("*",)), None),
        (Rules(mode="include", included=("LaunchInstance",), excluded=("GetInstance",)), "not_included_event"),
    ],
)
def test_only_the_list_of_the_mode_applies_and_an_empty_one_includes_everything(rules, expected):
    assert reason(rules, "GetInstance") == expected


@pytest.mark.parametrize(
    ("actor", "rules", "expected"),
    [
        (identity("Alice", "ocid1.user.oc1..a"), Rules(excluded_users=("alice",)), "excluded_user"),
        (identity("alice", "ocid1.user.oc1..a"), Rules(excluded_users=("ocid1.user.oc1..A",)), "excluded_user"),
        (identity("alice", "ocid1.user.oc1..a"), Rules(excluded_users=("ali", "alice2")), None),
        (identity("alice", "ocid1.user.oc1..a"), Rules(only_users=("bob",)), "not_included_user"),
        (identity("alice", "ocid1.user.oc1..a"), Rules(only_users=("bob", "alice")), None),
        (identity("alice", "ocid1.user.oc1..a"), Rules(only_users=("alice",), excluded_users=("alice",)), "excluded_user"),
        (None, Rules(only_users=("alice",)), "not_included_user"),
        (None, Rules(excluded_users=("alice",), without_services=True), None),
        (identity(None, "ocid1.fnfunc.oc1..f", "resource"), Rules(without_services=True), "service"),
        (identity("svc-x", "ocid1.user.oc1..a", "natv"), Rules(without_services=True), None),
        (identity("svc-x", "ocid1.user.oc1..a", "natv"), Rules(without_services=True, services=("SVC-X",)), "service"),
        (identity("svc-x", "ocid1.user.oc1..a", "natv"), Rules(services=("svc-x",)), None),
    ],
)
def test_users_and_services_are_filtered_by_ocid_or_name(actor, rules, expected):
    assert reason(rules, "GetInstance", identity=actor) == expected


EVERYTHING = Rules(
    mode="exclude",
    excluded=("*",),
    limits={"*": 10, "com.oraclecloud.ComputeApi.LaunchInstance": 3},
    excluded_users=("alice",),
    without_services=True,
    own=(OWN,),
)


@pytest.mark.parametrize(
    ("rules", "name", "service", "expected"),
    [
        (EVERYTHING, "GetInstance", "ComputeApi", Decision("excluded_event")),
        (replace(EVERYTHING, never_drop=("Get*",)), "GetInstance", "ComputeApi", Decision(None, None)),
        (replace(EVERYTHING, priority=("Get*",)), "GetInstance", "ComputeApi", Decision(None, None)),
        (replace(EVERYTHING, priority=("Launch*",)), "LaunchInstance", "ComputeApi", Decision(None, 3)),
        (replace(EVERYTHING, priority=("*",), never_drop=("*",)), "LaunchInstance", "ComputeApi", Decision(None, None)),
        (replace(EVERYTHING, excluded=()), "LaunchInstance", "ComputeApi", Decision(None, 3)),
        (replace(EVERYTHING, excluded=()), "GetInstance", "ComputeApi", Decision(None, 10)),
        (replace(EVERYTHING, excluded=(), limits={"Get*": 7, "*": 10}), "GetInstance", "ComputeApi", Decision(None, 7)),
    ],
)
def test_never_drop_and_priority_come_first_and_only_an_exact_limit_applies_to_priority(rules, name, service, expected):
    assert decide(rules, name, service, identity=identity("bob", "ocid1.user.oc1..b", "natv")) == expected


@pytest.mark.parametrize("actor", [identity("alice", "ocid1.user.oc1..a"), identity(None, OWN, "resource")])
def test_priority_and_never_drop_take_precedence_over_users_and_services(actor):
    for rules in (replace(EVERYTHING, never_drop=("ListEvents",)), replace(EVERYTHING, priority=("ListEvents",))):
        assert reason(rules, "ListEvents", "Audit", identity=actor, response={"status": "200"}) is None


@pytest.mark.parametrize(
    ("name", "principal", "status", "expected"),
    [
        ("ListEvents", OWN, "200", "own_polling"),
        ("ListCompartments", OWN, "200", "own_polling"),
        ("ListEvents", OWN, None, "own_polling"),
        ("ListEvents", OWN, 200, "own_polling"),
        ("ListEvents", "ocid1.fnfunc.oc1.iad.other", "200", None),
        ("ListEvents", None, "200", None),
        ("ListEvents", OWN, "404", None),
        ("ListEvents", OWN, "429", None),
        ("DeleteBucket", OWN, "200", None),
        ("GetSecretBundle", OWN, "200", None),
    ],
)
def test_only_successful_polling_calls_of_the_own_principal_are_own_polling(name, principal, status, expected):
    data = {"identity": identity(None, principal, "resource"), "response": {"status": status}}
    assert reason(Rules(own=(OWN,)), name, "Audit", **data) == expected
    assert reason(Rules(), name, "Audit", **data) is None


@pytest.mark.parametrize(
    ("details", "rules", "expected"),
    [
        ({"actorName": "Alice"}, Rules(excluded_users=("alice",)), "excluded_user"),
        ({"actorDisplayName": "Alice"}, Rules(excluded_users=("alice",)), "excluded_user"),
        ({"actorOcid": "0a1b"}, Rules(excluded_users=("0A1B",)), "excluded_user"),
        ({"actorName": "alice"}, Rules(only_users=("alice",)), None),
        ({"actorName": "bob"}, Rules(only_users=("alice",)), "not_included_user"),
        ({"actorName": "robot"}, Rules(without_services=True, services=("robot",)), "service"),
        ({"actorName": "robot", "ssoUserAgent": "Mozilla/5.0"}, Rules(without_services=True, services=("robot",)), None),
    ],
)
@pytest.mark.parametrize("silent", [None, identity(), identity("None", "-"), identity("", " ")])
def test_rules_see_the_actor_that_an_identity_domain_reports(details, rules, expected, silent):
    assert reason(rules, "Login", "IdentitySignOn", identity=silent, additionalDetails=details) == expected


def test_the_actor_in_the_details_does_not_replace_the_one_that_oci_writes():
    known = identity("mallory", "ocid1.user.oc1..m", "natv")
    assert reason(Rules(excluded_users=("alice",)), "GetX", identity=known, additionalDetails={"actorName": "alice"}) is None

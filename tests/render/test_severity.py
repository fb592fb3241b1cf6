"""The severity of an event: its operation, its action, the event ID of an identity domain, its outcome, and the user's patterns."""

import json
from pathlib import Path

import pytest

from epimetheus.render.severity import Severity
from epimetheus.render.severity_table import EVENT_IDS, SENSITIVE_CHANGES, VERBS
from tests.render.helpers import body, event, fetched, parts, read_by_cefp, render

CASES = json.loads((Path(__file__).parents[1] / "data" / "meaning" / "severity.json").read_text("utf-8"))


def severity(raw):
    return int(read_by_cefp(parts(render(raw).message)["msg"])[0][5])


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["case"])
def test_events_others_have_published(case):
    assert severity(json.dumps(case["event"])) == case["severity"]


@pytest.mark.parametrize(
    ("event_type", "expected"),
    [("com.oraclecloud.ComputeApi.TerminateInstance", 8), ("com.oraclecloud.queueapi.DeleteQueue.begin", 8), ("x.deletequeue.end", 8)],
)
def test_severity_depends_on_the_event_type_if_there_is_no_name(event_type, expected):
    assert severity(event(None, event_type=event_type)) == expected


@pytest.mark.parametrize("status", [None, "200", "400", "401", 403, " 404 ", "409", "500", "NotAuthorizedOrNotFound"])
@pytest.mark.parametrize(("name", "expected"), [("GetX", 2), ("CreateX", 5), ("CreatePolicy", 7), ("DeleteX", 8), ("Otherwise", 3)])
def test_a_call_that_failed_is_as_severe_as_one_that_succeeded(name, status, expected):
    assert severity(event(name, response={"status": status})) == expected


@pytest.mark.parametrize(
    ("name", "event_type", "data", "expected"),
    [
        ("InteractiveLogin", "com.oraclecloud.IdentitySignOn.InteractiveLogin", {"response": {"status": "400"}}, 7),
        ("InteractiveLogin", "com.oraclecloud.IdentitySignOn.InteractiveLogin", {"message": " InteractiveLogin failed"}, 7),
        ("InteractiveLogin", "com.oraclecloud.IdentitySignOn.InteractiveLogin", {"message": "InteractiveLogin succeeded"}, 3),
        ("InteractiveLogin", "com.oraclecloud.IdentitySignOn.InteractiveLogin", {}, 3),
        ("Factor", "com.oraclecloud.IdentitySignOn.Factor", {"response": {"status": 401}}, 7),
        ("LoginUser", "com.oraclecloud.x.y", {"response": {"status": "500"}}, 7),
        ("SignIn", "com.oraclecloud.x.y", {"response": {"status": "500"}}, 7),
        ("Loginsight", "com.oraclecloud.x.y", {"response": {"status": "500"}}, 3),
        ("GetLogin", "com.oraclecloud.x.y", {"response": {"status": "500"}}, 2),
    ],
)
def test_a_failed_sign_on_is_severe(name, event_type, data, expected):
    assert severity(event(name, event_type, **data)) == expected


@pytest.mark.parametrize(
    ("expected", "event_ids"),
    [
        (8, "sso.bypasscode.create.success admin.mfa.reset.success admin.user.mfa.factor.remove.success admin.factor.reset.failure"),
        (8, "admin.user.delete.success admin.user.deactivated.success admin.group.delete.success admin.group.remove.member.success"),
        (8, "admin.grant.delete.success admin.approle.remove.member.success admin.policy.delete.success"),
        (7, "admin.me.locked.success admin.me.unlocked.success admin.me.passwordrecoverylocked.success admin.me.mfa.locked.success"),
        (7, "sso.bypasscode.delete.success admin.me.mfa.enroll.success sso.auth.factor.enroll.success"),
        (7, "admin.user.password.reset.success admin.user.password.change.success admin.me.password.reset.success"),
        (7, "admin.user.create.success admin.user.activated.success admin.group.add.member.success admin.grant.create.success"),
        (7, "admin.approle.add.member.success admin.policy.update.success admin.passwordpolicy.update.success admin.apikey.create.success"),
        (7, "admin.identityprovider.create.success admin.ociconsolesignonpolicyconsent.modified ADMIN.ME.LOCKED.SUCCESS"),
        (7, "admin.authenticationfactorsettings.update.success"),
        (7, "admin.idp.create.success admin.trustedpartner.update.success admin.user.federated.create.success sso.impersonation.success"),
        (7, "admin.me.recoveryemail.update.success sso.authentication.denied sso.authentication.error"),
        (8, "sso.auth.factor.reset.success admin.app.deactivated.success"),
        (7, "sso.authentication.failure sso.session.create.failure sso.app.access.failure"),
        (5, "admin.app.create.success admin.app.activated.success admin.me.password.change.success"),
        (3, "sso.session.create.success sso.session.delete.success sso.app.access.success sso.auth.factor.initiated"),
        (3, "sso.auth.factor.success job.running"),
        (3, "notification.delivery.success notification.delivery.failure authentication.bypasscode.notification authentication.request"),
    ],
)
def test_severity_depends_on_the_event_id_of_an_identity_domain(expected, event_ids):
    for event_id in event_ids.split():
        raw = event("Unnamed", "com.oraclecloud.identitydomains.Unnamed", additionalDetails={"eventId": event_id})
        assert severity(raw) == expected, event_id


def test_the_most_severe_of_operation_and_event_id_decides_unless_the_id_is_in_the_table():
    ids = {"admin.thing.create.success": 8, "admin.thing.seen.success": 8, "sso.session.create.success": 3}
    for event_id, expected in ids.items():
        raw = event("DeleteThing", "com.oraclecloud.IdentityDomains.DeleteThing", additionalDetails={"eventId": event_id})
        assert severity(raw) == expected, event_id


@pytest.mark.parametrize(
    ("name", "event_id", "expected"),
    [
        ("DeleteThing", "sso.session.create.success", 8),
        ("DeletePolicy", "sso.app.access.success", 8),
        ("GetThing", "admin.mfa.reset.success", 8),
        ("Thing", "sso.app.access.success", 3),
    ],
)
def test_an_event_id_does_not_lower_the_severity_of_another_service(name, event_id, expected):
    raw = event(name, f"com.oraclecloud.things.{name}", additionalDetails={"eventId": event_id})
    assert severity({**raw, "source": "identitydomains"}) == expected


@pytest.mark.parametrize(
    ("name", "action", "expected"),
    [
        ("InstanceAction", "STOP", 5), ("InstanceAction", "softreset", 5), ("InstanceAction", None, 5), ("InstanceAction", "TERMINATE", 8),
        ("DbNodeAction", "STOP", 5), ("DBNODEACTION", "DELETE", 8), ("ThingAction", "disableThing", 8), ("GetThing", "DELETE", 2),
    ],
)  # fmt: skip
def test_the_severity_of_an_action_follows_its_verb(name, action, expected):
    assert severity(event(name, request={"parameters": {"action": [action]} if action else {}})) == expected


@pytest.mark.parametrize(
    ("name", "status", "expected"),
    [
        ("GetInstance", "200", 10),
        ("GetInstance", "404", 10),
        ("ListX", "200", 1),
        ("DeleteX", "404", 0),
        ("DeleteBucket", "200", 8),
        ("CreateX", "404", 5),
    ],
)
def test_the_first_matching_pattern_decides_the_severity_whatever_the_outcome(name, status, expected):
    patterns = [("com.oraclecloud.things.getinstance", 10), ("List*", 1), ("*.GetInstance", 0), ("DeleteX", 0), ("elete*", 1)]
    raw = event(name, response={"status": status})
    assert int(read_by_cefp(body(raw, severities=patterns))[0][5]) == expected


def test_a_pattern_decides_the_severity_of_a_failed_sign_on_and_of_a_domain_event():
    raw = event("InteractiveLogin", "com.oraclecloud.IdentitySignOn.InteractiveLogin", response={"status": "401"})
    assert [int(read_by_cefp(body(raw, severities=given))[0][5]) for given in ([], [("*Login", 2)])] == [7, 2]
    raw = event("LockUser", additionalDetails={"eventId": "admin.me.locked.success"})
    assert [int(read_by_cefp(body(raw, severities=given))[0][5]) for given in ([], [("LockUser", 1)])] == [7, 1]


def test_two_event_types_with_the_same_name_have_their_own_severities():
    severity_of = Severity([("a.*", 9)])
    events = [fetched(event("GetX", event_type)).event for event_type in ("a.GetX", "b.GetX", "a.GetX")]
    assert list(map(severity_of, events)) == [9, 2, 9]


def test_the_tables_have_no_word_twice_and_severities_are_in_order():
    verbs = [verb.lower() for words in VERBS.values() for verb in words]
    assert len(verbs) == len(set(verbs))
    assert all(list(words) == sorted(words) for words in VERBS.values())
    assert list(VERBS) == sorted(VERBS, reverse=True)
    assert list(SENSITIVE_CHANGES) == sorted(SENSITIVE_CHANGES, reverse=True)
    assert all(event_id == event_id.lower() for event_id in EVENT_IDS)

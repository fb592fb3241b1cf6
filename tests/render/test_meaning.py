"""What an event means: values from the details of identity-domain events, verbs in parameters, textual statuses, addresses and ports."""

import json
import time
from pathlib import Path

import pytest

from epimetheus.event_details import DETAILS
from epimetheus.render.derived_fields import error_code, operation_name
from epimetheus.render.meaning import interpret, outcome
from tests.render.helpers import body, event, fetched, parts, read_leef, render
from tests.render.helpers import cef as cef_of

CASES = Path(__file__).parents[1] / "data" / "meaning"
WRONG_PASSWORD = "Authentication failure You entered an incorrect user name or password."
DOMAIN_EVENT, TARGET, SECOND_TARGET = "OracleOCIAuditDomainEvent", "OracleOCIAuditTarget", "OracleOCIAuditSecondTarget"
REASON_CODE = "OracleOCIAuditReasonCode"
DOMAIN_TYPE = "com.oraclecloud.identitydomains.X"


def leef_of(raw, **settings):
    return read_leef(body(raw, format="leef", **settings))[1]


def json_of(raw, **settings):
    return json.loads(body(raw, format="json", **settings))


@pytest.mark.parametrize(
    ("name", "cef", "leef"),
    [
        ("dom_login_failed_comment", {"outcome": "failure", "reason": WRONG_PASSWORD, REASON_CODE: "SSO-1001"}, {"cat": "Failed"}),
        ("dom_login_failed_silent", {"outcome": "failure", "reason": WRONG_PASSWORD}, {"reasonCode": "SSO-1001", "isLoginEvent": "true"}),
        ("dom_login_failed_msgfailed", {"outcome": "failure", "reason": WRONG_PASSWORD}, {"domainEvent": "sso.authentication.failure"}),
        ("dom_app_access_failure", {"outcome": "failure", "reason": "User is not granted access"}, {"target": "IAM LoginClient"}),
        (
            "dom_group_add_member",
            {"outcome": "success", "reason": None, TARGET: "Administrators", SECOND_TARGET: "mallory@example.com", "suser": "user6"},
            {"outcome": "success", "cat": "Success", "target": "Administrators", "secondTarget": "mallory@example.com"},
        ),
        ("dom_bypass_created", {"outcome": "success", TARGET: "victim@example.com"}, {"domainEvent": "sso.bypasscode.create.success"}),
        ("dom_user_locked", {"outcome": "success", DOMAIN_EVENT: "admin.me.locked.success"}, {"target": "victim@example.com"}),
        ("dom_mfa_initiated", {"outcome": None, DOMAIN_EVENT: "sso.auth.factor.initiated"}, {"cat": None, "outcome": None}),
        (
            "dom_who_where_in_details",
            {"src": "203.0.113.77", "suser": "user1@example.com", "suid": "0a1b2c3d", "requestClientApplication": "Mozilla/5.0 X"},
            {"src": "203.0.113.77", "usrName": "user1@example.com", "identSrc": "203.0.113.77", "userAgent": "Mozilla/5.0 X"},
        ),
        ("fed_login_attempt_failed", {"outcome": "failure", "reason": "ASSERTION_INVALID"}, {"reason": "ASSERTION_INVALID"}),
        ("fed_login_failed", {"outcome": "failure", "reason": "ASSERTION_INVALID"}, {"cat": "Failed"}),
        ("instanceaction_stop", {"act": "STOP"}, {"action": "STOP", "eventName": "InstanceAction"}),
        ("instanceaction_start", {"act": "START"}, {"action": "START"}),
        ("instanceaction_softreset", {"act": "SOFTRESET"}, {"action": "SOFTRESET"}),
        ("queue_begin_noname", {"act": "CreateQueue"}, {"eventName": "CreateQueue", "action": None}),
        ("nosql_createtable_begin", {"act": "CREATETABLE"}, {"eventName": "CREATETABLE"}),
        ("status_text_failure", {"outcome": "failure"}, {"outcome": "failure", "cat": "Failed"}),
        ("ip_none_text", {"src": None, "shost": None}, {"src": None, "srcOther": None}),
        ("ip_port", {"src": "203.0.113.7", "spt": "53423", "shost": None}, {"src": "203.0.113.7", "srcPort": "53423", "srcOther": None}),
        ("ip_semicolon", {"src": "10.0.0.1", "sourceTranslatedAddress": "10.0.0.2"}, {"src": "10.0.0.1", "srcPostNAT": "10.0.0.2"}),
        (
            "ip_v6_comma_v4",
            {"src": None, "c6a2": "2001:db8::7", "sourceTranslatedAddress": "10.0.0.1"},
            {"src": "2001:db8::7", "srcPostNAT": "10.0.0.1"},
        ),
        ("ip_v6_port", {"c6a2": "2001:db8::1", "spt": "443", "shost": None}, {"src": "2001:db8::1", "srcPort": "443", "srcOther": None}),
    ],
)
def test_an_event_of_the_field_is_understood(name, cef, leef):
    raw = json.loads((CASES / f"{name}.json").read_bytes())
    found_cef, found_leef = cef_of(raw), leef_of(raw)
    assert {key: found_cef.get(key) for key in cef} == cef
    assert {key: found_leef.get(key) for key in leef} == leef


def meaning(**data):
    return interpret(fetched(event(data.pop("name", "GetThing"), data.pop("event_type", None), **data)).event)[1]


@pytest.mark.parametrize(
    ("event_id", "data", "expected"),
    [
        ("sso.authentication.failure", {}, "failure"),
        ("admin.user.create.success", {}, "success"),
        ("admin.user.create.FAILED", {}, "failure"),
        ("sso.auth.factor.initiated", {}, None),
        ("sso.auth.factor.initiated", {"message": "X succeeded"}, "success"),
        ("admin.me.locked.success", {"message": "Locked because the sign-on failed"}, "success"),
        ("sso.authentication.failure", {"message": "InteractiveLogin succeeded"}, "failure"),
        ("sso.authentication.failure", {"response": {"status": "200"}}, "failure"),
        ("sso.session.create.success", {"response": {"status": "401"}}, "failure"),
        ("not a domain's.failure", {}, None),
        ("failure", {}, None),
        ("6f1c2c3e-0d5b-4d92-9c22-failure", {}, None),
        (7, {}, None),
        ({"a": "sso.authentication.failure"}, {}, None),
    ],
)
def test_the_ending_of_a_domain_s_event_id_decides_unless_the_status_is_a_failure(event_id, data, expected):
    assert meaning(event_type=DOMAIN_TYPE, additionalDetails={"eventId": event_id}, **data).outcome == expected


def test_the_details_of_another_service_do_not_replace_its_status():
    assert meaning(additionalDetails={"eventId": "a.b.failure"}, response={"status": "200"}).outcome == "success"


def test_the_details_of_another_service_name_no_actor():
    details = {"actorName": "victim", "actorOcid": "ocid1.victim", "ssoUserAgent": "agent", "clientIp": "192.0.2.7"}
    silent = {"principalName": "none", "principalId": "-", "userAgent": "None"}
    raw = event(identity=silent, additionalDetails=details)
    found = cef_of(raw)
    assert (found["suser"], found["suid"], found["requestClientApplication"], found.get("src")) == ("none", "-", "None", None)
    assert json_of(raw)["epimetheus"] == {"severity": 2}


def test_a_standard_field_is_preferred_to_the_details():
    details = {"actorName": "a", "actorOcid": "b", "clientIp": "192.0.2.1", "ssoUserAgent": "c", "reasonValue": "R", "ssoComments": "S"}
    identity = {"principalName": "noor", "principalId": "id", "ipAddress": "192.0.2.9", "userAgent": "curl"}
    response = {"status": "400", "payload": {"code": "InvalidParameter"}}
    found = cef_of(event(additionalDetails=details, identity=identity, response=response))
    assert [found[key] for key in ("suser", "suid", "src", "requestClientApplication")] == ["noor", "id", "192.0.2.9", "curl"]
    assert (found["reason"], found[REASON_CODE]) == ("InvalidParameter", "R")


@pytest.mark.parametrize("address", [None, "", " ", "None", "null", "-", "None,null"])
def test_the_details_have_the_address_if_ip_address_says_nothing(address):
    raw = event("X", DOMAIN_TYPE, identity={"ipAddress": address}, additionalDetails={"clientIp": "192.0.2.7:99"})
    assert cef_of(raw)["src"] == "192.0.2.7"


@pytest.mark.parametrize("details", ["text", 7, [], [{"eventId": "a.failure"}], {}, None, True, {"eventId": None}, {"actorName": {"a": 1}}])
def test_details_of_another_shape_say_nothing(details):
    found = meaning(additionalDetails=details)
    assert (found.outcome, found.domain_event, found.target, found.reason) == (None, None, None, None)
    assert "suser" not in cef_of(event(additionalDetails=details))


def test_details_may_be_json_in_a_string():
    details = json.dumps({"eventId": "sso.authentication.failure", "actorName": "noor", "reasonValue": "password=hidden"})
    found = cef_of(event("X", DOMAIN_TYPE, additionalDetails=details, identity={"principalName": "None"}))
    assert (found["outcome"], found["suser"], found["reason"]) == ("failure", "noor", "password=[redacted]")


@pytest.mark.parametrize(
    ("message", "expected"),
    [("Application access failure", "failure"), ("Session create success.", "success"), ("GetX on-failure", None), ("a failure of", None)],
)
def test_a_message_may_end_with_the_outcome(message, expected):
    assert meaning(message=message).outcome == expected


def test_a_comment_on_a_success_is_no_reason():
    details = {"eventId": "sso.app.access.failure", "ssoComments": "Session create success", "reasonValue": "SSO-7"}
    assert meaning(additionalDetails=details).reason == "SSO-7"


def test_a_list_of_targets_is_sent_separated_by_commas():
    details = {"eventId": "admin.group.add.member.success", "adminResourceName": "G", "adminRefResourceName": ["a", "b", None, ["c"], 7]}
    assert cef_of(event(additionalDetails=details))[SECOND_TARGET] == "a,b,7"


@pytest.mark.parametrize(
    ("name", "data", "expected"),
    [
        ("InstanceAction", {"request": {"parameters": {"action": ["STOP"]}}}, "STOP"),
        ("InstanceAction", {"request": {"parameters": {"action": "RESET"}}}, "RESET"),
        ("DbNodeAction", {"request": {"parameters": {"dbNodeId": ["x"], "action": ["SOFTRESET"]}}}, "SOFTRESET"),
        ("instanceaction", {"request": {"parameters": {"Action": ["STOP"]}}}, "STOP"),
        ("INSTANCE_ACTION", {"additionalDetails": {"instanceActionType": "stop"}}, "stop"),
        ("InstanceAction", {"request": {"path": "/20160918/instances/ocid1.instance?action=DIAGNOSTICREBOOT&x=1"}}, "DIAGNOSTICREBOOT"),
        ("PerformAssessorAction", {"request": {"path": "/20200620/x/actions/performAssessorAction"}}, "performAssessorAction"),
        (None, {"event_type": "com.oraclecloud.ComputeApi.InstanceAction.begin", "request": {"parameters": {"action": ["STOP"]}}}, "STOP"),
        ("AutonomousDatabaseAction", {"request": {"parameters": {"actionName": ["stop"]}}}, "stop"),
        ("InstanceAction", {"request": {"parameters": '{"action": ["STOP"]}'}}, "STOP"),
        ("InstanceAction", {"request": {"parameters": {"action": ["two words"]}}}, None),
        ("InstanceAction", {"request": {"parameters": {"action": ["x" * 64]}}}, None),
        ("InstanceAction", {"request": {"parameters": "action=STOP"}}, None),
        ("InstanceAction", {"request": {"parameters": {"transaction": ["abc"]}}}, None),
        ("CommitTransaction", {"request": {"parameters": {"action": ["STOP"]}}}, None),
        ("committransaction", {"request": {"parameters": {"action": ["STOP"]}}}, None),
        ("DeleteScheduledAction", {"request": {"parameters": {"action": ["STOP"]}}}, None),
        ("ListActions", {"request": {"parameters": {"action": ["STOP"]}}}, None),
        ("GetInstance", {"request": {"parameters": {"action": ["STOP"]}}}, None),
    ],
)
def test_the_verb_may_be_in_a_parameter(name, data, expected):
    assert meaning(name=name, **data).action == expected


@pytest.mark.parametrize(
    ("event_type", "event_name", "expected"),
    [
        ("com.oraclecloud.queueapi.CreateQueue.begin", None, "CreateQueue"),
        ("com.oraclecloud.queueapi.CreateQueue.end", "", "CreateQueue"),
        ("com.oraclecloud.queueapi.CreateQueue.END", " ", "CreateQueue"),
        ("com.oraclecloud.queueapi.CreateQueue", None, "CreateQueue"),
        ("com.oraclecloud.queueapi.CreateQueue.begin", "Name", "Name"),
        ("begin", None, "begin"),
        ("", None, ""),
    ],
)
def test_a_type_with_a_phase_is_named_by_its_operation(event_type, event_name, expected):
    assert operation_name(event_type, event_name) == expected


@pytest.mark.parametrize(
    ("status", "expected", "code", "reason"),
    [
        ("Failure", "failure", None, None),
        ("FAILED", "failure", None, None),
        ("error", "failure", None, None),
        ("Denied", "failure", None, None),
        ("Success", "success", None, None),
        ("SUCCEEDED", "success", None, None),
        ("OK", "success", None, None),
        ("Unsuccessful", "failure", None, None),
        ("200 OK", "success", "200", None),
        ("HTTP 404", "failure", "404", None),
        ("HTTP/1.1 403 Forbidden", "failure", "403", None),
        ("404 Not Found", "failure", "404", None),
        ("200.0", "success", "200", None),
        ("NotAuthorizedOrNotFound", "failure", None, "NotAuthorizedOrNotFound"),
        ("TooManyRequests", "failure", None, "TooManyRequests"),
        ("IncorrectState", "failure", None, "IncorrectState"),
        ("InternalServerError", "failure", None, "InternalServerError"),
        ("Conflict", "failure", None, "Conflict"),
        ("cancelled", "failure", None, None),
        ("Throttled", "failure", None, None),
        ("Success: false", "failure", None, None),
        ("pass", "success", None, None),
        ("(404) Not Found", "failure", "404", None),
        ("status=403", "failure", "403", None),
        ("InProgress", None, None, None),
        ("Pending", None, None, None),
        ("-", None, None, None),
        ("0", None, None, None),
        ("", None, None, None),
        ("2000", None, None, None),
        ("203.0.113.7", None, None, None),
    ],
)
def test_a_textual_status_is_read(status, expected, code, reason):
    found = cef_of(event(response={"status": status}))
    assert (found.get("outcome"), found.get("cn1"), found.get("reason")) == (expected, code, reason)


def test_a_word_that_only_shows_a_failure_is_no_error_code():
    assert (error_code("Failure"), error_code("NotAuthorizedOrNotFound")) == (None, "NotAuthorizedOrNotFound")


def test_a_redacted_path_of_identity_stays_redacted_when_its_value_is_in_the_details():
    details = {"actorName": "noor", "clientIp": "192.0.2.7"}
    raw = event("X", DOMAIN_TYPE, identity={"principalName": None}, additionalDetails=details)
    assert cef_of(raw, redact=["data.identity.principalName"])["suser"] == "[redacted]"
    assert "suser" not in cef_of(raw, redact=["data.additionalDetails"])
    assert cef_of(raw, redact=["data.additionalDetails.actorName"])["suser"] == "[redacted]"
    for form in ("cef", "leef"):
        assert "192.0.2.7" not in body(raw, format=form, redact=["data.identity.*", "data.additionalDetails.clientIp"])


@pytest.mark.parametrize("form", ["cef", "leef"])
def test_values_of_the_details_are_redacted_and_harmless(form):
    value = "password=hidden CEF:0|x\u202ey\n^z=\\"
    keys = {key for name, keys in DETAILS.items() if name not in ("domain_event", "ip_address") for key in keys}
    line = body(event("X", DOMAIN_TYPE, additionalDetails=dict.fromkeys(keys, value) | {"eventId": "a.b.failure"}), format=form)
    assert "hidden" not in line
    assert "CEF:0|x" not in line
    assert "\u202e" not in line
    assert "\n" not in line


@pytest.mark.parametrize("form", ["json", "ocsf"])
def test_a_trimmed_event_keeps_the_details_that_say_what_it_means(form):
    details = {"eventId": "a.b.success", "adminResourceName": "G", "adminRefResourceName": "mallory", "other": "x" * 9000}
    parameters = {"action": ["STOP"], "other": "x" * 9000}
    message = render(event(additionalDetails=details, request={"parameters": parameters}), format=form, max_bytes=3000).message
    text = parts(message)["msg"]
    assert all(value in text for value in ("a.b.success", '"G"', "mallory", "STOP"))
    assert parts(message)["trimmed"] == "request.parameters.others,additionalDetails.others"


def test_a_member_called_others_is_a_member_like_any_other():
    raw = event(message="here", others={"a": "x" * 3000}, additionalDetails={"others": "x" * 3000, "eventId": "a.b.success"})
    found = json_of(raw, max_bytes=1500)
    assert found["data"] == {"eventName": "GetThing", "message": "here", "additionalDetails": {"eventId": "a.b.success"}}


@pytest.mark.parametrize("form", ["cef", "leef", "json", "ocsf"])
def test_the_meaning_of_an_abridged_event_is_kept(form):
    details = {"eventId": "a.b.failure", "adminResourceName": "Administrators", "other": "x" * 2_000_000, "actorName": "y" * 5000}
    rendered = render(event(additionalDetails=details), format=form)
    assert rendered.abridged
    assert b"Administrators" in rendered.message
    if form in ("cef", "leef"):
        assert b"outcome=failure" in rendered.message


def test_the_keys_that_identify_an_event_are_removed_last():
    details = {"eventId": "a.b.failure", "adminResourceName": "G", "adminRefResourceName": "m"}
    raw = event(message="m" * 2000, identity={"userAgent": "u" * 2000}, resourceId="r" * 3000, additionalDetails=details)
    for max_bytes in (480, 600, 1000, 2000):
        found = leef_of(raw, max_bytes=max_bytes)
        assert [found[key] for key in ("cat", "target", "secondTarget")] == ["Failed", "G", "m"]
    agent_only = event(identity={"userAgent": "u" * 1000})
    found = cef_of(agent_only, max_bytes=700)
    assert ("requestClientApplication" in found, found["act"], found["cat"]) == (False, "GetThing", "things")


@pytest.mark.parametrize("pattern", ["Aa", "a-", ".", "a.", "1", "[", " ;"])
def test_hostile_values_are_read_in_linear_time(pattern):
    hostile = pattern * 50_000 + "!"
    details = {key: hostile for keys in DETAILS.values() for key in keys}
    raw = fetched(event("InstanceAction", identity={"ipAddress": hostile}, request={"parameters": {hostile: hostile}, "path": hostile},
                        response={"status": hostile}, additionalDetails=details)).event  # fmt: skip
    started = time.process_time()
    interpret(raw)
    interpret(fetched(event(hostile, hostile)).event)
    outcome(raw)
    error_code(hostile)
    assert time.process_time() - started < 2

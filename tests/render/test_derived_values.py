"""What an event means, in JSON under ``epimetheus`` and in FIELD_MAP: the original stays as it is."""

import json
from pathlib import Path

import pytest

from epimetheus.render.custom_fields import Fields
from epimetheus.render.derived_values import DERIVED, DERIVED_PATHS
from epimetheus.render.formats.base import Enrichment
from tests.render.helpers import body, cef, event, original, read_leef, render

DOMAIN_TYPE = "com.oraclecloud.identitydomains.X"
CASES = Path(__file__).parents[1] / "data" / "meaning"
COMMENT = "Authentication failure You entered an incorrect user name or password."
ACTOR = {"principalId": "bf1662629b0b46df83e93a39a842ed35"}


def added(raw, **settings):
    return json.loads(body(raw, format="json", **settings))["epimetheus"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("instanceaction_stop", {"severity": 5, "outcome": "success", "action": "STOP"}),
        ("dom_mfa_initiated", {"severity": 3, "domainEvent": "sso.auth.factor.initiated", "target": "IAM LoginClient", **ACTOR}),
        ("dom_group_add_member", {
            "severity": 8, "outcome": "success", "domainEvent": "admin.group.add.member.success", "target": "Administrators",
            "secondTarget": "mallory@example.com", "targetUser": "mallory@example.com", **ACTOR,
        }),
        ("dom_login_failed_comment", {
            "severity": 7, "outcome": "failure", "reason": COMMENT, "reasonCode": "SSO-1001", "domainEvent": "sso.authentication.failure",
            "target": "IAM LoginClient", **ACTOR,
        }),
        ("dom_who_where_in_details", {
            "severity": 3, "outcome": "success", "domainEvent": "sso.session.create.success",
            "target": "AUTONOMOUS_ANALYTICS_ServiceAdministrator", "secondTarget": "G", "principalName": "user1@example.com",
            "principalId": "0a1b2c3d", "ipAddress": "203.0.113.77", "userAgent": "Mozilla/5.0 X",
        }),
        ("queue_begin_noname", {"severity": 5, "outcome": "success", "action": "CreateQueue"}),
        ("status_text_failure", {"severity": 7, "outcome": "failure"}),
    ],
)  # fmt: skip
def test_json_has_what_no_standard_field_says(name, expected):
    raw = json.loads((CASES / f"{name}.json").read_bytes())
    assert added(raw) == expected
    if name.startswith("dom_"):  # the others have secrets
        assert original(raw) == raw
    assert added(json.dumps(raw)) == added(json.dumps(raw, separators=(",", ":"))) == expected


def test_the_enrichment_comes_first():
    text = body(event(response={"status": "200"}), format="json", enrichment=Enrichment("root/app", "person", watched=True))
    assert text.endswith(',"epimetheus":{"compartmentPath":"root/app","tamperWatch":true,"severity":9,"outcome":"success"}}')


def test_the_severity_follows_the_rules():
    assert [added(event(), severities=patterns) for patterns in ([], [("GetThing", 6)])] == [{"severity": 2}, {"severity": 6}]


@pytest.mark.parametrize("compact", [True, False])
@pytest.mark.parametrize("text", ["password=hidden", "Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.hidden", '{"token":"hidden"}'])
def test_derived_texts_are_redacted(text, compact):
    details = {"eventId": "a.b.failure", "ssoComments": text, "adminResourceName": text, "actorName": text}
    raw = json.dumps(event("X", DOMAIN_TYPE, additionalDetails=details), separators=(",", ":") if compact else None)
    rendered = render(raw, format="json")
    assert b"hidden" not in rendered.message
    assert rendered.redacted
    assert {"reason", "target", "principalName"} <= added(raw).keys()


@pytest.mark.parametrize("escape", ["\\u0043EF:0|x", "CE\\u0046:0|x", "\\u202eabc", "pass\\u0077ord=hidden"])
def test_a_derived_text_that_json_escapes_is_as_harmless_as_the_original(escape):
    details = f'{{"eventId":"a.b.failure","ssoComments":"{escape}"}}'
    text = body(f'{{"eventType":"x","data":{{"eventName":"GetX","additionalDetails":{details}}}}}', format="json")
    assert not any(part in text for part in ("CEF:0|x", "\u202e", "hidden"))
    assert json.loads(text)["epimetheus"]["reason"] == json.loads(text)["data"]["additionalDetails"]["ssoComments"]


def test_a_redacted_path_is_redacted_in_the_derived_values():
    details = {"eventId": "a.b.success", "actorName": "noor", "adminResourceName": "lamp"}
    raw = event("X", DOMAIN_TYPE, identity={}, additionalDetails=details)
    assert added(raw, redact=["data.additionalDetails.actorName"])["principalName"] == "[redacted]"
    assert added(raw, redact=["epimetheus.target"])["target"] == "[redacted]"
    assert "lamp" not in body(raw, format="json", redact=["data.additionalDetails"])


FULL = event(
    "ResetPassword", "com.oraclecloud.identitydomains.ResetPassword",
    identity={"principalName": "noor", "ipAddress": "192.0.2.1"},
    additionalDetails={
        "eventId": "admin.user.password.reset.failure", "ssoComments": "too short", "reasonValue": "PW-7", "actorOcid": "0a1b",
        "ssoUserAgent": "curl", "adminResourceName": "mallory", "adminResourceId": "9f8e", "adminResourceType": "User",
        "adminRefResourceName": "Default",
    },
)  # fmt: skip
VALUES = {
    "severity": 7, "outcome": "failure", "reason": "too short", "reasonCode": "PW-7", "action": "ResetPassword",
    "domainEvent": "admin.user.password.reset.failure", "target": "mallory", "secondTarget": "Default", "targetUser": "mallory",
    "targetUserId": "9f8e", "principalName": "noor", "principalId": "0a1b", "ipAddress": "192.0.2.1", "userAgent": "curl",
}  # fmt: skip


def test_every_derived_value_can_be_added_in_every_format():
    assert VALUES.keys() == DERIVED.keys()
    fields = Fields(added={f"x{number}": path for number, path in enumerate(DERIVED_PATHS)})
    texts = {f"x{number}": str(VALUES[name]) for number, name in enumerate(DERIVED_PATHS.values())}
    extension, attributes = cef(FULL, fields=fields), read_leef(body(FULL, format="leef", fields=fields))[1]
    assert {key: extension.get(key) for key in texts} == texts
    assert {key: attributes.get(key) for key in texts} == texts
    for form in ("json", "ocsf"):
        read = json.loads(body(FULL, format=form, fields=fields))
        assert {key: str(read[key]) for key in texts} == texts


def test_derived_values_of_json_can_be_renamed_and_omitted():
    fields = Fields(renamed={"epimetheus.outcome": "result"}, omitted=frozenset(("epimetheus.severity",)))
    read = json.loads(body(event(response={"status": "200"}), format="json", fields=fields))
    assert (read["result"], read["epimetheus"]) == ("success", {})

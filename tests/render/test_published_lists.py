"""Names, identities, headers and odd records that others have published (tests/data/meaning/lists.json)."""

import json
from pathlib import Path

import pytest

from epimetheus.render.severity import operation_severity
from epimetheus.select.actors import classify_actor
from tests.render.helpers import FORMATS, body, cef, event, fetched, original, render

LISTS = json.loads((Path(__file__).parents[1] / "data" / "meaning" / "lists.json").read_text("utf-8"))
DESTROYING = {
    "CascadeDeleteTagNamespace", "CascadingDeleteTagNamespace", "BatchDeleteObjects", "DropTablespace", "DropSqlTuningSet",
    "UninstallAddon", "OffboardNamespace", "deletevcn", "removeuserfromgroup",
}  # fmt: skip


@pytest.mark.parametrize("name", LISTS["event_names"])
def test_a_name_with_a_verb_of_change_is_not_other(name):
    severity = operation_severity(name)
    assert severity == 8 if name in DESTROYING else severity in (5, 7)


def test_counts_of_tokens_are_no_secrets():
    data = original(LISTS["genai_token_counts"])["data"]
    assert data["response"]["payload"] == {"usage": {"promptTokens": 10, "completionTokens": 20, "totalTokens": 30}}
    assert data["request"]["parameters"] == {"maxTokens": 600}
    assert original(event("Chat", request={"parameters": {"tokensPerMinute": ["30"]}}))["data"]["request"]["parameters"] == {
        "tokensPerMinute": ["30"]
    }


def test_identities_are_classified():
    found = [classify_actor(fetched(event(identity=identity)).event.data.identity, frozenset()) for identity in LISTS["identities"]]
    assert found == ["unknown", "service", "unknown", "unknown"]


def test_a_failed_sign_on_is_read():
    found = cef(LISTS["livelabs_bash_time"])
    assert (found["outcome"], found["reason"], found["suser"]) == ("failure", "PASSWORD_INVALID", "user1")


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("record", LISTS["odd_records"], ids=json.dumps)
def test_an_odd_record_is_sent_as_malformed_text(record, form):
    assert fetched(record).event is None or record.get("data", {}).get("eventName") is None
    assert render(record, format=form).message


def test_headers_that_carry_principals_are_redacted():
    headers = LISTS["opc_principal_headers"]
    for form in FORMATS:
        message = render(event(request={"headers": headers}), format=form).message
        assert not any(secret in message for secret in (b"AAAA", b"eyJ.a.b", b"token=abc"))


def test_secrets_under_the_names_of_the_sdk_are_redacted():
    secrets = {name: "Zx9kLq83hJ" for name in LISTS["secret_names"] if name != "key"}
    data = original(event("CreateX", stateChange={"current": secrets}))["data"]
    assert data["stateChange"]["current"] == dict.fromkeys(secrets, "[redacted]")


@pytest.mark.parametrize(
    ("status", "expected"),
    list(zip(LISTS["status_texts"], ["failure", "success", "failure", None, None], strict=True)),
)  # fmt: skip
def test_a_published_status_is_read(status, expected):
    assert cef(event(response={"status": status})).get("outcome") == expected
    assert "outcome" not in body(event(response={"status": "-"}))

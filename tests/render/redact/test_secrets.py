"""No format forwards a secret, and lookalikes stay. The tables are `secret_cases` and `attack_cases`."""

import base64
import json
from urllib.parse import quote

import pytest

from epimetheus.render.redact.redactor import Redactor
from tests.render.helpers import FORMATS, body, event, original, render
from tests.render.redact import attack_cases, secret_cases
from tests.support.budget import budget

TEXTS = {**secret_cases.TEXTS, **{f"attack: {case}": entry for case, entry in attack_cases.TEXTS.items()}}
OBJECTS = {
    **secret_cases.OBJECTS,
    **{f"attack: {case}": entry for case, entry in attack_cases.OBJECTS.items()},
    **{f"attack: key {key}": ({key: secret_cases.S}, secret_cases.S) for key in attack_cases.KEYS},
}
HARMLESS_TEXTS = [*secret_cases.HARMLESS_TEXTS, *attack_cases.HARMLESS_TEXTS]
HARMLESS_OBJECTS = [*secret_cases.HARMLESS_OBJECTS, *attack_cases.HARMLESS_OBJECTS]


def compact(tree):
    return json.dumps(tree, separators=(",", ":"), ensure_ascii=False)


def forms(secret):
    """Returns a secret as is, percent-encoded, and in Base64 at each alignment without the groups at its ends."""
    plain = secret.encode()
    shifted = [base64.b64encode(b"x" * shift + plain).decode()[4 : (shift + len(plain)) // 3 * 4] for shift in range(3)]
    return {secret, quote(secret, safe=""), *[form for form in shifted if len(form) > 8]}


def with_text(text):
    """Returns an event with a text in fields that every format contains, and in fields that only some do."""
    return event(
        message=text,
        resourceName=text,
        identity={"principalName": text, "userAgent": text},
        request={"path": text, "headers": {"X-Any": [text]}, "parameters": {"q": [compact({"a": text})]}},
        response={"message": text, "status": "400", "payload": {"message": text}},
        additionalDetails={"note": text, "list": [text, compact([{"b": text}])]},
    )


def with_object(value):
    """Returns an event with a JSON value in its changes and response, and as the text of its message."""
    text = value if isinstance(value, str) else compact(value)
    return event(
        message=text,
        identity={"userAgent": text},
        request={"parameters": {"body": [text]}},
        response={"payload": value},
        stateChange={"current": value, "previous": {"x": [value]}},
        additionalDetails={"text": json.dumps({"inner": text})},
    )


SPELLINGS = budget(quick=1, full=3)


@pytest.mark.parametrize("case", TEXTS)
def test_a_secret_in_a_text_is_in_no_message(case):
    text, secret = TEXTS[case]
    assert secret in text
    encoded = forms(secret)
    for raw in (with_text(text), event(message=text)):
        for raw_text in (compact(raw), compact(raw)[:-1], json.dumps(raw))[:SPELLINGS]:
            for form in FORMATS:
                message = render(raw_text, format=form).message.decode()
                assert not [shown for shown in encoded if shown in message], form
                assert "[redacted]" in message, form


@pytest.mark.parametrize("case", OBJECTS)
def test_a_secret_in_an_object_is_in_no_message(case):
    value, secret = OBJECTS[case]
    encoded, raw = forms(secret), with_object(value)
    for raw_text in (compact(raw), compact(raw)[:-1], json.dumps(raw))[:SPELLINGS]:
        for form in FORMATS:
            message = render(raw_text, format=form).message.decode()
            assert not [shown for shown in encoded if shown in message], form


def test_the_tables_have_at_least_150_secrets_and_60_lookalikes():
    assert len(TEXTS) + len(OBJECTS) >= 150
    assert len(HARMLESS_TEXTS) + len(HARMLESS_OBJECTS) >= 60


@pytest.mark.parametrize("name", ["CreateCustomerSecretKey", "UpdateCustomerSecretKey"])
@pytest.mark.parametrize("form", FORMATS)
def test_the_key_of_a_customer_secret_key_is_in_no_message(form, name):
    key = {"key": "Hunter2s3cr3t", "displayName": "s3"}
    raw = event(name, stateChange={"current": {"key": "Hunter2s3cr3t"}}, response={"payload": key})
    for raw_text in (compact(raw), json.dumps(raw), compact(raw)[:-1]):
        assert b"Hunter2s3cr3t" not in render(raw_text, format=form).message
    other = event("CreateGlossary", stateChange={"current": {"key": "a-name"}})
    assert json.loads(body(other, format="json"))["data"]["stateChange"] == {"current": {"key": "a-name"}}


@pytest.mark.parametrize("text", HARMLESS_TEXTS)
def test_a_text_that_resembles_a_secret_stays(text):
    raw = with_text(text)
    assert original(raw) == raw
    for form in FORMATS:
        assert b"[redacted]" not in render(raw, format=form).message


@pytest.mark.parametrize("value", HARMLESS_OBJECTS, ids=compact)
def test_an_object_without_a_secret_stays(value):
    raw = event(stateChange={"current": value}, additionalDetails={"list": [value]}, request={"parameters": {"body": [compact(value)]}})
    assert original(raw) == raw
    assert original(json.dumps(raw)) == raw


def test_an_object_under_a_secret_key_keeps_its_metadata():
    token = {
        "id": "ocid1.credential.oc1..x", "token": "abc", "description": "for CI", "timeCreated": "2026-01-01T00:00:00.000Z", "active": True,
        "fingerprint": "20:3b:97:13:55:1c:5b:0d:d3:37:d8:50:4e:c5:3a:34", "lifecycleState": "ACTIVE",
        "owner": {"userId": "ocid1.user.oc1..x"},
        "raw": "xyz", "uses": 3,
    }  # fmt: skip
    expected = {**token, "token": "[redacted]", "raw": "[redacted]"}
    raw = event(stateChange={"current": {"credentials": [token], "authTokens": {"a": token}}})
    for raw_text in (compact(raw), json.dumps(raw)):
        current = json.loads(body(raw_text, format="json"))["data"]["stateChange"]["current"]
        assert current == {"credentials": [expected], "authTokens": {"a": expected}}


NESTED = (
    str,
    lambda text: json.dumps({"m": text}),
    lambda text: json.dumps({"m": json.dumps([text])}),
    lambda text: json.dumps({"m": json.dumps({"b": json.dumps([text])})}),
)


@pytest.mark.parametrize("case", [
    name for name in (*secret_cases.TEXTS, *secret_cases.OBJECTS)
    if not any(part in name for part in secret_cases.RECOGNIZED_BY_ITS_END)
])  # fmt: skip
def test_a_secret_is_redacted_wherever_the_text_after_it_is_truncated(case):
    value, secret = (secret_cases.TEXTS | secret_cases.OBJECTS)[case]
    redactor = Redactor()
    for nested in NESTED:
        text = nested(value if isinstance(value, str) else json.dumps(value))
        end = text.rfind(secret) + len(secret)
        for cut in range(end, min(len(text), end + 12) + 1, budget(quick=2, full=1)) if end >= len(secret) else ():
            assert secret not in redactor.text(text[:cut]), text[:cut]

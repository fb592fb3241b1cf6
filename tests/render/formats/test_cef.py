"""CEF, parsed by two independent parsers: every value as intended, and nothing else."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from epimetheus.render.redact.redactor import Redactor
from tests.render.helpers import TEXTS, body, cef, event, parts, read_by_cefp, read_by_vector, render, with_invisible_escaped

# Place in the event, CEF key, label of a key without a fixed meaning, maximum length.
FIELDS = [
    ("identity", "principalName", "suser", None, 1023),
    ("identity", "principalId", "suid", None, 1023),
    ("identity", "userAgent", "requestClientApplication", None, 1023),
    ("identity", "callerName", "sourceServiceName", None, 1023),
    ("identity", "tenantId", "deviceExternalId", None, 255),
    ("identity", "authType", "cs5", "authType", 4000),
    ("request", "action", "requestMethod", None, 1023),
    ("request", "path", "request", None, 1023),
    ("request", "id", "cs6", "requestId", 4000),
    ("data", "message", "msg", None, 1023),
    ("data", "resourceId", "cs1", "resourceId", 4000),
    ("data", "resourceName", "cs2", "resourceName", 4000),
    ("data", "compartmentId", "cs3", "compartmentId", 4000),
    ("data", "compartmentName", "cs4", "compartmentName", 4000),
    ("data", "eventGroupingId", "OracleOCIAuditEventGroupingId", None, 4000),
]


def event_with(values, name="GetThing", **data):
    raw = event(name, identity={}, request={}, **data)
    for (place, key, *_), value in zip(FIELDS, values, strict=True):
        (raw["data"] if place == "data" else raw["data"][place])[key] = value
    return raw


def expected_value(value):
    """The value a parser should return: no control characters, one kind of newline, no surrounding spaces."""
    value = re.sub("[\x85\u2028\u2029]", "\n", value.replace("\t", " "))
    return with_invisible_escaped(re.sub("[\x00-\x09\x0b\x0c\x0e-\x1f\x7f-\x9f]", "", value)).strip()


# Redaction rewrites secrets and JSON in strings; it has tests of its own.
VALUES = TEXTS.filter(lambda text: all(Redactor().text(one) == one for one in (text, expected_value(text))))


def as_parsed_by_vector(values):
    """Vector's deviations: it reads \\r as a newline, and strips quotation marks, which CEF does not define."""
    return {key: value.replace("\r", "\n") for key, value in values.items() if not value.startswith('"')}


@given(st.tuples(*[VALUES] * len(FIELDS)), VALUES)
def test_both_parsers_return_any_values(values, name):
    operation = "T|h\\i=n" if not name or name.isspace() else name
    expected = {"act": expected_value(operation)[:63].rstrip(), "cat": "things", "destinationServiceName": "things"}
    for (*_, cef_key, label, _), value in zip(FIELDS, map(expected_value, values), strict=True):
        expected |= {cef_key: value, f"{cef_key}Label": label} if label and value else {cef_key: value}
    expected = {key: value for key, value in expected.items() if value}
    line = body(event_with(values, name, event_type="com.oraclecloud.things.T|h\\i=n"))

    head, extension = read_by_cefp(line)
    assert extension.pop("outcome", "success") in ("success", "failure")
    assert extension == expected
    assert head[:4] == ("Oracle", "OCI Audit", "2.0", "com.oraclecloud.things.T|h\\i=n")
    assert head[4] == (re.sub("[\r\n]", " ", expected_value(operation)).strip() or "unknown")

    vector_head, read = read_by_vector(line)
    read.pop("outcome", None)
    assert vector_head[:4] == head[:4]
    assert vector_head[4] == head[4] or head[4].startswith('"')
    assert read.keys() == expected.keys()
    assert {key: read[key] for key in as_parsed_by_vector(expected)} == as_parsed_by_vector(expected)


@pytest.mark.parametrize(("place", "key", "cef_key", "label", "length_limit"), FIELDS, ids=[field[2] for field in FIELDS])
def test_a_value_is_cut_to_the_dictionary_s_length_and_listed(place, key, cef_key, label, length_limit):
    for length in (length_limit, length_limit + 1):
        value = "x" * (length - 2) + " é"
        raw = event(**({key: value} if place == "data" else {place: {key: value}}))
        rendered = render(raw)
        assert cef(raw)[cef_key] == (value if length == length_limit else "x" * (length_limit - 1) + "…")
        assert rendered.trimmed == (length > length_limit)
        assert parts(rendered.message)["trimmed"] == (cef_key if length > length_limit else None)


def test_with_rfc_3164_msg_lists_what_was_trimmed_within_its_length():
    extension = cef(event(message="m" * 1024, resourceId="r" * 4001), header="rfc3164")
    assert extension["msg"] == "m" * 1003 + "… [trimmed: msg,cs1]"
    extension = cef(event(message="m" * 1010, resourceId="r" * 4001), header="rfc3164")
    assert extension["msg"] == "m" * 1003 + "… [trimmed: cs1,msg]"
    extension = cef(event(message="m" * 1008, resourceId="r" * 4001), header="rfc3164")
    assert extension["msg"] == "m" * 1008 + " [trimmed: cs1]"
    assert cef(event(resourceId="r" * 4001), header="rfc3164")["msg"] == "[trimmed: cs1]"


@pytest.mark.parametrize(
    ("event_id", "expected"),
    [
        ("x" * 40, {"externalId": "x" * 40}),
        ("x" * 39 + " y", {"externalId": "x" * 39, "flexString1": "x" * 39 + " y", "flexString1Label": "eventId"}),
    ],
)
def test_an_event_id_too_long_for_external_id_is_sent_in_full_as_flex_string_1(event_id, expected):
    rendered = render(event() | {"eventId": event_id})
    extension = read_by_cefp(parts(rendered.message)["msg"])[1]
    assert {key: value for key, value in extension.items() if key in ("externalId", "flexString1", "flexString1Label")} == expected
    assert not rendered.trimmed


@pytest.mark.parametrize(
    ("changes", "name", "head"),
    [
        ({}, "GetThing", ("2.0", "com.oraclecloud.things.GetThing", "GetThing", "2")),
        ({"eventTypeVersion": "3.1"}, "GetThing", ("3.1", "com.oraclecloud.things.GetThing", "GetThing", "2")),
        ({"eventType": "a.b.ListThings"}, None, ("2.0", "a.b.ListThings", "ListThings", "2")),
        ({"eventType": ""}, "", ("2.0", "unknown", "unknown", "3")),
        ({"eventType": " \x07", "eventTypeVersion": "\x00"}, "\x1b", ("unknown", "unknown", "unknown", "3")),
        ({"eventType": "a|b\\c=d\ne"}, "p|q", ("2.0", "a|b\\c=d e", "p|q", "3")),
        ({"eventTypeVersion": "v" * 32}, "n" * 513, ("v" * 30 + "…", "com.oraclecloud.things.GetThing", "n" * 511 + "…", "3")),
        ({"eventTypeVersion": "v" * 31, "eventType": "t" * 1023}, "n" * 512, ("v" * 31, "t" * 1023, "n" * 512, "3")),
        ({"eventType": "t" * 1024}, "GetThing", ("2.0", "t" * 1022 + "…", "GetThing", "2")),
    ],
)
def test_the_header(changes, name, head):
    rendered = render(event(name, event_type="com.oraclecloud.things.GetThing") | changes)
    for read in (read_by_cefp, read_by_vector):
        assert read(parts(rendered.message)["msg"])[0] == ("Oracle", "OCI Audit", *head)
    assert parts(rendered.message)["trimmed"] == ("header" if "…" in "".join(head) else None)


@pytest.mark.parametrize(
    ("value", "written"), [("a=b", r"a\=b"), ("a\\b", r"a\\b"), ("a|b", "a|b"), ("a\nb\rc", r"a\nb\rc"), ("a\u2028b", r"a\nb")]
)
def test_a_single_special_character_is_escaped(value, written):
    assert body(event(message=value)).endswith(f" msg={written}")


def test_derived_values_are_cut_to_the_dictionary_s_length():
    response = {"status": "500", "payload": {"code": "c" * 1024}}
    raw = event("n" * 64, f"com.oraclecloud.{'s' * 1024}.x", identity={"ipAddress": "i" * 1024}, response=response)
    extension = cef(raw | {"eventId": "e" * 1024})
    for key, letter in {"reason": "c", "cat": "s", "destinationServiceName": "s", "shost": "i", "flexString1": "e"}.items():
        assert extension[key] == letter * 1022 + "…"
    assert (extension["act"], extension["externalId"]) == ("n" * 63, "e" * 40)


def test_msg_is_the_response_s_message_if_the_event_has_none():
    assert cef(event(message=None, response={"message": "not here"}))["msg"] == "not here"
    assert cef(event(message="here", response={"message": "not here"}))["msg"] == "here"


def test_times_are_milliseconds_since_the_epoch():
    extension = cef(event(response={"responseTime": "2026-03-03T01:00:00.25+02:00"}) | {"eventTime": "2026-03-02T23:00:00.1239Z"})
    assert (extension["rt"], extension["end"]) == ("1772492400123", "1772492400250")


@pytest.mark.parametrize("status", ["200", 200, " 200 "])
def test_the_status_is_a_number_with_its_label(status):
    extension = cef(event(response={"status": status}))
    assert (extension["cn1"], extension["cn1Label"]) == ("200", "httpStatus")


def test_a_message_has_no_line_ends_and_no_control_characters():
    raw = event_with(["a\x00\x07\n\r\x0b\x0c\x1c\x7f\x80\x85\x9f\u2028\u2029b"] * len(FIELDS), "Get\nThing")
    text = render(raw).message.decode()
    assert text.splitlines() == [text]
    assert text.isprintable()

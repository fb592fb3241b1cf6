"""LEEF 2.0, parsed strictly by IBM's document and by Vector's key-value parser: every value in its own field.

No correct third-party LEEF parser was found. Vector's parser strips quotation marks around a value, which LEEF does not define.
"""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from epimetheus.render.custom_fields import Fields
from epimetheus.render.redact.redactor import Redactor
from tests.render.helpers import TEXTS, body, event, parts, read_leef, read_pairs_by_vector, render, with_invisible_escaped

# Place in the event, LEEF key, maximum length.
FIELDS = [
    ("identity", "principalName", "usrName", 255),
    ("identity", "principalId", "principalId", 4000),
    ("identity", "userAgent", "userAgent", 4000),
    ("identity", "callerName", "callerName", 4000),
    ("identity", "tenantId", "tenantId", 4000),
    ("identity", "authType", "authType", 4000),
    ("request", "action", "requestMethod", 4000),
    ("request", "path", "url", 4000),
    ("request", "id", "requestId", 4000),
    ("data", "message", "msg", 4000),
    ("data", "resourceId", "resource", 4000),
    ("data", "resourceName", "resourceName", 4000),
    ("data", "compartmentId", "compartmentId", 4000),
    ("data", "compartmentName", "compartmentName", 4000),
    ("data", "eventGroupingId", "eventGroupingId", 4000),
]


def leef(raw, **options):
    return read_leef(body(raw, format="leef", **options))[1]


def event_with(values, name="GetThing", **data):
    raw = event(name, identity={}, request={}, **data)
    for (place, key, *_), value in zip(FIELDS, values, strict=True):
        (raw["data"] if place == "data" else raw["data"][place])[key] = value
    return raw


def expected_value(value):
    """The value a parser should return: one line, no delimiters, no surrounding spaces."""
    value = re.sub("[\t\n\r\x85\u2028\u2029]", " ", re.sub("[|^]", "?", value))
    return with_invisible_escaped(re.sub("[\x00-\x1f\x7f-\x9f]", "", value)).strip()


ODD = TEXTS | st.text(alphabet="^|=src \n\t\x00\u2028a", max_size=30)
VALUES = ODD.filter(lambda text: all(Redactor().text(one) == one for one in (text, expected_value(text))))


@given(st.tuples(*[VALUES] * len(FIELDS)), VALUES)
def test_both_parsers_return_any_values(values, name):
    expected = {"eventName": expected_value("T|h^i=n" if not name or name.isspace() else name)}
    expected |= {key: value for (*_, key, _), value in zip(FIELDS, map(expected_value, values), strict=True)}
    expected = {key: value for key, value in expected.items() if value}
    line = body(event_with(values, name, event_type="com.oraclecloud.things.T|h^i=n"), format="leef")

    head, read = read_leef(line)
    assert head == ("Oracle", "OCI Audit", "2.0", "com.oraclecloud.things.T?h?i=n")
    assert (read.pop("outcome", None), read.pop("cat", None)) in (("success", "Success"), ("failure", "Failed"), (None, None))
    assert 1 <= int(read.pop("sev")) <= 10
    read.pop("isLoginEvent", None)
    assert read == expected
    if not any(value[0] in "\"'" for value in expected.values()):
        assert expected.items() <= read_pairs_by_vector(line).items()
        assert read_pairs_by_vector(line).keys() - {"outcome", "cat", "sev", "isLoginEvent"} == expected.keys()


@pytest.mark.parametrize(("place", "key", "leef_key", "length_limit"), FIELDS[1:], ids=[field[2] for field in FIELDS[1:]])
def test_a_value_is_cut_to_its_length_and_listed(place, key, leef_key, length_limit):
    for length in (length_limit, length_limit + 1):
        value = "x" * (length - 2) + " é"
        raw = event(**({key: value} if place == "data" else {place: {key: value}}))
        assert leef(raw)[leef_key] == (value if length == length_limit else "x" * (length_limit - 1) + "…")
        assert parts(render(raw, format="leef").message)["trimmed"] == (leef_key if length > length_limit else None)


def test_a_user_name_too_long_for_qradar_is_sent_in_full_as_principal_name():
    rendered = render(event(identity={"principalName": "n" * 256}), format="leef")
    assert read_leef(parts(rendered.message)["msg"])[1].items() >= {"usrName": "n" * 255, "principalName": "n" * 256}.items()
    assert not rendered.trimmed
    assert "principalName" not in leef(event(identity={"principalName": "n" * 255}))


@pytest.mark.parametrize(
    ("changes", "head"),
    [
        ({}, ("2.0", "com.oraclecloud.things.GetThing")),
        ({"eventTypeVersion": "3|1", "eventType": "a\nb^c"}, ("3?1", "a b?c")),
        ({"eventTypeVersion": "\x00", "eventType": ""}, ("unknown", "unknown")),
        ({"eventType": "t" * 255}, ("2.0", "t" * 255)),
        ({"eventType": "t" * 256}, ("2.0", "t" * 254 + "…")),
    ],
)
def test_the_header(changes, head):
    message = parts(render(event() | changes, format="leef").message)
    assert read_leef(message["msg"])[0] == ("Oracle", "OCI Audit", *head)
    assert message["trimmed"] == ("header" if "…" in head[1] else None)


@pytest.mark.parametrize(
    ("time", "written"),
    [
        ("2026-03-02T08:15:30.1Z", "2026-03-02T08:15:30.100+0000"),
        ("2026-03-02T08:15:30Z", "2026-03-02T08:15:30.000+0000"),
        ("2026-03-02T10:15:30.123999+02:00", "2026-03-02T08:15:30.123+0000"),
        ("0100-03-02T08:15:30Z", "0100-03-02T08:15:30.000+0000"),
        ("yesterday", None),
        (None, None),
    ],
)
def test_the_time_has_three_decimals_and_a_matching_format(time, written):
    read = leef(event() | {"eventTime": time})
    assert read.get("devTime") == written
    assert read.get("devTimeFormat") == (written and "yyyy-MM-dd'T'HH:mm:ss.SSSZ")
    mapped = leef(event() | {"eventTime": time}, fields=Fields(added={"shape": "data.additionalDetails.shape"}))
    assert mapped.get("devTime") == written


@pytest.mark.parametrize(
    ("text", "src", "post", "other"),
    [
        ("203.0.113.38", "203.0.113.38", None, None),
        ("10.0.64.84,252.138.125.19", "10.0.64.84", "252.138.125.19", None),
        ("2001:db8::5", "2001:db8::5", None, None),
        ("2001:db8::5,1.2.3.4", "2001:db8::5", "1.2.3.4", None),
        ("1.2.3.4,1.2.3.5,2001:db8::5,1.2.3.6,x", "1.2.3.4", "1.2.3.5", "2001:db8::5,1.2.3.6,x"),
        ("Unknown", None, None, "Unknown"),
        (None, None, None, None),
    ],
)
def test_src_is_an_address(text, src, post, other):
    read = leef(event(identity={"ipAddress": text}))
    assert tuple(map(read.get, ("src", "srcPostNAT", "srcOther"))) == (src, post, other)


@pytest.mark.parametrize(
    ("name", "status", "login", "source"),
    [("InteractiveLogin", "200", "true", "192.0.2.1"), ("InteractiveLogin", "401", "true", None), ("GetX", "200", None, None)],
)
def test_only_a_successful_sign_on_links_a_user_to_an_address(name, status, login, source):
    read = leef(event(name, identity={"ipAddress": "192.0.2.1", "principalName": "noor"}, response={"status": status}))
    assert (read.get("isLoginEvent"), read.get("identSrc")) == (login, source)


@pytest.mark.parametrize(("severity", "expected"), [(0, "1"), (1, "1"), (10, "10")])
def test_severity_is_1_to_10(severity, expected):
    assert leef(event(), severities=[("*", severity)])["sev"] == expected


def test_a_message_has_only_printable_characters():
    raw = event_with(["a\x00\x07\n\r\x0b\x0c\x1c\x7f\x80\x85\x9f\u2028\u2029b"] * len(FIELDS), "Get\nThing")
    text = render(raw, format="leef").message.decode()
    assert text.isprintable()
    assert read_leef(text[text.index("LEEF") :])[1]["msg"] == "a   b".replace("   ", " " * 5)


def test_a_secret_split_by_a_delimiter_or_control_character_is_redacted():
    read = leef(event(message="pass\x07word=hid^den", resourceName="a|token=hid|den"))
    assert (read["msg"], read["resourceName"]) == ("password=[redacted]", "a?token=[redacted]")

"""Nothing in an event starts a message of its own or is invisible: messages are searched as receivers search them."""

import copy
import json
import re
import sys
import time as clock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from epimetheus.render.custom_fields import Device, Fields
from epimetheus.render.formats.base import Enrichment
from epimetheus.render.renderer import Renderer
from epimetheus.render.sanitize import sanitize_json, sanitize_value, terminal_safe
from tests.render.helpers import (
    FORMATS,
    FORMATS_AND_HEADERS,
    SETTINGS,
    body,
    cef,
    event,
    fetched,
    is_invisible,
    parts,
    read_by_cefp,
    read_leef,
    render,
)

FORGED_CEF = "CEF:0|x|x|1|1|login|1|suser=nobody"
FORGED = (
    FORGED_CEF, f"a {FORGED_CEF}", "cEf:0|x|x|1|1|login|1|", f"CEF:{FORGED_CEF}", "CEF:10|x|", "CEF:\u00000|x|", "CEF\u0007:0|x|",
    "C\u0085EF:0|x|",
    "LEEF:1.0|x|x|1|login|", "leef:2.0|x|x|1|login|^|", "xLEEF:2.0|", "CEF:\u200b0|x|", "CEF:\u00ad0|x|",
    json.dumps({"a": FORGED_CEF}), json.dumps([json.dumps({"token": "t", "a": FORGED_CEF})]), f"token=x&{FORGED_CEF}",
    f"Bearer {FORGED_CEF}",
)  # fmt: skip
# The CEF parser of Graylog and others (com.github.jcustenborder.cef): everything before the last CEF: is the syslog header
GRAYLOG = re.compile(r"^((?P<timestamp>.+)\s+(?P<host>\S+)\s+).*?(?P<cef>CEF:\d+.*)", re.IGNORECASE)
SC4S = re.compile(r"^(.*)(?P<cef>CEF:\d.*)$", re.IGNORECASE)
LEEF = re.compile(r"^(.*)(?P<leef>LEEF:[0-9.]+\|.*)$", re.IGNORECASE)
STARTS = re.compile(r"(?:C|LE)EF:\d", re.IGNORECASE)
OWN = {"cef": "CEF:0|Oracle|OCI Audit|", "leef": "LEEF:2.0|Oracle|OCI Audit|"}
PATHS = (
    ("eventType",), ("eventId",), ("eventTypeVersion",), ("source",), ("data", "eventName"), ("data", "resourceName"),
    ("data", "resourceId"),
    ("data", "message"), ("data", "compartmentName"), ("data", "eventGroupingId"), ("data", "identity", "principalName"),
    ("data", "identity", "userAgent"), ("data", "identity", "ipAddress"), ("data", "identity", "callerName"),
    ("data", "identity", "authType"),
    ("data", "request", "path"), ("data", "request", "action"), ("data", "request", "id"), ("data", "response", "message"),
    ("data", "response", "responseTime"), ("data", "response", "status"), ("data", "additionalDetails", "x"), ("data", "newByOracle"),
)  # fmt: skip
WHOLE = event(identity={"ipAddress": "192.0.2.1"}, request={}, response={"status": "404"}, additionalDetails={}) | {
    "eventId": "event-1", "eventTime": "2026-03-02T08:15:30.120Z",
}  # fmt: skip


def with_value(path, value):
    raw = copy.deepcopy(WHOLE)
    node = raw
    for key in path[:-1]:
        node = node[key]
    node[path[-1]] = value
    return raw


def assert_no_second_start(form, message):
    """A receiver that searches for the start of a message finds ours, or none."""
    text = message.decode()
    if form in OWN:
        assert len(STARTS.findall(text)) == 1
        found = {"cef": (GRAYLOG, SC4S), "leef": (LEEF,)}[form]
        for pattern in found:
            assert pattern.match(text)[form].startswith(OWN[form])
    else:
        assert STARTS.findall(text) == []


@pytest.mark.parametrize(("form", "header"), FORMATS_AND_HEADERS)
def test_no_value_starts_a_message(form, header):
    renderer = Renderer(**{**SETTINGS, "format": form, "header": header})
    small = Renderer(**{**SETTINGS, "format": form, "header": header, "max_bytes": 700})
    for path in PATHS:
        for forged in FORGED:
            given = fetched(with_value(path, forged))
            assert given.event
            assert_no_second_start(form, renderer(given, 7).message)
            assert_no_second_start(form, small(given, 7).message)


@pytest.mark.parametrize(("form", "header"), FORMATS_AND_HEADERS)
@pytest.mark.parametrize("forged", FORGED)
def test_no_key_compartment_path_or_malformed_text_starts_a_message(form, header, forged):
    settings = {"format": form, "header": header}
    keys = (with_value(("data", "additionalDetails", forged), 1), with_value(("data", forged), {forged: [forged]}), WHOLE | {forged: "x"})
    for raw in keys:
        for max_bytes in (0, 600):
            assert_no_second_start(form, render(raw, max_bytes=max_bytes, **settings).message)
    assert_no_second_start(form, render(WHOLE, enrichment=Enrichment(f"root/{forged}/app"), **settings).message)
    wrong = {"eventType": "x", "data": {"eventName": [forged]}}
    for malformed in (forged, json.dumps({"x": forged}), json.dumps(wrong), f'{{"a":"{forged}'):
        message = render(malformed, max_bytes=500, **settings).message.decode()
        assert "malformed" in message
        assert STARTS.findall(message) == []


@pytest.mark.parametrize("form", ["cef", "leef"])
def test_no_device_or_label_from_field_map_starts_a_message(form):
    forged = "CEF:0 LEEF:2.0"
    fields = Fields(device=Device(forged, forged, forged), labels={"cs1": forged}, added={"cs1": "data.message"})
    message = render(WHOLE | {"data": {"eventName": "GetX", "message": forged}}, format=form, fields=fields).message.decode()
    assert len(STARTS.findall(message)) == 1
    assert "|CEF: 0 LEEF: 2.0|CEF: 0 LEEF: 2.0|CEF: 0 LEEF: 2.0|" in message


def test_how_a_forged_start_is_changed():
    raw = with_value(("data", "identity", "userAgent"), "x CEF:0|v LEEF:1.0|w")
    assert cef(raw)["requestClientApplication"] == "x CEF: 0|v LEEF: 1.0|w"
    assert read_leef(body(raw, format="leef"))[1]["userAgent"] == "x CEF: 0?v LEEF: 1.0?w"
    as_json, as_ocsf = body(raw, format="json"), body(raw, format="ocsf")
    assert r"x CEF\u003a0|v LEEF\u003a1.0|w" in as_json
    assert r"x CEF\u003a0|v LEEF\u003a1.0|w" in as_ocsf
    assert json.loads(as_json)["data"]["identity"]["userAgent"] == "x CEF:0|v LEEF:1.0|w"
    assert json.loads(as_ocsf)["http_request"]["user_agent"] == "x CEF:0|v LEEF:1.0|w"


@pytest.mark.parametrize("text", ["CEF:", "CEF:a", "CEF 0", "ef:0", "SELF:0", "brief:1"])
def test_text_that_is_not_a_start_is_unchanged(text):
    assert cef(with_value(("data", "resourceName"), text))["cs2"] == text
    assert json.loads(body(with_value(("data", "resourceName"), text), format="json"))["data"]["resourceName"] == text


PIECES = st.lists(st.sampled_from(
    ["C", "E", "F", "c", "f", "L", ":", "0", "1.0", "|", " ", "\t", "\n", "\0", "\x85", "\u200b", "\u202e", "\u00a0", "é", "\\", '"', "=",
     "^", "CEF:", "CEF:0", "LEEF:", "token=x", "{", "}", "[", "]", "\ufe0f", "\U000e0041"]), max_size=14).map("".join)  # fmt: skip


@given(PIECES, st.sampled_from(PATHS), st.sampled_from([0, 480, 800]))
def test_no_combination_of_fragments_starts_a_message_or_is_invisible(text, path, max_bytes):
    for form, header in FORMATS_AND_HEADERS:
        message = render(with_value(path, text), format=form, header=header, max_bytes=max_bytes).message
        assert_no_second_start(form, message)
        assert not any(map(is_invisible, message.decode()))


TIMES = (
    "2026-03-02T08:15:30Z", "2026-03-02T10:15:30.5+02:00", "2026-03-02T08:15:30.123456789Z", "yesterday", "", None,
    "1970-01-01T00:00:00.000Z",
)  # fmt: skip
THREE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}(?:Z|\+0000)")


@pytest.mark.parametrize("time", TIMES)
def test_our_times_are_utc_with_three_decimals_and_never_missing(time):
    raw = WHOLE | {"eventTime": time, "data": {"eventName": "GetX", "response": {"responseTime": "2026-03-02T10:15:30.5+02:00"}}}
    for form in FORMATS:
        assert THREE.fullmatch(parts(render(raw, format=form, started=1772528405.9).message)["time"])
    attributes = read_leef(body(raw, format="leef"))[1]
    assert attributes["responseTime"] == "2026-03-02T08:15:30.500Z"
    assert "devTime" not in attributes or THREE.fullmatch(attributes["devTime"])
    del raw["data"]["response"]
    output = json.loads(body(raw, format="ocsf", started=1772528405.9))
    assert output["time"] == {0: 1772439330000, 1: 1772439330500, 2: 1772439330123}.get(TIMES.index(time), 1772528405900)


def test_an_ipv6_source_is_c6a2():
    extension = cef(event(identity={"ipAddress": "2001:db8::5"}))
    assert (extension["c6a2"], extension["c6a2Label"]) == ("2001:db8::5", "Source IPv6 Address")
    assert "c6a1" not in extension


INVISIBLE = (
    *map(chr, range(0x200B, 0x2010)), *map(chr, range(0x202A, 0x202F)), *map(chr, range(0x2060, 0x2070)), "\ufeff", "\u061c", "\u180e",
    "\u00ad", "\ufe0f", "\U000e0001", "\U000e0041", "\U000e007f", "\U000e0100", "\u3164", "\u115f",
)  # fmt: skip


@pytest.mark.parametrize(("form", "header"), FORMATS_AND_HEADERS)
def test_invisible_characters_are_escaped(form, header):
    renderer = Renderer(**{**SETTINGS, "format": form, "header": header})
    for path in PATHS:
        message = renderer(fetched(with_value(path, "a" + "".join(INVISIBLE) + "b")), 7).message.decode()
        assert not any(map(is_invisible, message))
    for malformed in ("{" + "".join(INVISIBLE), json.dumps({"".join(INVISIBLE): "".join(INVISIBLE)}, ensure_ascii=False)):
        assert not any(map(is_invisible, renderer(fetched(malformed), 7).message.decode()))


def test_how_invisible_characters_are_escaped():
    raw = with_value(("data", "resourceName"), "a\u202eb\U000e0041c")
    assert read_by_cefp(body(raw))[1]["cs2"] == r"a\u202eb\udb40\udc41c"
    assert read_leef(body(raw, format="leef"))[1]["resourceName"] == r"a\u202eb\udb40\udc41c"
    as_json, as_ocsf = body(raw, format="json"), body(raw, format="ocsf")
    assert r"a\u202eb\udb40\udc41c" in as_json
    assert r"a\u202eb\udb40\udc41c" in as_ocsf
    assert json.loads(as_json)["data"]["resourceName"] == json.loads(as_ocsf)["resources"][0]["name"] == "a\u202eb\U000e0041c"
    head = read_by_cefp(body(event("Get\u200bX", "com.oraclecloud.x.Get\u200bX")))[0]
    assert head[3:5] == (r"com.oraclecloud.x.Get\u200bX", r"Get\u200bX")


def test_exactly_the_characters_that_unicode_calls_invisible_are_escaped():
    for character in map(chr, range(sys.maxunicode + 1)):
        surrogate, invisible = "\ud800" <= character <= "\udfff", is_invisible(character)
        assert (terminal_safe(character) != character) == (invisible or surrogate), hex(ord(character))
        if ord(character) >= 0x20 and not surrogate:
            encoded = character.encode()
            assert (sanitize_value(character) != character) == invisible, hex(ord(character))
            assert (sanitize_json(encoded) != encoded) == invisible, hex(ord(character))


@pytest.mark.parametrize("text", ["plain ascii text ", "Gr\u00fc\u00dfe aus M\u00fcnchen ", "\u65e5\u672c\u8a9e "])
def test_ordinary_text_is_sanitized_quickly(text):
    data = (text * 50_000).encode()
    began = clock.process_time()
    assert sanitize_json(data) is data or sanitize_json(data) == data
    assert clock.process_time() - began < 0.1

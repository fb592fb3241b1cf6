"""What touches our own resources, wherever an event names them."""

import json
import time

import msgspec
import pytest

from epimetheus.select.tamper_watch import TamperWatch
from tests.render.helpers import event

BUCKET, POLICY = "ocid1.bucket.oc1.iad.ours", "ocid1.policy.oc1..ours"


def touched(raw, *ocids):
    return TamperWatch(ocids or (BUCKET, POLICY)).touched(raw if isinstance(raw, bytes | msgspec.Raw) else json.dumps(raw).encode())


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"resourceId": POLICY}, True),
        ({"additionalDetails": {"bucketId": BUCKET}}, True),
        ({"request": {"path": f"/20160918/policies/{POLICY}"}}, True),
        ({"stateChange": {"current": {"statements": [f"allow … where target.id='{POLICY}'"]}}}, True),
        ({"response": {"payload": json.dumps({"id": BUCKET})}}, True),
        ({"resourceId": "ocid1.policy.oc1..theirs"}, False),
        ({"identity": {"principalId": POLICY}}, False),
        ({"identity": {"credentials": f"{POLICY}/key"}, "request": {"headers": {"opc-principal": [POLICY]}}}, False),
        ({"identity": {"principalId": POLICY}, "resourceId": BUCKET}, True),
        ({}, False),
    ],
)
def test_an_event_touches_what_it_names_but_for_who_acted(data, expected):
    assert touched(event("UpdatePolicy", **data)) is expected
    assert touched(msgspec.Raw(json.dumps(event("UpdatePolicy", **data)).encode())) is expected


def test_a_point_in_an_ocid_is_a_point():
    assert touched(event(resourceId=POLICY.replace(".", "x"))) is False


def test_text_that_is_no_json_is_marked_rather_than_missed():
    assert touched(f"[{POLICY}".encode()) is True
    assert touched(b"[" * 100_000 + POLICY.encode()) is True
    assert touched(b'{"a": "\x01' + POLICY.encode() + b'"}') is True


def test_nothing_is_watched_by_default():
    assert TamperWatch(()).touched(json.dumps(event(resourceId=POLICY)).encode()) is False
    assert TamperWatch(()).touched(b"") is False


def escaped(text):
    return "".join(f"\\u{ord(character):04x}" for character in text)


def nested(text, levels):
    """A text in JSON in a string of JSON, and so on."""
    for _ in range(levels):
        text = json.dumps(text)
    return text


HIDDEN = {
    "one letter": lambda ocid: f'"{ocid.replace("o", chr(92) + "u006f", 1)}"',
    "one letter, in capitals": lambda ocid: f'"{ocid.replace("o", chr(92) + "u006F", 1)}"',
    "all letters": lambda ocid: f'"{escaped(ocid)}"',
    "in a string": lambda ocid: json.dumps(json.dumps({"id": 1}).replace("1", f'"{escaped(ocid)}"')),
    "in a string of a string": lambda ocid: nested(f'"{escaped(ocid)}"', 2),
    "in a string of a string of a string": lambda ocid: nested(f'"{escaped(ocid)}"', 3),
    "its backslashes escaped": lambda ocid: f'"{escaped(escaped(ocid))}"',
    "and these again": lambda ocid: f'"{escaped(escaped(escaped(ocid[:3])))}{ocid[3:]}"',
    "in a string, escaped": lambda ocid: f'"{escaped(json.dumps(escaped(ocid)))}"',
    "the backslash by its number": lambda ocid: f'"{ocid.replace("o", chr(92) + "u005cu006f", 1)}"',
}


@pytest.mark.parametrize("how", HIDDEN)
@pytest.mark.parametrize("ocid", [BUCKET, POLICY])
def test_an_ocid_is_found_in_whatever_escapes(how, ocid):
    raw = b'{"data":{"request":{"parameters":%b}}}' % HIDDEN[how](ocid).encode()
    assert ocid.encode() not in raw
    assert TamperWatch((BUCKET, POLICY)).named(b"[%b]" % raw) is True
    assert touched(raw) is True
    assert touched(raw.replace(b"parameters", b"headers")) is False
    assert touched(raw, "ocid1.bucket.oc1.iad.another") is False


def test_what_is_not_watched_or_only_escaped_is_not_touched():
    assert touched(b'{"data":{"a":"\\u003cb\\u003e"}}') is False
    assert TamperWatch(()).named(b'{"a":"\\u006f"}') is False


@pytest.mark.parametrize("ocid", ["ocid1.A-Z_a-z.09", "AOPZaopz0123456789.-_"])
def test_whatever_character_of_an_ocid_is_escaped_it_is_found(ocid):
    for character in ocid:
        for code in (f"\\u{ord(character):04x}", f"\\u{ord(character):04X}"):
            assert TamperWatch((ocid,)).touched(b'{"a":"%b"}' % ocid.replace(character, code).encode()) is True


def test_escapes_that_are_nested_without_end_are_marked_in_little_time():
    raw = b'{"data":"' + b"\\u005c" + b"u005c" * 200_000 + b'"}'
    began = time.monotonic()
    assert touched(raw) is True
    assert touched(b'{"data":"' + b"\\\\" * 1_000_000 + b'"}') is False
    assert time.monotonic() - began < 1

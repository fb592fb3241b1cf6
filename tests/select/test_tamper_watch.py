"""Tamper watch: events that mention a watched resource anywhere and in any escape."""

import json
import time

import msgspec
import pytest

from epimetheus.select.tamper_watch import TamperWatch
from tests.render.helpers import event

BUCKET, POLICY = "ocid1.bucket.oc1.iad.watched", "ocid1.policy.oc1..watched"


def touches(raw, *ocids):
    return TamperWatch(ocids or (BUCKET, POLICY)).touches(raw if isinstance(raw, bytes | msgspec.Raw) else json.dumps(raw).encode())


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"resourceId": POLICY}, True),
        ({"additionalDetails": {"bucketId": BUCKET}}, True),
        ({"request": {"path": f"/20160918/policies/{POLICY}"}}, True),
        ({"stateChange": {"current": {"statements": [f"allow … where target.id='{POLICY}'"]}}}, True),
        ({"response": {"payload": json.dumps({"id": BUCKET})}}, True),
        ({"resourceId": "ocid1.policy.oc1..other"}, False),
        ({"identity": {"principalId": POLICY}}, False),
        ({"identity": {"credentials": f"{POLICY}/key"}, "request": {"headers": {"opc-principal": [POLICY]}}}, False),
        ({"identity": {"principalId": POLICY}, "resourceId": BUCKET}, True),
        ({}, False),
    ],
)
def test_an_event_touches_what_it_mentions_except_as_the_actor(data, expected):
    assert touches(event("UpdatePolicy", **data)) is expected
    assert touches(msgspec.Raw(json.dumps(event("UpdatePolicy", **data)).encode())) is expected


def test_a_dot_in_an_ocid_is_literal():
    assert touches(event(resourceId=POLICY.replace(".", "x"))) is False


def test_text_that_is_not_json_counts_as_touching():
    assert touches(f"[{POLICY}".encode()) is True
    assert touches(b"[" * 100_000 + POLICY.encode()) is True
    assert touches(b'{"a": "\x01' + POLICY.encode() + b'"}') is True


def test_without_ocids_nothing_is_watched():
    assert TamperWatch(()).touches(json.dumps(event(resourceId=POLICY)).encode()) is False
    assert TamperWatch(()).touches(b"") is False


def escaped(text):
    return "".join(f"\\u{ord(character):04x}" for character in text)


def nested(text, levels):
    """``text`` as a JSON string within JSON strings, ``levels`` deep."""
    for _ in range(levels):
        text = json.dumps(text)
    return text


HIDDEN = {
    "one letter": lambda ocid: f'"{ocid.replace("o", chr(92) + "u006f", 1)}"',
    "one letter, upper-case code": lambda ocid: f'"{ocid.replace("o", chr(92) + "u006F", 1)}"',
    "all letters": lambda ocid: f'"{escaped(ocid)}"',
    "in a string": lambda ocid: json.dumps(json.dumps({"id": 1}).replace("1", f'"{escaped(ocid)}"')),
    "in a string of a string": lambda ocid: nested(f'"{escaped(ocid)}"', 2),
    "in a string of a string of a string": lambda ocid: nested(f'"{escaped(ocid)}"', 3),
    "escaped backslashes": lambda ocid: f'"{escaped(escaped(ocid))}"',
    "escaped three times": lambda ocid: f'"{escaped(escaped(escaped(ocid[:3])))}{ocid[3:]}"',
    "in a string, escaped": lambda ocid: f'"{escaped(json.dumps(escaped(ocid)))}"',
    "the backslash as an escape": lambda ocid: f'"{ocid.replace("o", chr(92) + "u005cu006f", 1)}"',
}


@pytest.mark.parametrize("how", HIDDEN)
@pytest.mark.parametrize("ocid", [BUCKET, POLICY])
def test_an_ocid_is_found_in_any_escape(how, ocid):
    raw = b'{"data":{"request":{"parameters":%b}}}' % HIDDEN[how](ocid).encode()
    assert ocid.encode() not in raw
    assert TamperWatch((BUCKET, POLICY)).mentions(b"[%b]" % raw) is True
    assert touches(raw) is True
    assert touches(raw.replace(b"parameters", b"headers")) is False
    assert touches(raw, "ocid1.bucket.oc1.iad.another") is False


def test_other_escaped_text_does_not_touch():
    assert touches(b'{"data":{"a":"\\u003cb\\u003e"}}') is False
    assert TamperWatch(()).mentions(b'{"a":"\\u006f"}') is False


@pytest.mark.parametrize("ocid", ["ocid1.A-Z_a-z.09", "AOPZaopz0123456789.-_"])
def test_an_ocid_is_found_whichever_character_is_escaped(ocid):
    for character in ocid:
        for code in (f"\\u{ord(character):04x}", f"\\u{ord(character):04X}"):
            assert TamperWatch((ocid,)).touches(b'{"a":"%b"}' % ocid.replace(character, code).encode()) is True


def test_endlessly_nested_escapes_count_as_touching_in_little_time():
    raw = b'{"data":"' + b"\\u005c" + b"u005c" * 200_000 + b'"}'
    began = time.process_time()
    assert touches(raw) is True
    assert touches(b'{"data":"' + b"\\\\" * 1_000_000 + b'"}') is False
    assert time.process_time() - began < 1

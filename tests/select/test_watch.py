"""What touches our own resources, wherever an event names them."""

import json

import msgspec
import pytest

from epimetheus.select.watch import Watch
from tests.render.making import event

BUCKET, POLICY = "ocid1.bucket.oc1.iad.ours", "ocid1.policy.oc1..ours"


def touched(raw, *ocids):
    return Watch(ocids or (BUCKET, POLICY)).touched(raw if isinstance(raw, bytes | msgspec.Raw) else json.dumps(raw).encode())


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
    assert Watch(()).touched(json.dumps(event(resourceId=POLICY)).encode()) is False
    assert Watch(()).touched(b"") is False

"""What an event says: the same in the Audit API's form and in Logging's, and different for any two events."""

import json
import typing
from pathlib import Path

import msgspec
import pytest

from epimetheus.model import AuditEvent
from epimetheus.select.event_content import content, content_of_text
from epimetheus.source.decode import decode_event
from epimetheus.testing.oci.logging_form import logging_form
from epimetheus.testing.oci.samples import Sampler

SAMPLES = Path(__file__).parents[1] / "data" / "samples"
TENANCY, COMPARTMENT = "ocid1.tenancy.oc1..t", "ocid1.compartment.oc1..c"
EVENT = {
    "eventType": "com.oraclecloud.ComputeApi.TerminateInstance",
    "cloudEventsVersion": "0.1",
    "eventTypeVersion": "2.0",
    "source": "ComputeApi",
    "eventId": "e1",
    "eventTime": "2026-11-30T10:00:00.5Z",
    "contentType": "application/json",
    "data": {
        "eventName": "TerminateInstance",
        "eventGroupingId": "g1",
        "compartmentId": COMPARTMENT,
        "resourceName": "web-1",
        "resourceId": "ocid1.instance.oc1..i",
        "identity": {"principalName": "alice", "principalId": "ocid1.user.oc1..a", "ipAddress": "203.0.113.9", "authType": "natv"},
        "request": {"id": "r1", "path": "/20160918/instances/i", "action": "DELETE", "parameters": {"a": ["1"], "b": ["2"]}},
        "response": {"status": "204", "responseTime": "2026-11-30T10:00:00.600Z", "message": None, "payload": {"ok": True}},
        "stateChange": {"previous": {"state": "RUNNING"}, "current": {"state": "GONE"}},
        "additionalDetails": {"x": {"y": [1, {"z": None}]}},
    },
}
PATHS = [
    ("eventId",), ("eventType",), ("eventTime",),
    ("data", "eventName"), ("data", "eventGroupingId"), ("data", "resourceId"),
    ("data", "identity", "principalName"), ("data", "identity", "principalId"), ("data", "identity", "ipAddress"),
    ("data", "identity", "authType"), ("data", "identity", "callerName"), ("data", "identity", "callerId"),
    ("data", "identity", "tenantId"), ("data", "identity", "credentials"), ("data", "identity", "userAgent"),
    ("data", "identity", "consoleSessionId"),
    ("data", "request", "id"), ("data", "request", "path"), ("data", "request", "action"), ("data", "request", "parameters", "b"),
    ("data", "response", "status"), ("data", "response", "responseTime"), ("data", "response", "message"),
    ("data", "response", "payload", "ok"),
    ("data", "stateChange", "previous", "state"), ("data", "stateChange", "current", "state"),
    ("data", "additionalDetails", "x", "new"), ("data", "message"),
]  # fmt: skip


def said(event: object) -> bytes:
    return content(decode_event(event if isinstance(event, bytes) else json.dumps(event).encode()))


def pushed(event: object) -> bytes:
    return logging_form(json.dumps(event).encode(), COMPARTMENT, TENANCY, 1_764_500_000)


def changed(path, value):
    event = json.loads(json.dumps(EVENT))
    place = event
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = value
    return event


def test_the_content_is_json_with_ordered_members_and_without_what_only_one_form_has():
    assert said(EVENT) == (
        b'["e1","com.oraclecloud.ComputeApi.TerminateInstance",1796032800.5,{"additionalDetails":{"x":{"y":[1,{"z":null}]}},'
        b'"eventGroupingId":"g1","eventName":"TerminateInstance","identity":{"authType":"natv","ipAddress":"203.0.113.9",'
        b'"principalId":"ocid1.user.oc1..a","principalName":"alice"},"request":{"action":"DELETE","id":"r1","parameters":{"a":["1"],'
        b'"b":["2"]},"path":"/20160918/instances/i"},"resourceId":"ocid1.instance.oc1..i","response":{"payload":{"ok":true},'
        b'"responseTime":"2026-11-30T10:00:00.600Z","status":"204"},"stateChange":{"current":{"state":"GONE"},'
        b'"previous":{"state":"RUNNING"}}},null]'
    )


@pytest.mark.parametrize("path", PATHS, ids=".".join)
def test_two_events_with_the_same_id_differ_if_they_say_different_things(path):
    other = changed(path, "other")
    assert said(other) != said(EVENT)
    assert said(pushed(other)) == said(other)


def test_values_that_change_places_make_another_event():
    swapped = changed(("data", "stateChange"), {"previous": {"state": "GONE"}, "current": {"state": "RUNNING"}})
    assert said(swapped) != said(EVENT)


def recorded(name: str) -> dict[str, object]:
    return json.loads((SAMPLES / f"{name}.json").read_text("utf-8"))


@pytest.mark.parametrize("name", ["docs_v2_GetInstance", "o11y_v2_CreateVcn_natf_404"])
def test_a_recorded_event_of_the_api_says_the_same_in_loggings_form(name):
    event = recorded(name)
    assert said(pushed(event)) == said(event)


@pytest.mark.parametrize(
    "name",
    [
        "livelabs_InteractiveLogin_failed", "newrelic_GetBastion_emptyidentity", "newrelic_natv_Audit_ListEvents",
        "o11y_iam_InteractiveLogin_sso",
    ],
)  # fmt: skip
def test_a_recorded_event_of_logging_says_the_same_in_the_form_of_the_api(name):
    logged = recorded(name)
    data = {key: value for key, value in reversed(logged["data"].items()) if key != "message"}
    listed = {
        "eventType": logged["type"], "cloudEventsVersion": "0.1", "eventTypeVersion": "2.0", "source": "Service",
        "eventId": logged.get("id"), "eventTime": logged["time"], "contentType": "application/json",
        "data": {**data, "resourceName": logged.get("source"), "internalDetails": {}},
    }  # fmt: skip
    assert said(listed) == said(logged)
    assert said({"logContent": logged}) == said(logged)


@pytest.mark.parametrize("kind", ["members reversed", "escaped", "blanks", "null members", "other time"])
def test_spelling_does_not_matter(kind):
    text = {
        "members reversed": json.dumps(reversed_members(EVENT)),
        "escaped": json.dumps(EVENT).replace("/2016", "\\/2016").replace("alice", "\\u0061lice"),
        "blanks": json.dumps(EVENT, indent=3),
        "null members": json.dumps(changed(("data", "identity", "callerName"), None)),
        "other time": json.dumps(changed(("eventTime",), "2026-11-30T10:00:00.500Z")),
    }[kind]
    assert said(text.encode()) == said(EVENT)


def reversed_members(value):
    return {key: reversed_members(one) for key, one in reversed(value.items())} if isinstance(value, dict) else value


def test_a_thousand_events_are_equal_in_both_forms_and_all_different():
    sampler = Sampler(TENANCY, COMPARTMENT, "c", "7")
    events = [sampler.event(1_764_500_000.0 + number) for number in range(1000)]
    assert [said(pushed(event)) for event in events] == [said(event) for event in events]
    assert len({said(event) for event in events}) == 1000


@pytest.mark.parametrize(
    "bad", ["1e999", "[" * 3000 + "]" * 3000, '"\\ud800"', "123456789012345678901234567890"], ids=["float", "depth", "surrogate", "integer"]
)
def test_an_event_with_a_value_that_cannot_be_compared_is_compared_by_its_text(bad):
    one, other = (b'{"eventType":"t","eventId":"1","data":{"additionalDetails":{"a":%b,"b":%d}}}' % (bad.encode(), n) for n in (1, 2))
    assert said(one) == said(bytes(one)) != said(other)


@pytest.mark.parametrize("message", ["web-1 TerminateInstance succeeded", " TerminateInstance failed with response 'Conflict'", "", None])
def test_the_sentence_about_the_result_may_be_in_one_form_only(message):
    assert said(changed(("data", "message"), message)) == said(EVENT)


def test_the_text_of_a_malformed_event_is_not_what_another_event_says():
    assert said(said(EVENT)) == b"text " + said(EVENT)


def members(model, path=()):
    """The path of each member that the model decodes, and of each part."""
    for field in msgspec.structs.fields(model):
        here = (*path, field.encode_name)
        yield here
        for part in typing.get_args(field.type) or (field.type,):
            if issubclass(part, msgspec.Struct):
                yield from members(part, here)


@pytest.mark.parametrize("path", sorted({*PATHS, *members(AuditEvent)}), ids=".".join)
def test_the_content_of_a_text_is_that_of_the_decoded_event_or_unknown(path):
    for value in ("x", None, 5, 1.5, True, [], {}, [{"a": 1}], 10**30):
        text = json.dumps(changed(path, value)).encode()
        expected = None if said(text).startswith(b"text ") else said(text)
        assert content_of_text(text) == expected, value


@pytest.mark.parametrize(
    "text",
    [b"{}", b"[]", b"null", b"", b'{"eventType":"t","data":{}', b'{"eventType":"t","data":{"eventName":"\xff"}}', pushed(EVENT)],
    ids=["object", "list", "null", "empty", "truncated", "not UTF-8", "logging"],
)
def test_the_content_of_any_other_text_is_unknown_until_it_is_decoded(text):
    assert content_of_text(text) is None

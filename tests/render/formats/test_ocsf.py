"""OCSF: every message is valid by the schema, has each value once, except for observables, and loses none."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from epimetheus.render.formats.ocsf import PLACES
from tests.render.formats.test_raw_json import KEYS, TREES
from tests.render.helpers import OCSF, TEXTS, body, event, fetched, parts, render
from tests.render.test_golden import EVENTS, GOLDEN


def ocsf(raw, **options):
    read = json.loads(body(raw, format="ocsf", **options))
    OCSF.validate(read)
    return read


@pytest.mark.parametrize("header", ["rfc5424", "rfc3164"])
@pytest.mark.parametrize("max_bytes", [0, 8000, 1500])
@pytest.mark.parametrize("name", EVENTS)
def test_every_event_is_valid(name, max_bytes, header):
    raw = (GOLDEN / "events" / f"{name}.json").read_bytes()
    if fetched(raw).event is not None:
        ocsf(raw, max_bytes=max_bytes, header=header)


def test_the_validator_rejects_invalid_events():
    read = ocsf(event())
    for wrong in ({"severity_id": 77}, {"time": "now"}, {"surplus": 1}, {"cloud": {}}, {"actor": {}}, {"src_endpoint": {"ip": "x"}}):
        assert not OCSF.is_valid(read | wrong), wrong


def leaves(tree, path=()):
    if isinstance(tree, dict):
        return [leaf for key, item in tree.items() for leaf in leaves(item, (*path, key))]
    return [(path, tree)] if tree not in (None, "", []) else []


@given(
    st.dictionaries(KEYS, TREES, max_size=3),
    st.dictionaries(KEYS, TREES, max_size=3),
    st.fixed_dictionaries({}, optional=dict.fromkeys(("principalName", "principalId", "userAgent", "ipAddress", "odd"), st.none() | TEXTS)),
    st.fixed_dictionaries({}, optional=dict.fromkeys(("id", "path", "action", "odd"), st.none() | TEXTS)),
    st.fixed_dictionaries({}, optional=dict.fromkeys(("status", "responseTime", "message", "payload"), st.none() | TEXTS)),
)
def test_fields_without_a_place_in_the_schema_are_under_unmapped(unknown, data, identity, request, response):
    data = {**data, "eventName": "GetX", "identity": identity, "request": request, "response": response}
    raw = {**unknown, "eventType": "com.oraclecloud.x.GetX", "data": data}
    read = ocsf(raw)
    plain = json.loads(body(raw, format="json"))
    kept = {json.dumps(value) for _, value in leaves(read)}
    for path, value in leaves(plain):
        if path[-1] not in ("ipAddress", "responseTime", "outcome"):  # parsed and rewritten; OCSF has the outcome as its status
            assert json.dumps(value) in kept, path


def test_each_field_is_in_one_place():
    raw = {"data": {"request": {}, "response": {}, "identity": {}}}
    for number, (origin, _) in enumerate(PLACES):
        place = raw
        for key in origin[:-1]:
            place = place[key]
        place[origin[-1]] = f"Get-{number}"
    read = ocsf(raw)
    observables = [item["value"] for item in read.pop("observables")]
    text = json.dumps(read)
    for number, (origin, place) in enumerate(PLACES):
        value = read
        for key in place:
            value = value[key]
        assert (value, text.count(f'"Get-{number}"')) == (f"Get-{number}", 1), origin
    assert "unmapped" not in read
    assert observables == [read["actor"]["user"]["name"]]


@pytest.mark.parametrize(
    ("name", "activity"),
    [
        ("CreateVcn", 1), ("LaunchInstance", 1), ("AddUserToGroup", 1), ("ListEvents", 2), ("GetThing", 2), ("HeadObject", 2),
        ("UpdatePolicy", 3), ("DetachVolume", 3), ("ChangeCompartment", 3), ("DeleteBucket", 4), ("ScheduleKeyDeletion", 4),
        ("TerminateInstance", 4), ("BatchDeleteObjects", 4), ("DROPINDEX", 4), ("deletevcn", 4), ("DisableKey", 3), ("ExportWallet", 99),
        ("Chat", 99), ("Undelete", 99), ("Undefined", 99), ("CascadeDeleteTagNamespace", 4),
    ],
)  # fmt: skip
def test_the_activity_depends_on_the_verb(name, activity):
    read = ocsf(event(name))
    assert (read["activity_id"], read["type_uid"], read["class_uid"], read["category_uid"]) == (activity, 600300 + activity, 6003, 6)
    assert read["activity_name"] == {1: "Create", 2: "Read", 3: "Update", 4: "Delete", 99: name}[activity]


@pytest.mark.parametrize(("action", "method", "left"), [("PUT", "PUT", None), ("PATCH", None, "PATCH"), ("put", None, "put")])
def test_a_method_outside_the_schema_is_under_unmapped(action, method, left):
    read = ocsf(event(request={"action": action}))
    assert read.get("http_request", {}).get("http_method") == method
    assert read.get("unmapped", {}).get("data", {}).get("request", {}).get("action") == left


@pytest.mark.parametrize(
    ("severity", "severity_id"), [(0, 1), (2, 1), (3, 2), (4, 3), (6, 3), (7, 4), (8, 4), (9, 5), (10, 5)]
)  # fmt: skip
def test_severity_id_has_five_steps(severity, severity_id):
    assert ocsf(event(), severities=[("GetThing", severity)])["severity_id"] == severity_id


@pytest.mark.parametrize(
    ("response", "status", "answer", "detail"),
    [
        ({"status": "200"}, 1, {"code": 200}, None),
        ({"status": 404, "payload": {"code": "NotFound"}}, 2, {"data": {"code": "NotFound"}, "code": 404, "error": "NotFound"}, "NotFound"),
        ({"status": "500", "message": "boom"}, 2, {"message": "boom", "code": 500, "error": "boom"}, "boom"),
        (
            {"status": "500", "payload": {"code": "token=hidden"}}, 2,
            {"data": {"code": "token=[redacted]"}, "code": 500, "error": "token=[redacted]"}, "token=[redacted]",
        ),
        ({"status": "OK"}, 1, None, None),
        ({}, 0, None, None),
    ],
)  # fmt: skip
def test_the_response(response, status, answer, detail):
    read = ocsf(event(response=response))
    assert (read["status_id"], read["api"].get("response"), read.get("status_detail")) == (status, answer, detail)
    assert read.get("status_code") == (str(response["status"]) if response else None)


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("203.0.113.38", {"ip": "203.0.113.38"}),
        ("10.0.64.84,252.138.125.19", {"ip": "10.0.64.84", "intermediate_ips": ["252.138.125.19"]}),
        ("2001:db8::5", {"ip": "2001:db8::5"}),
        ("::ffff:1.2.3.4,x", {"ip": "::ffff:1.2.3.4", "name": "x"}),
        ("Unknown", {"name": "Unknown"}),
        ("10.0.0.1 192.0.2.7:443", {"ip": "10.0.0.1", "intermediate_ips": ["192.0.2.7"]}),
        ("192.0.2.7:65536", {"name": "192.0.2.7:65536"}),
        (None, {"name": "unknown"}),
    ],
)
def test_the_source(text, source):
    assert ocsf(event(identity={"ipAddress": text}))["src_endpoint"] == source


def test_the_tenancy_is_the_organization_and_the_compartment_the_account():
    cloud = ocsf(event(identity={"tenantId": "t"}, compartmentId="c", compartmentName="n"))["cloud"]
    assert cloud == {"provider": "OCI", "region": "us-ashburn-1", "account": {"uid": "c", "name": "n", "type_id": 12}, "org": {"uid": "t"}}


@pytest.mark.parametrize(
    ("text", "answered", "time", "end"),
    [
        ("2026-03-02T08:15:30.1239Z", "2026-03-02T08:15:31Z", 1772439330123, 1772439331000),
        ("never", "2026-03-02T08:15:31Z", 1772439331000, 1772439331000),
        (None, "later", 0, None),
    ],
)
def test_times_are_milliseconds(text, answered, time, end):
    read = ocsf(event(response={"responseTime": answered}) | {"eventTime": text})
    assert (read["time"], read.get("end_time"), read["metadata"].get("original_time")) == (time, end, text)
    assert ("unmapped" in read) == (end is None)


def test_parameters_without_a_request_id_are_under_unmapped():
    """The schema requires the id of a request."""
    parameters = {"action": ["STOP"]}
    assert ocsf(event(request={"id": "r", "parameters": parameters}))["api"]["request"] == {"uid": "r", "data": parameters}
    read = ocsf(event(request={"parameters": parameters}))
    assert ("request" in read["api"], read["unmapped"]) == (False, {"data": {"request": {"parameters": parameters}}})


def test_the_authentication_type_is_the_type_of_the_user():
    assert ocsf(event(identity={"authType": "natv"}))["actor"]["user"] == {"name": "unknown", "type": "natv"}


def test_the_type_of_a_resource_is_in_its_ocid():
    read = ocsf(event(resourceId="ocid1.vnic.oc1.iad.x", resourceName="n"))
    assert read["resources"] == [{"name": "n", "uid": "ocid1.vnic.oc1.iad.x", "type": "vnic"}]
    assert ocsf(event(resourceId="bucket"))["resources"] == [{"uid": "bucket"}]


def test_the_time_of_ingestion():
    read = ocsf(event() | {"oracle": {"ingestedtime": "2026-03-02T08:15:38.743Z", "tenantid": "t"}})
    assert (read["metadata"]["logged_time"], read["unmapped"]) == (1772439338743, {"oracle": {"tenantid": "t"}})


def test_observables_are_the_address_the_users_and_the_resource():
    identity = {"ipAddress": "192.0.2.1", "principalName": "noor"}
    read = ocsf(event("DeleteUser", "com.oraclecloud.identityControlPlane.DeleteUser", identity=identity, resourceName="kim"))
    assert read["observables"] == [
        {"name": "src_endpoint.ip", "type_id": 2, "value": "192.0.2.1"},
        {"name": "actor.user.name", "type_id": 4, "value": "noor"},
        {"name": "user.name", "type_id": 4, "value": "kim"},
    ]
    assert ocsf(event(resourceId="r"))["observables"] == [{"name": "resources[0].uid", "type_id": 10, "value": "r"}]


def test_captions_and_observables_go_first_and_do_not_count_as_trimmed():
    raw = event(identity={"principalName": "noor"}, additionalDetails={"text": "x" * 500})
    whole = render(raw, format="ocsf")
    small = render(raw, format="ocsf", max_bytes=len(whole.message) - 1)
    assert (whole.trimmed, small.trimmed) == (False, False)
    read = json.loads(parts(small.message)["msg"])
    assert ("observables" in read, read["class_name"], read["activity_name"]) == (False, "API Activity", "Read")
    smaller = render(raw, format="ocsf", max_bytes=len(small.message) - 200)
    read = json.loads(parts(smaller.message)["msg"])
    assert (smaller.trimmed, {"class_name", "type_name", "severity"} & read.keys()) == (True, set())
    assert parts(smaller.message)["trimmed"] == "additionalDetails"


def test_a_missing_user_is_unknown():
    assert ocsf(event(identity={"callerName": "svc"}))["actor"] == {"app_name": "svc", "user": {"name": "unknown"}}
    assert ocsf(event())["actor"] == {"user": {"name": "unknown"}}


def test_the_logging_form_is_converted_to_the_api_form():
    raw = {"type": "a.b.GetX", "id": "e", "time": "2026-01-01T00:00:00Z", "dataschema": "2.0", "specversion": "1.0", "data": {}}
    read = ocsf(raw)
    assert read["metadata"].items() >= {"uid": "e", "event_code": "a.b.GetX", "log_version": "2.0"}.items()
    assert read["unmapped"] == {"specversion": "1.0"}


@pytest.mark.parametrize("path", ["data", "data.identity", "data.*", "*"])
def test_an_event_with_a_redacted_path_is_valid(path):
    raw = event(identity={"principalName": "noor", "ipAddress": "192.0.2.1"}, request={"path": "/noor"}) | {"eventId": "noor"}
    text = body(raw, format="ocsf", redact=[path])
    OCSF.validate(json.loads(text))
    assert "192.0.2.1" not in text
    assert ("noor" in text) == (path != "*")


@pytest.mark.parametrize(("value", "max_bytes"), [("a", 1300), ("é", 1300), ('"', 1520), ("\x01", 2400)])
def test_the_core_fits_whatever_its_values(value, max_bytes):
    raw = {"eventType": f"com.oraclecloud.{value * 900}", "data": {"request": {}, "response": {}, "identity": {}}}
    for origin, _ in PLACES[4:]:
        place = raw
        for key in origin[:-1]:
            place = place[key]
        place[origin[-1]] = value * 900
    raw["data"]["identity"]["ipAddress"] = "2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff"
    names = {"hostname": "h" * 300, "app_name": "a" * 60, "run_id": "r" * 60}
    read = ocsf(raw | {"eventId": value * 900}, max_bytes=max_bytes, **names)
    assert read["actor"]["user"]["name"].startswith(value)


def test_if_the_core_does_not_fit_the_text_is_cut():
    raw = event("n" * 900, identity={"principalName": '"' * 900, "principalId": "\x01" * 900}, resourceId="r" * 900)
    read = parts(render(raw, format="ocsf", max_bytes=480).message)
    assert read["trimmed"] == "event"
    assert json.loads(read["msg"])["epimetheusCut"].startswith('{"class_uid":6003,')

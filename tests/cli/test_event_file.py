"""Files with events: every form in which people have them gives the same messages, and what is no audit event is refused."""

import base64
import gzip
import itertools
import json
import re

import oci
import pytest
from typer.testing import CliRunner

from epimetheus.cli import event_file
from epimetheus.cli.app import app
from epimetheus.cli.arguments import ArgumentError
from epimetheus.cli.event_file import read_events
from epimetheus.model import Fetched
from epimetheus.render.renderer import FORMATS
from epimetheus.testing.oci import World, mock_oci
from tests.cli.test_render import ENVIRONMENT

EVENTS = 12
COMPARTMENT, START, END = "ocid1.compartment.oc1..c", 1772439300.0, 1772442900.0
IDENTITY = (  # in the order of the Audit API
    "principalName", "principalId", "authType", "callerName", "callerId", "tenantId", "ipAddress", "credentials", "userAgent",
    "consoleSessionId",
)  # fmt: skip


@pytest.fixture(scope="module")
def tenancy(tmp_path_factory, api_key):
    """Events as the real SDK returns them: ``(SDK models, dicts of the Audit API)``."""
    world = World(page_size=100, api_key=api_key, now=lambda: END)
    compartment = world.add_compartment("prod")
    for event in drawn_events(compartment, api_key):
        world.add_event(compartment, event, processed=END - 60)
    config = oci.config.from_file(str(world.credentials(tmp_path_factory.mktemp("oci"))))
    with mock_oci(world):
        client = oci.audit.AuditClient(config)
        models = client.list_events(compartment, "2026-03-02T08:15:00Z", "2026-03-02T09:15:00Z").data
    return models, world.events(compartment)


def drawn_events(compartment, api_key):
    """Events without the texts that the Audit API has in ``stateChange``: the SDK fails to read them."""
    world = World(api_key=api_key)
    world.emit(compartment, 40, START, END)
    drawn = [event for event in world.events(compartment) if event["data"]["stateChange"]["previous"] != "previous state"][:EVENTS]
    for event in drawn:
        event["data"]["identity"] = {name: event["data"]["identity"][name] for name in IDENTITY}
    return drawn


def renamed(value, change, level=0):
    """The names of the models changed; the keys of maps stay, such as those of headers and parameters."""
    if not isinstance(value, dict):
        return value
    nested = {"data", "identity", "request", "response", "stateChange"}
    return {change(key): renamed(one, change) if key in nested else one for key, one in value.items()}


def kebab(key):
    return re.sub(r"(?<!^)([A-Z])", r"-\1", key).lower()


def logging(event):
    return {
        "data": event["data"], "dataschema": "2.0", "id": event["eventId"], "source": event["source"], "specversion": "1.0",
        "time": event["eventTime"], "type": event["eventType"],
        "oracle": {"compartmentid": event["data"]["compartmentId"], "loggroupid": "_Audit"},
    }  # fmt: skip


def search(events):
    return [{"datetime": 1, "logContent": logging(event), "regionId": "us-ashburn-1"} for event in events]


def streaming(entry):
    value = base64.b64encode(json.dumps(entry).encode()).decode()
    return {"stream": "s", "partition": "0", "key": "", "value": value, "offset": 1, "timestamp": 1}


def offset_times(event):
    """Times as the SDKs and the CLI print them."""
    changed = json.loads(json.dumps(event))
    changed["eventTime"] = changed["eventTime"].replace("Z", "000+00:00")
    changed["data"]["response"]["responseTime"] = changed["data"]["response"]["responseTime"].replace("Z", "000+00:00")
    return changed


def indented(value):
    return json.dumps(value, indent=2)


FORMS = {
    "Audit API": json.dumps,
    "JSON lines": lambda events: "\n".join(map(json.dumps, events)),
    "JSON lines of Windows": lambda events: "\r\n\r\n".join(map(json.dumps, events)) + "\r\n",
    "documents one after another": lambda events: "\n".join(map(indented, events)),
    "documents with commas and marks": lambda events: "\ufeff" + ",\n\ufeff".join(map(indented, events)) + ",",
    "text sequence": lambda events: "".join(f"\x1e{json.dumps(event)}\n" for event in events),
    "comma at the end of the list": lambda events: f"[{','.join(map(indented, events))},]",
    "pages in a list": lambda events: json.dumps([events[:5], [], events[5:]]),
    "oci audit event list": lambda events: indented({
        "data": [renamed(offset_times(event), kebab) for event in events], "opc-next-page": "x"
    }),
    "pages of oci audit event list": lambda events: "\n".join(
        indented({"data": [renamed(offset_times(event), kebab) for event in page]}) for page in (events[:5], events[5:])
    ),
    "oci audit event list --query data": lambda events: indented([renamed(event, kebab) for event in events]),
    "oci raw-request": lambda events: indented({"data": events, "headers": {"opc-request-id": "x"}, "status": "200 OK"}),
    "PowerShell": lambda events: indented([renamed(event, lambda key: key[0].upper() + key[1:]) for event in events]),
    "Logging search": lambda events: indented({
        "results": [{"data": row} for row in search(events)], "fields": [], "summary": {"result-count": 12}
    }),
    "oci logging-search search-logs": lambda events: indented({"data": {"results": [{"data": row} for row in search(events)]}}),
    "results of Logging search": lambda events: json.dumps(search(events)),
    "log content as text": lambda events: json.dumps([{**row, "logContent": json.dumps(row["logContent"])} for row in search(events)]),
    "objects of Connector Hub": lambda events: "\n".join(map(json.dumps, search(events))),
    "batch of Connector Hub": lambda events: json.dumps([logging(event) for event in events]),
    "batch of Connector Hub, from Streaming": lambda events: json.dumps([streaming(logging(event)) for event in events]),
    "oci streaming stream message get": lambda events: indented({"data": [streaming([logging(event) for event in events])]}),
}  # fmt: skip
ENCODINGS = {
    "gzip": lambda text: gzip.compress(text.encode()),
    "gzip of two files": lambda text: gzip.compress(text[:2000].encode()) + gzip.compress(text[2000:].encode()),
    "UTF-8 with a mark": lambda text: text.encode("utf-8-sig"),
    "UTF-16 of PowerShell": lambda text: text.replace("\n", "\r\n").encode("utf-16"),
    "UTF-16, big endian": lambda text: ("\ufeff" + text).encode("utf-16-be"),
    "UTF-16 without a mark": lambda text: text.encode("utf-16-le"),
    "UTF-16, big endian, without a mark": lambda text: text.encode("utf-16-be"),
    "UTF-32": lambda text: text.encode("utf-32"),
}


def messages(file):
    arguments = ["render", "--file", str(file), "--format", "all", "--no-explain"]
    result = CliRunner().invoke(app, arguments, env=ENVIRONMENT, catch_exceptions=False)
    assert (result.exit_code, result.stderr) == (0, "")
    return result.stdout.splitlines()


@pytest.fixture(scope="module")
def expected(tenancy, tmp_path_factory):
    file = tmp_path_factory.mktemp("expected") / "api.json"
    file.write_text(json.dumps(tenancy[1], ensure_ascii=False))
    found = messages(file)
    assert len(found) == EVENTS * len(FORMATS)
    return found


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_the_same_events_gives_the_same_messages(form, tenancy, expected, tmp_path):
    (tmp_path / "events").write_text(FORMS[form](tenancy[1]), newline="")
    assert messages(tmp_path / "events") == expected


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_every_encoding_gives_the_same_messages(encoding, tenancy, expected, tmp_path):
    (tmp_path / "events").write_bytes(ENCODINGS[encoding](json.dumps(tenancy[1], ensure_ascii=False, indent=1)))
    assert messages(tmp_path / "events") == expected


@pytest.mark.parametrize("write", [lambda models: json.dumps(oci.util.to_dict(models)), str, lambda models: "\n".join(map(str, models))])
def test_the_models_of_the_sdk_are_the_same_events_except_for_what_they_lack(write, tenancy, tmp_path):
    models, events = tenancy
    (tmp_path / "models").write_text(write(models))
    found = [without_nulls(json.loads(bytes(found.raw))) for found in read_events(tmp_path / "models")]
    assert found == [without_nulls({**event, "data": {**event["data"], "message": None}}) for event in events]


def without_nulls(value):
    """Without members that are null: the SDK has a null for each member that the event lacks."""
    return {key: without_nulls(one) for key, one in value.items() if one is not None} if isinstance(value, dict) else value


def test_names_and_values_of_an_event_of_the_audit_api_are_not_changed(tmp_path):
    (tmp_path / "events").write_bytes(b'[{ "eventType" : "t", "data" : {"a-b" : 1.00, "c" : "\\u00e9", "d" : 1e999} }]')
    [found] = read_events(tmp_path / "events")
    assert bytes(found.raw) == b'{"eventType":"t","data":{"a-b":1.00,"c":"\\u00e9","d":1e999}}'


def test_values_of_translated_events_are_not_changed(tmp_path):
    (tmp_path / "events").write_bytes(
        b'{"event-type": "t", "event-time": "soon", "x-y": [1.00], "data": {"additional-details": {"a-b": 1e999, "c": "\\u00e9"}}}'
    )
    [found] = read_events(tmp_path / "events")
    assert bytes(found.raw) == b'{"eventType":"t","eventTime":"soon","data":{"additionalDetails":{"a-b":1e999,"c":"\\u00e9"}},"x-y":[1.00]}'


@pytest.mark.parametrize(
    ("text", "api"),
    [
        ("2026-04-24T10:00:00.123000+00:00", "2026-04-24T10:00:00.123Z"),
        ("2026-04-24 10:00:00+00:00", "2026-04-24T10:00:00.000Z"),
        ("2026-04-24T10:00:00.123456+00:00", "2026-04-24T10:00:00.123456Z"),
        ("2026-04-24T12:00:00.5+02:00", "2026-04-24T10:00:00.500Z"),
        ("2026-04-24T10:00:00.123", "2026-04-24T10:00:00.123Z"),
        ("2026-04-24T10:00:00.123Z", "2026-04-24T10:00:00.123Z"),
        ("0001-01-01T00:00:00+23:00", "0001-01-01T00:00:00+23:00"),
    ],
)
def test_times_are_written_like_those_of_the_audit_api(tmp_path, text, api):
    (tmp_path / "events").write_text(json.dumps({"event_type": "t", "event_time": text, "data": {}}))
    assert [found.event.event_time for found in read_events(tmp_path / "events")] == [api]


def test_an_event_of_logging_without_compartment_gets_that_of_its_log(tmp_path):
    entry = {"type": "t", "data": {"eventName": "n"}, "oracle": {"compartmentid": COMPARTMENT}}
    (tmp_path / "events").write_text(json.dumps(entry))
    assert [found.event.data.compartment_id for found in read_events(tmp_path / "events")] == [COMPARTMENT]


def test_an_event_that_does_not_decode_is_malformed_not_refused(tmp_path):
    (tmp_path / "events").write_bytes(b'[{"eventType":7}]')
    assert list(read_events(tmp_path / "events")) == [Fetched(b'{"eventType":7}', None)]


def test_deep_values_and_control_characters_are_read(tmp_path):
    deep = '{"a":[' * 20_000 + "]}" * 20_000
    (tmp_path / "events").write_text('[{"event_type":"t","data":{"message":"a\nb\x00","additional_details":' + deep + "},}]")
    [found] = read_events(tmp_path / "events")
    assert bytes(found.raw) == ('{"eventType":"t","data":{"additionalDetails":' + deep + ',"message":"a\nb\x00"}}').encode()


ACCEPTED = "use JSON events from the Audit API, the OCI CLI or an SDK, Logging search, or Connector Hub"
NOT = "is not an audit event: it is"


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", f"the file is empty, as the OCI CLI leaves it if it finds no events; {ACCEPTED}"),
        (b" \r\n\t", f"the file is empty, as the OCI CLI leaves it if it finds no events; {ACCEPTED}"),
        (b"\xff\xfe", f"the file is empty, as the OCI CLI leaves it if it finds no events; {ACCEPTED}"),
        (gzip.compress(b""), f"the file is empty, as the OCI CLI leaves it if it finds no events; {ACCEPTED}"),
        (b"[]", f"the file contains no events; {ACCEPTED}"),
        (b'{"data": []}', f"the file contains no events; {ACCEPTED}"),
        (b"[[], {\"results\": []}]", f"the file contains no events; {ACCEPTED}"),
        (b"{}", f"line 1 {NOT} an empty object; {ACCEPTED}"),
        (b'\n{"a": 1}', f"line 2 {NOT} an object with the key a; {ACCEPTED}"),
        (b'{"eventType":"t","data":{}}\n{"a":1,"b":2,"c":3,"d":4,"e":5,"f":6}',
         f"line 2 {NOT} an object with the keys a, b, c, d, e, and 1 more; {ACCEPTED}"),
        (b'{"data": [{"event-type": "t", "data": {}}, null]}', f"line 1, data, item 2 {NOT} null; {ACCEPTED}"),
        (b'{"data": "plain text"}', f"line 1 {NOT} an object with the key data; {ACCEPTED}"),
        (b'{"data": {"response": {"status": 200.0}}}', f"line 1, data {NOT} an object with the key response; {ACCEPTED}"),
        (b'{"eventTime": 1642982400000}', f"line 1 {NOT} an object with the key eventTime; {ACCEPTED}"),
        (b'["a", 1]', f"line 1, item 1 {NOT} a string; {ACCEPTED}"),
        (b"[1]", f"line 1, item 1 {NOT} not an object; {ACCEPTED}"),
        (b"[" * 9 + b"{}" + b"]" * 9, f"line 1{', item 1' * 9} {NOT} nested too deeply; {ACCEPTED}"),
        (b'{"data":' * 20_000 + b"1" + b"}" * 20_000, f"line 1{', data' * 9} {NOT} nested too deeply; {ACCEPTED}"),
        (b'[{"type":"com.oraclecloud.vcn.flowlogs.DataEvent","data":{"status":"OK"}}]',
         f"line 1, item 1 {NOT} an entry of another log; search the log group _Audit"),
        (b'{"code": "NotAuthorizedOrNotFound", "message": "x", "status": 404}', f"line 1 {NOT} an error response of OCI; {ACCEPTED}"),
        (b'{"stream":"s","partition":"0","value":"%"}',
         "line 1, value is not base64; use the messages of Streaming as its API returns them"),
        ('{"stream":"s","partition":"0","value":"é"}'.encode(),
         "line 1, value is not base64; use the messages of Streaming as its API returns them"),
        (b"<133>1 2026-03-02T08:15:30.120Z r epimetheus - audit [x] CEF:0|Oracle|",
         f"line 1 is not JSON: it is a syslog message, not the event it was made from; {ACCEPTED}"),
        (b"+-----+\n| data |", f"line 1 is not JSON: it is a table of the OCI CLI, which also prints JSON with --output json; {ACCEPTED}"),
        (b"<!DOCTYPE html>", f"line 1 is not JSON: it is HTML or XML; {ACCEPTED}"),
        (b"\nWARNING: no\n{}", f"line 2 is not JSON: it is text; a message of the OCI CLI before the events has to be removed; {ACCEPTED}"),
        (b'{"eventType":"t","data":{}}\n\nServiceError:\n{}',
         f"line 3 is not JSON: it is text; a message of the OCI CLI before the events has to be removed; {ACCEPTED}"),
        (b"-----BEGIN PRIVATE KEY-----", f"line 1 is not JSON: it is text; {ACCEPTED}"),
        (b'"password"', f"line 1 is not JSON: it is text; {ACCEPTED}"),
        (b"{'event_type': 't', 'data': {}}", f"line 1 is not valid JSON; {ACCEPTED}"),
        (b'{"a"}', f"line 1 is not valid JSON; {ACCEPTED}"),
        (b"{}}", f"line 1 is not JSON: it is text; {ACCEPTED}"),
        (b'{"eventType":"t","data":{}}}', f"line 1 is not JSON: it is text; {ACCEPTED}"),
        (b'{"eventType":"t","data":{}}\n[{"eventType":"t",\n',
         "line 2 starts a JSON value that does not end; the file is truncated, or a quote or bracket is missing"),
        (b'\n\n{"eventType":"t', "line 3 starts a JSON value that does not end; the file is truncated, or a quote or bracket is missing"),
        (gzip.compress(b"x" * 100)[:-9], "the file is compressed with gzip, and damaged or truncated; copy it again"),
        (b"\x1f\x8bnot gzip", "the file is compressed with gzip, and damaged or truncated; copy it again"),
        (b"PK\x03\x04....", "the file is a ZIP archive; extract it, and use a file in it"),
    ],
    ids=itertools.count(1),
)  # fmt: skip
def test_what_is_no_audit_event_is_refused(tmp_path, data, problem):
    (tmp_path / "events").write_bytes(data)
    with pytest.raises(ArgumentError) as raised:
        read_events(tmp_path / "events")
    assert raised.value.problems == (f"--file {tmp_path / 'events'}: {problem}",)


@pytest.mark.parametrize("data", [b"[" + b" " * 99 + b"]", gzip.compress(b"[" + b" " * 99 + b"]")], ids=["plain", "gzip"])
def test_a_file_that_is_too_large_is_refused(tmp_path, monkeypatch, data):
    monkeypatch.setattr(event_file, "MAX_BYTES", 100)
    (tmp_path / "events").write_bytes(data)
    with pytest.raises(ArgumentError) as raised:
        read_events(tmp_path / "events")
    assert raised.value.problems == (f"--file {tmp_path / 'events'}: the file has more than 100 bytes; split it",)

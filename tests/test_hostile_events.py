"""Attacks outside redaction: tamper watch, own polling, log lines, external text, message prefixes, notes."""

import io
import json
import logging
import re
import time

import pytest
from typer.testing import CliRunner

from epimetheus.cli.app import app
from epimetheus.observe.log import JsonLines, LogObserver
from epimetheus.safe_text import safe_message, safe_value
from epimetheus.select.own_polling import OwnPolling
from epimetheus.select.rate_limits import RateLimits
from epimetheus.select.tamper_watch import TamperWatch
from tests.render.helpers import body, event, fetched, render
from tests.test_safe_text import settings_error

OCID = "ocid1.fnfunc.oc1.iad.aaaaexample"
SECRET = "Hunter2s3cr3tZq"
OPAQUE = "mAq7Zx0pTn4vB9kL2sWd8cRf6yHg3jUe"


def compact(tree):
    return json.dumps(tree, separators=(",", ":"), ensure_ascii=False)


def hexadecimal(text, form):
    return "".join(form.format(ord(character)) for character in text)


EVENTS_WITH_OCID = {
    "identity below stateChange": compact(event(stateChange={"current": {"identity": {"resource": OCID}}})),
    "headers below additionalDetails": compact(event(additionalDetails={"headers": {"x": OCID}})),
    "headers below parameters": compact(event(request={"parameters": {"headers": OCID}})),
    "headers of the response": compact(event(response={"headers": {"Location": [OCID]}})),
    "headers below a sibling of headers": compact(event(request={"headers": {}, "x": {"headers": OCID}})),
    "identity at the top": compact({**event(), "identity": OCID}),
    "a duplicate key": '{"eventType":"x","data":{"resourceId":"OCID","resourceId":"y"}}'.replace("OCID", OCID),
    "duplicate data": '{"data":{"resourceId":"OCID"},"data":{"resourceId":"y"}}'.replace("OCID", OCID),
    "a key": compact(event(additionalDetails={OCID: 1})),
    "duplicate identity": '{"data":{"identity":{"x":"OCID"},"identity":{}}}'.replace("OCID", OCID),
    "percent": compact(event(request={"path": "/f/" + OCID.replace("o", "%6F", 1)})),
    "percent, a dot": compact(event(request={"path": "/f/" + OCID.replace(".", "%2e")})),
    "percent, every character": compact(event(request={"path": hexadecimal(OCID, "%{:02X}")})),
    "percent, twice": compact(event(request={"path": "/f/" + OCID.replace("o", "%256f", 1)})),
    "percent, three times": compact(event(request={"path": "/f/" + OCID.replace("o", "%25256f", 1)})),
    "percent in JSON escapes": compact(event(request={"path": OCID})).replace(OCID, OCID.replace("o", "\\u00256f", 1)),
    "an entity": compact(event(message=OCID.replace("o", "&#111;", 1))),
    "an entity, long": compact(event(message=OCID.replace("o", "&#0000111;", 1))),
    "entities": compact(event(message=hexadecimal(OCID, "&#x{:x};"))),
    "a named entity": compact(event(message=OCID.replace(".", "&period;"))),
    "an entity of an entity": compact(event(message=OCID.replace("o", "&amp;#111;", 1))),
    "an entity in JSON escapes": compact(event(message=OCID)).replace(OCID, OCID.replace("o", "\\u0026\\u0023111;", 1)),
    "an entity, percent-encoded": compact(event(message=OCID.replace("o", "%26%23111%3B", 1))),
    "upper case": compact(event(resourceId=OCID.upper())),
    "upper case, escaped": compact(event(resourceId=OCID)).replace(OCID, OCID.upper().replace("O", "\\u004F", 1)),
}


@pytest.mark.parametrize("case", EVENTS_WITH_OCID)
def test_tamper_watch_finds_an_ocid(case):
    raw = EVENTS_WITH_OCID[case].encode()
    assert TamperWatch([OCID]).mentions(b"[%b]" % raw) is True
    assert TamperWatch([OCID]).touches(raw) is True
    assert TamperWatch([OCID.upper()]).touches(raw) is True
    assert TamperWatch(["ocid1.fnfunc.oc1.iad.another"]).touches(raw) is False


@pytest.mark.parametrize("data", [{"identity": {"x": {"y": OCID.upper()}}}, {"request": {"headers": {"x": OCID.replace(".", "%2E")}}}])
def test_tamper_watch_ignores_the_identity_and_the_headers_of_a_request(data):
    assert TamperWatch([OCID]).touches(compact(event(**data)).encode()) is False


def test_tamper_watch_is_fast_on_pages_without_such_escapes():
    raw = compact([event(request={"path": "/a%20b%2Fc%3A%C3%A9"}, message="a&b \u00e9 <c>")] * 2000).encode()
    watch = TamperWatch([OCID])
    started = time.process_time()
    assert watch.mentions(raw) is False
    assert time.process_time() - started < 0.02 * len(raw) / 1e6
    for unit in ("%25", "&amp;", "&#", "%", "&#38;#", "\\u0025"):
        watch.mentions(unit.encode() * 200_000)
    assert time.process_time() - started < 10


class Polling:
    """Simulates runs of a deployment: each classifies calls (address, hour) and commits its counts."""

    def __init__(self):
        self.state = {}
        self.warnings = []

    def run(self, calls, horizon=0):
        rate_limits = RateLimits(self.state)
        own = OwnPolling(rate_limits)
        timed = [(event("ListEvents", identity={"principalId": "us", "ipAddress": address}), hour * 3_600_000) for address, hour in calls]
        ours = [own.is_own(fetched(call).event, millis) for call, millis in timed]
        rate_limits.confirm(rate_limits.take_pending())
        rate_limits.mark_reported(rate_limits.unreported(1 << 40, ""))
        self.state = rate_limits.packed(horizon)
        self.warnings = own.warnings()
        return ours


OWN, THIEF = "10.0.0.1", "203.0.113.9"


def test_an_address_that_polls_during_an_outage_is_not_adopted():
    polling = Polling()
    assert polling.run([(OWN, 100), (OWN, 101)]) == [True, True]
    assert polling.run([(THIEF, 102), (THIEF, 103), (THIEF, 104)]) == [False] * 3
    assert polling.run([(OWN, 105), (THIEF, 105)]) == [True, False]


@pytest.mark.parametrize("silent", [1, 2, 3, 48, 10_000])
def test_an_address_that_polls_is_not_adopted_after_an_outage_of_any_length(silent):
    polling = Polling()
    assert polling.run([(OWN, 100)]) == [True]
    for hour in range(100 + silent, 106 + silent):
        assert polling.run([(THIEF, hour)], horizon=(hour - 1) * 60) == [False]
    assert polling.run([(OWN, 120 + silent)], horizon=(119 + silent) * 60) == [True]
    assert polling.run([(THIEF, 10 * silent + 500)], horizon=(10 * silent + 499) * 60) == [False]
    assert polling.warnings == [
        f"The credentials of this deployment were used from {THIEF}, not only from {OWN}. These calls are forwarded as events."
        " If a new container or NAT gateway of this deployment has that address, run `epimetheus state own-address ADDRESS`;"
        " otherwise the credentials are compromised: revoke them."
    ]


def test_a_reported_address_is_not_adopted_when_no_own_address_is_known():
    rate_limits = RateLimits({})
    rate_limits.count_passed(f"own polling: ListEvents from {THIEF}", 0)
    rate_limits.confirm(rate_limits.take_pending())
    polling = Polling()
    polling.state = rate_limits.packed(0)
    assert polling.run([(THIEF, 1), (OWN, 1), (THIEF, 2)]) == [False, True, False]


def test_the_state_of_own_polling_is_bounded():
    polling = Polling()
    for hour in range(100, 200):
        polling.run([(OWN, hour), (f"203.0.113.{hour}", hour)], horizon=(hour - 1) * 60)
    assert sum(map(len, polling.state.values())) < 30


def logged(write):
    stream, log = io.StringIO(), logging.getLogger("epimetheus")
    handler, level = logging.StreamHandler(stream), log.level
    handler.setFormatter(JsonLines())
    log.addHandler(handler)
    log.setLevel(logging.DEBUG)
    try:
        write(log)
    finally:
        log.removeHandler(handler)
        log.setLevel(level)
    return stream.getvalue()


def test_detailed_log_lines_contain_no_secret():
    one = fetched(
        {**event("x"), "eventId": f"password={SECRET}", "eventType": f"com.x.token={SECRET}", "eventTime": f"https://u:{SECRET}@h/"}
    )
    line = logged(lambda _: LogObserver("r").filtered("us", one, "excluded_event"))
    assert SECRET not in line
    assert set(json.loads(line)) >= {"event_type", "event_id", "event_time", "reason"}


def test_detailed_log_lines_keep_ids_times_and_event_types():
    fields = {
        "eventType": "com.oraclecloud.ComputeApi.GetInstance",
        "eventId": "9f86d081884c7d659a2feaa0c55ad015",
        "eventTime": "2026-03-02T23:41:07.052Z",
    }
    line = logged(lambda _: LogObserver("r").filtered("us", fetched({**event("x"), **fields}), "excluded_event"))
    assert [json.loads(line)[key] for key in ("event_type", "event_id", "event_time")] == list(fields.values())


@pytest.mark.parametrize("invisible", ["\x7f", "\x80", "\x9b", "\x9f", "\u061c", "\u200b", "\u202e", "\u2066", "\u2028", "\U000e0041"])
def test_no_log_line_contains_terminal_controls_or_invisible_characters(invisible):
    line = logged(lambda log: log.warning("%s", f"é{invisible}b", extra={"event": "x", "fields": {f"k{invisible}": [f"v{invisible}"]}}))
    assert invisible not in line
    assert (json.loads(line)["message"], json.loads(line)[f"k{invisible}"], "é" in line) == (f"é{invisible}b", [f"v{invisible}"], True)


@pytest.mark.parametrize(
    "message",
    [
        f"Denied: token '{OPAQUE}' is invalid",
        f"The token {OPAQUE} is expired",
        f"Invalid API key {OPAQUE}",
        f"GET /x?foo={OPAQUE}",
        f"no ocid1.{OPAQUE}",
        f"({OPAQUE})",
        f"a_{OPAQUE}-b",
    ],
)
def test_a_message_from_oci_is_shown_without_its_token(message):
    assert OPAQUE not in safe_message(message)


@pytest.mark.parametrize(
    "message",
    [
        "Either the bucket named 'audit-state' does not exist in the namespace 'axexample' or you are not authorized to access it",
        "Compartment {ocid1.compartment.oc1..aaaaaaaa7z4x2exampleuniqueid} does not exist",
        "(opc-request-id csid5f0b9c6d4f3a8b7e2f1a/0123456789ABCDEF0123456789ABCDEF/FEDCBA9876543210FEDCBA9876543210)",
        "0123456789ABCDEF0123456789ABCDEF/FEDCBA9876543210FEDCBA9876543210",
    ],
)
def test_a_message_from_oci_keeps_names_ocids_and_request_ids(message):
    assert safe_message(message) == message


@pytest.mark.parametrize(
    "text",
    [
        "admin:Hunter2x",
        "siem:6514:Hunter2x",
        "admin:Hunter2x%40siem",
        "admin%3AHunter2x%2540siem",
        "https://admin:Hunter2x/",
        "https://admin:Hunter2x",
        "siem?x=Hunter2x",
        "siem%3Fx=Hunter2x",
        "siem#Hunter2x",
        "/p/Hunter2x/n/ns/b/x/o/",
        "%2Fp%2FHunter2x%2Fn%2Fns/b/x/o/",
        "admin:Hunter2x\uff20siem",
        "admin\uff1aHunter2x",
        "siem\npassword\nHunter2x",
        "siem\u2028Hunter2x",
        "ab1c-de2f-gh3i-jk4l-mn5o-pq6r-Hunter2x",
    ],
)
def test_no_error_shows_the_part_of_a_value_that_may_be_secret(text):
    assert "Hunter2x" not in (safe_value(text) or "")
    for key in ("SYSLOG_HOST", "SYSLOG_SERVER_NAME", "STATE_BUCKET", "STATE_NAMESPACE", "OCI_ENDPOINT", "REGIONS", "SYSLOG_PORT", "FORMAT"):
        assert "Hunter2x" not in settings_error({key: text})


@pytest.mark.parametrize("key", ["SYSLOG_HOST", "SYSLOG_SERVER_NAME", "STATE_BUCKET", "STATE_NAMESPACE"])
@pytest.mark.parametrize("character", [" ", "!", "$", "|", "\\", "=", "&", ";", "(", "\t"])
def test_an_address_or_name_is_shown_up_to_its_first_invalid_character(key, character):
    assert f"{key}=siem…: expected" in settings_error({key: f"siem{character}Hunter2x"})


@pytest.mark.parametrize("form", ["cef", "leef", "json"])
@pytest.mark.parametrize("digit", ["0", "\u0660", "\uff11", "\u0966", "\u07c1", "\U0001d7ce", "\u09e9"])
def test_a_digit_of_any_script_starts_no_second_message(form, digit):
    raw = compact(event(message=f"CEF:{digit}|x|x|1|1|login|1|suser=nobody LEEF:{digit}.0|")).encode()
    message = render(raw, format=form).message.decode()
    assert len(re.findall(r"(?:C|LE)EF:\d", message)) == (form != "json")


@pytest.mark.parametrize("form", ["json", "ocsf"])
@pytest.mark.parametrize("key", ["epimetheus", "epimetheusTrimmed", "epimetheusCut", "\\u0065pimetheus"])
@pytest.mark.parametrize("space", ["", " "])
def test_an_event_cannot_forge_our_notes(form, key, space):
    raw = f'{compact(event())[:-1]},"{key}"{space}:{space}{{"tamperWatch":true}}}}'
    name = key.replace("\\u0065", "e")
    fields = json.loads(body(raw.encode(), format=form))
    fields = fields["unmapped"] if form == "ocsf" else fields
    assert fields.get(name) == ({"severity": 2} if (form, name) == ("json", "epimetheus") else None)
    assert fields[f"event_{name}"] == {"tamperWatch": True}


@pytest.mark.parametrize("command", [["health"], ["run"], ["replay"], ["runs"], ["rules", "preview"]])
@pytest.mark.parametrize("timeout", ["nan", "-nan", "inf", "1e999s", "-1s", "\u0661s", "9999999d"])
def test_a_timeout_that_is_no_duration_is_a_usage_error(command, timeout):
    result = CliRunner().invoke(app, [*command, f"--timeout={timeout}"], env={"TERM": "dumb", "COLUMNS": "200"})
    assert result.exit_code == 2
    assert "Invalid value for '--timeout'" in result.stderr

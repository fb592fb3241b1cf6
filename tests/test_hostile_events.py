"""What an attacker found outside of redaction: the watch, our own polling, log lines, words of others, beginnings of messages, notes."""

import io
import json
import logging
import re
import time

import pytest
from typer.testing import CliRunner

from epimetheus.cli.app import app
from epimetheus.observe.log import JsonLines, LogObserver
from epimetheus.safe_text import plain, value
from epimetheus.select.own_polling import OwnPolling
from epimetheus.select.rate_limits import RateLimits
from epimetheus.select.tamper_watch import TamperWatch
from tests.render.helpers import body, event, fetched, render
from tests.test_safe_text import refused

OCID = "ocid1.fnfunc.oc1.iad.aaaaexample"
SECRET = "Hunter2s3cr3tZq"
OPAQUE = "mAq7Zx0pTn4vB9kL2sWd8cRf6yHg3jUe"


def compact(tree):
    return json.dumps(tree, separators=(",", ":"), ensure_ascii=False)


def hexadecimal(text, form):
    return "".join(form.format(ord(character)) for character in text)


TOUCHED = {
    "identity below stateChange": compact(event(stateChange={"current": {"identity": {"resource": OCID}}})),
    "headers below additionalDetails": compact(event(additionalDetails={"headers": {"x": OCID}})),
    "headers below parameters": compact(event(request={"parameters": {"headers": OCID}})),
    "headers of the answer": compact(event(response={"headers": {"Location": [OCID]}})),
    "headers below headers' neighbor": compact(event(request={"headers": {}, "x": {"headers": OCID}})),
    "identity at the top": compact({**event(), "identity": OCID}),
    "a key that stands twice": '{"eventType":"x","data":{"resourceId":"OCID","resourceId":"y"}}'.replace("OCID", OCID),
    "data that stands twice": '{"data":{"resourceId":"OCID"},"data":{"resourceId":"y"}}'.replace("OCID", OCID),
    "a key": compact(event(additionalDetails={OCID: 1})),
    "identity that stands twice": '{"data":{"identity":{"x":"OCID"},"identity":{}}}'.replace("OCID", OCID),
    "percent": compact(event(request={"path": "/f/" + OCID.replace("o", "%6F", 1)})),
    "percent, a point": compact(event(request={"path": "/f/" + OCID.replace(".", "%2e")})),
    "percent, all of it": compact(event(request={"path": hexadecimal(OCID, "%{:02X}")})),
    "percent, twice": compact(event(request={"path": "/f/" + OCID.replace("o", "%256f", 1)})),
    "percent, three times": compact(event(request={"path": "/f/" + OCID.replace("o", "%25256f", 1)})),
    "percent in JSON escapes": compact(event(request={"path": OCID})).replace(OCID, OCID.replace("o", "\\u00256f", 1)),
    "an entity": compact(event(message=OCID.replace("o", "&#111;", 1))),
    "an entity, long": compact(event(message=OCID.replace("o", "&#0000111;", 1))),
    "entities": compact(event(message=hexadecimal(OCID, "&#x{:x};"))),
    "an entity by name": compact(event(message=OCID.replace(".", "&period;"))),
    "an entity of an entity": compact(event(message=OCID.replace("o", "&amp;#111;", 1))),
    "an entity in JSON escapes": compact(event(message=OCID)).replace(OCID, OCID.replace("o", "\\u0026\\u0023111;", 1)),
    "an entity, percent-encoded": compact(event(message=OCID.replace("o", "%26%23111%3B", 1))),
    "capitals": compact(event(resourceId=OCID.upper())),
    "capitals, escaped": compact(event(resourceId=OCID)).replace(OCID, OCID.upper().replace("O", "\\u004F", 1)),
}


@pytest.mark.parametrize("how", TOUCHED)
def test_tamper_watch_finds_an_ocid(how):
    raw = TOUCHED[how].encode()
    assert TamperWatch([OCID]).mentions(b"[%b]" % raw) is True
    assert TamperWatch([OCID]).touches(raw) is True
    assert TamperWatch([OCID.upper()]).touches(raw) is True
    assert TamperWatch(["ocid1.fnfunc.oc1.iad.another"]).touches(raw) is False


@pytest.mark.parametrize("data", [{"identity": {"x": {"y": OCID.upper()}}}, {"request": {"headers": {"x": OCID.replace(".", "%2E")}}}])
def test_who_acted_and_how_it_was_signed_still_touches_nothing(data):
    assert TamperWatch([OCID]).touches(compact(event(**data)).encode()) is False


def test_a_page_without_such_escapes_costs_little():
    raw = compact([event(request={"path": "/a%20b%2Fc%3A%C3%A9"}, message="a&b \u00e9 <c>")] * 2000).encode()
    watch = TamperWatch([OCID])
    began = time.process_time()
    assert watch.mentions(raw) is False
    assert time.process_time() - began < 0.02 * len(raw) / 1e6
    for unit in ("%25", "&amp;", "&#", "%", "&#38;#", "\\u0025"):
        watch.mentions(unit.encode() * 200_000)
    assert time.process_time() - began < 10


class Polling:
    """Runs of a deployment: each decides about calls (address, hour), and settles what it counted."""

    def __init__(self):
        self.state = {}
        self.warnings = []

    def run(self, calls, horizon=0):
        quotas = RateLimits(self.state)
        own = OwnPolling(quotas)
        by = [(event("ListEvents", identity={"principalId": "us", "ipAddress": address}), hour * 3_600_000) for address, hour in calls]
        ours = [own.is_own(fetched(call).event, millis) for call, millis in by]
        quotas.settle(quotas.take_pending())
        quotas.mark_reported(quotas.unreported(1 << 40, ""))
        self.state = quotas.packed(horizon)
        self.warnings = own.warnings()
        return ours


US, THIEF = "10.0.0.1", "203.0.113.9"


def test_a_thief_who_polls_while_we_are_down_does_not_become_us():
    polling = Polling()
    assert polling.run([(US, 100), (US, 101)]) == [True, True]
    assert polling.run([(THIEF, 102), (THIEF, 103), (THIEF, 104)]) == [False] * 3
    assert polling.run([(US, 105), (THIEF, 105)]) == [True, False]


@pytest.mark.parametrize("silent", [1, 2, 3, 48, 10_000])
def test_nor_after_any_outage_nor_once_the_hours_are_forgotten(silent):
    polling = Polling()
    assert polling.run([(US, 100)]) == [True]
    for hour in range(100 + silent, 106 + silent):
        assert polling.run([(THIEF, hour)], horizon=(hour - 1) * 60) == [False]
    assert polling.run([(US, 120 + silent)], horizon=(119 + silent) * 60) == [True]
    assert polling.run([(THIEF, 10 * silent + 500)], horizon=(10 * silent + 499) * 60) == [False]
    assert polling.warnings == [
        f"The credentials of this deployment were used from {THIEF}, not only from {US}. These calls are forwarded as events."
        " If a new container or NAT gateway of this deployment has that address, run `python -m epimetheus state own-address ADDRESS`;"
        " otherwise the credentials are compromised: revoke them."
    ]


def test_where_no_address_is_known_one_that_was_reported_is_not_adopted():
    quotas = RateLimits({})
    quotas.count_passed(f"own polling: ListEvents from {THIEF}", 0)
    quotas.settle(quotas.take_pending())
    polling = Polling()
    polling.state = quotas.packed(0)
    assert polling.run([(THIEF, 1), (US, 1), (THIEF, 2)]) == [False, True, False]


def test_what_is_remembered_of_addresses_is_bounded():
    polling = Polling()
    for hour in range(100, 200):
        polling.run([(US, hour), (f"203.0.113.{hour}", hour)], horizon=(hour - 1) * 60)
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


def test_detailed_log_lines_hold_no_secret():
    one = fetched(
        {**event("x"), "eventId": f"password={SECRET}", "eventType": f"com.x.token={SECRET}", "eventTime": f"https://u:{SECRET}@h/"}
    )
    line = logged(lambda _: LogObserver("r").filtered("us", one, "excluded_event"))
    assert SECRET not in line
    assert set(json.loads(line)) >= {"event_type", "event_id", "event_time", "reason"}


def test_what_is_no_secret_stays_in_them():
    given = {
        "eventType": "com.oraclecloud.ComputeApi.GetInstance",
        "eventId": "9f86d081884c7d659a2feaa0c55ad015",
        "eventTime": "2026-03-02T23:41:07.052Z",
    }
    line = logged(lambda _: LogObserver("r").filtered("us", fetched({**event("x"), **given}), "excluded_event"))
    assert [json.loads(line)[key] for key in ("event_type", "event_id", "event_time")] == list(given.values())


@pytest.mark.parametrize("unseen", ["\x7f", "\x80", "\x9b", "\x9f", "\u061c", "\u200b", "\u202e", "\u2066", "\u2028", "\U000e0041"])
def test_no_log_line_holds_what_a_terminal_obeys_or_hides(unseen):
    line = logged(lambda log: log.warning("%s", f"é{unseen}b", extra={"event": "x", "fields": {f"k{unseen}": [f"v{unseen}"]}}))
    assert unseen not in line
    assert (json.loads(line)["message"], json.loads(line)[f"k{unseen}"], "é" in line) == (f"é{unseen}b", [f"v{unseen}"], True)


@pytest.mark.parametrize(
    "said",
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
def test_what_oci_says_holds_no_token(said):
    assert OPAQUE not in plain(said)


@pytest.mark.parametrize(
    "said",
    [
        "Either the bucket named 'audit-state' does not exist in the namespace 'axexample' or you are not authorized to access it",
        "Compartment {ocid1.compartment.oc1..aaaaaaaa7z4x2exampleuniqueid} does not exist",
        "(opc-request-id csid5f0b9c6d4f3a8b7e2f1a/0123456789ABCDEF0123456789ABCDEF/FEDCBA9876543210FEDCBA9876543210)",
        "0123456789ABCDEF0123456789ABCDEF/FEDCBA9876543210FEDCBA9876543210",
    ],
)
def test_what_helps_is_still_there(said):
    assert plain(said) == said


@pytest.mark.parametrize(
    "given",
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
def test_no_part_of_a_value_that_may_be_secret_is_shown(given):
    assert "Hunter2x" not in (value(given) or "")
    for key in ("SYSLOG_HOST", "SYSLOG_SERVER_NAME", "STATE_BUCKET", "STATE_NAMESPACE", "OCI_ENDPOINT", "REGIONS", "SYSLOG_PORT", "FORMAT"):
        assert "Hunter2x" not in refused({key: given})


@pytest.mark.parametrize("key", ["SYSLOG_HOST", "SYSLOG_SERVER_NAME", "STATE_BUCKET", "STATE_NAMESPACE"])
@pytest.mark.parametrize("mark", [" ", "!", "$", "|", "\\", "=", "&", ";", "(", "\t"])
def test_of_addresses_and_names_nothing_is_shown_behind_what_they_can_not_hold(key, mark):
    assert f"{key}=siem…: expected" in refused({key: f"siem{mark}Hunter2x"})


@pytest.mark.parametrize("form", ["cef", "leef", "json"])
@pytest.mark.parametrize("digit", ["0", "\u0660", "\uff11", "\u0966", "\u07c1", "\U0001d7ce", "\u09e9"])
def test_a_digit_of_any_script_begins_no_message(form, digit):
    raw = compact(event(message=f"CEF:{digit}|x|x|1|1|login|1|suser=nobody LEEF:{digit}.0|")).encode()
    told = render(raw, format=form).message.decode()
    assert len(re.findall(r"(?:C|LE)EF:\d", told)) == (form != "json")


@pytest.mark.parametrize("form", ["json", "ocsf"])
@pytest.mark.parametrize("key", ["epimetheus", "epimetheusTrimmed", "epimetheusCut", "\\u0065pimetheus"])
@pytest.mark.parametrize("blank", ["", " "])
def test_an_event_can_not_bring_notes_of_ours(form, key, blank):
    raw = f'{compact(event())[:-1]},"{key}"{blank}:{blank}{{"tamperWatch":true}}}}'
    name = key.replace("\\u0065", "e")
    told = json.loads(body(raw.encode(), format=form))
    told = told["unmapped"] if form == "ocsf" else told
    assert name not in told
    assert told[f"event_{name}"] == {"tamperWatch": True}


@pytest.mark.parametrize("command", [["health"], ["run"], ["replay"], ["runs"], ["rules", "try"]])
@pytest.mark.parametrize("minutes", ["nan", "-nan", "inf"])
def test_minutes_that_are_no_number_are_a_usage_error(command, minutes):
    done = CliRunner().invoke(app, [*command, f"--minutes={minutes}"], env={"TERM": "dumb", "COLUMNS": "200"})
    assert done.exit_code == 2
    assert "Invalid value for '--minutes'" in done.stderr

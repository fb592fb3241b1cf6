"""Headers of RFC 5424 and RFC 3164, malformed events, and invalid settings."""

import json
import time as clock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from epimetheus.errors import ConfigError
from epimetheus.render.renderer import FORMATS, HEADERS, MIN_BYTES, Renderer
from epimetheus.render.syslog import Rfc3164, Rfc5424
from tests.render.helpers import FORMATS_AND_HEADERS, SETTINGS, TEXTS, body, event, parts, render

TIMED = event() | {"eventTime": "2026-03-02T08:05:09.120Z"}


def test_an_rfc_5424_header():
    assert render(TIMED, 4711, run_id="r-1", format="json").message.startswith(
        b'<134>1 2026-03-02T08:05:09.120Z us-ashburn-1 epimetheus - audit [epimetheus@32473 run="r-1" seq="4711"] {"eventType"'
    )


def test_an_rfc_3164_header():
    assert render(TIMED, header="rfc3164").message.startswith(b"<134>Mar  2 08:05:09 us-ashburn-1 epimetheus: CEF:0|Oracle|")
    message = render(TIMED | {"eventTime": "2026-12-12T23:05:09-01:00"}, header="rfc3164", format="json").message
    assert message.startswith(b'<134>Dec 13 00:05:09 us-ashburn-1 epimetheus: {"eventType"')


@pytest.mark.parametrize("header", ["rfc5424", "rfc3164"])
@pytest.mark.parametrize(("facility", "number"), [("kern", 0), ("user", 1), ("authpriv", 10), ("audit", 13), ("local7", 23)])
@pytest.mark.parametrize(
    ("name", "status", "level"),
    [("GetX", "200", 6), ("X", "200", 6), ("CreateX", "200", 5), ("X", "401", 6), ("DeleteX", "200", 4), ("DeleteX", "401", 4)],
)
def test_priority_is_facility_and_level(header, facility, number, name, status, level):
    message = render(event(name, response={"status": status}), header=header, facility=facility).message
    assert parts(message)["pri"] == str(number * 8 + level)


def test_every_severity_has_its_syslog_level():
    for header in (Rfc5424(0, "a", "h", "r", 0.0, 255), Rfc3164(0, "a", "h", "r", 0.0, 255)):
        levels = [parts(header(severity, None, "audit", 1))["pri"] for severity in range(11)]
        assert levels == ["6", "6", "6", "6", "5", "5", "5", "4", "4", "3", "3"]


@given(TEXTS, TEXTS, TEXTS, st.integers(1, 10**12), TEXTS, st.sampled_from(FORMATS_AND_HEADERS))
def test_any_names_give_a_header_that_parses(host, app, run, sequence, name, form_and_header):
    form, header = form_and_header
    names = {"hostname": host, "app_name": app, "run_id": run}
    read = parts(render(event(name, message="m" * 900), sequence, **names, format=form, header=header, max_bytes=600).message)
    if header == "rfc5424":
        assert read["seq"] == str(sequence)
        assert read["msgid"] == "audit"
    printed = "".join(char for char in host if "!" <= char <= "~")
    assert read["host"] == (printed[: 600 // 8] or "-")


@pytest.mark.parametrize(
    ("given", "rfc5424", "rfc3164"),
    [
        ({"app_name": "my-siem_1"}, {"app": "my-siem_1"}, {"app": "mysiem1"}),
        ({"app_name": ""}, {"app": "-"}, {"app": "epimetheus"}),
        ({"app_name": "é"}, {"app": "-"}, {"app": "epimetheus"}),
        ({"app_name": "a" * 60}, {"app": "a" * 48}, {"app": "a" * 32}),
        ({"hostname": ""}, {"host": "-"}, {"host": "-"}),
        ({"hostname": "a b\tc\u00a0é"}, {"host": "abc"}, {"host": "abc"}),
        ({"hostname": "h" * 300}, {"host": "h" * 255}, {"host": "h" * 255}),
        ({"hostname": "h" * 300, "max_bytes": 800}, {"host": "h" * 100}, {"host": "h" * 100}),
        ({"run_id": 'a"b]c\\d' + "e" * 60}, {"run": "abcd" + "e" * 44}, {}),
    ],
)
def test_names_are_printable_and_within_their_lengths(given, rfc5424, rfc3164):
    for header, expected in (("rfc5424", rfc5424), ("rfc3164", rfc3164)):
        read = parts(render(TIMED, header=header, **given).message)
        assert {key: read[key] for key in expected} == expected


@pytest.mark.parametrize("time", [None, "", "yesterday"])
def test_an_event_without_a_time_has_the_start_of_the_run(time):
    raw = event() | {"eventTime": time}
    assert parts(render(raw, started=1772528405.9).message)["time"] == "2026-03-03T09:00:05.900Z"
    assert parts(render(b"{", started=1772528405.9).message)["time"] == "2026-03-03T09:00:05.900Z"
    assert parts(render(raw, header="rfc3164", started=1772528405.9).message)["time"] == "Mar  3 09:00:05"
    assert parts(render(raw, header="rfc3164").message)["time"] == "Jan  1 00:00:00"
    assert parts(render(TIMED, header="rfc3164", started=1772528405.9).message)["time"] == "Mar  2 08:05:09"


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"", ""),
        (b"not json\r\n\tat all \x00\x85\xff", "not json   at all \\u0000\ufffd\ufffd"),
        (b"17", "17"),
        (b"null", "null"),
        (b'"text"', '"text"'),
        (b'[ 1, "\xe2\x80\xa8" ]', '[1,"\\u2028"]'),
        (b'{"no": "event"}', '{"no":"event"}'),
        (b'{"no": "\\ud800", "\\udc00": 1}', '{"no":"?","?":1}'),
        (b'{"eventType": "x", "data": {"eventName": 7}}', '{"eventType":"x","data":{"eventName":7}}'),
        (b'{"eventType": "x", "data": []}', '{"eventType":"x","data":[]}'),
        (b'{"eventType":"x","data":{},"n":NaN,"m":-Infinity}', '{"eventType":"x","data":{},"n":"NaN","m":"-Infinity"}'),
        (b'{"eventType":"x","data":{"eventName":"y"}', '{"eventType":"x","data":{"eventName":"y"}'),
        (b"\xef\xbb\xbf{}", "\\ufeff{}"),
    ],
)
@pytest.mark.parametrize("form", FORMATS)
def test_a_malformed_event_is_sent_as_received_and_marked(raw, text, form):
    rendered = render(raw, 3, format=form, started=1772528405.0)
    head = '<133>1 2026-03-03T09:00:05.000Z us-ashburn-1 epimetheus - malformed [epimetheus@32473 run="run-1" seq="3"] '
    assert rendered.message == f"{head}{text}".encode()
    assert not rendered.trimmed
    rendered = render(raw, 3, format=form, header="rfc3164", started=1772528405.0)
    assert rendered.message == f"<133>Mar  3 09:00:05 us-ashburn-1 epimetheus[malformed]: {text}".encode()


@pytest.mark.parametrize(
    "raw",
    [
        b"[" * 100_000 + b"]" * 100_000,
        b'{"a":' * 100_000,
        b'{"value":' * 50_000 + b'"name":"password"',
        b'{"value":[1],"name":"password",' * 20_000,
        b'{"eventType":"x","data":{"additionalDetails":' + b'{"a":[' * 50_000 + b"}}",
        b"".join(b"a:%b'" % (b"\\" * count) for count in range(1500)),
        b"Cookie: " + b"\\" * 200_000 + b"password" + b" " * 200_000,
        b"-----BEGIN PRIVATE KEY" * 20_000 + b"Signature " * 20_000 + b"://" * 20_000 + b"ocid1." * 20_000,
        b'{"eventType":"x","data":{"eventName":"GetX","message":"' + b"failed with response " * 50_000 + b'x"}}',
        b'{"eventType":"x","data":{"eventName":"GetX","message":"' + b"[" * 100_000 + b'"}}',
        b'{"eventType":"x","data":{"eventName":"GetX","message":"' + b"x" * 50_000_000 + b'"}}',
        b'{"eventType":"x","data":{"eventName":"GetX","message":"' + b"x" * 5_000_000,
    ],
    ids=range(12),
)
@pytest.mark.parametrize("form", FORMATS)
def test_an_event_of_any_size_and_depth_becomes_one_line_in_bounded_time(raw, form):
    began = clock.process_time()
    rendered = render(raw, format=form, max_bytes=8000)
    assert clock.process_time() - began < 10
    assert len(rendered.message) <= 8000
    assert len(rendered.message.decode().splitlines()) == 1


@given(st.binary() | st.text().map(str.encode) | st.binary().map(lambda tail: b'{"eventType":"x","data":{' + tail))
def test_any_bytes_become_one_line(raw):
    for form, header in FORMATS_AND_HEADERS:
        text = render(raw, format=form, header=header).message.decode()
        assert len(text.splitlines()) == 1
        assert parts(text.encode())


def test_a_lone_surrogate_becomes_a_question_mark():
    raw = b'{"eventType":"x","data":{"eventName":"Get\\ud800X","k\\udc00":"\\ud83d"}}'
    assert json.loads(body(raw, format="json"))["data"] == {"eventName": "Get?X", "k?": "?"}
    assert "|Get?X|" in body(raw)


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"format": "xml"}, "FORMAT='xml' is invalid: use one of cef, json, leef, ocsf"),
        ({"header": "RFC5424"}, "SYSLOG_HEADER='RFC5424' is invalid: use one of rfc5424, rfc3164"),
        ({"facility": "local8"}, "SYSLOG_FACILITY='local8' is invalid: use one of kern, user, "),
        ({"max_bytes": 479}, "SYSLOG_MAX_BYTES=479 is invalid: use 0 (no limit) or an integer of at least 480"),
        ({"max_bytes": -1}, "SYSLOG_MAX_BYTES=-1 is invalid: use 0 (no limit) or an integer of at least 480"),
    ],
)
def test_invalid_settings_are_rejected(given, problem):
    with pytest.raises(ConfigError) as caught:
        Renderer(**{**SETTINGS, **given})
    assert len(caught.value.problems) == 1
    assert caught.value.problems[0].startswith(problem)


def test_all_mistakes_are_reported_together():
    with pytest.raises(ConfigError) as caught:
        Renderer(**{**SETTINGS, "format": "x", "header": "y", "facility": "z", "max_bytes": 1})
    assert len(caught.value.problems) == 4
    assert (list(FORMATS), list(HEADERS), MIN_BYTES) == (["cef", "json", "leef", "ocsf"], ["rfc5424", "rfc3164"], 480)

"""The marks of a replay and of a late event in the body, in every format: receivers may drop the syslog header."""

import json

import pytest

from epimetheus.render.custom_fields import Fields
from epimetheus.render.formats.base import LATE_MARKS, REPLAY_MARKS, Enrichment
from tests.render.helpers import FORMATS, FORMATS_AND_HEADERS, body, event, parts, read_by_cefp, read_leef, render

REPLAY, LATE = {"replay": True}, {"enrichment": Enrichment(late=True)}
MARKS = {"replay": (REPLAY, REPLAY_MARKS), "late": (LATE, LATE_MARKS)}


def mark_in(form, text, mark):
    """A mark in a message body, as its format's reader returns it."""
    if form in ("cef", "leef"):
        _, pairs = (read_by_cefp if form == "cef" else read_leef)(text)
        return pairs.get(f"OracleOCIAudit{mark.capitalize()}" if form == "cef" else mark)
    read = json.loads(text)
    return (read.get("unmapped", {}) if form == "ocsf" and "epimetheusCut" not in read else read).get("epimetheus", {}).get(mark)


@pytest.mark.parametrize(
    ("mark", "form", "text", "value"),
    [
        ("replay", "cef", "|2|OracleOCIAuditReplay=true ", "true"),
        ("replay", "leef", "^replay=true^", "true"),
        ("replay", "json", '"epimetheus":{"replay":true,', True),
        ("replay", "ocsf", '"epimetheus":{"replay":true}', True),
        ("late", "cef", "|2|OracleOCIAuditLate=true ", "true"),
        ("late", "leef", "^late=true^", "true"),
        ("late", "json", '"epimetheus":{"late":true,', True),
        ("late", "ocsf", '"epimetheus":{"late":true}', True),
    ],
)
def test_the_body_is_marked(mark, form, text, value):
    plain = body(event(), format=form)
    assert (mark_in(form, plain, mark), text in plain) == (None, False)
    marked = body(event(), format=form, **MARKS[mark][0])
    assert (mark_in(form, marked, mark), text in marked) == (value, True)


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("mark", MARKS)
def test_both_paths_write_the_same_mark(mark, form):
    """An event with the fields that nearly all events have takes the fast path, unless FIELD_MAP prevents it."""
    raw = {**event(), "eventId": "e", "eventTime": "2026-03-02T08:15:30Z"}
    marked = body(raw, format=form, **MARKS[mark][0])
    assert marked == body(raw, format=form, fields=Fields(added={"none": "data.none"}), **MARKS[mark][0])
    assert mark_in(form, marked, mark) in (True, "true")


@pytest.mark.parametrize("mark", MARKS)
def test_the_documented_marks_are_those_of_the_formats(mark):
    settings, documented = MARKS[mark]
    assert list(documented) == sorted(FORMATS)
    assert documented["cef"] in body(event(), format="cef", **settings)
    assert documented["leef"] in body(event(), format="leef", **settings)
    assert json.loads(f"{{{documented['json']}}}") == {"epimetheus": {mark: True}}
    assert json.loads(body(event(), format="json", **settings))["epimetheus"][mark] is True
    assert json.loads(f"{{{documented['ocsf']}}}") == {"unmapped": {"epimetheus": {mark: True}}}
    assert json.loads(body(event(), format="ocsf", **settings))["unmapped"]["epimetheus"] == {mark: True}


@pytest.mark.parametrize(("form", "header"), FORMATS_AND_HEADERS)
@pytest.mark.parametrize("mark", MARKS)
def test_an_oversized_message_keeps_the_mark(mark, form, header):
    raw = event("|" * 512, identity={"principalName": "n" * 900, "principalId": "p" * 900, "ipAddress": "2001:db8::5"}, message="m" * 3000)
    raw |= {"eventId": "e" * 900, "eventTime": "2026-03-02T08:15:30.123456+00:00", "eventTypeVersion": "|" * 31, "eventType": "|" * 1023}
    names = {"hostname": "h" * 300, "app_name": "a" * 60, "run_id": "r" * 60}
    marked = {"replay": mark == "replay", "enrichment": Enrichment("root/prod/app", "person", watched=True, late=mark == "late")}
    for max_bytes in (480, 1024, 2048):
        message = render(raw, 10**9, format=form, header=header, max_bytes=max_bytes, **marked, **names).message
        assert len(message) <= max_bytes
        assert mark_in(form, parts(message)["msg"], mark) in (True, "true")


@pytest.mark.parametrize("mark", MARKS)
def test_field_map_can_rename_and_add_the_mark(mark):
    fields = Fields(renamed={f"OracleOCIAudit{mark.capitalize()}": "cs1"}, added={"mine": f"epimetheus.{mark}"})
    _, pairs = read_by_cefp(body(event(), fields=fields, **MARKS[mark][0]))
    assert (pairs["cs1"], pairs["mine"]) == ("true", "true")
    assert "mine" not in read_by_cefp(body(event(), fields=fields))[1]


@pytest.mark.parametrize("form", FORMATS)
def test_a_replay_of_missing_events_is_marked_as_a_replay_only(form):
    marked = render(event(), format=form, **REPLAY, **LATE).message
    assert marked == render(event(), format=form, **REPLAY).message
    assert b'seq="7" replay="true"] ' in marked


@pytest.mark.parametrize("mark", MARKS)
def test_a_malformed_event_is_marked_in_the_header(mark):
    settings, name = MARKS[mark][0], mark.encode()
    assert b" epimetheus[malformed-%s]: {" % name in render('{"eventType":', header="rfc3164", **settings).message
    assert b" epimetheus[malformed]: {" in render('{"eventType":', header="rfc3164").message
    assert b'seq="7" %s="true"] {' % name in render('{"eventType":', header="rfc5424", **settings).message

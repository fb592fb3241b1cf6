"""The mark of a replay in the body, in every format: receivers may drop the syslog header."""

import json

import pytest

from epimetheus.render.custom_fields import Fields
from epimetheus.render.formats.base import REPLAY_MARKS, Enrichment
from tests.render.helpers import FORMATS, FORMATS_AND_HEADERS, body, event, parts, read_by_cefp, read_leef, render

BOTH = Enrichment("root/prod/app", "person", watched=True)


def mark_in(form, text):
    """The mark of a replay in a message body, as its format's reader returns it."""
    if form in ("cef", "leef"):
        _, pairs = (read_by_cefp if form == "cef" else read_leef)(text)
        return pairs.get("OracleOCIAuditReplay" if form == "cef" else "replay")
    read = json.loads(text)
    return (read.get("unmapped", {}) if form == "ocsf" and "epimetheusCut" not in read else read).get("epimetheus", {}).get("replay")


@pytest.mark.parametrize(
    ("form", "text", "mark"),
    [
        ("cef", "|2|OracleOCIAuditReplay=true ", "true"),
        ("leef", "^replay=true^", "true"),
        ("json", '"epimetheus":{"replay":true,', True),
        ("ocsf", '"epimetheus":{"replay":true}', True),
    ],
)
def test_a_replay_is_marked_in_the_body(form, text, mark):
    assert (mark_in(form, body(event(), format=form)), text in body(event(), format=form)) == (None, False)
    marked = body(event(), format=form, replay=True)
    assert (mark_in(form, marked), text in marked) == (mark, True)


def test_the_documented_marks_are_those_of_the_formats():
    assert list(REPLAY_MARKS) == sorted(FORMATS)
    assert REPLAY_MARKS["cef"] in body(event(), format="cef", replay=True)
    assert REPLAY_MARKS["leef"] in body(event(), format="leef", replay=True)
    assert json.loads(f"{{{REPLAY_MARKS['json']}}}") == {"epimetheus": {"replay": True}}
    assert json.loads(body(event(), format="json", replay=True))["epimetheus"]["replay"] is True
    assert json.loads(f"{{{REPLAY_MARKS['ocsf']}}}") == {"unmapped": {"epimetheus": {"replay": True}}}
    assert json.loads(body(event(), format="ocsf", replay=True))["unmapped"]["epimetheus"] == {"replay": True}


@pytest.mark.parametrize(("form", "header"), FORMATS_AND_HEADERS)
def test_an_oversized_message_keeps_the_mark(form, header):
    raw = event("|" * 512, identity={"principalName": "n" * 900, "principalId": "p" * 900, "ipAddress": "2001:db8::5"}, message="m" * 3000)
    raw |= {"eventId": "e" * 900, "eventTime": "2026-03-02T08:15:30.123456+00:00", "eventTypeVersion": "|" * 31, "eventType": "|" * 1023}
    names = {"hostname": "h" * 300, "app_name": "a" * 60, "run_id": "r" * 60}
    for max_bytes in (480, 1024, 2048):
        message = render(raw, 10**9, format=form, header=header, max_bytes=max_bytes, enrichment=BOTH, replay=True, **names).message
        assert len(message) <= max_bytes
        assert mark_in(form, parts(message)["msg"]) in (True, "true")


def test_field_map_can_rename_and_add_the_mark():
    fields = Fields(renamed={"OracleOCIAuditReplay": "cs1"}, added={"mine": "epimetheus.replay"})
    _, pairs = read_by_cefp(body(event(), fields=fields, replay=True))
    assert (pairs["cs1"], pairs["mine"]) == ("true", "true")
    assert "mine" not in read_by_cefp(body(event(), fields=fields))[1]


def test_a_malformed_event_of_a_replay_is_marked_in_the_header():
    assert b" epimetheus[malformed-replay]: {" in render('{"eventType":', header="rfc3164", replay=True).message
    assert b" epimetheus[malformed]: {" in render('{"eventType":', header="rfc3164").message
    assert b'seq="7" replay="true"] {' in render('{"eventType":', header="rfc5424", replay=True).message

"""Enrichment in every format, events that TAMPER_WATCH matches, and notices."""

import json

import pytest

from epimetheus.render.formats.base import Enrichment
from epimetheus.render.renderer import Renderer
from tests.render.helpers import (
    FORMATS,
    FORMATS_AND_HEADERS,
    OCSF,
    SETTINGS,
    body,
    event,
    fetched,
    parts,
    read_by_cefp,
    read_leef,
    render,
)

PLACED = Enrichment("root/prod/app", "person")
WATCHED = Enrichment("root/prod/app", "person", watched=True)


def enrichment_in(form, text):
    """Compartment path, TAMPER_WATCH mark and severity in a message body."""
    if form in ("cef", "leef"):
        head, pairs = (read_by_cefp if form == "cef" else read_leef)(text)
        keys = ("OracleOCIAuditCompartmentPath", "OracleOCIAuditTamperWatch") if form == "cef" else ("compartmentPath", "tamperWatch")
        return (*map(pairs.get, keys), int(pairs.get("sev") or head[-1]))
    read = json.loads(text)
    values = (read.get("unmapped", {}) if form == "ocsf" and "epimetheusCut" not in read else read).get("epimetheus", {})
    return values.get("compartmentPath"), values.get("tamperWatch"), read.get("severity_id")


@pytest.mark.parametrize(
    ("form", "mark", "low", "high", "higher"),
    [("cef", "true", 2, 9, 10), ("leef", "true", 2, 9, 10), ("json", True, None, None, None), ("ocsf", True, 1, 5, 5)],
)
def test_every_format_has_the_enrichment_and_a_watched_event_is_severe(form, mark, low, high, higher):
    assert enrichment_in(form, body(event(), format=form)) == (None, None, low)
    assert enrichment_in(form, body(event(), format=form, enrichment=PLACED)) == ("root/prod/app", None, low)
    assert enrichment_in(form, body(event(), format=form, enrichment=WATCHED)) == ("root/prod/app", mark, high)
    assert enrichment_in(form, body(event(), format=form, enrichment=WATCHED, severities=[("*", 10)])) == ("root/prod/app", mark, higher)
    assert enrichment_in(form, body(event(), format=form, enrichment=WATCHED, severities=[("*", 0)])) == ("root/prod/app", mark, high)


@pytest.mark.parametrize(("form", "header"), FORMATS_AND_HEADERS)
def test_a_watched_event_has_level_error_even_if_malformed(form, header):
    for raw, plain in ((event(), "134"), ('{"eventType":', "133")):
        assert parts(render(raw, format=form, header=header).message)["pri"] == plain
        message = parts(render(raw, format=form, header=header, enrichment=WATCHED).message)
        assert message["pri"] == "131"
        assert ("root/prod" in message["msg"]) == (raw == event())


def test_in_json_the_enrichment_is_last_and_cannot_be_forged():
    raw = {"epimetheus": "forged", **event()}
    added = '"epimetheus":{"compartmentPath":"root/prod/app","tamperWatch":true,"severity":9}'
    assert body(raw, format="json", enrichment=WATCHED).endswith(f",{added}}}")
    assert body(raw, format="json", enrichment=WATCHED).startswith('{"event_epimetheus":"forged","eventType":')
    assert json.loads(body(raw, format="json")) == {"event_epimetheus": "forged", **event(), "epimetheus": {"severity": 2}}


@pytest.mark.parametrize("form", FORMATS)
def test_the_actor_is_sent_only_through_field_map(form):
    assert body(event(), format=form, enrichment=Enrichment(actor="person")) == body(event(), format=form)


@pytest.mark.parametrize(("form", "header"), FORMATS_AND_HEADERS)
def test_an_oversized_message_loses_the_path_but_never_the_mark(form, header):
    raw = event(message="m" * 3000, resourceId="r" * 900, additionalDetails={"a": "b" * 2000})
    for max_bytes, expected in ((0, "root/prod/app"), (1800, None), (480, None)):
        path, mark, _ = enrichment_in(form, body(raw, format=form, header=header, max_bytes=max_bytes, enrichment=WATCHED))
        assert path == expected
        assert mark in (True, "true")


@pytest.mark.parametrize(("form", "header"), FORMATS_AND_HEADERS)
def test_the_mark_stays_with_the_longest_header(form, header):
    raw = event("|" * 512, identity={"principalName": "n" * 900, "principalId": "p" * 900, "ipAddress": "2001:db8::5"})
    raw |= {"eventId": "e" * 900, "eventTime": "2026-03-02T08:15:30.123456+00:00", "eventTypeVersion": "|" * 31, "eventType": "|" * 1023}
    names = {"hostname": "h" * 300, "app_name": "a" * 60, "run_id": "r" * 60}
    message = render(raw, 10**9, format=form, header=header, max_bytes=480, enrichment=WATCHED, **names).message
    assert len(message) <= 480
    assert enrichment_in(form, parts(message)["msg"])[1] in (True, "true")


@pytest.mark.parametrize("form", FORMATS)
def test_the_compartment_path_is_redacted(form):
    assert "hidden" not in body(event(), format=form, enrichment=Enrichment("root/token=hidden"))
    assert "root/prod" not in body(event(), format=form, enrichment=WATCHED, redact=["epimetheus.compartmentPath"])
    assert "root/prod" in body(event(), format=form, enrichment=WATCHED, redact=["epimetheus.compartmentPath.x", "data.*"])


NOTICE = {
    "eventType": "epimetheus.Run",
    "eventTime": "2026-03-02T09:00:04.000Z",
    "data": {"eventName": "Run", "identity": {"principalName": "epimetheus"}, "message": "7 events", "additionalDetails": {"fetched": 7}},
}


@pytest.mark.parametrize("form", FORMATS)
def test_a_notice_has_the_format_of_events_and_its_own_msgid(form):
    for header in ("rfc5424", "rfc3164"):
        renderer = Renderer(**{**SETTINGS, "format": form, "header": header, "severities": [("epimetheus.Held*", 7)]})
        notice, as_event = renderer.render_notice(fetched(NOTICE), 8), renderer(fetched(NOTICE), 8)
        assert notice.message == as_event.message.replace(b" - audit ", b" - notice ")
        assert parts(notice.message)["pri"] == "134"
        assert parts(renderer.render_notice(fetched(NOTICE | {"eventType": "epimetheus.HeldBack"}), 9).message)["pri"] == "132"
    message = render(NOTICE, format=form).message.decode()
    assert "7 events" in message
    if form == "ocsf":
        OCSF.validate(json.loads(message[message.index("{") :]))

"""Costly events: no event can stop a run. It is abridged, and a page stops at the deadline."""

import itertools
import json
import time

import pytest

from epimetheus.model import Window
from epimetheus.render.abridge import EVENT_SECONDS, MAX_BYTES
from epimetheus.render.renderer import Rendered, Renderer
from epimetheus.run.tally import Tally
from epimetheus.select.dedupe import SeenKeys
from epimetheus.select.rate_limits import RateLimits
from epimetheus.select.rules import Rules
from epimetheus.select.selection import Selection
from epimetheus.select.tamper_watch import TamperWatch
from epimetheus.source.decode import Events
from epimetheus.source.fetch import FetchTask
from epimetheus.testing.oci.samples import Sampler
from tests.render.helpers import FORMATS, FORMATS_AND_HEADERS, OCSF, SETTINGS, event, fetched, parts, read_by_cefp, read_leef
from tests.run.test_forwarder import FakeSender, Forwarder
from tests.support.budget import budget
from tests.support.harness import staged

TIMED = {"eventId": "event-1", "eventTime": "2026-03-02T08:15:30.120Z"}
IDENTITY = {"principalName": "noor", "ipAddress": "192.0.2.1", "userAgent": "agent"}
SECRET = {"password": "hunter2"}


def costly(**data):
    """An event of ordinary fields and a secret, plus ``data`` that makes it costly."""
    ordinary = {"identity": IDENTITY, "response": {"status": "403"}, "message": "thing failed"}
    return event("DeleteThing", **{**ordinary, "request": {"headers": SECRET, "path": "/x?token=hunter2"}, **data}) | TIMED


def slow_renderer(form, header="rfc5424", **settings):
    """A renderer whose clock advances a second with each reading."""
    ticks = itertools.count()
    return Renderer(**{**SETTINGS, "format": form, "header": header, "monotonic": lambda: next(ticks), **settings})


@pytest.mark.parametrize(("form", "header"), FORMATS_AND_HEADERS)
def test_an_event_that_takes_too_long_is_abridged_redacted_and_marked(form, header):
    assert EVENT_SECONDS == 2.0
    raw = costly(additionalDetails={"a": "password is hunter2", "b": ["token=hunter2"] * 9})
    rendered = slow_renderer(form, header)(fetched(raw), 7)
    message = parts(rendered.message)
    assert (rendered.abridged, rendered.trimmed, rendered.redacted) == (True, True, True)
    assert b"hunter2" not in rendered.message.replace(b"password is hunter2", b"")
    size = len(json.dumps(raw))
    assert f"[abridged: {size} bytes] thing failed" in message["msg"]
    assert message.get("msgid", "audit") == "audit"
    assert message.get("trimmed", "event") == "event"
    if form == "cef":
        head, extension = read_by_cefp(message["msg"])
        assert head[3:] == ("com.oraclecloud.things.DeleteThing", "DeleteThing", "8")
        assert {key: extension[key] for key in ("rt", "externalId", "outcome", "src", "suser", "cn1")} == {
            "rt": "1772439330120", "externalId": "event-1", "outcome": "failure", "src": "192.0.2.1", "suser": "noor", "cn1": "403",
        }  # fmt: skip
    elif form == "leef":
        assert read_leef(message["msg"])[1]["usrName"] == "noor"
    elif form == "json":
        shown = json.loads(message["msg"])
        assert (shown["eventId"], shown["data"]["identity"]) == ("event-1", IDENTITY)
        assert shown["epimetheusCut"].startswith('{"eventType":"com.oraclecloud.things.DeleteThing","data":{"eventName":"DeleteThing",')
    else:
        OCSF.validate(json.loads(message["msg"]))


def test_an_abridged_event_respects_max_bytes_and_redacted_paths():
    for form, header in FORMATS_AND_HEADERS:
        for most in (480, 1000, 4000):
            rendered = slow_renderer(form, header, max_bytes=most)(fetched(costly(resourceName="r" * 3000)), 7)
            assert len(rendered.message) <= most
            assert rendered.abridged
    hidden = slow_renderer("json", redact=["data.identity.ipAddress", "data.additionalDetails.*"])
    message = hidden(fetched(costly(additionalDetails={"x": "192.0.2.1"})), 7).message
    assert b"192.0.2.1" not in message
    assert b"epimetheusCut" not in message


def test_malformed_text_that_takes_too_long_is_truncated():
    rendered = slow_renderer("cef")(fetched('{"x":["' + "a=b&" * 20_000 + '","token=hunter2","'), 7)
    assert (rendered.abridged, parts(rendered.message)["trimmed"]) == (True, "raw")
    assert len(rendered.message) < 70_000


LARGE = {
    "6 MB in one string": lambda: {"identity": {**IDENTITY, "userAgent": "Mozilla/5.0 " * 500_000}},
    "6 MB of one letter": lambda: {"identity": {**IDENTITY, "userAgent": "a" * 6_000_000}},
    "a million members": lambda: {"additionalDetails": {str(number): number for number in range(1_000_000)}},
    "a million members of data": lambda: {str(number): number for number in range(1_000_000)},
    "a million escapes": lambda: {"message": "\n\\\"" * 333_334},
    "a million backslashes": lambda: {"message": "\\" * 1_000_000},
    "a million times JSON in a string": lambda: {"message": json.dumps([{"a": "b"}] * 200_000)},
    "a million items": lambda: {"additionalDetails": [1] * 1_000_000},
}


@pytest.mark.parametrize("name", LARGE)
def test_a_giant_event_costs_less_than_two_seconds_and_is_marked(name):
    given = fetched(costly(**LARGE[name]()))
    assert len(given.raw) > MAX_BYTES
    for form in FORMATS:
        began = time.process_time()
        rendered = Renderer(**{**SETTINGS, "format": form, "max_bytes": 64_000})(given, 7)
        assert time.process_time() - began < 2, form
        assert rendered.abridged, form
        assert parts(rendered.message)["trimmed"].split(",")[0] == "event", form
        assert b"hunter2" not in rendered.message, form
        assert b"DeleteThing" in rendered.message, form


def test_giant_malformed_text_costs_less_than_two_seconds():
    began = time.process_time()
    rendered = Renderer(**{**SETTINGS, "max_bytes": 0})(fetched(b'{"password":"' + b"hunter2" * 2_000_000), 7)
    assert time.process_time() - began < 2
    assert (rendered.abridged, parts(rendered.message)["trimmed"]) == (True, "raw")
    assert b"hunter2" not in rendered.message


@pytest.mark.parametrize("form", FORMATS)
def test_an_event_below_the_limits_is_not_abridged(form):
    raw = costly(additionalDetails={"x": "y" * (MAX_BYTES - 2000)})
    rendered = Renderer(**{**SETTINGS, "format": form})(fetched(raw), 7)
    assert (rendered.abridged, b"[abridged" in rendered.message) == (False, False)


@pytest.mark.parametrize("form", FORMATS)
def test_very_long_values_of_an_abridged_event_are_truncated(form):
    given = fetched(costly(identity={**IDENTITY, "ipAddress": "1" * 9000}) | {"eventType": "com.oraclecloud.x." + "y" * 9000})
    rendered = Renderer(**{**SETTINGS, "format": form})(given, 7)
    assert rendered.abridged
    assert b"y" * 600 not in rendered.message.partition(b"epimetheusCut")[0]


class SlowRenderer:
    """Takes ``seconds`` of the simulated clock for each event."""

    def __init__(self, hand, seconds):
        self.hand, self.seconds = hand, seconds

    def render_many(self, items):
        self.hand.forward(self.seconds * len(items))
        return [Rendered(b"%d" % sequence, trimmed=False, abridged=True) for _, sequence, _ in items]


def page_of(count):
    texts = [b'{"eventType":"t","data":{},"eventId":"%d"}' % number for number in range(count)]
    return Events(b",".join(texts), texts)


@pytest.mark.parametrize(("seconds", "sent"), [(1.0, 10), (3.0, 4), (0.001, 300)])
def test_a_page_stops_at_the_deadline_and_the_rest_is_sent_when_it_is_read_again(hand, seconds, sent):
    sender, seen, tally = FakeSender(), SeenKeys(), Tally()
    selection = Selection(Rules(), TamperWatch(()), RateLimits({}))
    forwarder = Forwarder(seen, selection, SlowRenderer(hand, seconds), lambda message: message + b"\n", sender, tally)
    task = FetchTask("c", Window(0, 60))
    complete = forwarder.forward_page(task, page_of(300), hand.deadline(10))
    forwarder.finish()
    assert (complete, sender.sent, tally.fetched, tally.forwarded, tally.abridged) == (sent == 300, sent, sent, sent, sent)
    assert forwarder.forward_page(task, page_of(300), hand.deadline(10_000))
    forwarder.finish()
    assert (sender.sent, tally.duplicates, tally.fetched) == (300, sent, 300 + sent)


def hostile(stage, count, **identity):
    """Ordinary events with an ``identity`` that their caller chose."""
    now = stage.hand.time - 600
    sampler = Sampler(stage.world.tenancy, stage.world.tenancy, "root", f"hostile {count}")
    for number in range(count):
        made = sampler.event(now + number / 1000)
        made["data"]["identity"] = {**(made["data"].get("identity") or {}), **identity}
        stage.world.add_event(stage.world.tenancy, made, processed=now + number / 1000)


@pytest.mark.parametrize("form", ["cef", "json"])
def test_user_agents_of_64_kb_on_one_page_arrive_within_the_deadline(tmp_path, api_key, form):
    events = budget(quick=60, full=300)
    with staged(tmp_path, api_key, page_size=500) as stage:
        hostile(stage, events, userAgent=("eyJ" * 30_000)[:65_536])
        began = time.monotonic()
        report = stage.run(seconds=120, FORMAT=form)
        assert time.monotonic() - began < 115
        assert (report.status, report.fetched, report.forwarded, report.truncated) == ("ok", events, events, events)
        assert len(set(stage.arrived())) == events


def test_a_run_that_renders_slowly_commits_before_its_deadline_and_the_next_runs_continue(tmp_path, api_key, monkeypatch):
    real = Renderer.render_many
    monkeypatch.setattr(Renderer, "render_many", lambda self, items: time.sleep(0.05 * len(items)) or real(self, items))
    with staged(tmp_path, api_key, page_size=500) as stage:
        hostile(stage, 80)
        began = time.monotonic()
        first = stage.run(seconds=5)
        assert time.monotonic() - began < 5
        assert (first.status, first.error, first.position.caught_up) == ("ok", None, False)
        assert 0 < first.forwarded == first.fetched < 80
        reports = [stage.run(seconds=5) for _ in range(2)]
        assert reports[-1].status == "ok"
        assert first.forwarded + sum(report.forwarded for report in reports) == 80
        assert sorted(stage.arrived()) == sorted(set(stage.arrived()))


def test_abridged_events_are_counted(tmp_path, api_key):
    with staged(tmp_path, api_key, page_size=500) as stage:
        hostile(stage, 2, userAgent="a" * 1_500_000)
        hostile(stage, 1)
        report = stage.run()
        assert (report.status, report.forwarded, report.abridged) == ("ok", 3, 2)

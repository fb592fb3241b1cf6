"""A new format is one module and one line in FORMATS: the example in CONTRIBUTING.md, registered and used like a built-in format."""

import json

import pytest

from epimetheus.config.settings import Settings
from epimetheus.render import renderer
from epimetheus.render.custom_fields import Fields
from epimetheus.render.formats.base import Enrichment
from epimetheus.render.renderer import FORMATS
from tests.render.formats.example_format import Ecs
from tests.render.helpers import body, event, parts, render

RAW = event(
    "DeleteBucket",
    identity={"principalName": "noor", "credentials": "token=hunter2"},
    response={"status": "404"},
    additionalDetails={"text": "x" * 900},
) | {"eventTime": "2026-03-02T08:15:30Z"}
WATCHED = Enrichment("root/prod/app", "person", watched=True)


@pytest.fixture(autouse=True)
def registered(monkeypatch):
    monkeypatch.setattr(renderer, "FORMATS", {**FORMATS, "ecs": Ecs})
    monkeypatch.setattr(renderer.Renderer, "formats", {**FORMATS, "ecs": Ecs})


def test_a_registered_format_renders_an_event_without_its_secrets():
    message = parts(render(RAW, format="ecs", enrichment=WATCHED).message)
    assert (message["pri"], message["msgid"]) == ("131", "audit")
    assert json.loads(message["msg"]) == {
        "@timestamp": "2026-03-02T08:15:30.000Z",
        "event": {"action": "DeleteBucket", "outcome": "failure", "severity": 9},
        "user": {"name": "noor"},
        "oci": RAW | {"data": RAW["data"] | {"identity": {"principalName": "noor", "credentials": "[redacted]"}}},
        "epimetheus": {"compartmentPath": "root/prod/app", "tamperWatch": True},
    }


def test_it_fits_the_size_limit_and_lists_what_was_trimmed():
    message = render(RAW, format="ecs", max_bytes=800, enrichment=WATCHED).message
    assert len(message) <= 800
    assert parts(message)["trimmed"] == "additionalDetails"
    assert json.loads(body(RAW, format="ecs", max_bytes=800, header="rfc3164"))["epimetheusTrimmed"] == "additionalDetails"


def test_it_takes_field_map_and_redact():
    fields = Fields(renamed={"event.action": "action"}, added={"labels.actor": "epimetheus.actor"})
    output = json.loads(body(RAW, format="ecs", fields=fields, enrichment=WATCHED, redact=["data.identity.principalName"]))
    assert (output["action"], output["labels"], output["user"]) == ("DeleteBucket", {"actor": "person"}, {"name": "[redacted]"})


def test_it_sends_a_malformed_event_as_text():
    assert parts(render("{", format="ecs").message)["msgid"] == "malformed"


def test_the_setting_format_accepts_every_registered_format():
    assert set(Settings.reference("format").accepted.replace(" or ", ", ").split(", ")) == set(FORMATS)

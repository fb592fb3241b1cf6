"""A message is the same whether its event was polled, in the Audit API's form, or pushed, in Logging's form."""

import json

import pytest

from epimetheus.render.formats.base import Enrichment
from epimetheus.render.renderer import Renderer
from epimetheus.source.decode import decode_event
from epimetheus.testing.oci.logging_form import logging_form
from epimetheus.testing.oci.samples import Sampler
from tests.support.hand import HandClock

TENANCY, COMPARTMENT = "ocid1.tenancy.oc1..t", "ocid1.compartment.oc1..c"
EVENTS = [json.dumps(Sampler(TENANCY, COMPARTMENT, "c", "5").event(HandClock().time + number)).encode() for number in range(60)]
ONE_FORM_ONLY = {"unmapped", "metadata"}


def message(form: str, event: bytes) -> bytes:
    renderer = Renderer(
        format=form, header="rfc5424", facility="local0", app_name="e", hostname="h", max_bytes=0, run_id="r", started=HandClock().time
    )
    return renderer.render_many([(decode_event(event), 1, Enrichment(None, None))])[0].message


def pushed(event: bytes) -> bytes:
    return logging_form(event, COMPARTMENT, TENANCY, HandClock().time)


@pytest.mark.parametrize("form", ["cef", "leef"])
def test_a_line_is_the_same(form):
    assert [message(form, pushed(event)) for event in EVENTS] == [message(form, event) for event in EVENTS]
    names = [(json.loads(event)["data"].get("resourceName"), message(form, pushed(event)).decode()) for event in EVENTS]
    assert all(name in line for name, line in names if name)  # Logging has it in `source` only
    assert sum(name is not None for name, _ in names) > 20


def test_ocsf_differs_in_what_is_not_mapped_only():
    for event in EVENTS:
        one, other = (json.loads(message("ocsf", text).split(b"] ", 1)[1]) for text in (event, pushed(event)))
        assert {key: value for key, value in one.items() if key not in ONE_FORM_ONLY} == {
            key: value for key, value in other.items() if key not in ONE_FORM_ONLY
        }

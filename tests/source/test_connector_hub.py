"""Batches of Connector Hub: every form, every malformed element as an event, and bounds."""

import base64
import json
import time

import pytest

from epimetheus.errors import RequestError
from epimetheus.source.connector_hub import MOST_BYTES, MOST_EVENTS, PushedEvent, read_batch

EVENT = (
    b'{"data": {"eventName": "GetX"}, "id": "e1", "oracle": {"compartmentid": "ocid1.compartment.c", "ingestedtime":'
    b' "2026-01-01T00:00:05.000Z"}, "source": "", "specversion": "1.0", "time": "2026-01-01T00:00:00.000Z", "type": "t"}'
)
PLACED = PushedEvent(EVENT, "ocid1.compartment.c", 1_767_225_600.0, 1_767_225_605.0)


def read(body: bytes) -> list[PushedEvent]:
    return [event._replace(text=bytes(event.text)) for event in read_batch(body)]


def message(value: bytes | str, **changes: object) -> bytes:
    encoded = value if isinstance(value, str) else base64.b64encode(value).decode()
    return json.dumps({"stream": "s", "partition": "0", "key": None, "value": encoded, "offset": 1, "timestamp": 2, **changes}).encode()


@pytest.mark.parametrize(
    ("body", "count"),
    [
        (b"[]", 0),
        (b" [ ] \n", 0),
        (EVENT, 1),
        (b"\n" + EVENT + b"\n", 1),
        (b"[%b,%b]" % (EVENT, EVENT), 2),
        (message(EVENT), 1),
        (b"[%b,%b]" % (message(EVENT), message(b"[%b , %b]" % (EVENT, EVENT))), 3),
        (message(b"[]"), 0),
    ],
)
def test_every_form_of_a_batch(body, count):
    assert read(body) == [PLACED] * count


def test_a_wrapped_event_has_the_place_of_its_content():
    wrapped = b'{"datetime": 1767225600000, "logContent": %b}' % EVENT
    assert read(b"[%b]" % wrapped) == [PLACED._replace(text=wrapped)]


def test_an_event_in_the_form_of_the_api_has_a_place():
    event = b'{"eventType":"t","eventId":"e","eventTime":"2026-01-01T00:00:00Z","data":{"compartmentId":"c"}}'
    assert read(event) == [PushedEvent(event, "c", 1_767_225_600.0, 0.0)]


@pytest.mark.parametrize(
    "bad", [b"17", b"null", b'"text"', b"{}", b"[1]", b'{"oracle": 7}', b'{"time": 7, "oracle": {"compartmentid": 8}}', b'{"data": "\x01"}']
)
def test_a_malformed_element_is_an_event_without_a_place(bad):
    assert read(b"[%b,%b]" % (bad, EVENT)) == [PushedEvent(bad), PLACED]
    assert read(b"[%b]" % message(b"[%b,%b]" % (bad, EVENT))) == [PushedEvent(bad), PLACED]


@pytest.mark.parametrize("value", ["?", "e30", base64.b64encode(b"[1").decode()])
def test_a_message_that_cannot_be_read_is_an_event_of_its_text(value):
    assert read(b"[%b]" % message(value)) == [PushedEvent(message(value))]


def test_an_event_with_a_value_is_not_a_message_of_streaming():
    event = message(EVENT, partition=None)
    assert read(event) == [PushedEvent(event)]


@pytest.mark.parametrize("body", [b"[", b"[1,", b"[1]]", b"[" + EVENT, b'["a', b"[" * 100_000, b"[\xff"])
def test_an_incomplete_batch_is_rejected(body):
    with pytest.raises(RequestError) as caught:
        read_batch(body)
    assert caught.value.what.startswith("The request was rejected: ")
    assert caught.value.do == "Connector Hub sends a batch that failed again."


@pytest.mark.parametrize("element", [b"0", b"{}"])
def test_a_batch_of_very_many_elements_is_rejected_quickly(element):
    body = b"[" + b",".join([element] * ((MOST_BYTES - 2) // (len(element) + 1))) + b"]"
    began = time.process_time()
    with pytest.raises(RequestError, match="more than 50,000 events"):
        read_batch(body)
    assert time.process_time() - began < 20


def test_the_largest_numbers_of_bytes_and_events():
    assert len(read_batch(b"[" + b",".join([b"{}"] * MOST_EVENTS) + b"]")) == MOST_EVENTS
    with pytest.raises(RequestError, match="6,291,457 bytes; the maximum is 6,291,456"):
        read_batch(b" " * MOST_BYTES + b"1")

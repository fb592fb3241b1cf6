"""Batches of Connector Hub: every form, every malformed element as an event, and bounds."""

import base64
import json

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


@pytest.mark.parametrize("value", ["?", "e30", "\u00e9"])
def test_a_message_that_cannot_be_read_is_an_event_of_its_text(value):
    assert read(b"[%b]" % message(value)) == [PushedEvent(message(value))]


def test_an_event_with_a_value_is_not_a_message_of_streaming():
    event = message(EVENT, partition=None)
    assert read(event) == [PushedEvent(event)]


@pytest.mark.parametrize("wrapped", [b"7", b"{}", b'{"data": "\x01"}', b"[" * 5_000 + b"]" * 5_000])
def test_a_wrapper_of_something_else_is_a_malformed_event(wrapped):
    bad = b'{"logContent": %b}' % wrapped
    assert read(b"[%b,%b]" % (bad, EVENT)) == [PushedEvent(bad), PLACED]


@pytest.mark.parametrize("character", [b"\x01", rb"\ud800", b"\xff"])
def test_an_event_that_is_not_quite_json_has_a_place(character):
    event = EVENT.replace(b"GetX", b"Get" + character)
    assert read(event) == [PLACED._replace(text=event)]
    assert read(message(event)) == [PLACED._replace(text=event)]


@pytest.mark.parametrize("ocid", [b"x" * 256, b"a b", rb"\u0000", "ö".encode(), b""])
def test_what_is_not_an_ocid_is_not_a_compartment(ocid):
    assert read(EVENT.replace(b"ocid1.compartment.c", ocid))[0].compartment == ""


@pytest.mark.parametrize(
    ("body", "texts"),
    [
        (b"[", []),
        (b"[1,", [b"1"]),
        (b"[1]]", [b"1]]"]),
        (b"[" + EVENT, [EVENT]),
        (b"[%b,%b" % (EVENT, EVENT[:-2]), [EVENT, EVENT[:-2]]),
        (b"[%b,,%b]" % (EVENT, EVENT), [EVENT, b",%b]" % EVENT]),
        (b'["a', [b'"a']),
        (b"[" * 100_000, [b"[" * 99_999]),
        (b"[\xff", [b"\xff"]),
    ],
)
def test_the_rest_of_an_incomplete_batch_is_one_event(body, texts):
    assert [event.text for event in read(body)] == texts
    assert [event.text for event in read(b"[%b]" % message(body))] == texts


@pytest.mark.parametrize("element", [b"0", b"{}"])
def test_of_very_many_elements_the_rest_is_one_event(element):
    count = (MOST_BYTES - 2) // (len(element) + 1)
    found = read(b"[" + b",".join([element] * count) + b"]")
    assert len(found) == MOST_EVENTS
    assert found[-2].text == element
    assert found[-1].text.count(element) == count - MOST_EVENTS + 1


def test_a_message_of_very_many_events_is_one_event_and_the_others_are_read():
    bomb, room = message(b"[" + b",".join([b"0"] * 1_000_000) + b"]"), message(b"[" + b",".join([b"{}"] * (MOST_EVENTS - 3)) + b"]")
    found = read(b"[%b,%b,%b,%b]" % (message(EVENT), bomb, room, EVENT))
    assert len(found) == MOST_EVENTS
    assert (found[0], found[1], found[2].text, found[-1]) == (PLACED, PushedEvent(bomb), b"{}", PLACED)


def test_the_largest_numbers_of_bytes_and_events():
    assert len(read_batch(b"[" + b",".join([b"{}"] * MOST_EVENTS) + b"]")) == MOST_EVENTS
    with pytest.raises(RequestError, match="6,291,457 bytes; the maximum is 6,291,456"):
        read_batch(b" " * MOST_BYTES + b"1")

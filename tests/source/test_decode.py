"""Pages as bytes, good and bad: no event vanishes, and none takes another along."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from epimetheus.source.decode import decode_event, decode_page, split_list

API = b'{"eventType":"com.oraclecloud.x.GetX","eventId":"e1","eventTime":"2026-01-01T00:00:00.000Z","data":{"eventName":"GetX"}}'
LOGGING = b'{"type":"com.oraclecloud.x.GetX","id":"e1","time":"2026-01-01T00:00:00.000Z","dataschema":"2.0","data":{"eventName":"GetX"}}'


def test_the_api_form_keeps_its_text():
    (only,) = decode_page(b"[" + API + b"]")
    assert bytes(only.raw) == API
    assert (only.event.event_id, only.event.event_type, only.event.data.event_name) == ("e1", "com.oraclecloud.x.GetX", "GetX")


def test_the_logging_form_is_understood_as_the_same_event():
    event = decode_event(LOGGING).event
    assert (event.event_id, event.event_time, event.event_type_version) == ("e1", "2026-01-01T00:00:00.000Z", "2.0")


@pytest.mark.parametrize(
    "bad",
    [
        b'{"eventType":"x","data":{"eventName":7}}',
        b'{"eventType":"x","data":[]}',
        b'{"no":"event"}',
        b"17",
        b"null",
        b"NaN",
        b'"\\ud800"',
        b'{"eventType":"x","data":{},"n":NaN}',
        b"[" * 5000 + b"]" * 5000,
    ],
)
def test_a_malformed_event_keeps_its_text_and_harms_no_other(bad):
    first, second, third = decode_page(b"[" + API + b"," + bad + b"," + API + b"]")
    assert bytes(second.raw) == bad
    assert second.event is None
    assert first.event == third.event != None  # noqa: E711


def test_control_characters_and_surrogates_are_read_all_the_same():
    page = b'[{"eventType":"a\x01b","eventId":"\\ud800","data":{}}]'
    (only,) = decode_page(page)
    assert only.event.event_type == "a\x01b"
    assert json.loads(bytes(only.raw))["eventType"] == "a\x01b"


@pytest.mark.parametrize(
    "page", [b"", b"{}", b"null", b'{"code":"x"}', b"[1,2", b"[1]]", b"[1],[2]", b"[[1]", b'[NaN,"]', b"<html>", b'[{"a":NaN,]']
)
def test_what_is_no_page_is_said_to_be_none(page):
    with pytest.raises(ValueError, match="page"):
        list(decode_page(page))


def test_an_empty_page_is_a_page():
    assert decode_page(b" [ ] ") == []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x), max_leaves=20
)


@given(st.lists(JSON))
def test_a_list_is_split_where_its_elements_end(elements):
    body = json.dumps(elements, indent=1).encode()
    assert [json.dumps(json.loads(part)) for part in split_list(body)] == [json.dumps(element) for element in elements]


@given(st.lists(JSON))
def test_every_element_of_any_list_comes_out_as_an_event_or_as_text(elements):
    assert len(decode_page(json.dumps(elements).encode())) == len(elements)


@given(st.binary())
def test_any_bytes_are_a_page_or_an_error(body):
    try:
        decode_page(body)
    except ValueError:
        pass

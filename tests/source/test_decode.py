"""Decoding of valid and invalid pages: no event is lost, and none costs another."""

import contextlib
import json
import time
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from epimetheus.model import Fetched
from epimetheus.source.decode import decode_event, decode_page, split_list
from tests.support.budget import budget

API = b'{"eventType":"com.oraclecloud.x.GetX","eventId":"e1","eventTime":"2026-01-01T00:00:00.000Z","data":{"eventName":"GetX"}}'
LOGGING = b'{"type":"com.oraclecloud.x.GetX","id":"e1","time":"2026-01-01T00:00:00.000Z","dataschema":"2.0","data":{"eventName":"GetX"}}'


def test_an_event_of_the_api_keeps_its_text():
    (only,) = decode_page(b"[" + API + b"]")
    assert bytes(only.raw) == API
    assert (only.event.event_id, only.event.event_type, only.event.data.event_name) == ("e1", "com.oraclecloud.x.GetX", "GetX")


def test_an_event_of_logging_is_decoded_to_the_same_fields():
    event = decode_event(LOGGING).event
    assert (event.event_id, event.event_time, event.event_type_version) == ("e1", "2026-01-01T00:00:00.000Z", "2.0")


@pytest.mark.parametrize(("data", "expected"), [(b"{}", "ocid1.compartment.b"), (b'{"compartmentId":"ocid1.x.a"}', "ocid1.x.a")])
def test_loggings_envelope_provides_a_missing_compartment(data, expected):
    text = b'{"type":"com.oraclecloud.x.GetX","oracle":{"compartmentid":"ocid1.compartment.b","tenantid":"t"},"data":%b}' % data
    assert decode_event(text).event.data.compartment_id == expected


def test_the_wrapper_of_loggings_search_and_connector_hub_is_removed():
    found = decode_event(b'{"datetime":1767225600000,"logContent":%b}' % LOGGING)
    assert (bytes(found.raw), found.event) == (LOGGING, decode_event(LOGGING).event)
    broken = b'{"logContent":{"no":"event"}}'
    assert decode_event(broken) == Fetched(broken, None)


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
def test_a_malformed_event_keeps_its_text_and_does_not_affect_others(bad):
    first, second, third = decode_page(b"[" + API + b"," + bad + b"," + API + b"]")
    assert bytes(second.raw) == bad
    assert second.event is None
    assert first.event == third.event != None  # noqa: E711


def test_control_characters_and_surrogates_are_decoded():
    page = b'[{"eventType":"a\x01b","eventId":"\\ud800","data":{}}]'
    (only,) = decode_page(page)
    assert only.event.event_type == "a\x01b"
    assert json.loads(bytes(only.raw))["eventType"] == "a\x01b"


INVALID_PAGES = {
    "empty": [b"", b" ", b"null", b"17", b'"["', b"<html>", b"]", b"[", b"[[", b"\xef\xbb\xbf[]"],
    "an object": [b"{}", b'{"code":"x"}', b"{]", b"[}"],
    "truncated": [b"[1,2", b"[1,", b"[1", b"[[1]", b'[{"a":[1]', b'[NaN,"]', b'[NaN,"\\"]', b'[{"a":NaN,]', b'[{"a":"]', b'["\\\\]'],
    "too long": [b"[1]]", b"[1],", b"[1]x", b"[1]]]", b"[1]\0", b"[1,2]}]", b"[1][", b'[1]"]'],
    "two lists": [b"[1],[2]", b"[1][2]", b"[1] [2]", b"[]\n[]", b"[1]{}]"],
    "empty element": [b"[1,]", b"[,1]", b"[,]", b"[1,,2]", b"[NaN, ,1]", b"[NaN,\n]"],
}


@pytest.mark.parametrize("page", [page for pages in INVALID_PAGES.values() for page in pages])
def test_an_invalid_page_is_an_error(page):
    with pytest.raises(ValueError, match="page"):
        decode_page(page)


@pytest.mark.parametrize("strict", [True, False], ids=["msgspec", "split_list"])
def test_a_page_truncated_anywhere_is_an_error(strict):
    page = b'[{"a":"[,\\"]"},[1,{}],' + (b"2" if strict else b"NaN") + b',"x"]'
    assert len(decode_page(page)) == 4
    for end in range(len(page)):
        with pytest.raises(ValueError, match="page"):
            decode_page(page[:end])


HUGE = budget(quick=5_000_000, full=50_000_000)


@pytest.mark.parametrize(
    ("inside", "elements"),
    [
        (lambda: b'"' + b"a" * HUGE, None),
        (lambda: b'"' + b"\\\\" * (HUGE // 2), None),
        (lambda: b'"' + b'\\"' * (HUGE // 2), None),
        (lambda: b'"' * (HUGE + 1), None),
        (lambda: b"[" * HUGE, None),
        (lambda: b"]" * HUGE, None),
        (lambda: b'NaN,"' + b"\\\\" * (HUGE // 2) + b'"', 2),
        (lambda: b'NaN,"' + b'\\"' * (HUGE // 2) + b'",1', 3),
        (lambda: b'"' * HUGE + b",1", 2),
        (lambda: b"[" * (HUGE // 2) + b"]" * (HUGE // 2) + b",1", 2),
    ],
    ids=["text", "backslashes", "escaped quotes", "quotes", "open", "closed", "string", "string of quotes", "strings", "nested"],
)
def test_a_huge_pathological_page_is_split_in_linear_time(inside, elements):
    page = b"[" + inside() + b"]"
    began = time.process_time()
    if elements is None:
        with pytest.raises(ValueError, match="page"):
            list(split_list(page))
    else:
        assert sum(1 for _ in split_list(page)) == elements
    assert time.process_time() - began < 10


def test_splitting_takes_no_more_memory_than_the_largest_element():
    page = b'[NaN,"' + b'\\"' * 2_000_000 + b'",1]'
    tracemalloc.start()
    sizes = [len(element) for element in split_list(page)]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert sizes == [3, 4_000_002, 1]
    assert peak < 2.2 * 4_000_002


def test_an_empty_page_is_a_page():
    assert list(decode_page(b" [ ] ")) == []


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
JSON = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20)


@given(st.lists(JSON))
def test_a_list_is_split_into_its_elements(elements):
    body = json.dumps(elements, indent=1).encode()
    assert [json.dumps(json.loads(part)) for part in split_list(body)] == [json.dumps(element) for element in elements]


@given(st.lists(JSON))
def test_every_element_of_any_list_is_returned(elements):
    assert len(decode_page(json.dumps(elements).encode())) == len(elements)


@given(st.binary())
def test_any_bytes_are_a_page_or_an_error(body):
    with contextlib.suppress(ValueError):
        decode_page(body)


def test_a_page_is_a_sequence_of_events():
    page = decode_page(b"[" + API + b"," + LOGGING + b",7]")
    assert (len(page), page[1].event.event_id, page[-1].event, [one.event is None for one in page[1:]]) == (3, "e1", None, [False, True])

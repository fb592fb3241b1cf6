"""Keys: the same event once, different events never mistaken, and nothing kept longer than it is needed."""

import tracemalloc

from hypothesis import given
from hypothesis import strategies as st

from epimetheus.model import Fetched
from epimetheus.select.dedupe import SeenKeys, compartment_tag, event_key
from epimetheus.source.decode import decode_event

TAG = compartment_tag("ocid1.compartment.oc1..a")


def key(text: bytes, tag: bytes = TAG) -> bytes:
    return event_key(tag, decode_event(text))


def test_a_key_is_16_bytes_and_begins_with_its_compartment():
    one = key(b'{"eventType":"t","eventId":"1","data":{}}')
    assert len(one) == 16
    assert one[:4] == TAG


def test_id_time_type_and_compartment_tell_events_apart_and_nothing_else_does():
    base = key(b'{"eventType":"t","eventId":"1","eventTime":"x","data":{}}')
    assert base == key(b'{"data":{"eventName":"y"},"eventTime":"x","eventId":"1","eventType":"t"}')
    assert base != key(b'{"eventType":"t","eventId":"2","eventTime":"x","data":{}}')
    assert base != key(b'{"eventType":"t","eventId":"1","eventTime":"z","data":{}}')
    assert base != key(b'{"eventType":"u","eventId":"1","eventTime":"x","data":{}}')
    assert base != key(b'{"eventType":"t","eventId":"1","eventTime":"x","data":{}}', compartment_tag("b"))


def test_what_has_no_id_is_known_by_its_text():
    assert key(b'{"eventType":"t","data":{}}') != key(b'{"eventType":"t","data":{"message":"m"}}')
    assert event_key(TAG, Fetched(b"garbage", None)) == event_key(TAG, Fetched(b"garbage", None))


def test_a_key_is_met_once_and_remembered_only_when_told():
    seen = SeenKeys()
    assert seen.first_time(b"k" * 16)
    assert not seen.first_time(b"k" * 16)
    assert seen.packed() == {}
    seen.remember(7, [b"k" * 16])
    assert seen.packed() == {7: b"k" * 16}
    assert not SeenKeys(seen.packed()).first_time(b"k" * 16)
    assert len(seen) == 1


def test_buckets_are_forgotten_from_the_minute_that_no_window_reaches():
    seen = SeenKeys({10: b"a" * 16, 11: b"b" * 16})
    seen.forget(10, {})
    assert seen.packed() == {11: b"b" * 16}
    assert seen.first_time(b"a" * 16)
    assert not seen.first_time(b"b" * 16)


def test_a_compartment_behind_keeps_its_keys_and_only_its_own():
    seen = SeenKeys({10: b"AAAA" + b"1" * 12 + b"BBBB" + b"2" * 12})
    seen.forget(50, {b"AAAA": 9})
    assert seen.packed() == {10: b"AAAA" + b"1" * 12}
    seen.forget(50, {b"AAAA": 10})
    assert seen.packed() == {}


TAGS = [b"AAAA", b"BBBB", b"CCCC"]


@given(
    remembered=st.lists(st.tuples(st.integers(0, 20), st.sampled_from(TAGS)), max_size=60),
    before=st.integers(0, 20),
    needed=st.dictionaries(st.sampled_from(TAGS), st.integers(0, 20)),
)
def test_a_key_stays_as_long_as_a_window_can_reach_back_before_the_end_of_its_own(remembered, before, needed):
    seen = SeenKeys()
    keys = [(minute, tag, tag + number.to_bytes(12, "big")) for number, (minute, tag) in enumerate(remembered)]
    for minute, _, one in keys:
        assert seen.first_time(one)
        seen.remember(minute, [one])
    seen.forget(before, needed)
    kept = [(minute, one) for minute, tag, one in keys if minute > before or needed.get(tag, minute) < minute]
    assert seen.packed() == {minute: b"".join(one for at, one in kept if at == minute) for minute in sorted({at for at, _ in kept})}
    assert len(seen) == len(kept)
    assert {one for _, _, one in keys if not seen.first_time(one)} == {one for _, one in kept}


def test_what_is_on_its_way_is_not_forgotten():
    seen = SeenKeys()
    seen.first_time(b"k" * 16)
    seen.forget(99, {})
    assert not seen.first_time(b"k" * 16)


def test_a_backlog_takes_no_more_memory_than_its_overlap():
    def keys(minute):
        return [b"AAAA" + (minute * 1000 + number).to_bytes(12, "big") for number in range(1000)]

    seen = SeenKeys()
    tracemalloc.start()
    for minute in range(60):
        for one in keys(minute):
            seen.first_time(one)
        seen.remember(minute, keys(minute))
        seen.forget(minute - 15, {b"BBBB": 0})
        if minute == 30:
            tracemalloc.reset_peak()
            early, _ = tracemalloc.get_traced_memory()
    late, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(seen) == 15 * 1000
    assert late < 1.2 * early
    assert peak < 2 * early


def test_forgetting_takes_little_memory_of_its_own():
    seen = SeenKeys({1: b"".join(b"AAAA" + number.to_bytes(12, "big") for number in range(50_000))})
    tracemalloc.start()
    seen.forget(1, {})
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(seen) == 0
    assert peak < 50_000 * 16


def test_the_end_of_one_key_and_the_beginning_of_the_next_are_no_key():
    one, two = b"TAGAab01ab456789", b"TAGBab9999999999"
    seen = SeenKeys({7: one + two})
    between = (one + two)[4:20]
    assert between[4:6] == b"ab"
    assert seen.first_time(between)
    assert not any(map(seen.first_time, (one, two, between)))
    seen.forget(7, {})
    assert [seen.first_time(key) for key in (between, one, two)] == [False, True, True]


@given(st.lists(st.binary(min_size=16, max_size=16).map(lambda key: key[:4] + b"zz" + key[6:]) | st.sampled_from([b"z" * 16, b"zy" * 8])))
def test_keys_of_one_shelf_are_told_apart_like_all_others(keys):
    seen, met = SeenKeys(), set()
    for one in keys:
        assert seen.first_time(one) == (one not in met)
        met.add(one)

"""Keys: the same event once, different events never mistaken, and nothing kept longer than it is needed."""

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

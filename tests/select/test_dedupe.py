"""Dedupe keys: one key per event, no false duplicates, and no key kept longer than needed."""

import tracemalloc
from hashlib import blake2b

from hypothesis import given
from hypothesis import strategies as st

from epimetheus.model import Fetched
from epimetheus.select.dedupe import SeenKeys, compartment_tag, event_key
from epimetheus.source.decode import decode_event

TAG = compartment_tag("ocid1.compartment.oc1..a")


def key(text: bytes, tag: bytes = TAG) -> bytes:
    return event_key(tag, decode_event(text))


def test_a_key_has_16_bytes_and_starts_with_its_compartment():
    one = key(b'{"eventType":"t","eventId":"1","data":{}}')
    assert len(one) == 16
    assert one[:4] == TAG


def test_a_key_depends_on_the_whole_text_and_the_compartment_only():
    text = b'{"eventType":"t","eventId":"1","eventTime":"x","data":{"message":"m"}}'
    assert key(text) == key(b"" + text)
    assert key(text) != key(text, compartment_tag("b"))
    for other in (text.replace(b'"m"', b'"n"'), text.replace(b'"1"', b'"2"'), text.replace(b'"x"', b'"y"'), text.replace(b":{", b": {")):
        assert key(text) != key(other)
    assert event_key(TAG, Fetched(b"garbage", None)) == event_key(TAG, Fetched(b"garbage", None))


def test_a_key_is_new_once_and_saved_once_confirmed():
    seen = SeenKeys()
    assert seen.add_if_new(b"k" * 16)
    assert not seen.add_if_new(b"k" * 16)
    assert seen.packed() == {}
    seen.remember(7, [b"k" * 16])
    assert seen.packed() == {7: b"k" * 16}
    assert not SeenKeys(seen.packed()).add_if_new(b"k" * 16)
    assert len(seen) == 1


def test_buckets_are_dropped_up_to_a_minute():
    seen = SeenKeys({10: b"a" * 16, 11: b"b" * 16})
    seen.forget(10, {})
    assert seen.packed() == {11: b"b" * 16}
    assert seen.add_if_new(b"a" * 16)
    assert not seen.add_if_new(b"b" * 16)


def test_a_compartment_behind_keeps_its_own_keys():
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
def test_a_key_is_kept_while_a_window_may_reach_back_before_its_bucket(remembered, before, needed):
    seen = SeenKeys()
    keys = [(minute, tag, tag + number.to_bytes(12, "big")) for number, (minute, tag) in enumerate(remembered)]
    for minute, _, one in keys:
        assert seen.add_if_new(one)
        seen.remember(minute, [one])
    seen.forget(before, needed)
    kept = [(minute, one) for minute, tag, one in keys if minute > before or needed.get(tag, minute) < minute]
    assert seen.packed() == {minute: b"".join(one for at, one in kept if at == minute) for minute in sorted({at for at, _ in kept})}
    assert len(seen) == len(kept)
    assert {one for _, _, one in keys if not seen.add_if_new(one)} == {one for _, one in kept}


def test_unconfirmed_keys_are_not_dropped():
    seen = SeenKeys()
    seen.add_if_new(b"k" * 16)
    seen.forget(99, {})
    assert not seen.add_if_new(b"k" * 16)


def test_a_backlog_takes_the_memory_of_its_overlap():
    def keys(minute):
        return [b"AAAA" + (minute * 1000 + number).to_bytes(12, "big") for number in range(1000)]

    seen = SeenKeys()
    tracemalloc.start()
    for minute in range(60):
        for one in keys(minute):
            seen.add_if_new(one)
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


def test_dropped_buckets_free_their_memory():
    seen = SeenKeys()
    tracemalloc.start()
    for minute in range(2001):
        seen.add_if_new(b"%016x" % minute)
        seen.remember(minute, [b"%016x" % minute])
        seen.forget(minute - 2, {})
        if minute == 200:
            early, _ = tracemalloc.get_traced_memory()
    late, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert late - early < 20_000


def test_dropping_buckets_takes_little_memory():
    seen = SeenKeys({1: b"".join(b"AAAA" + number.to_bytes(12, "big") for number in range(50_000))})
    tracemalloc.start()
    seen.forget(1, {})
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(seen) == 0
    assert peak < 50_000 * 16


def test_bytes_across_two_adjacent_keys_are_not_a_key():
    one, two = b"TAGAab01ab456789", b"TAGBab9999999999"
    seen = SeenKeys({7: one + two})
    between = (one + two)[4:20]
    assert seen.add_if_new(between)
    assert not any(map(seen.add_if_new, (one, two, between)))
    seen.forget(7, {})
    assert [seen.add_if_new(key) for key in (between, one, two)] == [False, True, True]


def test_a_hundred_thousand_keys_take_little_memory():
    keys = [b"TAGA" + blake2b(b"%d" % number, digest_size=12).digest() for number in range(100_000)]
    tracemalloc.start()
    seen = SeenKeys()
    assert all(map(seen.add_if_new, keys))
    seen.remember(7, keys)
    taken, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert not any(map(seen.add_if_new, keys))
    assert seen.packed() == {7: b"".join(keys)}
    assert taken < 35 * len(keys)


def test_interleaved_windows_keep_their_own_keys():
    keys = [b"TAGA" + blake2b(b"%d" % number, digest_size=12).digest() for number in range(1000)]
    seen = SeenKeys()
    assert all(map(seen.add_if_new, keys))
    seen.remember(1, keys[::2])
    seen.remember(2, keys[1::2])
    assert seen.packed() == {1: b"".join(keys[::2]), 2: b"".join(keys[1::2])}
    seen.forget(1, {})
    assert [seen.add_if_new(key) for key in keys[:4]] == [True, False, True, False]


STEPS = st.lists(st.tuples(st.sampled_from(["add", "add", "confirm", "forget"]), st.integers(0, 5), st.sampled_from(TAGS)), max_size=60)


@given(STEPS, st.integers(1, 4))
def test_interleaved_windows_keep_their_keys_in_order(steps, batch):
    """As in a run: keys are added, confirmed in batches per window, and dropped. The model is a list of (key, minute, confirmed)."""
    seen, model = SeenKeys(), []
    for number, (step, minute, tag) in enumerate(steps):
        if step == "add":
            key = tag + number.to_bytes(12, "big")
            assert seen.add_if_new(key)
            model.append([key, minute, False])
        elif step == "confirm":
            waiting = [one for one in model if not one[2]][:batch]
            for at in dict.fromkeys(one[1] for one in waiting):
                seen.remember(at, [one[0] for one in waiting if one[1] == at])
            for one in waiting:
                one[2] = True
        else:
            seen.forget(minute, {b"AAAA": 2})
            model = [one for one in model if not one[2] or one[1] > minute or (one[0][:4] == b"AAAA" and one[1] > 2)]
        assert len(seen) == sum(one[2] for one in model)
        minutes = sorted({one[1] for one in model if one[2]})
        packed = [(at, b"".join(key for key, of, remembered in model if remembered and of == at)) for at in minutes]
        assert list(seen.packed().items()) == packed
    assert not any(seen.add_if_new(one[0]) for one in model)

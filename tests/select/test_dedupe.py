"""Dedupe keys: one key per event, no false duplicates, and no key kept longer than needed."""

import tracemalloc
from copy import deepcopy
from hashlib import blake2b

from hypothesis import given
from hypothesis import strategies as st

from epimetheus.model import Fetched
from epimetheus.select import dedupe
from epimetheus.select.dedupe import SeenKeys, compartment_tag, event_key
from epimetheus.source.decode import decode_event

TAG = compartment_tag("ocid1.compartment.oc1..a")


def key(text: bytes, tag: bytes = TAG) -> bytes:
    return event_key(tag, decode_event(text))


def test_a_key_has_16_bytes_and_starts_with_its_compartment():
    one = key(b'{"eventType":"t","eventId":"1","data":{}}')
    assert len(one) == 16
    assert one[:4] == TAG


def test_a_key_depends_on_what_the_event_says_and_on_the_compartment_only():
    text = b'{"eventType":"t","eventId":"1","eventTime":"x","data":{"eventName":"m"}}'
    assert key(text) == key(b"" + text) == key(text.replace(b":{", b" : {"))
    assert key(text) != key(text, compartment_tag("b"))
    for other in (text.replace(b'"m"', b'"n"'), text.replace(b'"1"', b'"2"'), text.replace(b'"x"', b'"y"'), text.replace(b'"t"', b'"u"')):
        assert key(text) != key(other)
    assert event_key(TAG, Fetched(b"garbage", None)) == event_key(TAG, Fetched(b"garbage", None))


def buckets(seen: SeenKeys, keys: list[bytes], minutes: range) -> dict[int, list[bytes]]:
    """Minute → those of ``keys`` that `forget` drops at this minute and not earlier. ``seen`` is not changed."""
    kept = deepcopy(seen)
    found, left = {}, [key for key in keys if not deepcopy(kept).add_if_new(key)]
    for minute in minutes:
        kept.forget(minute)
        probe = deepcopy(kept)
        if dropped := [key for key in left if probe.add_if_new(key)]:
            found[minute] = dropped
            left = [key for key in left if key not in dropped]
    return found


def delivered(buckets: dict[int, bytes]) -> SeenKeys:
    """Keys read from the ledger: minute → packed keys."""
    seen = SeenKeys()
    for minute, packed in buckets.items():
        seen.add_delivered(minute, packed)
    return seen


def test_a_key_is_new_once_and_counts_once_confirmed():
    seen = SeenKeys()
    assert seen.add_if_new(b"k" * 16)
    assert not seen.add_if_new(b"k" * 16)
    assert len(seen) == 0
    seen.remember(7, [b"k" * 16])
    assert len(seen) == 1
    assert buckets(seen, [b"k" * 16], range(10)) == {7: [b"k" * 16]}


def test_a_key_of_the_ledger_is_not_new():
    seen = delivered({7: b"k" * 16 + b"l" * 16})
    assert [seen.add_if_new(key) for key in (b"k" * 16, b"l" * 16, b"m" * 16)] == [False, False, True]
    assert len(seen) == 2


def test_a_key_that_is_in_memory_already_keeps_its_bucket():
    """Two entries may have the same event: it was read again in the overlap after an entry was lost."""
    seen = delivered({9: b"k" * 16, 5: b"k" * 16 + b"l" * 16})
    assert buckets(seen, [b"k" * 16, b"l" * 16], range(10)) == {5: [b"l" * 16], 9: [b"k" * 16]}
    assert len(seen) == 2


def test_keys_of_the_ledger_come_between_keys_that_are_not_confirmed():
    """A commit during a long slice, then entries of another one: the unconfirmed keys stay unconfirmed."""
    seen = SeenKeys()
    assert seen.add_if_new(b"a" * 16)
    seen.add_delivered(5, b"k" * 16)
    assert seen.add_if_new(b"b" * 16)
    assert len(seen) == 1
    seen.remember(6, [b"a" * 16, b"b" * 16])
    assert buckets(seen, [b"a" * 16, b"b" * 16, b"k" * 16], range(10)) == {5: [b"k" * 16], 6: [b"a" * 16, b"b" * 16]}


def test_keys_that_were_never_confirmed_are_dropped_for_the_next_run():
    seen = delivered({5: b"k" * 16})
    assert seen.add_if_new(b"a" * 16)
    seen.drop_unconfirmed()
    assert [seen.add_if_new(key) for key in (b"a" * 16, b"k" * 16)] == [True, False]


def test_buckets_are_dropped_up_to_a_minute():
    seen = delivered({10: b"a" * 16, 11: b"b" * 16})
    seen.forget(10)
    assert len(seen) == 1
    assert seen.add_if_new(b"a" * 16)
    assert not seen.add_if_new(b"b" * 16)


@given(remembered=st.lists(st.integers(0, 20), max_size=60), before=st.integers(0, 20))
def test_a_key_is_kept_while_a_window_may_reach_back_before_its_bucket(remembered, before):
    seen = SeenKeys()
    keys = [(minute, TAG + number.to_bytes(12, "big")) for number, minute in enumerate(remembered)]
    for minute, one in keys:
        assert seen.add_if_new(one)
        seen.remember(minute, [one])
    seen.forget(before)
    kept = [(minute, one) for minute, one in keys if minute > before]
    minutes = sorted({at for at, _ in kept})
    assert buckets(seen, [one for _, one in keys], range(21)) == {at: [one for of, one in kept if of == at] for at in minutes}
    assert len(seen) == len(kept)


def test_unconfirmed_keys_are_not_dropped():
    seen = SeenKeys()
    seen.add_if_new(b"k" * 16)
    seen.forget(99)
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
        seen.forget(minute - 15)
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
        seen.forget(minute - 2)
        if minute == 200:
            early, _ = tracemalloc.get_traced_memory()
    late, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert late - early < 20_000


def test_dropping_buckets_takes_little_memory():
    seen = delivered({1: b"".join(b"AAAA" + number.to_bytes(12, "big") for number in range(50_000))})
    tracemalloc.start()
    seen.forget(1)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(seen) == 0
    assert peak < 50_000 * 16


def test_bytes_across_two_adjacent_keys_are_not_a_key():
    one, two = b"TAGAab01ab456789", b"TAGBab9999999999"
    seen = delivered({7: one + two})
    between = (one + two)[4:20]
    assert seen.add_if_new(between)
    assert not any(map(seen.add_if_new, (one, two, between)))
    seen.forget(7)
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
    assert len(seen) == 100_000
    assert taken < 35 * len(keys)


def test_interleaved_windows_keep_their_own_keys():
    keys = [b"TAGA" + blake2b(b"%d" % number, digest_size=12).digest() for number in range(1000)]
    seen = SeenKeys()
    assert all(map(seen.add_if_new, keys))
    seen.remember(1, keys[::2])
    seen.remember(2, keys[1::2])
    assert buckets(seen, keys, range(3)) == {1: keys[::2], 2: keys[1::2]}
    seen.forget(1)
    assert [seen.add_if_new(key) for key in keys[:4]] == [True, False, True, False]


STEPS = st.lists(st.tuples(st.sampled_from(["add", "add", "confirm", "forget", "load"]), st.integers(0, 5)), max_size=60)


@given(STEPS, st.integers(1, 4))
def test_interleaved_windows_keep_their_keys(steps, batch):
    """As in a run: keys are loaded, added, confirmed in batches per window, and dropped. The model has (key, minute, confirmed)."""
    seen, model = SeenKeys(), []
    for number, (step, minute) in enumerate(steps):
        key = TAG + number.to_bytes(12, "big")
        if step == "add":
            assert seen.add_if_new(key)
            model.append([key, minute, False])
        elif step == "load":
            seen.add_delivered(minute, key)
            model.append([key, minute, True])
        elif step == "confirm":
            waiting = [one for one in model if not one[2]][:batch]
            for at in dict.fromkeys(one[1] for one in waiting):
                seen.remember(at, [one[0] for one in waiting if one[1] == at])
            for one in waiting:
                one[2] = True
        else:
            seen.forget(minute)
            model = [one for one in model if not one[2] or one[1] > minute]
        assert len(seen) == sum(one[2] for one in model)
    minutes = sorted({one[1] for one in model if one[2]})
    found = {at: [key for key, of, remembered in model if remembered and of == at] for at in minutes}
    assert buckets(seen, [one[0] for one in model], range(6)) == found
    assert not any(seen.add_if_new(one[0]) for one in model)


def test_there_may_be_more_minutes_than_buckets(monkeypatch):
    """Positions of many compartments that are behind can differ by months. A key stays at least until its minute is forgotten."""
    monkeypatch.setattr(dedupe, "MOST_BUCKETS", 3)
    seen = SeenKeys()
    keys = {minute: minute.to_bytes(16, "big") for minute in (50, 10, 20, 40, 60, 30, 70)}
    for minute, key in keys.items():
        seen.add_delivered(minute, key)
        seen.add_delivered(minute, key)
    seen.forget(20)
    assert [minute for minute, key in keys.items() if not seen.add_if_new(key)] == [50, 40, 60, 30, 70]
    seen.drop_unconfirmed()
    seen.add_delivered(80, b"x" * 16)
    seen.forget(69)
    assert len(seen) == 5 + 1
    seen.forget(70)
    assert len(seen) == 1

"""The stored form of an entry: readable, decoded as encoded, and strict."""

import hashlib
import json
import tracemalloc
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from epimetheus.errors import LedgerDamaged
from epimetheus.ledger.entry import KNOWN, pack, split_keys, unpack
from epimetheus.ledger.messages import Messages
from epimetheus.ledger.packed_keys import sorted_keys
from epimetheus.model import Window
from tests.ledger.samples import DEV, EARLIER, ENTRY, IDS, IN_ORDER, OPS, ROOT, USUAL, key

PACKED = pack(ENTRY)
EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"  # sha256sum < /dev/null


def digest(*numbers):
    return hashlib.sha256(b"".join(map(key, numbers))).hexdigest()


def sealed(rest):
    return b"EPIMETHEUS-LEDGER 1 sha256=" + hashlib.sha256(rest).hexdigest().encode() + b"\n" + rest


def damage(data):
    with pytest.raises(LedgerDamaged) as caught:
        unpack(data, "ledger/x")
    assert caught.value.what.startswith("The ledger entry ledger/x is damaged: ")
    assert caught.value.do.startswith("Restore it from a copy.")
    return caught.value.what.removeprefix("The ledger entry ledger/x is damaged: ")


def test_a_packed_entry_is_unpacked_with_sorted_keys():
    assert unpack(PACKED, "here") == IN_ORDER
    assert unpack(PACKED, "here").keys[ROOT, USUAL] == key(1) + key(2)
    assert pack(IN_ORDER) == PACKED


def test_the_head_is_readable_and_the_keys_follow_in_its_order():
    first, rest = PACKED.split(b"\n", 1)
    head, keys = rest.split(b"\n\0")
    assert first == b"EPIMETHEUS-LEDGER 1 sha256=" + hashlib.sha256(rest).hexdigest().encode()
    assert json.loads(head) == {
        "version": 1,
        "tenancy": "ocid1.tenancy.oc1..r",
        "state": "oci://audit-state@namespace/epimetheus/eu-frankfurt-1.state",
        "region": "eu-frankfurt-1",
        "run": "ab12cd34ef56",
        "number": 1,
        "source": "poll",
        "window": {"start": "2026-11-30T01:00:00Z", "end": "2026-11-30T06:45:00Z"},
        "epoch": 29401234,
        "at": 1796021160.5,
        "polled": 3,
        "polled_sha256": "ab" * 32,
        "messages": {"first": 1, "last": 4, "sha256": "cd" * 32, "ids_sha256": hashlib.sha256(IDS).hexdigest()},
        "rate_limits": {},
        "common_window": {"start": "2026-11-30T06:00:00Z", "end": "2026-11-30T06:45:00Z"},
        "compartments": {
            DEV: {"keys": 0, "sha256": EMPTY},
            OPS: {"keys": 1, "sha256": digest(7)},
            ROOT: {"keys": 2, "sha256": digest(1, 2)},
        },
        "exceptions": {
            DEV: [{"start": "2026-11-30T01:00:00Z", "end": "2026-11-30T02:00:00Z", "keys": 1, "sha256": digest(4)}],
            OPS: [{"start": "2026-11-30T01:00:00Z", "end": "2026-11-30T02:00:00Z", "keys": 1, "sha256": digest(9)}],
        },
        "unsealed": {},
    }
    assert list(json.loads(head)["compartments"]) == [DEV, OPS, ROOT]
    assert keys == b"".join(map(key, (7, 1, 2, 4, 9))) + IDS


def test_the_order_of_the_compartments_and_keys_does_not_matter():
    other = dict(reversed(ENTRY.keys.items())) | {(ROOT, USUAL): key(2) + key(1) + key(2)}
    assert pack(replace(ENTRY, keys=other)) == PACKED


def test_an_entry_without_messages_or_exceptions_is_an_entry():
    plain = replace(ENTRY, keys={(ROOT, USUAL): b""}, messages=None)
    assert unpack(pack(plain), "here") == plain
    assert plain.window == USUAL


def test_of_equally_common_windows_the_first_is_the_common_one():
    equal = replace(ENTRY, keys={(ROOT, USUAL): key(1), (OPS, EARLIER): key(2)})
    head = json.loads(pack(equal).partition(b"\n")[2].partition(b"\n\0")[0])
    assert head["common_window"]["start"] == "2026-11-30T01:00:00Z"
    assert list(head["exceptions"]) == [ROOT]


@given(st.integers(min_value=0), st.integers(1, 255))
def test_every_changed_byte_is_detected(at, change):
    data = bytearray(PACKED)
    data[at % len(data)] ^= change
    damage(bytes(data))


def test_every_truncation_is_detected():
    for end in range(len(PACKED)):
        damage(PACKED[:end])


@given(st.binary())
def test_any_other_bytes_are_damaged(data):
    damage(data)


OTHER_FORM = "its head is not in the form in which it is written."
KEYS = b"".join(map(key, (7, 1, 2, 4, 9)))
IDS_SHA256 = hashlib.sha256(IDS).hexdigest().encode()


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        (KEYS, KEYS + b"x", "the head counts 5 keys, but 81 bytes follow."),
        (KEYS, KEYS + key(9), "the head counts 5 keys, but 96 bytes follow."),
        (KEYS, KEYS[:-16], "the head counts 5 keys, but 64 bytes follow."),
        (b'"keys": 2', b'"keys": 3', "the head counts 6 keys, but 80 bytes follow."),
        (b'"keys": 2', b'"keys": -2', "its member compartments[...].keys is not valid"),
        (b'"keys": 2', b'"keys": 99999999999999999999', "the head counts 100,000,000,000,000,000,002 keys, but 80 bytes"),
        (key(7), key(8), f"the keys of the compartment {OPS} do not match their SHA-256."),
        (key(1) + key(2), key(2) + key(1), f"the keys of the compartment {ROOT} do not match their SHA-256."),
        (digest(7).encode(), digest(8).encode(), f"the keys of the compartment {OPS} do not match their SHA-256."),
        (digest(7).encode(), digest(7).upper().encode(), "its member compartments[...].sha256 is not valid"),
        (IDS, IDS[:-1], "its message IDs do not match their SHA-256."),
        (IDS, IDS[8:] + IDS[:8], "its message IDs do not match their SHA-256."),
        (b'"last": 4', b'"last": 3', "its message IDs do not match their SHA-256."),
        (b'"last": 4', b'"last": 99', "112 bytes follow its head, which are fewer than its message IDs have."),
        (b'"last": 4', b'"last": 0', "its message IDs do not match their SHA-256."),
        (IDS_SHA256, digest(1).encode(), "its message IDs do not match their SHA-256."),
        (b',\n  "ids_sha256": "' + IDS_SHA256 + b'"', b"", "it lacks the member messages.ids_sha256"),
        (b'"polled_sha256": "ab', b'"polled_sha256": "abab', "its member polled_sha256 is not valid"),
        (b'"end": "2026-11-30T06:45:00Z"', b'"end": "2026-11-30T06:45:30Z"', "'2026-11-30T06:45:30Z' is not a whole minute in UTC."),
        (b'"end": "2026-11-30T06:45:00Z"', b'"end": "2026-11-30 06:45:00Z"', "'2026-11-30 06:45:00Z' is not a whole minute in UTC."),
        (b'"end": "2026-11-30T06:45:00Z"', b'"end": "2026-11-30T06:45:00+00:00"', "'2026-11-30T06:45:00+00:00' is not a whole minute"),
        (b'"end": "2026-11-30T06:45:00Z"', b'"end": "yesterday"', "'yesterday' is not a whole minute in UTC"),
        (b'"end": "2026-11-30T06:45:00Z"', b'"end": "2026-11-30T06:00:00Z"', "a window is empty or begins before 1970."),
        (b"2026-11-30T01:00:00Z", b"1969-11-30T01:00:00Z", "a window is empty or begins before 1970."),
        (b"2026-11-30T01:00:00Z", b"2026-11-22T01:00:00Z", "its window has 11865 minutes; the maximum is 11520."),
        (b'"version": 1', b'"version": 2', "its member version is not valid"),
        (b'"region"', b'"regoin"', "it has an unknown member"),
        (b' "region": "eu-frankfurt-1",\n', b"", "it lacks the member region"),
        (b'"source": "poll"', b'"source": "pull"', "its member source is not valid"),
        (b'"run": "ab12cd34ef56"', b'"run": "ab/12"', "its run, number, epoch and source are not a valid name."),
        (b'"epoch": 29401234', b'"epoch": 129401234', "its run, number, epoch and source are not a valid name."),
        (b'"at": 1796021160.5', b'"at": 1e999', "its member at is not valid"),
        (b'"first": 1', b'"first": 5', "its message IDs do not match their SHA-256."),
        (b'"version": 1', b'"version": 1, "version": 1', OTHER_FORM),
        (b'"at": 1796021160.5', b'"at": 1796021160.50', OTHER_FORM),
        (b'"version": 1,\n', b'"version": 1,', OTHER_FORM),
        (b'"region": "eu', b'"region": "\\u0065u', OTHER_FORM),
        (b' "window": {\n  "start": "2026-11-30T01:00:00Z"', b' "window": {\n  "start": "2026-11-30T01:01:00Z"', OTHER_FORM),
    ],
)
def test_another_form_with_a_valid_checksum_is_damaged(old, new, what):
    rest = PACKED.partition(b"\n")[2]
    assert old in rest
    assert damage(sealed(rest.replace(old, new))).startswith(what)


def test_keys_in_another_order_or_twice_are_damaged_even_with_their_sha256():
    rest = PACKED.partition(b"\n")[2]
    for numbers in ((2, 1), (1, 1)):
        changed = rest.replace(digest(1, 2).encode(), digest(*numbers).encode()).replace(key(1) + key(2), b"".join(map(key, numbers)))
        assert damage(sealed(changed)) == f"the keys of the compartment {ROOT} are not sorted."


def test_a_head_without_an_end_is_damaged():
    plain = pack(replace(ENTRY, keys={(ROOT, USUAL): b""}, messages=None)).partition(b"\n")[2]
    assert plain.endswith(b"\n\0")
    assert damage(sealed(plain[:-2])) == damage(sealed(plain[:-1])) == "its head does not end."


def test_compartments_in_another_order_are_damaged():
    rest = PACKED.partition(b"\n")[2]
    swapped = rest.replace(DEV.encode(), b"?").replace(OPS.encode(), DEV.encode()).replace(b"?", OPS.encode())
    assert damage(sealed(swapped)) == OTHER_FORM


def test_a_window_of_a_compartment_twice_is_damaged():
    two = {(OPS, EARLIER): b"", (OPS, Window(EARLIER.start, EARLIER.end + 1)): b""}
    rest = pack(replace(ENTRY, keys={(ROOT, USUAL): b"", (DEV, USUAL): b"", **two})).partition(b"\n")[2]
    assert damage(sealed(rest.replace(b"2026-11-30T02:01:00Z", b"2026-11-30T02:00:00Z"))) == f"the compartment {OPS} has a window twice."


@pytest.mark.parametrize(
    "invalid",
    [
        {"keys": {}},
        {"keys": {(ROOT, USUAL): b"short"}},
        {"keys": {(ROOT, Window(5, 5)): b""}},
        {"keys": {(ROOT, Window(-1, 5)): b""}},
        {"keys": {(ROOT, Window(100, 11_621)): b""}},
        {"run": "a/b"},
        {"run": ""},
        {"number": 10**9},
        {"epoch": -1},
        {"at": float("nan")},
        {"polled": -1},
        {"polled_sha256": "AB" * 32},
        {"messages": Messages(2, 1, "ab" * 32, b"")},
        {"messages": Messages(1, 1, "", bytes(8))},
        {"messages": Messages(1, 2, "ab" * 32, bytes(8))},
        {"region": "\ud800"},
    ],
)
def test_an_entry_that_could_not_be_read_is_not_written(invalid):
    with pytest.raises(ValueError, match=r"."):
        pack(replace(ENTRY, **invalid))


def test_only_the_stream_of_cloud_guard_has_its_source_and_place():
    guarded = replace(ENTRY, region="cloud-guard", source="cloud_guard", keys={(KNOWN, USUAL): key(1)})
    assert unpack(pack(guarded), "e") == guarded
    with pytest.raises(ValueError, match="its source is cloud_guard, and its region is not cloud-guard"):
        pack(replace(guarded, region=ENTRY.region))
    with pytest.raises(ValueError, match="it has the place known, and its source is not cloud_guard"):
        pack(replace(guarded, source="poll"))


def test_keys_are_divided_into_entries_of_at_most_eight_days():
    ends = {"a": (0, 10), "b": (11_500, 11_520), "c": (11_510, 11_521), "d": (20_000, 30_000), "e": (24_000, 30_001), "f": (11_515, 11_521)}
    keys = {(name, Window(*window)): key(number) for number, (name, window) in enumerate(ends.items())}
    parts = split_keys(keys)
    assert [sorted(name for name, _ in part) for part in parts] == [["a", "b"], ["c", "f"], ["d", "e"]]
    assert {place: packed for part in parts for place, packed in part.items()} == keys
    assert split_keys({}) == []
    with pytest.raises(ValueError, match="a window has 11521 minutes; the maximum is 11520"):
        split_keys({("a", Window(0, 11_521)): b""})


@given(st.lists(st.builds(lambda start, length: Window(start, start + length), st.integers(0, 50_000), st.integers(1, 11_520)), max_size=9))
def test_every_part_of_divided_keys_is_an_entry(windows):
    keys = {(f"c{number}", window): key(number) for number, window in enumerate(windows)}
    parts = split_keys(keys)
    for part in parts:
        pack(replace(ENTRY, keys=part))
    assert sum(map(len, parts)) == len(keys)


def test_an_entry_may_have_eight_days():
    longest = replace(ENTRY, keys={(ROOT, Window(100, 11_620)): b""})
    assert unpack(pack(longest), "here") == longest


@pytest.mark.parametrize("prefix", [b"", b"tag!", b"\0" * 13])
def test_many_keys_are_sorted_and_each_is_kept_once(prefix):
    each = [(prefix + hashlib.sha256(number.to_bytes(4, "big")).digest())[:16] for number in range(70_000)]
    assert sorted_keys(b"".join([*each, *each[:500]])) == b"".join(sorted(set(each)))
    assert sorted_keys(key(5) * 70_000) == key(5)


def test_many_keys_take_a_small_multiple_of_their_size():
    many = b"".join([hashlib.sha256(number.to_bytes(4, "big")).digest() for number in range(50_000)])
    entry = replace(ENTRY, keys={(ROOT, USUAL): many})
    tracemalloc.start()
    try:
        data = pack(entry)
        packing = tracemalloc.get_traced_memory()[1]
        tracemalloc.reset_peak()
        assert len(unpack(data, "here").keys[ROOT, USUAL]) == 1_600_000
        unpacking = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert packing < 8_000_000
    assert unpacking < 4_000_000

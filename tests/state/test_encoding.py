"""The stored form of the state: decoded as encoded, readable, and strict."""

import hashlib
import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from epimetheus.errors import StateDamaged, StateOutdated
from epimetheus.model import HourlyCount, parse_minute
from epimetheus.state.encoding import pack, unpack
from epimetheus.state.model import Adoption, BehindCompartment, KnownCompartment, Lease, Reconciled, State
from epimetheus.state.owner import ReceiverId

STATE = State(
    region="us-ashburn-1",
    through=29_454_480,
    behind={"ocid1.compartment.oc1..b": BehindCompartment(29_454_000, "404", 3, touched=29_454_060)},
    known={
        "ocid1.tenancy.oc1..r": KnownCompartment("root", polled=True),
        "ocid1.compartment.oc1..b": KnownCompartment("b", "ocid1.tenancy.oc1..r", True, True, 7),
    },
    reconciled={60: Reconciled(29_454_420, {"ocid1.compartment.oc1..b": BehindCompartment(29_453_940, "429", 1)}, 120)},
    entered={"run0": 7, "run1": 2},
    epoch=29_454_400,
    first_epoch=29_450_000,
    slice_minutes=30,
    listed=29_454_420,
    lease=Lease("run1", 1767268860.5, 1767268800.5),
    writer="run1",
    serial=12,
    last={"forwarded": 3},
    tenancy="ocid1.tenancy.oc1..r",
    receiver=ReceiverId("tls://siem:6514", "0" * 64),
    ledger="audit-ledger/epimetheus/",
    identity="oci://audit-state@namespace/epimetheus/us-ashburn-1.state",
    adopted=Adoption(1767268800.5, "SIEM replaced", "receiver tls://old:6514"),
    marker_owner="0123456789abcdef",
    newest_entry="2026/01/01/20260101T1158Z-20260101T1143Z-29454400-run0-0007-poll",
    rate_limits={"com.oraclecloud.ComputeApi.GetInstance": {29_454_480: HourlyCount(100, 60, 20, 1_767_268_800_000, 1_767_268_860_500)}},
)


def test_a_packed_state_is_unpacked_unchanged():
    assert unpack(pack(STATE), "here") == STATE


def test_the_state_is_readable_json():
    first, rest = pack(STATE).split(b"\n", 1)
    assert first == b"EPIMETHEUS-STATE 2 sha256=" + hashlib.sha256(rest).hexdigest().encode()
    state = json.loads(rest)
    assert state["through"] == "2026-01-01T12:00:00Z"
    assert state["behind"]["ocid1.compartment.oc1..b"] == {
        "since": "2026-01-01T04:00:00Z", "reason": "404", "attempts": 3, "touched": "2026-01-01T05:00:00Z",
    }  # fmt: skip
    assert (state["epoch"], state["first_epoch"], state["entered"]) == (29_454_400, 29_450_000, {"run0": 7, "run1": 2})


def test_the_marks_of_reconciliation_are_readable():
    assert json.loads(pack(STATE).partition(b"\n")[2])["reconciled"] == {
        "60": {
            "through": "2026-01-01T11:00:00Z",
            "behind": {"ocid1.compartment.oc1..b": {"since": "2026-01-01T03:00:00Z", "reason": "429", "attempts": 1}},
            "slice_minutes": 120,
        }
    }


def test_a_state_of_format_1_is_outdated():
    """It has the dedupe keys, and may be damaged otherwise: its cursor is taken over by `state adopt`, which checks it."""
    with pytest.raises(StateOutdated) as caught:
        unpack(b"EPIMETHEUS-STATE 1 sha256=0\n{}", "here")
    assert str(caught.value) == (
        "The state in here was written by an earlier version, in a format that this version does not use."
        " Run `epimetheus state adopt --reason TEXT`, which continues from its cursor. The events of the overlap are sent again."
    )


def test_compartments_are_grouped_by_parent_and_plain_ones_take_one_line():
    more = {"c": KnownCompartment("c", "r", polled=True), "d": KnownCompartment("d", "r"), "e": KnownCompartment("e", "r", True)}
    head = pack(replace(STATE, known={**STATE.known, **more}))
    assert json.loads(head.partition(b"\n")[2])["known"] == [
        {"parent": None, "known": {"ocid1.tenancy.oc1..r": "root"}},
        {
            "parent": "ocid1.tenancy.oc1..r",
            "known": {"ocid1.compartment.oc1..b": {"name": "b", "deleted": True, "vanished": "1970-01-01T00:07:00Z"}},
        },
        {"parent": "r", "known": {"c": "c", "d": {"name": "d", "polled": False}, "e": "e"}},
    ]
    assert b'    "c": "c",\n' in head


def test_ten_thousand_compartments_take_less_than_two_megabytes():
    def ocid(number):
        return f"ocid1.compartment.oc1..{number:060d}"

    known = {ocid(number): KnownCompartment(f"compartment-{number}", ocid(number // 2), polled=True) for number in range(10_000)}
    assert len(pack(replace(STATE, known=known))) < 2_000_000


def test_rate_limits_are_in_the_head_by_type_and_hour():
    head = json.loads(pack(STATE).partition(b"\n")[2])
    counts = {"passed": 100, "suppressed": 60, "reported": 20, "first": 1_767_268_800_000, "last": 1_767_268_860_500}
    assert head["rate_limits"] == {"com.oraclecloud.ComputeApi.GetInstance": {"2026-01-01T12:00:00Z": counts}}


@given(st.integers(min_value=0), st.integers(1, 255))
def test_every_changed_byte_is_detected(at, change):
    data = bytearray(pack(STATE))
    data[at % len(data)] ^= change
    with pytest.raises(StateDamaged):
        unpack(bytes(data), "here")


@given(st.integers(min_value=0))
def test_every_truncation_is_detected(at):
    data = pack(STATE)
    with pytest.raises(StateDamaged):
        unpack(data[: at % len(data)], "here")


@given(st.binary())
def test_any_other_bytes_are_damaged(data):
    with pytest.raises(StateDamaged, match="here is damaged") as caught:
        unpack(data, "here")
    assert "state rewind" in caught.value.do


def sealed(rest: bytes) -> bytes:
    return b"EPIMETHEUS-STATE 2 sha256=" + hashlib.sha256(rest).hexdigest().encode() + b"\n" + rest


def forged(change) -> bytes:
    return sealed(change(pack(STATE).split(b"\n", 1)[1]))


@pytest.mark.parametrize(
    "change",
    [
        lambda rest: rest + b"x",
        lambda rest: rest.replace(b'"region"', b'"regoin"'),
        lambda rest: rest + b"\n\0" + b"k" * 16,
        lambda rest: rest.replace(b'"serial": 12', b'"serial": -1'),
        lambda rest: rest.replace(b'"epoch": 29454400', b'"epoch": -1'),
        lambda rest: rest.replace(b'"run1": 2', b'"run1": -2'),
        lambda rest: rest.replace(b'"60": {', b'"soon": {'),
        lambda rest: rest.replace(b"2026-01-01T12:00:00Z", b"yesterday"),
        lambda rest: rest.replace(b"2026-01-01T12:00:00Z", b"2026-01-01T12:00:00"),
        lambda rest: rest.replace(b'{\n  "forwarded": 3\n }', b'{"a": ' + b"[" * 900 + b"]" * 900 + b"}"),
        lambda rest: rest.replace(b'"suppressed": 60', b'"suppressed": -60'),
        lambda rest: rest.replace(b'"ocid1.compartment.oc1..b": {\n     "name"', b'"ocid1.tenancy.oc1..r": {\n     "name"'),
        lambda rest: rest.replace(b'"deleted": true', b'"delete": true'),
        lambda rest: rest.replace(b'"parent": null,', b""),
        lambda rest: rest.replace(b'"listed": "2026-01-01T11:00:00Z"', b'"listed": 0'),
        lambda rest: rest.replace(b'"listed": "2026-01-01T11:00:00Z"', b'"listed": "2026-01-01T11:00:30Z"'),
    ],
)
def test_an_invalid_head_with_a_valid_checksum_is_damaged(change):
    with pytest.raises(StateDamaged):
        unpack(forged(change), "here")


def test_the_time_of_the_last_listing_is_optional():
    assert b'"listed": "2026-01-01T11:00:00Z"' in pack(STATE)
    assert b'"listed": null' in pack(replace(STATE, listed=0))
    without = forged(lambda rest: rest.replace(b',\n "listed": "2026-01-01T11:00:00Z"', b""))
    assert b'"listed"' not in without
    assert unpack(without, "here") == replace(STATE, listed=0)


def test_an_empty_state_is_a_state():
    assert unpack(pack(State("r", 5)), "here") == State("r", 5)
    assert unpack(pack(replace(STATE, reconciled={}, lease=None)), "here").lease is None


def test_times_of_any_year_are_unpacked_unchanged():
    for text in ("0001-01-01T00:00:00Z", "9999-12-31T23:59:00Z"):
        state = State("r", parse_minute(text))
        assert f'"through": "{text}"'.encode() in pack(state)
        assert unpack(pack(state), "here") == state
    with pytest.raises(ValueError, match="out of range"):
        parse_minute("0001-01-01T00:00:00+14:00")


@pytest.mark.parametrize("text", ["2026-01-01T12:00:30Z", "2026-01-01T12:00:00+00:00", "2026-01-01 12:00:00Z"])
def test_a_minute_in_another_spelling_is_damaged(text):
    good = pack(State("r", parse_minute("2026-01-01T12:00:00Z"))).partition(b"\n")[2]
    other = good.replace(b"2026-01-01T12:00:00Z", text.encode())
    with pytest.raises(StateDamaged, match="is not a whole minute in UTC"):
        unpack(sealed(other), "here")


def test_owner_adoption_and_marker_are_optional():
    plain = State("r", 5, lease=Lease("run1", 7.5))
    rest = pack(plain).partition(b"\n")[2]
    owner = b',\n "tenancy": "",\n "receiver": null,\n "ledger": "",\n "adopted": null,\n "marker_owner": ""'
    shorter = rest.replace(owner, b"").replace(b',\n  "acquired": 0.0', b"")
    assert len(shorter) < len(rest) - 70
    assert unpack(sealed(shorter), "here") == plain

"""A state of format 1, which the version before the ledger wrote: it is refused, and `state adopt` takes its cursor over."""

import hashlib
import json
from pathlib import Path

import pytest

from epimetheus.errors import StateOutdated
from epimetheus.model import minute_text
from epimetheus.state.earlier_format import EarlierState, read_earlier
from epimetheus.state.encoding import unpack
from epimetheus.state.head import ReceiverEntry
from tests.cli.test_app import terminal  # noqa: F401 - a fixture

STORED = (Path(__file__).parents[1] / "data" / "state_of_format_1.bin").read_bytes()
"""Written by that version: a cursor at 12:00, a compartment behind since 04:00, and three keys, the first of which begins with LF NUL."""
TENANCY = "ocid1.tenancy.oc1..aaaaroot"


def with_checksum(rest):
    return b"EPIMETHEUS-STATE 1 sha256=" + hashlib.sha256(rest).hexdigest().encode() + b"\n" + rest


def changed(*replacements):
    """The stored state with these replacements and a valid checksum."""
    rest = STORED.partition(b"\n")[2]
    for before, after in replacements:
        assert before in rest
        rest = rest.replace(before, after)
    return with_checksum(rest)


def test_the_cursor_is_that_of_the_compartment_furthest_behind():
    found = read_earlier(STORED)
    assert found == EarlierState("us-ashburn-1", 29_454_000, TENANCY, found.receiver)
    assert isinstance(found.receiver, ReceiverEntry)
    assert found.receiver.address == "tls://siem.example.com:6514"


def test_a_state_without_an_owner_is_read():
    rest = json.dumps({"region": "r", "through": "2026-01-01T12:00:00Z", "behind": {}}).encode() + b"\n\0"
    assert read_earlier(with_checksum(rest)) == EarlierState("r", 29_454_480, "", None)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        STORED[:-1],
        STORED + b"k" * 16,
        STORED.replace(b"STATE 1", b"STATE 2"),
        changed((b'"region"', b'"regoin"')),
        changed((b"2026-01-01T04:00:00Z", b"long ago")),
        changed((b'"behind": {', b'"behind": [')),
    ],
    ids=["empty", "cut off", "longer", "format 2", "no region", "no time", "no JSON"],
)
def test_anything_else_is_none(data):
    assert read_earlier(data) is None


def test_a_run_refuses_it_and_says_what_to_do():
    with pytest.raises(StateOutdated, match=r"^The state in here was written by an earlier version.*`epimetheus state adopt"):
        unpack(STORED, "here")


def test_adopt_continues_from_its_cursor(terminal):  # noqa: F811
    stage, type_in = terminal
    now = int(stage.hand.time // 60)
    path = Path(stage.environment["STATE_FILE"])
    path.write_bytes(
        changed(
            (b"2026-01-01T12:00:00Z", minute_text(now - 60).encode()),
            (b"2026-01-01T04:00:00Z", minute_text(now - 120).encode()),
            (TENANCY.encode(), stage.world.tenancy.encode()),
        )
    )
    before = path.read_bytes()
    stage.emit(stage.world.tenancy, 3, 180)
    ids = stage.emit(stage.world.tenancy, 5, 90)
    done = type_in("run")
    assert (done.exit_code, "was written by an earlier version" in done.stderr) == (2, True)
    assert path.read_bytes() == before
    done = type_in("state", "adopt", "--reason", "upgrade", answer="n\n")
    assert (done.exit_code, "belongs to" in done.output, "siem.example.com:6514" in done.output) == (1, True, True)
    assert path.read_bytes() == before
    assert type_in("state", "adopt", "--reason", "upgrade", "--yes").exit_code == 0
    state = unpack(path.read_bytes(), "")
    assert (state.through, state.began, state.tenancy) == (now - 120, now - 120, stage.world.tenancy)
    assert state.epoch == state.first_epoch >= now
    assert (state.known, state.behind, state.adopted.reason) == ({}, {}, "upgrade")
    assert type_in("run").exit_code == 0
    assert stage.arrived() == ids


def test_adopt_refuses_a_damaged_one(terminal):  # noqa: F811
    stage, type_in = terminal
    path = Path(stage.environment["STATE_FILE"])
    path.write_bytes(STORED[:-1])
    done = type_in("state", "adopt", "--reason", "upgrade", "--yes")
    assert (done.exit_code, "was written by an earlier version" in done.stderr) == (2, True)
    assert path.read_bytes() == STORED[:-1]

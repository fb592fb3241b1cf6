"""What the state has of the seals: its limits, its stored form, and what a lease that is taken away leaves."""

from dataclasses import replace

import pytest

from epimetheus.state.encoding import pack, unpack
from epimetheus.state.model import Lease, State
from epimetheus.state.seals import MOST_UNSEALED, SealHead, SealState
from tests.cli.test_app import terminal  # noqa: F401 - a fixture

HEAD = SealHead("2026/11/30/0000000009-r1.json", 9, "r1", "ab" * 32, '{"sequence":9}', stored=False, sent=7)
SEALS = SealState(HEAD, (("b", "1" * 64), ("a", "2" * 64)), ("r2",), {"r2": 3}, ("p",))


def test_seals_are_stored_in_order_and_read_as_they_were():
    state = State("us-ashburn-1", 100, seals=SEALS)
    assert unpack(pack(state), "here") == state
    assert unpack(pack(State("us-ashburn-1", 100)), "here").seals == SealState()


def test_the_text_is_kept_until_the_seal_is_stored_and_sent():
    assert [replace(HEAD, stored=stored, sent=sent).done().text for stored, sent in ((False, 9), (True, 8), (True, 9))] == [
        HEAD.text, HEAD.text, "",
    ]  # fmt: skip


def test_entries_runs_and_names_are_limited():
    seals = SealState().with_entries((str(number), "0" * 64) for number in range(MOST_UNSEALED + 5))
    assert (len(seals.entries), seals.entries[-1][0]) == (MOST_UNSEALED, str(MOST_UNSEALED - 1))
    for number in range(600):
        seals = seals.with_unsealed_run(f"r{number}").with_unfinished(f"r{number}", number)
    assert (len(seals.runs), len(seals.unfinished)) == (100, 20)
    assert (seals.runs[-1], seals.unfinished["r599"]) == ("r599", 599)


def test_the_names_of_entries_that_are_listed_again_are_kept():
    names = [f"2026/01/01/{number:05}" for number in range(6_000)]
    seals = SealState().with_named(names[3:]).with_named(names[:5])
    assert seals.named == tuple(names[-4_000:])
    assert seals.with_named([names[-1], "2026/01/02/1"]).named == (*names[-3_999:], "2026/01/02/1")


def test_an_entry_waits_once():
    assert SEALS.with_entries([("a", "2" * 64), ("c", "3" * 64)]).entries == (*SEALS.entries, ("c", "3" * 64))


@pytest.mark.parametrize(
    ("lease", "runs", "unfinished"),
    [
        (None, ("r2",), {"r2": 3}),
        (Lease("r1", 5.0), ("r2",), {"r2": 3}),  # its seal is the newest
        (Lease("r5", 5.0), ("r2", "r5"), {"r2": 3, "r5": 4}),
    ],
)
def test_a_run_whose_lease_is_taken_away_is_named_by_the_next_seal_unless_it_has_one(lease, runs, unfinished):
    state = State("us-ashburn-1", 100, seals=SEALS, lease=lease, entered={"r5": 4}).without_lease()
    assert (state.lease, state.seals.runs, state.seals.unfinished) == (None, runs, unfinished)


def test_reset_and_rewind_keep_the_chain(terminal, tmp_path):  # noqa: F811
    _, run_cli = terminal

    def head():
        return unpack((tmp_path / "cursor").read_bytes(), "the state").seals.head

    assert run_cli("run").exit_code == 0
    first = head()
    for command in ("rewind 3h", "reset"):
        assert run_cli("state", *command.split(), "--yes").exit_code == 0
        assert head() == first
    assert run_cli("run").exit_code == 0
    assert (head().sequence, len(list(tmp_path.glob("cursor.seals/*/*/*/*.json")))) == (2, 2)

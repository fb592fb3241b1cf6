"""Connector Hub beside the polling, for months and with every fault: nothing is lost, and nothing arrives twice that was confirmed."""

import re
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.simulation.chance import START, Stage
from tests.simulation.mutants import mutants
from tests.simulation.play import Theatre, small_batches
from tests.support.budget import budget

ROOT = Path(__file__).parents[1]
CHUNK = 5
SEEDS = budget(quick=3, full=20)
DAYS = budget(quick=10, full=20)
FAULTS = frozenset(
    {
        "connector down", "connector repeats", "push not started", "answer of a push lost", "event not in Logging",
        "event early or late in Logging",
    }
)  # fmt: skip
"""The faults of the connector alone."""


@pytest.mark.parametrize("first", range(0, SEEDS, CHUNK))
def test_no_seed_breaks_a_promise(first):
    for seed in range(first, min(first + CHUNK, SEEDS)):
        try:
            Theatre(seed, push=True).play()
        except Exception as error:
            raise AssertionError(f"replay it: python -m tests.simulation 1 --push --first {seed}") from error


class _Only(Stage):
    """A stage with the faults of the connector only."""

    def has(self, fault: str) -> bool:
        return fault in FAULTS

    def chance(self, fault: str, probability: float) -> bool:
        return fault in FAULTS and super().chance(fault, probability)


def test_months_with_faults_of_the_connector_deliver_each_event_exactly_once(monkeypatch):
    monkeypatch.setattr("tests.simulation.play.Stage", _Only)
    theatre = Theatre(11, push=True)
    stage, (region,), (pushes,) = theatre.stage, theatre.regions, theatre.pushes
    theatre.siem.mortality, theatre.siem.answers, region.tenancy.busy = 0.0, True, 0.1
    with small_batches():
        while stage.now < START + DAYS * 86_400:
            theatre.grow()
            (report,) = theatre.call(120.0)
            assert report.status == "ok", report
            stage.now += 1800
        theatre.catch_up()
    arrived: Counter[str] = theatre.receipts.up_to_now()
    assert set(arrived.values()) == {1}
    assert region.oracle.repeats == 0
    assert pushes.sent > 5 * DAYS
    assert len(pushes.connector.lost) > 0
    assert {fault for fault in FAULTS if not stage.counted[fault]} == set()


class Mutation(NamedTuple):
    """A changed line of the package that breaks a promise, and a seed that shows it."""

    promise: str
    file: str
    line: str
    broken: str
    seed: int


MUTATIONS = [
    Mutation(
        "1: an element without confirmation counts as delivered", "run/push.py",
        "            forwarder.finish()\n",
        "            forwarder.record_confirmed()\n", 0,
    ),
    Mutation(
        "3: a push is not entered", "run/push.py",
        "        self.enter(forwarder, polled, state)\n        if", "        if", 0,
    ),
    Mutation("1: a push that is out of time is ok", "run/push.py", "        if not complete:\n", "        if False:\n", 0),
    Mutation("3: a push does not read the ledger", "run/push.py", "delivered.load(lookups, ", "delivered.load([], ", 0),
    Mutation(
        "3: a push does not read the entry of the push before", "run/push_windows.py",
        "default=0) - _REINGESTED_WITHIN", "default=0) + 60", 0,
    ),
    Mutation(
        "3: what a failed push confirmed is not entered", "run/push.py",
        "                self.enter(forwarder, polled, state)\n            raise", "                pass\n            raise", 23,
    ),
    Mutation("3: a window ends at the arrival in Logging", "run/push_windows.py", "ingested + 1 + PROCESSED_WITHIN", "ingested + 1", 10),
    Mutation("3: only one window of a compartment is searched", "run/delivered.py", "other = found.get(ocid, window)", "other = window", 2),
    Mutation(
        "4: pushes ignore limits", "select/push_selection.py",
        'most: int) -> Reason | None:\n        return "deferred"',
        "most: int) -> Reason | None:\n        return None", 0,
    ),
    Mutation(
        "1: a deferred event is entered", "run/forwarder.py",
        '            if reason == "deferred":\n                self._tally.deferred += 1\n                continue\n',
        "", 1,
    ),
]  # fmt: skip


@pytest.fixture(scope="module")
def mutant_process():
    with mutants() as process:
        yield process


@pytest.mark.timeout(900)  # if the known seed no longer detects it, others are tried
@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.promise)
def test_a_broken_promise_is_detected(mutation, mutant_process, tmp_path):
    file = ROOT / "epimetheus" / mutation.file
    text = file.read_text("utf-8")
    assert text.count(mutation.line) == 1, "the line of this mutation has changed"
    words = ["300", "--push", "--jobs", "1", "--until-broken", "--try-first", str(mutation.seed)]
    code = mutant_process.play(file, text.replace(mutation.line, mutation.broken), words, tmp_path / "output")
    output = (tmp_path / "output").read_text("utf-8")
    assert code == 1, output
    assert re.search("failed: Broken", output), output

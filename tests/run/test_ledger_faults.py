"""The ledger in single faults, with the simulated receiver and tenancy: what it has is not sent again, and what is late arrives."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from epimetheus.clock import Deadline
from epimetheus.errors import LedgerError, StateError
from epimetheus.state.encoding import pack, unpack
from tests.simulation.play import SimulatedWiring
from tests.simulation.scenes import HOUR, Scene, scene
from tests.simulation.settings import RULES, Settings
from tests.simulation.tenancy import ROOT


def fail_from(target: Any, method: str, call: int, error: Exception, *, after: bool = False) -> Callable[[], None]:
    """Make ``method`` of ``target`` raise ``error`` from its ``call`` on, before or ``after`` it takes effect. Returns what ends that."""
    real, calls = getattr(target, method), []

    def failing(*arguments):
        calls.append(None)
        if len(calls) < call:
            return real(*arguments)
        if after:
            real(*arguments)
        raise error

    setattr(target, method, failing)
    return lambda: setattr(target, method, real)


NO_STATE = StateError("503 while writing the state.", do="")
NO_ENTRY = LedgerError("503 while creating the entry.", do="")


def late_event(play: Scene, ocid: str, hours: float) -> list[str]:
    """Run once more, and add five events, the third of which is listed ``hours`` late. Returns the names of all."""
    play.run()  # windows before the first position are not listed again
    names = play.add_events(ocid, 5, 300)
    event = play.tenancy.places[ocid].events[-3]
    event.listed, event.due = event.processed + hours * HOUR, False
    return names


@pytest.mark.parametrize("taken", [False, True], ids=["not written", "response lost"])
def test_a_run_without_its_entry_leaves_the_cursor(taken):
    with scene() as play:
        one = play.add_compartment("one")
        play.run()
        before, names = play.region.oracle.through, play.add_events(one, 10, 300)
        end = fail_from(play.region.ledger, "create", 1, NO_ENTRY, after=taken)
        report = play.run()
        assert report.status == "failed"
        assert (report.error.kind, play.region.oracle.through) == ("ledger", before)
        assert len(play.region.ledger.objects) == taken
        end()
        play.run()
        assert (play.missing(names), play.region.oracle.repeats) == (0, 0 if taken else 10)
        play.finish()


def test_what_is_in_the_ledger_is_not_sent_again_if_the_state_is_not_written():
    with scene() as play:
        one = play.add_compartment("one")
        play.run()
        names = play.add_events(one, 10, 300)
        end = fail_from(play.region.shelf, "write", 2, NO_STATE)  # the first takes the lease
        assert play.run().status == "failed"
        end()
        play.stage.now += 300
        report = play.run()
        assert (report.forwarded, report.duplicates, play.missing(names), play.region.oracle.repeats) == (0, 10, 0, 0)


def test_a_state_that_another_run_wrote_is_not_overwritten():
    """Nothing would be sent twice, because the ledger has it; but the other run's position and counts would be lost."""
    with scene() as play:
        one = play.add_compartment("one")
        play.run()
        play.add_events(one, 10, 300)
        shelf, calls = play.region.shelf, []
        real = shelf.write

        def write(data, etag):
            calls.append(None)
            if len(calls) == 2:
                theirs = replace(unpack(shelf.data, ""), writer="another", serial=99, lease=None)
                shelf.put(pack(theirs))
            return real(data, etag)

        shelf.write = write
        report = play.run()
        assert (report.status, unpack(shelf.data, "").writer) == ("failed", "another")
        assert report.error.kind == "state_conflict"


@pytest.mark.parametrize("lost", [False, True], ids=["entry written", "its response lost"])
def test_counts_of_an_entry_whose_state_is_not_written_count_once(lost):
    """The limit is two events of a type in an hour."""
    with scene(rules=RULES) as play:
        play.region.oracle.limits_hold = True
        one = play.add_compartment("one")
        play.run()
        play.add_events(one, 20, 300)
        ends = [fail_from(play.region.shelf, "write", 2, NO_STATE)]
        if lost:
            real, calls = play.region.ledger.create, []

            def create(key, data):
                real(key, data)
                calls.append(key)
                if len(calls) == 1:
                    raise NO_ENTRY

            play.region.ledger.create = create
            ends.append(lambda: setattr(play.region.ledger, "create", real))
        assert play.run().status == "failed"
        for end in ends:
            end()
        play.stage.now += 300
        play.add_events(one, 20, 300)
        assert play.run().status == "ok"
        arrived = play.theatre.receipts.up_to_now()
        limited = [event for event in play.tenancy.places[one].events if event.called == "GetInstance"]
        assert len(limited) > 4
        assert sum(event.name in arrived for event in limited) == 2
        (counts,) = [count for (kind, _), count in play.region.oracle.counts.hourly.items() if kind.endswith("GetInstance")]
        assert (counts.passed, counts.suppressed) == (2, len(limited) - 2)


@pytest.mark.parametrize("damaged", [False, True], ids=["deleted", "damaged"])
def test_without_an_entry_its_events_are_sent_again_and_none_is_lost(damaged):
    with scene() as play:
        one = play.add_compartment("one")
        play.run()
        names = play.add_events(one, 10, 300)
        play.run()
        ((name, data),) = play.region.ledger.objects.items()
        play.region.oracle.entry_lost(data)
        play.region.ledger.objects = {name: data[:-1]} if damaged else {}
        names += play.add_events(one, 10, 300)
        report = play.run()
        assert (play.missing(names), play.region.oracle.repeats) == (0, 10)
        assert len([warning for warning in report.warnings if "is damaged" in warning]) == damaged
        play.finish()


def test_events_of_a_failed_run_are_sent_by_the_next_run_of_the_invocation():
    """Both use the same keys in memory."""
    with scene() as play:
        one = play.add_compartment("one")
        play.run()
        names = play.add_events(one, 10, 300)
        play.stage.now += 600
        wiring = SimulatedWiring(play.theatre, Deadline.after(play.stage.clock, 300.0))
        play.theatre.siem.down_until = play.stage.now + 10
        assert play.theatre.run(wiring)[0].status == "failed"
        play.stage.now += 60
        (report,) = play.theatre.run(wiring)
        assert (report.status, report.forwarded, play.missing(names)) == ("ok", 10, 0)


def test_a_rewind_sends_again_what_is_later_and_reconciliation_does_not():
    with scene() as play:
        one = play.add_compartment("one")
        play.run()
        names = play.add_events(one, 10, 300)
        play.run()
        play.stage.now += 3 * HOUR
        names += play.add_events(one, 7, 300)
        play.run()
        assert play.region.oracle.repeats == 0
        play.theatre.weather.rewind(play.region, 60)
        report = play.run()
        assert (report.forwarded, play.region.oracle.repeats) == (7, 7)
        play.stage.now += 50 * HOUR  # the last pass lists whole days
        relisted = sum(play.run(600.0).relisted for _ in range(5))
        assert relisted >= 17
        assert (play.missing(names), play.region.oracle.repeats) == (0, 7)


@pytest.mark.parametrize("behind", [False, True])
def test_a_state_that_is_rolled_back_sends_nothing_twice(behind):
    with scene() as play:
        one, other = play.add_compartment("one"), play.add_compartment("other")
        play.run()
        if behind:
            play.tenancy.places[one].bad = "500"
            play.run()
        old = play.region.shelf.data
        play.tenancy.places[one].bad = None
        names = []
        for _ in range(8):
            names += play.add_events(one, 5, 600) + play.add_events(other, 5, 600)
            play.run()
            play.stage.now += HOUR
        assert play.missing(names) == 0
        play.region.shelf.put(old)
        play.region.oracle.replaced(old, "")
        duplicates = sum(play.run(8.0).duplicates for _ in range(8))
        assert (duplicates >= 80, play.region.oracle.repeats) == (True, 0)
        play.finish()


def test_an_event_listed_hours_late_arrives_once_its_window_is_listed_again():
    with scene() as play:
        one = play.add_compartment("one")
        play.run()
        names = late_event(play, one, 1.0)
        for _ in range(3):
            play.run()
        assert play.missing(names) == 1
        play.stage.now += 2 * HOUR
        reports = [play.run() for _ in range(3)]
        assert (play.missing(names), play.region.oracle.repeats) == (0, 0)
        assert [report.late for report in reports] == [1, 0, 0]
        play.finish()


@pytest.mark.parametrize("fate", ["deselected", "deleted", "unreadable"])
def test_a_late_event_of_a_compartment_arrives_whatever_happens_to_it(fate):
    with scene() as play:
        one = play.add_compartment("one")
        play.run()
        names = late_event(play, one, 3.0)
        for _ in range(3):  # the overlap of the last one is after the event
            play.run()
        assert play.missing(names) == 1
        if fate == "deselected":
            play.theatre.configure(Settings(mode="exclude", ids=(one,)))
        elif fate == "deleted":
            play.tenancy.delete(play.tenancy.places[one])
        else:
            play.tenancy.places[one].bad = "500"
        for _ in range(3):
            play.run()
        play.stage.now += 50 * HOUR
        for _ in range(3):
            play.run(600.0)
        play.theatre.configure(Settings())
        play.tenancy.places[one].bad = None
        for _ in range(4):
            play.run(600.0)
        assert (play.missing(names), play.region.oracle.repeats) == (0, 0)
        play.finish()


def test_keys_are_kept_while_a_long_slice_needs_them():
    """The slice is saved every 30 seconds, and has events of the overlap, which were sent, after that."""
    with scene(overlap=60, reconcile=()) as play:
        one = play.add_compartment("one")
        play.run()
        names = play.add_events(one, 100, 500)
        play.run()
        assert play.missing(names) == 0
        play.tenancy.places[one].bad = "500"
        for _ in range(6):
            play.run()
            play.stage.now += HOUR
        play.tenancy.places[one].bad = None
        play.add_events(ROOT, 1, 60)
        play.stage.slowness = 60.0
        for _ in range(4):
            play.run(1200.0)
        assert play.region.oracle.repeats == 0


def test_runs_whose_seals_could_not_be_written_are_named_by_the_next_seal():
    with scene() as play:
        one = play.add_compartment("one")
        play.run()
        end = fail_from(play.region.seals, "names", 1, NO_ENTRY)
        names, reports = [], []
        for _ in range(2):
            names += play.add_events(one, 10, 300)
            reports.append(play.run())
        assert ([report.status for report in reports], play.missing(names)) == (["ok", "ok"], 0)
        end()
        play.run()
        assert play.region.oracle.chain.seals[-1]["unsealed_runs"] == [report.run for report in reports]
        assert len(play.region.oracle.chain.seals[-1]["entries"]) == 2
        play.finish()

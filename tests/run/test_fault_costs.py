"""The cost of single faults in runs and events, with the simulated receiver and tenancy; the oracle checks each play as well."""

import pytest

from tests.simulation.chance import Killed
from tests.simulation.marks import in_the_future, marks_of
from tests.simulation.scenes import HOUR, scene
from tests.simulation.settings import Settings

DAY = 24 * HOUR


def test_a_state_in_the_future_is_an_error_and_nothing_is_lost():
    with scene() as play:
        one = play.add_compartment("one")
        assert play.run().status == "ok"
        good = play.region.shelf.data
        play.region.shelf.put(in_the_future(good, 30 * 24 * 3600))
        names = play.add_events(one, 10, 300)
        assert [play.run().status for _ in range(2)] == ["failed", "failed"]
        play.region.shelf.put(good)
        play.run()
        assert play.missing(names) == 0


def test_a_deleted_state_is_an_error_and_nothing_is_lost():
    with scene() as play:
        one = play.add_compartment("one")
        assert play.run().status == "ok"
        good = play.region.shelf.data
        play.region.shelf.put(None)
        names = play.add_events(one, 10, 300)
        assert [play.run().status for _ in range(2)] == ["failed", "failed"]
        assert play.region.shelf.data is None
        play.region.shelf.put(good)
        play.run()
        assert play.missing(names) == 0


def test_a_compartment_created_while_listing_is_refused_is_reported_and_read_later():
    with scene() as play:
        play.add_compartment("one")
        assert play.run().status == "ok"
        play.tenancy.listing_lost = True
        play.stage.now += 60
        two = play.add_compartment("two", since=0)
        statuses = [play.run().status for _ in range(9)]
        assert statuses[0] == "ok"
        assert statuses[6:] == ["partial"] * 3
        play.stage.now += 2 * DAY
        names = play.add_events(two, 20, 2 * DAY)
        assert play.run().status == "partial"
        play.tenancy.listing_lost = False
        assert play.runs_until_arrived(names, most=3) <= 3
        play.finish()


@pytest.mark.parametrize("deleted", [False, True])
def test_a_compartment_missing_from_listings_resumes_when_it_is_listed_again(deleted):
    with scene() as play:
        one = play.add_compartment("one")
        assert play.run().status == "ok"
        place, names = play.tenancy.places[one], play.add_events(one, 5, 300)
        place.listed = False
        for hour in range(40):
            play.stage.now += HOUR
            names += play.add_events(one, 5, HOUR)
            if hour == 20 and deleted:
                play.tenancy.delete(place)
                break
            play.run()
        for _ in range(20):
            play.stage.now += HOUR
            play.run()
        place.listed = True
        for _ in range(6):
            play.run()
        assert play.missing(names) == 0
        play.finish()


@pytest.mark.parametrize("step", range(0, 40, 3))
def test_an_interrupt_at_any_step_returns_the_lease(step):
    with scene() as play:
        one = play.add_compartment("one")
        play.add_events(one, 60, HOUR)
        play.run()
        names = play.add_events(one, 60, 300)
        play.stage.stop_in, play.stage.stop_with = step, KeyboardInterrupt
        with pytest.raises(KeyboardInterrupt):
            list(map(play.run, [60.0] * 20))
        assert marks_of(play.region.shelf.data).lease is None
        assert play.run_now().status == "ok"
        assert play.missing(names) == 0


def test_a_killed_run_blocks_other_runs_for_at_most_five_minutes():
    with scene() as play:
        play.add_compartment("one")
        play.run()
        play.stage.stop_in, play.stage.stop_with = 4, Killed
        with pytest.raises(Killed):
            play.run(3600.0)
        assert play.run_now().status == "skipped"
        play.stage.now += 310
        assert play.run_now().status == "ok"


@pytest.mark.parametrize("skew", [240.0, -240.0])
def test_a_clock_that_is_four_minutes_off_loses_nothing_and_is_reported(skew):
    with scene(overlap=1, settle=1) as play:
        one = play.add_compartment("one")
        play.run()
        play.stage.skew, names = skew, []
        for _ in range(10):
            play.stage.now += 600
            names += play.add_events(one, 50, 600)
            for event in play.tenancy.places[one].events[-50:]:
                event.listed = event.processed + 90
            report = play.run_now()
            assert report.status == "ok"
            assert any("clock" in warning for warning in report.warnings)
        play.run()
        play.run()
        assert play.missing(names) == 0


def test_a_clock_that_is_ten_minutes_off_fails_the_run():
    with scene() as play:
        play.add_compartment("one")
        play.run()
        play.stage.skew = 600.0
        assert play.run().status == "failed"


def test_all_compartments_refused_fails_the_run_and_loses_nothing():
    with scene() as play:
        one, two = play.add_compartment("one"), play.add_compartment("two")
        play.run()
        names = play.add_events(one, 10, 300) + play.add_events(two, 10, 300)
        play.tenancy.delete(play.tenancy.places[two])
        play.tenancy.refused_until = play.stage.now + 30 * HOUR
        before = marks_of(play.region.shelf.data).through
        statuses = []
        for _ in range(10):
            play.stage.now += 2 * HOUR
            statuses.append(play.run().status)
        assert statuses == ["failed"] * 10
        assert marks_of(play.region.shelf.data).through == before
        play.stage.now += 20 * HOUR
        assert play.runs_until_arrived(names, most=3) <= 3
        play.finish()


@pytest.mark.parametrize(("minutes", "lost"), [(40, 0), (300, 0), (600, 20)])
def test_a_refused_deleted_compartment_is_given_up_after_six_hours(minutes, lost):
    with scene() as play:
        one = play.add_compartment("one")
        play.run()
        names = play.add_events(one, 20, 60)
        play.tenancy.delete(play.tenancy.places[one])
        play.tenancy.places[one].refused_until = play.stage.now + minutes * 60
        warnings = []
        for _ in range(minutes // 10 + 3):
            warnings += play.run().warnings
        assert play.missing(names) == lost
        assert any(one in warning for warning in warnings) == bool(lost)
        play.finish()


@pytest.mark.parametrize("memory", [0.0, 3600.0])
def test_a_window_too_large_for_a_run_shrinks_when_page_tokens_are_rejected(memory):
    with scene(overlap=3) as play:
        one = play.add_compartment("one")
        play.run()
        play.region.wire.memory, play.stage.slowness = memory, 10.0
        play.stage.now += HOUR
        names = play.add_events(one, 400, HOUR)
        missing = [play.missing(names)]
        for _ in range(60):
            play.run_now(16.0)
            missing.append(play.missing(names))
            if not missing[-1]:
                break
        assert missing[-1] == 0
        assert all(later < earlier for earlier, later in zip(missing, missing[10:], strict=False) if earlier), missing


def test_a_forbidden_compartment_does_not_delay_catching_up_after_a_day():
    with scene() as play:
        ocids = [play.add_compartment(name) for name in ("one", "two", "three")]
        forbidden = play.add_compartment("forbidden")
        play.run()
        play.tenancy.places[forbidden].forbidden = True
        for _ in range(5):
            play.run()
        play.stage.slowness = 10.0
        play.stage.now += DAY
        names = [name for ocid in ocids for name in play.add_events(ocid, 80, DAY)]
        play.add_events(forbidden, 80, DAY)
        assert play.runs_until_arrived(names, most=40, seconds=30.0) <= 10


def test_a_compartment_behind_resumes_after_it_was_excluded_for_one_run():
    with scene() as play:
        one, two = play.add_compartment("one"), play.add_compartment("two")
        play.run()
        place, names = play.tenancy.places[one], []
        place.forbidden = True
        for _ in range(6):
            names += play.add_events(one, 8, 600)
            play.add_events(two, 2, 600)
            play.run()
        play.theatre.configure(Settings(mode="exclude", ids=(one,)))
        play.run()
        place.forbidden = False
        play.theatre.configure(Settings())
        play.run()
        play.run()
        assert play.missing(names) == 0
        play.finish()


@pytest.mark.parametrize("fate", ["active", "deleted", "vanished"])
@pytest.mark.parametrize("mode", ["tenancy_only", "exclude"])
def test_compartments_that_are_selected_again_resume(mode, fate):
    with scene() as play:
        one = play.add_compartment("one")
        play.run()
        names = play.add_events(one, 10, 300)
        play.theatre.configure(Settings(mode=mode, ids=(one,) if mode == "exclude" else ()))
        for _ in range(6):
            play.stage.now += HOUR
            play.run()
            names += play.add_events(one, 5, HOUR)
        if fate != "active":
            play.tenancy.delete(play.tenancy.places[one])
        play.tenancy.places[one].listed = fate != "vanished"
        for _ in range(6):
            play.stage.now += HOUR
            play.run()
        play.theatre.configure(Settings())
        play.run()
        play.run()
        assert play.missing(names) == 0
        play.finish()


def test_a_longer_overlap_repeats_nothing():
    with scene(overlap=15) as play:
        one = play.add_compartment("one")
        for _ in range(6):
            play.add_events(one, 10, 600)
            play.run()
        play.theatre.configure(Settings(overlap=60))
        for _ in range(6):
            play.add_events(one, 10, 600)
            play.run()
        assert play.region.oracle.repeats == 0
        play.finish()


def test_large_compartments_do_not_starve_small_ones_that_are_behind():
    with scene() as play:
        giants, small = [play.add_compartment(f"giant{n}") for n in range(3)], [play.add_compartment(f"small{n}") for n in range(10)]
        play.run()
        for ocid in (*giants, *small):
            play.tenancy.places[ocid].forbidden = True
        for _ in range(3):
            play.run()
        play.stage.now += 3 * HOUR
        for ocid in giants:
            play.add_events(ocid, 600, 3 * HOUR)
        names = [name for ocid in small for name in play.add_events(ocid, 2, 3 * HOUR)]
        play.run()
        for ocid in (*giants, *small):
            play.tenancy.places[ocid].forbidden = False
        play.stage.slowness = 10.0
        assert play.runs_until_arrived(names, most=20, seconds=30.0) <= 6


def test_an_event_listed_late_before_the_resumed_page_arrives():
    with scene(reconcile=()) as play:
        one = play.add_compartment("one")
        play.run()
        play.stage.slowness = 10.0
        play.stage.now += 1800
        names = play.add_events(one, 100, 720)
        late = play.tenancy.places[one].events[-97]
        late.listed = late.processed + 720
        play.run_now(15.0)
        assert 0 < play.missing(names) < 99
        play.stage.slowness = 1.0
        play.stage.now += HOUR
        for _ in range(3):
            play.run()
        assert play.missing(names) == 0

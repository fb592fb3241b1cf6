"""Reading failures that could go unnoticed, through the real function, the SDK, and TLS to a receiver."""

from collections import Counter

import pytest

from epimetheus.function.invoke import RunFailed
from epimetheus.ledger.entry import unpack
from tests.support.budget import budget
from tests.support.harness import keys_in, staged

SHORT = {"INITIAL_LOOKBACK_HOURS": "1"}
HOUR = 3600


def arrived_once(stage, ids):
    counts = Counter(stage.arrived())
    assert sorted(counts) == sorted(ids)
    return max(counts.values(), default=0) == 1


@pytest.mark.parametrize("lost", ["subtree and walk", "Identity down"])
def test_a_run_with_a_listing_older_than_an_hour_is_partial(stage, lost):
    stage.run(**SHORT)
    regions = []
    if lost == "Identity down":
        stage.world.faults.add("status", status=500, service="identity", times=None)
        regions = ["subscribed regions"]
    else:
        stage.world.faults.add("status", status=404, operation="ListCompartments", times=None)
    new = stage.world.add_compartment("new")
    ids = stage.emit(new, 5, 0)
    stage.hand.forward(60 * 60)
    report = stage.run()
    assert (report.status, report.listing_stale, report.listing_age_seconds) == ("ok", True, 3600)
    stage.hand.forward(60)
    report = stage.run()
    assert (report.status, report.listing_age_seconds) == ("partial", 3660)
    assert report.warnings[len(regions) :] == [
        f"The list of {what} is 61 minutes old, more than LISTING_MAX_AGE_MINUTES=60. Anything created after 2026-01-01T12:00:00Z"
        " is not read. Check the policy (`inspect compartments in tenancy`, `inspect tenancies in tenancy`)."
        for what in ["compartments", *regions]
    ]
    posted = {metric["name"]: metric["datapoints"][0]["value"] for metric in stage.world.metrics[-20:]}
    assert posted["listing_age_seconds"] == 3660
    stage.world.faults.clear()
    report = stage.run()
    assert (report.status, report.listing_age_seconds) == ("ok", 0)
    assert stage.arrived() == ids


def test_a_run_without_a_complete_listing_for_an_hour_is_partial(stage):
    hidden = stage.world.add_compartment("hidden")
    stage.world.add_compartment("below", hidden)
    stage.world.faults.add("subtree_refused", times=None)
    stage.world.faults.add("status", status=404, operation="ListCompartments", compartment=hidden, times=None)
    assert stage.run(**SHORT).status == "ok"
    stage.hand.forward(61 * 60)
    assert (stage.run().status, stage.run().listing_age_seconds) == ("partial", 3660)


def test_without_listings_there_is_no_listing_age(stage):
    stage.run(COMPARTMENT_MODE="tenancy_only", REGIONS="us-ashburn-1")
    stage.hand.forward(9 * HOUR)
    report = stage.run(COMPARTMENT_MODE="tenancy_only", REGIONS="us-ashburn-1")
    assert (report.status, report.listing_age_seconds) == ("ok", None)


@pytest.mark.parametrize("lookback", ["0", "1", "24"])
def test_a_compartment_missing_from_listings_for_days_loses_nothing(stage, lookback):
    away = stage.world.add_compartment("away")
    stage.run(INITIAL_LOOKBACK_HOURS=lookback)
    ids = []
    hours = budget(quick=10, full=1)
    for hour in range(0, 80, hours):
        stage.world.compartments[away].listed = not 4 <= hour < 70
        stage.hand.forward(hours * HOUR)
        ids += stage.emit(away, 3 * hours, 60 * hours, 60 * hours - 1)
        stage.run(INITIAL_LOOKBACK_HOURS=lookback)
    stage.hand.forward(HOUR)
    assert stage.run(INITIAL_LOOKBACK_HOURS=lookback).status == "ok"
    assert arrived_once(stage, ids)


def test_all_of_audit_refused_fails_the_run_even_with_a_deleted_compartment(stage):
    deleted = stage.world.add_compartment("deleted")
    stage.world.delete(deleted)
    ids = stage.emit(deleted, 5, 30, 20)
    fault = stage.world.faults.add("status", status=404, operation="ListEvents", times=None)
    for _ in range(2):
        with pytest.raises(RunFailed, match="0 of 2 compartments could be read"):
            stage.call(**SHORT)
        assert stage.state().through * 60 == stage.hand.time - 120 - HOUR
    stage.world.faults.remove(fault)
    assert stage.run().status == "ok"
    assert arrived_once(stage, ids)


@pytest.mark.parametrize("minutes", [40, 359])
def test_a_deleted_compartment_that_is_refused_for_less_than_six_hours_loses_nothing(stage, minutes):
    deleted = stage.world.add_compartment("deleted")
    stage.run(**SHORT)
    stage.world.delete(deleted)
    ids = stage.emit(deleted, 20, 1)
    stage.world.forbid(deleted)
    for _ in range(0, minutes, 20):
        stage.hand.forward(1200)
        report = stage.run()
        assert (report.status, list(report.position.behind)) == ("partial", [deleted])
    stage.world.allow(deleted)
    assert stage.run().status == "ok"
    assert arrived_once(stage, ids)


def test_giving_up_a_deleted_compartment_after_six_hours_is_a_warning(stage):
    deleted = stage.world.add_compartment("deleted")
    stage.run(**SHORT)
    stage.world.delete(deleted)
    stage.emit(deleted, 20, 1)
    stage.world.forbid(deleted)
    for _ in range(6):
        stage.hand.forward(HOUR)
        report = stage.run()
        assert (report.status, list(report.position.behind), report.given_up) == ("partial", [deleted], 0)
    stage.hand.forward(HOUR)
    report = stage.run()
    assert (report.status, report.position.behind, report.given_up) == ("partial", {}, 1)
    assert report.warnings == [
        "1 deleted or unlisted compartment is given up: OCI has answered 404 for 6 hours, so its last events are not forwarded:"
        f" {deleted}. If OCI lists it as active again, reading resumes where it stopped."
    ]
    stage.hand.forward(600)
    report = stage.run()
    assert (report.status, report.position.behind, report.given_up, report.warnings) == ("ok", {}, 0, [])


def test_hours_without_audit_do_not_count_toward_giving_up_a_deleted_compartment(stage):
    deleted = stage.world.add_compartment("deleted")
    stage.run(**SHORT)
    stage.world.delete(deleted)
    ids = stage.emit(deleted, 20, 1)
    fault = stage.world.faults.add("status", status=404, operation="ListEvents", times=None)
    for _ in range(10):
        stage.hand.forward(HOUR)
        with pytest.raises(RunFailed, match="could be read"):
            stage.call()
    stage.world.faults.remove(fault)
    assert stage.run().status == "ok"
    assert arrived_once(stage, ids)


def test_all_compartments_behind_and_refused_fails_the_run(stage):
    other = stage.world.add_compartment("other")
    stage.run(**SHORT)
    for ocid in (stage.world.tenancy, other):
        stage.world.forbid(ocid)
        stage.hand.forward(300)
        if ocid != other:
            assert stage.run().status == "partial"
    for _ in range(3):
        with pytest.raises(RunFailed, match="could be read"):
            stage.call()
        stage.hand.forward(300)


def test_a_large_window_completes_even_if_page_tokens_expire_with_each_run(tmp_path, api_key):
    with staged(tmp_path, api_key, page_size=20) as stage:
        ids = stage.emit(stage.world.tenancy, 1200, 62, 60)
        delay = stage.world.faults.add("delay", operation="ListEvents", times=None, seconds=0.1)
        progress = []
        while len(set(stage.arrived())) < len(ids):
            stage.run(seconds=6.0, clock=stage.hand.clock, **SHORT, SYSLOG_CONFIRM_DELAY_SECONDS="0.15")
            stage.world.expire_tokens()
            read_to = min([stage.state().through, *(behind.since for behind in stage.state().behind.values())])
            progress.append((read_to, len(set(stage.arrived()))))
        assert sorted(set(progress)) == progress  # each run reads further, or sends more
        stage.world.faults.remove(delay)
        while stage.run().status != "ok":
            stage.world.expire_tokens()
        assert arrived_once(stage, ids)


@pytest.mark.parametrize("hours", [24])
def test_one_forbidden_compartment_does_not_lengthen_the_slices_of_others(stage, hours):
    forbidden = stage.world.add_compartment("forbidden")
    stage.run(**SHORT)
    stage.world.forbid(forbidden)
    for _ in range(6):
        stage.hand.forward(300)
        assert stage.run().status == "partial"
    assert stage.state().slice_minutes in (0, 60)
    assert stage.state().behind[forbidden].window_minutes == 0
    stage.hand.forward(hours * HOUR)
    ids = stage.emit(stage.world.tenancy, 240, hours * 60, hours * 60 - 1)
    stage.run()
    assert arrived_once(stage, ids)


def test_a_compartment_behind_that_is_excluded_for_a_run_loses_nothing(stage):
    other = stage.world.add_compartment("other")
    stage.run(**SHORT)
    stage.world.forbid(other)
    ids = []
    for _ in range(8):
        ids += stage.emit(other, 6, 0)
        stage.hand.forward(HOUR)
        stage.run(**SHORT)
    report = stage.run(COMPARTMENT_MODE="exclude", COMPARTMENT_IDS=other)
    assert (report.status, report.position.behind) == ("ok", {})
    assert report.warnings == [
        "1 compartment is no longer selected by COMPARTMENT_MODE and COMPARTMENT_IDS. Its events are not forwarded:"
        f" {other}. If it is selected again, reading resumes where it stopped."
    ]
    stage.world.allow(other)
    assert stage.run(**SHORT).status == "ok"
    assert arrived_once(stage, ids)


def test_switching_to_tenancy_only_and_back_loses_nothing(stage):
    other = stage.world.add_compartment("other")
    stage.run(INITIAL_LOOKBACK_HOURS="0")
    ids = []
    for mode in ("tenancy_only", "tenancy_only", "all"):
        ids += stage.emit(other, 10, 0)
        stage.hand.forward(HOUR)
        stage.run(COMPARTMENT_MODE=mode, INITIAL_LOOKBACK_HOURS="0")
    assert arrived_once(stage, ids)


def test_a_longer_overlap_repeats_nothing(stage):
    other = stage.world.add_compartment("other")
    ids = [event for ocid in (stage.world.tenancy, other) for event in stage.emit(ocid, 60, 60, 58)]
    stage.run(OVERLAP_MINUTES="5", **SHORT)
    for overlap in ("60", "120", "10", "600"):
        stage.hand.forward(300)
        ids += stage.emit(other, 5, 3)
        stage.run(OVERLAP_MINUTES=overlap, **SHORT)
    assert arrived_once(stage, ids)


def test_with_identity_down_the_last_known_regions_are_read(tmp_path, api_key):
    with staged(tmp_path, api_key, regions=["us-ashburn-1", "eu-frankfurt-1"]) as stage:
        assert [report.region for report in stage.call(REGIONS="all", **SHORT)] == ["us-ashburn-1", "eu-frankfurt-1"]
        stage.world.faults.add("status", status=404, operation="ListRegionSubscriptions", times=None)
        stage.hand.forward(600)
        reports = stage.call(REGIONS="all")
        assert [(report.region, report.status) for report in reports] == [("us-ashburn-1", "ok"), ("eu-frankfurt-1", "ok")]
        assert "Using the regions listed at 2026-01-01T12:00:00Z." in reports[0].warnings[0]
        stage.hand.forward(HOUR)
        reports = stage.call(REGIONS="all")
        assert [report.status for report in reports] == ["partial", "partial"]
        assert "The list of subscribed regions is 70 minutes old" in reports[1].warnings[1]


def test_the_windows_of_a_compartment_behind_adapt_to_its_events(stage, monkeypatch):
    monkeypatch.setattr("epimetheus.run.plan.FEW_EVENTS", 30)
    monkeypatch.setattr("epimetheus.run.plan.MANY_EVENTS", 60)
    other = stage.world.add_compartment("other")
    stage.run(**SHORT)
    stage.world.forbid(other)
    stage.hand.forward(12 * HOUR)
    ids = stage.emit(other, 720, 12 * 60, 12 * 60 - 3)
    stage.run(**SHORT)
    stage.world.allow(other)
    kept = []
    stage.world.put_hook = lambda write: kept.append(keys_in(unpack(write.data, ""))) if "/ledger/" in write.name else None
    stage.run(**SHORT)
    assert arrived_once(stage, ids)
    assert max(kept) <= 135  # two hours of one event a minute, and the overlap


def test_small_compartments_are_not_starved_by_large_ones(tmp_path, api_key):
    with staged(tmp_path, api_key, page_size=2) as stage:
        giants = [stage.world.add_compartment(f"giant{n}") for n in range(4)]
        small = [stage.world.add_compartment(f"small{n}") for n in range(10)]
        stage.run(**SHORT)
        for ocid in (*giants, *small):
            stage.world.forbid(ocid)
        stage.hand.forward(2 * HOUR)
        for ocid in giants:
            stage.emit(ocid, 2000, 60, 50)
        ids = [event for ocid in small for event in stage.emit(ocid, 3, 60, 50)]
        # One request at a time: the queue of compartments behind is in the order of the responses, and three runs may be needed if two
        # large ones are ahead of a small one in the second run as well.
        stage.run(API_CONCURRENCY="1", **SHORT)
        for ocid in (*giants, *small):
            stage.world.allow(ocid)
        # In the simulated clock, the delays of two concurrent requests add up.
        stage.world.faults.add("delay", operation="ListEvents", times=None, seconds=0.025)
        queues = []
        for _ in range(2):
            stage.run(API_CONCURRENCY="2", seconds=10.0, clock=stage.hand.clock, **SHORT)
            queues.append(list(stage.state().behind))
        assert set(ids) <= set(stage.arrived())
        # What got no page keeps its place; the two that were read go to the end.
        assert queues[0][:4] == sorted(queues[0][:4])
        assert queues[0][4:] == sorted(giants)[:2]

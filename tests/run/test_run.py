"""Whole runs, from the invocation to the receiver and the state, with faults.

The stage checks every state that is written: all events before a position have arrived.
"""

from dataclasses import replace

import pytest

from epimetheus.errors import CompartmentMissing
from epimetheus.function.invoke import RunFailed
from epimetheus.model import parse_minute
from epimetheus.run.budget import commit_reserve
from epimetheus.state.encoding import pack
from epimetheus.state.model import Lease
from tests.support.harness import keys_in, staged

HOME = "us-ashburn-1"
ONE_SLICE = {"INITIAL_LOOKBACK_HOURS": "1"}
NOON = parse_minute("2026-01-01T12:00:00Z")


@pytest.fixture
def tree(stage):
    """The root, two compartments below it, and one below the first of these."""
    a = stage.world.add_compartment("a")
    return [stage.world.tenancy, a, stage.world.add_compartment("b"), stage.world.add_compartment("c", a)]


def repeats(stage):
    arrived = stage.arrived()
    return len(arrived) - len(set(arrived))


def test_every_event_arrives_once_and_a_second_run_sends_none_again(stage, tree):
    ids = [event for ocid in tree for event in stage.emit(ocid, 130, 400, 390)]
    first = stage.run()
    assert sorted(stage.arrived()) == sorted(ids)
    assert (first.status, first.fetched, first.forwarded, first.duplicates, first.unconfirmed) == ("ok", 520, 520, 0, 0)
    assert (first.position.through, first.position.caught_up, first.position.behind) == ("2026-01-01T11:58:00Z", True, {})
    assert first.receiver["confirmation"] == "tls_close_notify"
    second = stage.run()
    assert (second.status, second.forwarded, second.position.through) == ("ok", 0, "2026-01-01T11:58:00Z")
    assert len(stage.arrived()) == 520


def test_the_next_run_reads_from_the_cursor_and_late_events_within_the_overlap(stage):
    early = stage.emit(stage.world.tenancy, 10, 10)
    assert stage.run().forwarded == 10
    late = stage.emit(stage.world.tenancy, 5, 9, seed=1)
    stage.hand.forward(600)
    new = stage.emit(stage.world.tenancy, 3, 5)
    report = stage.run()
    assert (report.forwarded, report.duplicates) == (8, 10)
    assert stage.arrived() == [*early, *late, *new]


def test_a_first_run_reads_the_lookback_and_no_unsettled_minutes(stage):
    stage.emit(stage.world.tenancy, 1, 124)
    stage.emit(stage.world.tenancy, 1, 1)
    seen = stage.emit(stage.world.tenancy, 1, 110)
    stage.run(INITIAL_LOOKBACK_HOURS="2", OVERLAP_MINUTES="0")
    assert stage.arrived() == seen


@pytest.mark.parametrize("fault", ["listing_repeats", "listing_reordered", "listing_cycle"])
@pytest.mark.parametrize("walk", [False, True], ids=["one listing", "walk"])
def test_a_listing_that_repeats_reorders_or_cycles_neither_hangs_nor_duplicates(stage, tree, fault, walk):
    ids = [event for ocid in tree for event in stage.emit(ocid, 20, 30, 20)]
    stage.world.faults.add(fault, times=None)
    if walk:
        stage.world.faults.add("subtree_refused", times=None)
    for mode in ({}, {"COMPARTMENT_MODE": "include", "COMPARTMENT_IDS": stage.world.tenancy}):
        report = stage.run(**mode)
        assert (report.status, report.position.polled) == ("ok", 4)
    assert sorted(stage.arrived()) == sorted(ids)


@pytest.mark.parametrize(
    ("mode", "names"),
    [("all", "root a b c"), ("tenancy_only", "root"), ("include", "a c"), ("exclude", "root b")],
)
def test_the_compartments_selected_by_each_mode(stage, tree, mode, names):
    ids = dict(zip(("root", "a", "b", "c"), (stage.emit(ocid, 2, 30, 20) for ocid in tree), strict=True))
    listed = {"COMPARTMENT_IDS": tree[1]} if mode in ("include", "exclude") else {}
    assert stage.run(COMPARTMENT_MODE=mode, **listed).status == "ok"
    assert sorted(stage.arrived()) == sorted(event for name in names.split() for event in ids[name])


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        ({"kind": "status", "status": 404}, "404 NotAuthorizedOrNotFound"),
        ({"kind": "status", "status": 429}, "429 TooManyRequests"),
        ({"kind": "garbage"}, "invalid response: the page"),
        ({"kind": "repeated_token"}, "keeps returning the same page token"),
    ],
    ids=["404", "429", "garbage", "token"],
)
def test_an_unreadable_compartment_falls_behind_on_its_own_and_is_backfilled(stage, tree, fault, why):
    bad = tree[2]
    first = stage.emit(bad, 60, 120, 100)
    others = [event for ocid in tree if ocid != bad for event in stage.emit(ocid, 20, 120, 100)]
    added = stage.world.faults.add(**fault, operation="ListEvents", compartment=bad, times=None)
    slow = {"clock": stage.hand.clock, "seconds": 120}
    report = stage.run(INITIAL_LOOKBACK_HOURS="3", **slow)
    assert (report.status, list(report.position.behind)) == ("partial", [bad])
    assert why in report.position.behind[bad].reason
    assert set(others) <= set(stage.arrived())
    assert report.position.through == "2026-01-01T11:58:00Z"
    assert report.position.lag_seconds >= 3 * 3600
    stage.hand.forward(3600)
    second = stage.emit(bad, 5, 30, 10)
    assert stage.run(**slow).position.behind[bad].attempts == 2
    stage.world.faults.remove(added)
    report = stage.run(**slow)
    assert (report.status, report.position.behind) == ("ok", {})
    assert set(stage.arrived()) == {*first, *second, *others}
    assert stage.state().behind == {}


def test_a_receiver_that_dies_half_way_leaves_the_cursor_and_only_unconfirmed_events_are_sent_again(stage, tree):
    ids = [event for ocid in tree for event in stage.emit(ocid, 3000, 50, 40)]
    stage.receiver.faults.add("die", after=8000)
    steady = {"API_REQUESTS_PER_SECOND": "100"}  # the first 5,000 are confirmed before the 8,000th is sent
    with pytest.raises(RunFailed, match=f"{HOME}: .* messages may not have arrived"):
        stage.call(**ONE_SLICE, **steady)
    state = stage.state()
    confirmed = sum(map(keys_in, stage.entries().values()))
    assert (state.through, state.lease) == (NOON - 62, None)
    assert 5000 <= confirmed <= 8000
    before = len(stage.arrived())
    stage.receiver.start()
    report = stage.run()
    assert (report.status, report.forwarded, report.duplicates) == ("ok", len(ids) - confirmed, confirmed)
    assert set(stage.arrived()) == set(ids)
    assert repeats(stage) == before - confirmed


def test_a_receiver_that_is_down_fails_the_run_and_loses_nothing(stage):
    ids = stage.emit(stage.world.tenancy, 10, 30, 20)
    stage.receiver.stop()
    with pytest.raises(RunFailed, match=r"Connecting to localhost:\d+ failed: Connection refused\. Check SYSLOG_HOST and SYSLOG_PORT"):
        stage.call()
    stage.receiver.start()
    assert stage.run().forwarded == 10
    assert stage.arrived() == ids


def test_of_two_overlapping_runs_one_is_skipped(stage):
    ids = stage.emit(stage.world.tenancy, 10, 30, 20)
    others = []
    stage.receiver.on_message = lambda message: others.append(stage.run()) if not others else None
    assert stage.run().status == "ok"
    (other,) = others
    assert (other.status, other.fetched, other.state_writes) == ("skipped", 0, 0)
    assert "holds the lease since" in other.warnings[0]
    assert stage.arrived() == ids


def test_the_lease_of_a_killed_run_expires(stage):
    class Killed(BaseException):
        pass

    def kill(write):
        if write.name.endswith(".state"):
            stage.world.faults.add("timeout", service="objectstorage", times=None)  # the killed process sends no more requests
            raise Killed

    stage.emit(stage.world.tenancy, 10, 30, 20)
    hook, stage.world.put_hook = stage.world.put_hook, kill
    with pytest.raises(Killed):
        stage.call(seconds=100)
    stage.world.put_hook = hook
    stage.world.faults.clear()
    assert isinstance(stage.state().lease, Lease)
    assert stage.run().status == "skipped"
    stage.hand.forward(106)
    assert (stage.run().status, len(stage.arrived())) == ("ok", 10)


def test_the_events_of_a_run_killed_before_its_last_commit_are_sent_again(stage):
    class Killed(BaseException):
        pass

    put = stage.world.store.put

    def killed_once_sent(*arguments):
        if stage.arrived():
            raise Killed
        return put(*arguments)

    ids = stage.emit(stage.world.tenancy, 10, 30, 20)
    stage.world.store.put = killed_once_sent
    with pytest.raises(Killed):
        stage.call(seconds=10, **ONE_SLICE)
    stage.world.store.put = put
    assert stage.state().through == NOON - 62
    stage.hand.forward(20)
    assert stage.run().forwarded == 10
    assert stage.arrived() == [*ids, *ids]


def test_a_compartment_that_is_no_longer_listed_is_polled_for_thirty_days(stage):
    gone = stage.world.add_compartment("vanished")
    stage.emit(gone, 3, 30, 20)
    assert stage.run().position.polled == 2
    stage.world.vanish(gone)
    stage.hand.forward(600)
    stage.run()
    stage.hand.forward(29 * 24 * 3600)
    last = stage.emit(gone, 2, 10)
    report = stage.run()
    assert (report.position.polled, report.position.vanished) == (2, 1)
    assert set(last) <= set(stage.arrived())
    stage.hand.forward(2 * 24 * 3600)
    stage.run()
    stage.hand.forward(600)
    report = stage.run()
    assert (report.position.polled, report.warnings) == (1, [
        f"1 compartment has not been listed for 30 days and is no longer polled: {gone}. If it is listed again, reading resumes where it"
        " stopped."
    ])  # fmt: skip


def test_a_deleted_compartment_is_read_while_it_is_readable_and_then_falls_behind(stage):
    gone = stage.world.add_compartment("vanished")
    ids = stage.emit(gone, 3, 30, 20)
    stage.run()
    stage.world.delete(gone)
    last = stage.emit(gone, 2, 1)
    stage.hand.forward(600)
    assert stage.run().status == "ok"
    assert stage.arrived() == [*ids, *last]
    stage.world.forbid(gone)
    stage.hand.forward(300)
    report = stage.run()
    assert (report.status, list(report.position.behind), report.given_up) == ("partial", [gone], 0)


def test_a_new_compartment_is_read_from_its_creation(stage):
    stage.run()
    stage.hand.forward(3600)
    new = stage.world.add_compartment("new")
    stage.hand.forward(120)
    ids = stage.emit(new, 5, 2)
    stage.hand.forward(600)
    assert stage.run().forwarded == 5
    assert stage.arrived() == ids


def test_an_old_compartment_that_is_listed_for_the_first_time_is_read_from_the_lookback(stage):
    hidden = stage.world.add_compartment("hidden")
    stage.world.vanish(hidden)
    stage.run()
    ids = stage.emit(hidden, 5, 300, 200)
    stage.world.compartments[hidden].listed = True
    stage.world.compartments[hidden].created -= 10 * 24 * 3600
    report = stage.run()
    assert (report.status, report.forwarded) == ("ok", 5)
    assert stage.arrived() == ids


def test_while_identity_fails_the_last_known_compartments_are_read_and_the_report_shows_it(stage, tree):
    stage.run()
    stage.world.faults.add("status", status=500, service="identity", times=None)
    stage.hand.forward(600)
    ids = [event for ocid in tree for event in stage.emit(ocid, 2, 8)]
    report = stage.run()
    assert (report.status, report.listing_stale, report.position.polled) == ("ok", True, 4)
    assert sorted(stage.arrived()) == sorted(ids)


def test_without_known_compartments_a_failing_identity_fails_the_run(stage):
    stage.world.faults.add("status", status=500, service="identity", times=None)
    with pytest.raises(RunFailed, match=r"Listing the compartments of .* failed: OCI returned 500 InternalServerError"):
        stage.call()


def test_compartments_that_cannot_be_listed_are_polled_as_last_known(stage, tree):
    stage.run()
    stage.world.faults.add("subtree_refused", times=None)
    stage.world.forbid(tree[1])
    stage.world.vanish(tree[3])
    stage.hand.forward(600)
    report = stage.run()
    assert (report.position.polled, report.position.vanished) == (4, 0)
    assert report.warnings[0] == f"The compartments below {tree[1]} could not be listed. Using the last known ones."


def test_no_selected_compartment_is_an_error(stage):
    with pytest.raises(RunFailed, match="No compartment is selected"):
        stage.call(COMPARTMENT_MODE="exclude", COMPARTMENT_IDS=stage.world.tenancy)


def test_if_no_compartment_can_be_read_the_run_fails_and_the_cursor_does_not_move(stage, tree):
    stage.run()
    before = stage.state().through
    stage.hand.forward(600)
    stage.world.faults.add("status", status=404, operation="ListEvents", times=None)
    with pytest.raises(RunFailed, match=r"0 of 4 compartments could be read\. The first error: Listing the events of"):
        stage.call()
    assert (stage.state().through, stage.state().behind) == (before, {})


def test_a_rejected_signature_fails_the_run_without_a_state_write(stage):
    stage.world.keys.clear()
    with pytest.raises(Exception, match="OCI rejected the request signature"):
        stage.call(STATE_NAMESPACE=stage.world.namespace)
    assert stage.world.writes == []


def test_a_401_in_mid_run_keeps_confirmed_events_and_the_cursor(stage, tree):
    stage.emit(tree[1], 7000, 30, 20)
    stage.world.faults.add("status", status=401, operation="ListEvents", after=140, times=None)
    with pytest.raises(RunFailed, match=r"Listing the events of .* failed: OCI rejected the request signature"):
        stage.call(API_CONCURRENCY="1", **ONE_SLICE)
    assert (stage.state().through, stage.state().lease) == (NOON - 62, None)
    stage.world.faults.clear()
    again = stage.run()
    assert again.duplicates >= 5000
    assert again.forwarded == 7000 - again.duplicates


def test_a_run_whose_entry_cannot_be_written_leaves_the_cursor_and_fails(stage):
    ids = stage.emit(stage.world.tenancy, 10, 30, 20)
    stage.world.faults.add("status", status=503, operation="PutObject", after=3, times=None)  # both markers, the lease
    name = "oci://audit-state@axexample/epimetheus/ledger/us-ashburn-1/2026/01/01/20260101T1158Z-20260101T1043Z-"
    with pytest.raises(RunFailed, match=f"Creating the ledger entry {name}.* failed: OCI returned 503"):
        stage.call(seconds=20, **ONE_SLICE)
    assert (stage.state().through, stage.entries()) == (NOON - 62, {})
    stage.world.faults.clear()
    stage.hand.forward(30)
    assert (stage.run().forwarded, stage.arrived()) == (10, [*ids, *ids])
    assert [keys_in(entry) for entry in stage.entries().values()] == [10]


def test_an_entry_with_a_lost_response_is_recognized(stage):
    ids = stage.emit(stage.world.tenancy, 10, 30, 20)
    stage.world.faults.add("lost_response", operation="PutObject", after=3)  # both markers, the lease
    assert stage.run(**ONE_SLICE).status == "ok"
    assert (stage.run().forwarded, stage.arrived(), len(stage.entries())) == (0, ids, 1)


def test_a_failed_state_write_fails_the_run_and_its_events_are_not_sent_again(stage):
    """They are in the ledger."""
    ids = stage.emit(stage.world.tenancy, 10, 30, 20)
    stage.world.faults.add("status", status=503, operation="PutObject", after=4, times=None)  # both markers, the lease, the entry
    name = "oci://audit-state@axexample/epimetheus/us-ashburn-1.state"
    with pytest.raises(RunFailed, match=f"Writing the state {name} failed: OCI returned 503"):
        stage.call(seconds=20, **ONE_SLICE)
    stage.world.faults.clear()
    assert stage.state().through == NOON - 62
    stage.hand.forward(30)
    again = stage.run()
    assert (again.forwarded, again.duplicates, stage.arrived()) == (0, 10, ids)


def test_a_state_write_with_a_lost_response_is_recognized(stage):
    ids = stage.emit(stage.world.tenancy, 10, 30, 20)
    stage.world.faults.add("lost_response", operation="PutObject", after=4)
    assert stage.run(**ONE_SLICE).status == "ok"
    assert (stage.run().forwarded, stage.arrived()) == (0, ids)


def test_a_damaged_state_is_an_error_and_not_a_first_start(stage):
    stage.run()
    name = "epimetheus/us-ashburn-1.state"
    damaged = stage.world.objects("audit-state")[name][:-20]
    stage.world.put_hook = None
    stage.world.put("audit-state", name, damaged)
    with pytest.raises(RunFailed, match=r"is damaged: its checksum does not match.*state rewind"):
        stage.call()
    assert stage.world.objects("audit-state")[name] == damaged


def test_another_writer_of_the_state_ends_the_run(stage):
    stage.emit(stage.world.tenancy, 10, 30, 20)

    def take_over(message):
        stage.receiver.on_message = None
        theirs = pack(replace(stage.state(), writer="another", serial=99, lease=None))
        stage.world.put("audit-state", "epimetheus/us-ashburn-1.state", theirs)

    stage.receiver.on_message = take_over
    with pytest.raises(RunFailed, match=r"The state in .* could not be written: run another wrote it since this run read it"):
        stage.call(**ONE_SLICE)
    assert (stage.state().writer, stage.state().through) == ("another", NOON - 62)
    again = stage.run()
    assert (again.forwarded, again.duplicates) == (0, 10)


def test_malformed_events_are_forwarded_and_counted(stage):
    at = stage.hand.time - 1800
    stage.world.add_event(stage.world.tenancy, b'{"eventId": 7, "data": []}', processed=at)
    stage.world.add_event(stage.world.tenancy, b'{"not": "an event", "password": "hunter2"}', processed=at)
    report = stage.run()
    assert (report.status, report.fetched, report.forwarded, report.malformed) == ("ok", 2, 2, 2)
    bodies = [message.partition(b"] ")[2] for message in stage.receiver.messages]
    assert bodies == [b'{"eventId":7,"data":[]}', b'{"not":"an event","password":"[redacted]"}']


def test_a_failed_region_does_not_stop_others(tmp_path, api_key):
    with staged(tmp_path, api_key, regions=["eu-frankfurt-1"], page_size=50) as stage:
        ids = stage.emit(stage.world.tenancy, 5, 30, 20, region="eu-frankfurt-1")
        stage.world.put_hook = None
        stage.world.put("audit-state", "epimetheus/us-ashburn-1.state", b"damaged")
        with pytest.raises(RunFailed, match=r"us-ashburn-1: The state in .* is damaged") as caught:
            stage.call(REGIONS="all")
        assert "eu-frankfurt-1" not in str(caught.value)
        assert stage.arrived() == ids
        assert [report.status for report in stage.call(REGIONS="eu-frankfurt-1")] == ["ok"]
        assert stage.state("eu-frankfurt-1").through == NOON - 2


def test_a_backlog_is_read_over_several_runs_oldest_first(stage):
    ids = stage.emit(stage.world.tenancy, 300, 24 * 60, 23 * 60)
    stage.world.faults.add("delay", operation="ListEvents", seconds=4, times=None)
    through, lags = [], []
    for _ in range(40):
        report = stage.run(clock=stage.hand.clock, seconds=30, SLICE_MINUTES="240")
        through.append(report.position.through)
        lags.append(report.position.lag_seconds)
        if report.position.caught_up:
            break
    assert len(through) > 2
    assert through == sorted(through)
    assert lags == sorted(lags, reverse=True)
    assert report.status == "ok"
    assert stage.arrived() == ids


def test_a_slice_too_large_for_one_run_makes_progress_in_every_run(stage):
    ids = stage.emit(stage.world.tenancy, 1500, 10)
    stage.world.faults.add("delay", operation="ListEvents", seconds=4, times=None)
    counts = []
    for _ in range(20):
        report = stage.run(clock=stage.hand.clock, seconds=40, INITIAL_LOOKBACK_HOURS="1")
        counts.append(report.forwarded)
        stage.hand.forward(240)
        if report.position.caught_up:
            break
    burst = counts[: counts.index(0)]
    assert (len(burst) > 2, sum(burst)) == (True, 1500)
    assert (report.status, report.position.behind) == ("ok", {})
    assert sorted(stage.arrived()) == sorted(ids)
    assert repeats(stage) == 0


def test_a_long_slice_commits_confirmed_events_periodically(stage):
    stage.emit(stage.world.tenancy, 400, 30)
    stage.world.faults.add("delay", operation="ListEvents", seconds=12, times=None)
    report = stage.run(clock=stage.hand.clock, seconds=290, INITIAL_LOOKBACK_HOURS="1")
    assert report.status == "ok"
    assert report.state_writes > 3


def test_the_reserve_to_confirm_and_commit():
    assert [commit_reserve(seconds) for seconds in (5, 30, 300)] == [2.0, 4.5, 30.0]


def test_a_404_is_reported_with_its_compartment(stage, tree):
    stage.world.forbid(tree[1])
    report = stage.run()
    assert tree[1] in report.position.behind[tree[1]].reason
    assert CompartmentMissing.kind == "compartment_missing"


def test_without_any_response_the_run_fails_before_the_platform_ends_it(stage, tree):
    stage.world.faults.add("timeout", operation="ListEvents", times=None)
    with pytest.raises(RunFailed, match=r"0 of 4 compartments could be read\. The first error: not read before the end of the run"):
        stage.call(clock=stage.hand.clock, seconds=60, API_CONCURRENCY="1")
    assert stage.hand.time < parse_minute("2026-01-01T12:01:00Z") * 60


def test_an_event_listed_late_before_the_resumed_page_is_not_missed(stage):
    ids = stage.emit(stage.world.tenancy, 380, 10)
    stage.world.faults.add("delay", operation="ListEvents", seconds=4, times=None)
    slow = {"clock": stage.hand.clock, "seconds": 40, **ONE_SLICE}
    assert stage.run(**slow).forwarded == 350
    late = stage.hand.time - 11 * 60
    ids += stage.world.emit(stage.world.tenancy, 1, late, late + 60, seed=1)
    stage.hand.forward(3600)
    reports = [stage.run(**slow) for _ in range(6)]
    assert reports[-1].position.caught_up
    assert sorted(stage.arrived()) == sorted(ids)


def test_a_compartment_that_vanishes_and_returns_resumes_without_duplicates(stage):
    compartment = stage.world.add_compartment("returning")
    stage.world.compartments[compartment].created -= 3600
    stage.run()
    stage.world.vanish(compartment)
    stage.hand.forward(600)
    stage.run()
    stage.hand.forward(600)
    ids = stage.emit(compartment, 5, 8)
    for _ in range(6):
        stage.run()
        stage.hand.forward(600)
    stage.world.compartments[compartment].listed = True
    ids += stage.emit(compartment, 2, 5)
    assert stage.run().forwarded == 2
    assert stage.arrived() == ids

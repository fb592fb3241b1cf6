"""The ledger after an operator's mistakes and under attack, through the real function: what must still arrive, and what must not twice."""

import json
import shutil

import pytest

from epimetheus.function.invoke import RunFailed
from epimetheus.ledger.entry import unpack
from epimetheus.state.encoding import pack
from epimetheus.testing.syslog import Authority, receive
from tests.cli.test_app import terminal  # noqa: F401 - a fixture
from tests.run.test_reconcile import LEDGER, ONE_PASS, arrived, hidden, request
from tests.support.budget import budget
from tests.support.harness import event_id, keys_in


def delete(stage, names, bucket="audit-state"):
    """Delete objects behind the function's back."""
    objects = stage.world.store.bucket("us-ashburn-1", bucket).objects
    for name in names:
        del objects[name]


def test_the_entries_of_another_deployment_do_not_hide_events(stage, tmp_path):
    """Two deployments with their own buckets for the state share one for the ledger; each sends to its own receiver."""
    stage.world.bucket("ledger")
    stage.world.bucket("other-state")
    shared = {**ONE_PASS, "LEDGER_BUCKET": "ledger"}
    authority = Authority(tmp_path / "other")
    with receive(authority) as other:
        second = {**shared, "STATE_BUCKET": "other-state", "SYSLOG_PORT": str(other.port), "SYSLOG_CA": f"file:{authority.ca}"}
        stage.run(**shared)
        stage.run(**second)
        ids = stage.emit(stage.world.tenancy, 10, 0)
        stage.hand.forward(600)
        assert stage.run(**shared).forwarded == 10
        report = stage.run(**second)
        assert (report.forwarded, [event_id(message) for message in other.messages]) == (10, ids)
        (warning,) = report.warnings
        where = f"oci://ledger@{stage.world.namespace}/epimetheus/ledger/us-ashburn-1/"
        mine = f"oci://other-state@{stage.world.namespace}/epimetheus/us-ashburn-1.state"
        start = f"The ledger {where} is shared with another deployment: 1 entry is of another state than {mine}, such as 2026/01/01/"
        assert warning.startswith(start)
        assert "Set a different STATE_PREFIX or LEDGER_BUCKET for each deployment." in warning
        stage.hand.forward(7200)
        assert [stage.run(**settings).forwarded for settings in (shared, second)] == [0, 0]
        assert stage.arrived() == ids


@pytest.mark.parametrize("passes", ["60,300,1500", "60,2880", "60,600"][: budget(quick=1, full=3)])
def test_a_pass_that_is_changed_lists_what_the_former_one_had_not_listed(stage, passes):
    """The events are listed 20 hours late. At the change, their hour has passed the first pass, and is not old enough for the second."""
    late = {**ONE_PASS, "RECONCILE_AFTER": "60,1440"}
    stage.run(**late)
    stage.hand.forward(3600)
    ids = hidden(stage, 5, 30, listed_after=20 * 60)
    for _ in range(12):
        stage.hand.forward(2 * 3600)
        stage.run(**late)
    assert arrived(stage) == []
    for _ in range(20):
        stage.hand.forward(4 * 3600)
        stage.run(**{**late, "RECONCILE_AFTER": passes})
    assert arrived(stage) == ids


def test_a_pass_that_is_added_later_lists_the_windows_that_become_old_enough(stage):
    off = {**ONE_PASS, "RECONCILE_AFTER": ""}
    stage.run(**off)
    on_time = stage.emit(stage.world.tenancy, 3, 0)
    stage.hand.forward(3600)
    ids = hidden(stage, 5, 30, listed_after=20 * 60)
    stage.run(**off)
    for _ in range(30):
        stage.hand.forward(2 * 3600)
        stage.run(**{**off, "RECONCILE_AFTER": "1440"})
    assert arrived(stage) == [*on_time, *ids]


def test_windows_whose_entries_are_deleted_are_not_listed_again(stage):
    """The function does not run for ten days; the bucket keeps entries for nine."""
    settings = {**ONE_PASS, "RECONCILE_AFTER": "60,1440", "LEDGER_DAYS": "9"}
    stage.run(**settings)
    for _ in range(12):
        stage.emit(stage.world.tenancy, 3, 0)
        stage.hand.forward(7200)
        stage.run(**settings)
    entries = set(stage.entries())
    stage.hand.forward(10 * 24 * 3600)
    stage.emit(stage.world.tenancy, 3, 60)
    delete(stage, entries)
    report = stage.run(**settings)
    assert (report.status, report.forwarded, report.late) == ("ok", 3, 0)
    assert [warning.split(": it is")[0] for warning in report.warnings] == [
        "The pass of reconciliation after 60 minutes skips the time from 2026-01-02T11:00:00Z to 2026-01-02T11:58:00Z",
        "The pass of reconciliation after 1440 minutes skips the time from 2026-01-01T00:00:00Z to 2026-01-02T11:58:00Z",
    ]
    stage.hand.forward(2 * 24 * 3600)
    assert stage.run(**settings).warnings == []
    assert len(arrived(stage)) == len(set(arrived(stage))) == 39


def clutter(stage, count, minute, *, seconds):
    """Put objects that are not entries into the ledger, listed at ``minute`` of 2026-01-01; each page takes so many simulated seconds."""
    for number in range(count):
        stage.world.put("audit-state", f"{LEDGER}2026/01/01/20260101T{minute}Z-{number}", b"")
    stage.world.faults.add("delay", operation="ListObjects", seconds=seconds, times=None)


def test_a_ledger_that_takes_too_long_to_reconcile_does_not_fail_the_run(stage):
    """The slice at the cursor lists the ledger from 11:43 on, the pass from 11:00 on."""
    stage.run(**ONE_PASS)
    late = hidden(stage, 3, 20, listed_after=45)
    stage.hand.forward(3600)
    ids = stage.emit(stage.world.tenancy, 5, 10)
    clutter(stage, 5_000, "1110", seconds=0.2)
    began = stage.hand.time
    report = stage.run(seconds=8.0, clock=stage.hand.clock, **ONE_PASS)
    assert (report.status, report.forwarded, report.relisted, report.reconciliation["60"].lag_seconds) == ("ok", 5, 0, 3600)
    assert (stage.hand.time - began < 8, stage.arrived()) == (True, ids)
    stage.world.faults.clear()
    stage.run(**ONE_PASS)
    assert stage.arrived() == [*ids, *late]


def test_a_ledger_that_takes_too_long_at_the_cursor_fails_the_run_in_time(stage):
    """Thousands of pages would take an hour. The lease is returned, and the error names the ledger."""
    stage.run(**ONE_PASS)
    stage.hand.forward(600)
    ids = stage.emit(stage.world.tenancy, 5, 5)
    clutter(stage, 5_000, "1150", seconds=0.2)
    began = stage.hand.time
    with pytest.raises(RunFailed) as failed:
        stage.run(seconds=8.0, clock=stage.hand.clock, **ONE_PASS)
    where = f"oci://audit-state@{stage.world.namespace}/{LEDGER}"
    assert f"The ledger {where} could not be read before the deadline of the run. Raise the timeout. Check what else" in str(failed.value)
    assert (stage.hand.time - began < 8, stage.state().lease) == (True, None)
    stage.world.faults.clear()
    stage.run(seconds=300.0, **ONE_PASS)
    assert stage.arrived() == ids


def test_what_an_operator_skips_is_not_sent_by_reconciliation(stage):
    stage.run(**ONE_PASS)
    stage.emit(stage.world.tenancy, 5, 0)
    stage.hand.forward(20 * 60)
    hook, stage.world.put_hook = stage.world.put_hook, None
    now = int(stage.hand.time // 60)
    stage.world.put("audit-state", "epimetheus/us-ashburn-1.state", pack(stage.state().rewound(now - 3, now)))
    stage.world.put_hook = hook
    stage.marks.clear()
    ids = stage.emit(stage.world.tenancy, 5, 2)
    for _ in range(3):
        stage.hand.forward(3600)
        assert stage.run(**ONE_PASS).late == 0
    assert stage.arrived() == ids


def test_another_ledger_bucket_is_rejected_until_it_is_adopted(terminal):  # noqa: F811
    """Without its entries, each event of the last day would be sent again."""
    stage, type_in = terminal
    stage.environment |= {"STATE_BUCKET": "audit-state", "STATE_FILE": ""}
    stage.world.bucket("ledger")
    moved = {"LEDGER_BUCKET": "ledger"}
    assert type_in("run").exit_code == 0
    ids = stage.emit(stage.world.tenancy, 3, 5)
    assert type_in("run").exit_code == 0
    assert stage.state().ledger == "audit-state/epimetheus/"
    failed = type_in("run", **moved)
    text = " ".join(failed.output.split())
    assert failed.exit_code == 2
    cause = "LEDGER_BUCKET (by default STATE_BUCKET) and STATE_PREFIX lead to ledger/epimetheus/."
    assert f"the ledger in audit-state/epimetheus/, but {cause}" in text
    assert "copy its objects, and run `epimetheus state adopt --reason TEXT`" in text
    for name, data in stage.world.objects("audit-state").items():
        if "/ledger/" in name:
            stage.world.put("ledger", name, data)
    done = type_in("state", "adopt", "--reason", "CHG-4712", answer="n\n", **moved)
    assert "Events of the last days whose entries are not in ledger/epimetheus/ are sent again. Continue?" in " ".join(done.output.split())
    assert done.exit_code == 1
    done = type_in("state", "adopt", "--reason", "CHG-4712", "--yes", **moved)
    assert (done.exit_code, "ledger in audit-state/epimetheus/" in done.output, "adopted." in done.output) == (0, True, True)
    assert [type_in("run", **moved).exit_code, type_in("run").exit_code, stage.arrived()] == [0, 2, ids]
    assert "already belongs to" in type_in("state", "adopt", "--reason", "again", **moved).output


def test_a_mistyped_ledger_bucket_does_not_bind_the_first_state(stage):
    with pytest.raises(RunFailed, match="the ledger"):
        stage.run(**ONE_PASS, LEDGER_BUCKET="mistyped")
    stage.emit(stage.world.tenancy, 3, 5)
    assert stage.run(**ONE_PASS).forwarded == 3


def test_an_object_with_a_name_in_the_future_does_not_stop_the_runs(stage):
    """The positions of compartments that are behind depend on the names of entries; a state in the future is rejected."""
    other = stage.world.add_compartment("other")
    stage.run(**ONE_PASS)
    ids = stage.emit(other, 5, 0)
    stage.world.forbid(other)
    for end, start in (("20260105T0000Z", "20260104T2300Z"), ("20260105T0000Z", "20260101T1100Z")):
        stage.world.put("audit-state", f"{LEDGER}2026/01/05/{end}-{start}-29954480-x-0001-poll", b"junk")
    for _ in range(2):
        stage.hand.forward(600)
        assert stage.run(**ONE_PASS).status == "partial"
    stage.world.allow(other)
    report = stage.run(**ONE_PASS)
    assert (report.status, stage.arrived()) == ("ok", ids)
    assert [warning.partition(" is damaged")[1] for warning in report.warnings] == [" is damaged"]


def test_while_the_ledger_cannot_be_written_events_are_sent_once_and_not_in_each_run(stage):
    """The policy does not allow the function to create objects in the bucket of the ledger."""
    stage.world.bucket("ledger")
    settings = {**ONE_PASS, "LEDGER_BUCKET": "ledger"}
    stage.run(**settings)
    ids = stage.emit(stage.world.tenancy, 5, 5)
    stage.world.forbid_objects("ledger", "create")
    texts = []
    for _ in range(4):
        with pytest.raises(RunFailed) as failed:
            stage.run(**settings)
        texts.append(str(failed.value))
        stage.hand.forward(300)
    assert stage.arrived() == ids
    assert ["Nothing is sent until the ledger can be written." in text for text in texts] == [False, True, True, True]
    assert "Creating the ledger entry" in texts[-1]
    stage.world.allow_objects("ledger")
    assert [stage.run(**settings).forwarded, stage.run(**settings).forwarded] == [5, 0]
    assert stage.arrived() == [*ids, *ids]
    counts = [keys_in(unpack(data, name)) for name, data in sorted(stage.world.objects("ledger").items()) if "/seals/" not in name]
    assert sorted(counts) == [0, 5]


def test_a_deployment_that_moves_to_another_bucket_sends_nothing_twice(terminal):  # noqa: F811
    stage, type_in = terminal
    stage.environment |= {"STATE_BUCKET": "audit-state", "STATE_FILE": ""}
    stage.world.bucket("new")
    type_in("run")
    ids = stage.emit(stage.world.tenancy, 3, 5)
    type_in("run")
    for name, data in stage.world.objects("audit-state").items():
        stage.world.put("new", name, data)
    moved = {"STATE_BUCKET": "new"}
    assert type_in("run", **moved).exit_code == 2
    assert type_in("state", "adopt", "--reason", "moved", "--yes", **moved).exit_code == 0
    done = type_in("run", **moved)
    assert (done.exit_code, "shared" in done.output, stage.arrived()) == (0, False, ids)


def test_an_emptied_ledger_is_reported_and_nothing_that_was_delivered_arrives_as_late(stage):
    """All entries are deleted behind the function's back. Only the overlap is sent again; what OCI lists late afterwards still arrives."""
    stage.run(**ONE_PASS)
    old = stage.emit(stage.world.tenancy, 20, 0)
    stage.hand.forward(3000)
    stage.run(**ONE_PASS)
    stage.hand.forward(600)
    overlapping = stage.emit(stage.world.tenancy, 2, 5)
    stage.hand.forward(360)
    stage.run(**ONE_PASS)
    assert stage.arrived() == [*old, *overlapping]
    delete(stage, stage.entries())
    check = next(one for one in stage.call(b'{"action": "health"}', **ONE_PASS).checks if one.name == "ledger")
    assert (check.status, check.what) == (
        "failed",
        f"oci://audit-state@{stage.world.namespace}/{LEDGER} lacks its newest entry, {stage.state().newest_entry}: it was deleted.",
    )
    body = request(stage, "reconcile", 60, dry=True)
    with pytest.raises(RunFailed, match="was deleted"):
        stage.call(body, **ONE_PASS)
    report = stage.run(**ONE_PASS)
    (warning,) = report.warnings
    assert (report.status, report.forwarded, report.late) == ("ok", 2, 0)
    where = f"oci://audit-state@{stage.world.namespace}/{LEDGER}"
    assert warning.startswith(f"The ledger {where} is empty: its entries through 2026-01-01T13:04:00Z were deleted.")
    assert "Reconciliation skips the time from 2026-01-01T12:00:00Z to 2026-01-01T13:04:00Z, because" in warning
    assert "run `epimetheus reconcile --from 2026-01-01T12:00:00Z --to 2026-01-01T13:04:00Z`" in warning
    late = hidden(stage, 3, 0, listed_after=45)
    for _ in range(3):
        stage.hand.forward(3600)
        report = stage.run(**ONE_PASS)
        assert report.warnings == []
    assert stage.arrived() == [*old, *overlapping, *overlapping, *late]


def test_a_deleted_newest_entry_is_reported_and_the_windows_of_the_others_are_listed_again(stage):
    stage.run(**ONE_PASS)
    late = hidden(stage, 3, 0, listed_after=45)
    for _ in range(2):
        stage.emit(stage.world.tenancy, 2, 0)
        stage.hand.forward(1500)
        stage.run(**ONE_PASS)
    newest = stage.state().newest_entry
    delete(stage, [f"{LEDGER}{newest}"])
    (warning,) = stage.run(**ONE_PASS).warnings
    where = f"oci://audit-state@{stage.world.namespace}/{LEDGER}"
    assert warning.startswith(f"The newest entry of the ledger {where} was deleted: {newest}. Its events may be sent again.")
    stage.hand.forward(7200)
    stage.run(**ONE_PASS)
    assert set(late) < set(stage.arrived())


def test_a_folder_of_the_ledger_that_is_removed_is_reported(terminal, tmp_path):  # noqa: F811
    stage, run_cli = terminal
    stage.emit(stage.world.tenancy, 5, 90)
    run_cli("run")
    shutil.rmtree(tmp_path / "cursor.ledger")
    health = run_cli("health")
    assert (health.exit_code, f"{tmp_path}/cursor.ledger/ lacks its newest entry, " in health.stdout.replace("\n", "")) == (2, True)
    (report,) = json.loads(run_cli("run", "--json").stdout)
    (warning,) = report["warnings"]
    assert warning.startswith(f"The ledger {tmp_path}/cursor.ledger/ is empty: its entries through ")
    assert (report["late"], report["forwarded"], len(arrived(stage))) == (0, 0, 5)

"""The ledger through the real function: entries that are lost or damaged, a rewind, and a state that is rolled back."""

from dataclasses import replace

import pytest

from epimetheus.state.encoding import pack
from tests.support.hand import NOON
from tests.support.harness import keys_in, staged

BUCKET, STATE = "audit-state", "epimetheus/us-ashburn-1.state"
NOW = int(NOON // 60)
ONE_SLICE = {"SLICE_MINUTES": "240", "INITIAL_LOOKBACK_HOURS": "1"}


@pytest.fixture
def stage(tmp_path, api_key):
    with staged(tmp_path, api_key, page_size=50) as stage:
        yield stage


def put(stage, name, data):
    """Replaces an object behind the function's back."""
    hook, stage.world.put_hook = stage.world.put_hook, None
    stage.world.put(BUCKET, name, data)
    stage.world.put_hook = hook
    stage.marks.clear()


def delete(stage, name):
    del stage.world.store.bucket("us-ashburn-1", BUCKET).objects[name]


def sent_once(stage):
    """Runs once over ten events that are in the overlap of the next run. Returns their IDs and the name of their entry."""
    ids = stage.emit(stage.world.tenancy, 10, 12, 5)
    assert stage.run(**ONE_SLICE).forwarded == 10
    ((name, entry),) = stage.entries().items()
    assert (keys_in(entry), entry.source, entry.messages.first, entry.messages.last, entry.polled) == (10, "poll", 1, 10, 1)
    return ids, name


def test_an_entry_names_its_window_and_the_next_run_reads_it(stage):
    ids, name = sent_once(stage)
    run = stage.state().last["run"]
    assert name == f"epimetheus/ledger/us-ashburn-1/2026/01/01/20260101T1158Z-20260101T1043Z-29454480-{run}-0001-poll"
    again = stage.run(**ONE_SLICE)
    assert (again.forwarded, again.duplicates, stage.arrived()) == (0, 10, ids)
    assert list(stage.entries()) == [name]  # nothing was confirmed, so there is nothing to enter


def test_the_events_of_a_deleted_entry_are_sent_again_and_none_is_lost(stage):
    ids, name = sent_once(stage)
    delete(stage, name)
    more = stage.emit(stage.world.tenancy, 3, 4)
    report = stage.run(**ONE_SLICE)
    assert (report.status, report.forwarded, sorted(stage.arrived())) == ("ok", 13, sorted([*ids, *ids, *more]))


def test_a_damaged_entry_is_reported_and_its_events_are_sent_again(stage):
    ids, name = sent_once(stage)
    put(stage, name, stage.world.objects(BUCKET)[name][:-1])
    more = stage.emit(stage.world.tenancy, 3, 4)
    report = stage.run(**ONE_SLICE)
    assert (report.status, report.forwarded, sorted(stage.arrived())) == ("ok", 13, sorted([*ids, *ids, *more]))
    location = f"oci://{BUCKET}@{stage.world.namespace}/{name}"
    assert [warning for warning in report.warnings if location in warning] != []


def test_after_a_rewind_later_events_are_sent_again_once(stage):
    ids, _ = sent_once(stage)
    put(stage, STATE, pack(stage.state().rewound(NOW - 60, NOW)))
    report = stage.run(**ONE_SLICE)
    assert (report.forwarded, stage.arrived()) == (10, [*ids, *ids])
    assert [entry.epoch for entry in stage.entries().values()] == [NOW, NOW + 1]
    assert stage.run(**ONE_SLICE).duplicates == 10


@pytest.mark.parametrize("behind", [False, True])
def test_a_state_that_is_rolled_back_sends_nothing_twice(stage, behind):
    """With ``behind``, a compartment could not be read when the restored state was written, and was read at the cursor since."""
    other = stage.world.add_compartment("other")
    stage.run(**ONE_SLICE)
    if behind:
        stage.world.forbid(other)
    stage.hand.forward(3600)
    stage.run(**ONE_SLICE)
    old = stage.state()
    assert set(old.behind) == ({other} if behind else set())
    stage.world.allow(other)
    ids = []
    for _ in range(3):
        stage.hand.forward(3600)
        ids += [event for ocid in (stage.world.tenancy, other) for event in stage.emit(ocid, 10, 50, 40)]
        stage.run(**ONE_SLICE)
    assert sorted(stage.arrived()) == sorted(ids)
    put(stage, STATE, pack(replace(old, lease=None)))
    duplicates = sum(stage.run(SLICE_MINUTES="60").duplicates for _ in range(3))
    assert (duplicates >= 60, sorted(stage.arrived())) == (True, sorted(ids))


def test_a_run_that_did_not_end_is_remembered_until_its_counts_are_found(stage):
    """Its entry may be of a window that is read again much later; a run that ended with a commit is forgotten by the next."""
    first = stage.run(**ONE_SLICE)
    put(stage, STATE, pack(replace(stage.state(), entered={"killed": 2, **stage.state().entered})))
    second, third = stage.run(**ONE_SLICE), stage.run(**ONE_SLICE)
    assert len({first.run, second.run, third.run}) == 3
    assert stage.state().entered == {"killed": 2, third.run: 0}

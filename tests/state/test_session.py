"""Who may write: leases, conditional writes, lost answers, and never over another's state. In Object Storage and in a file."""

from dataclasses import replace

import pytest

from epimetheus.errors import StateConflict, StateDamaged, StateError
from epimetheus.state.file import FileStore
from epimetheus.state.model import Lease, State
from epimetheus.state.session import StateSession

FRESH = State("us-ashburn-1", 100)
NOW = 100_000.0


@pytest.fixture(params=["object storage", "file"])
def store(request, tmp_path):
    return FileStore(tmp_path / "state") if request.param == "file" else request.getfixturevalue("bucket")


def opened(store, run="run1", now=NOW, until=NOW + 60):
    keeper = StateSession(store, run, FRESH.region)
    state, other = keeper.open(lambda: FRESH, now=now, until=until)
    return keeper, state, other


def test_no_state_is_a_fresh_start_with_a_lease(store):
    _, state, other = opened(store)
    assert other is None
    assert (state.through, state.lease) == (100, Lease("run1", NOW + 60, NOW))
    assert StateSession(store, "x", FRESH.region).peek() == state


def test_what_is_committed_is_found_by_the_next_run(store):
    keeper, state, _ = opened(store)
    keeper.commit(replace(state, through=200, lease=None, keys={200: b"k" * 16}))
    _, found, other = opened(store, "run2")
    assert other is None
    assert (found.through, found.keys) == (200, {200: b"k" * 16})


def test_a_live_lease_keeps_others_out_and_an_expired_one_does_not(store):
    opened(store)
    _, _, other = opened(store, "run2", now=NOW + 59)
    assert other == Lease("run1", NOW + 60, NOW)
    _, state, other = opened(store, "run2", now=NOW + 60, until=NOW + 120)
    assert other is None
    assert state.lease == Lease("run2", NOW + 120, NOW + 60)


def test_of_two_that_begin_at_once_one_works(store):
    first, second = StateSession(store, "run1", FRESH.region), StateSession(store, "run2", FRESH.region)
    order = []
    real = store.write

    def write(data, etag):
        if not order:
            order.append("second goes first")
            order.append(second.open(lambda: FRESH, now=NOW, until=NOW + 60)[1])
        return real(data, etag)

    store.write = write
    _, other = first.open(lambda: FRESH, now=NOW, until=NOW + 60)
    assert order == ["second goes first", None]
    assert other == Lease("run2", NOW + 60, NOW)


def test_one_who_never_gets_a_turn_says_so_and_the_state_stays(impatient, world):
    keeper, state, _ = opened(impatient)
    world.faults.add("status", status=409, operation="PutObject", times=None)
    with pytest.raises(StateError, match="each of 3 times another write was under way") as caught:
        keeper.commit(replace(state, through=200))
    assert not isinstance(caught.value, StateConflict)
    with pytest.raises(StateError, match="each of 3 times"):
        opened(impatient, "run2", now=NOW + 61)
    world.faults.clear()
    assert keeper.commit(replace(state, through=200)).through == 200


def test_a_turn_that_comes_is_taken(impatient, world):
    keeper, state, _ = opened(impatient)
    world.faults.add("status", status=409, operation="PutObject", times=2)
    assert keeper.commit(replace(state, through=200)).through == 200


def test_one_who_loses_every_race_says_to_whom(store):
    winners = ["run4", "run3", "run2"]
    real = store.write

    def write(data, etag):
        if winners and data.find(b"unlucky") > 0:
            later = NOW - 100 * len(winners)
            StateSession(store, winners.pop(), FRESH.region).open(lambda: FRESH, now=later, until=later + 1)
        return real(data, etag)

    store.write = write
    with pytest.raises(StateConflict, match="run run4 wrote it"):
        StateSession(store, "unlucky", FRESH.region).open(lambda: FRESH, now=NOW, until=NOW + 60)
    assert winners == []


def test_another_who_wrote_meanwhile_is_not_written_over_not_even_at_the_second_try(store):
    keeper, state, _ = opened(store)
    opened(store, "run2", now=NOW + 61, until=NOW + 120)
    for _ in range(2):
        with pytest.raises(StateConflict, match="run run2 wrote it"):
            keeper.commit(replace(state, through=999))
    assert StateSession(store, "x", FRESH.region).peek().lease == Lease("run2", NOW + 120, NOW + 61)


def test_our_own_write_whose_answer_was_lost_is_no_conflict(bucket, world):
    keeper, state, _ = opened(bucket)
    world.faults.add("lost_response", operation="PutObject")
    state = keeper.commit(replace(state, through=200))
    assert (state.through, len(world.writes)) == (200, 2)
    assert keeper.commit(replace(state, through=300)).through == 300


def test_a_lost_answer_at_the_first_write_is_no_conflict(bucket, world):
    world.faults.add("lost_response", operation="PutObject")
    _, state, other = opened(bucket)
    assert other is None
    assert state.lease == Lease("run1", NOW + 60, NOW)


def test_a_deleted_state_is_a_conflict(bucket, world):
    keeper, state, _ = opened(bucket)
    world.store.bucket(world.region, "b").objects.clear()
    with pytest.raises(StateConflict, match="somebody deleted it"):
        keeper.commit(state)


def test_a_damaged_state_is_not_a_fresh_start(store):
    opened(store)
    stored = store.read()
    store.write(stored.data[:-3], stored.etag)
    with pytest.raises(StateDamaged):
        opened(store, "run2")
    keeper = StateSession(store, "by hand", FRESH.region)
    with pytest.raises(StateDamaged):
        keeper.peek()
    assert keeper.commit(FRESH).writer == "by hand"


def lost(keeper, state):
    """A commit that takes effect, and whose answer never comes: not one of all tries."""
    with pytest.raises(StateError, match="gave no answer while writing"):
        keeper.commit(state)


@pytest.mark.parametrize("retries", ["without retries", "with the SDK's"])
def test_an_earlier_write_of_ours_is_not_taken_for_the_later_one(request, world, retries):
    bucket = request.getfixturevalue("impatient" if retries == "without retries" else "bucket")
    keeper, state, _ = opened(bucket)
    fault = world.faults.add("lost_response", operation="PutObject", times=None)
    lost(keeper, replace(state, through=200))
    world.faults.remove(fault)
    state = keeper.commit(replace(state, through=300, lease=None))
    assert StateSession(bucket, "x", FRESH.region).peek() == state
    assert (state.through, state.lease, keeper.writes) == (300, None, 2)
    assert [asked.status for asked in world.requests_for("PutObject")][-2:] == [412, 200]


def test_every_attempt_has_a_serial_of_its_own_however_many_are_lost(impatient, world):
    keeper, state, _ = opened(impatient)
    fault = world.faults.add("lost_response", operation="PutObject", times=None)
    for through in (200, 300, 400):
        lost(keeper, replace(state, through=through))
    world.faults.remove(fault)
    state = keeper.commit(replace(state, through=500))
    assert (state.through, state.serial) == (500, 5)
    assert StateSession(impatient, "x", FRESH.region).peek() == state
    assert keeper.commit(replace(state, through=600)).serial == 6


def test_a_write_that_had_no_effect_is_made_up_for(impatient, world):
    keeper, state, _ = opened(impatient)
    world.faults.add("reset", operation="PutObject")
    lost(keeper, replace(state, through=200))
    assert keeper.commit(replace(state, through=300)).through == 300


def test_another_who_wrote_after_our_lost_write_is_not_written_over(impatient, world):
    keeper, state, _ = opened(impatient)
    world.faults.add("lost_response", operation="PutObject")
    lost(keeper, replace(state, through=200))
    opened(impatient, "run2", now=NOW + 61, until=NOW + 120)
    for _ in range(2):
        with pytest.raises(StateConflict, match="run run2 wrote it"):
            keeper.commit(replace(state, through=300))
    assert StateSession(impatient, "x", FRESH.region).peek().through == 200


def test_the_state_of_another_region_is_neither_used_nor_written_over(store):
    opened(store)
    before = store.read()
    keeper = StateSession(store, "run2", "eu-frankfurt-1")
    with pytest.raises(StateError, match="is that of us-ashburn-1, not of eu-frankfurt-1") as caught:
        keeper.open(lambda: State("eu-frankfurt-1", 100), now=NOW + 61, until=NOW + 120)
    assert "STATE_FILE" in caught.value.do
    assert not isinstance(caught.value, StateDamaged)
    with pytest.raises(StateError, match="is that of us-ashburn-1"):
        keeper.peek()
    assert store.read() == before

"""StateSession over Object Storage and over a file: leases, conditional writes, lost responses, and conflicts."""

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
    session = StateSession(store, run, FRESH.region)
    state, other = session.open(lambda: FRESH, now=now, until=until)
    return session, state, other


def test_without_a_state_a_session_creates_one_with_a_lease(store):
    _, state, other = opened(store)
    assert other is None
    assert (state.through, state.lease) == (100, Lease("run1", NOW + 60, NOW))
    assert StateSession(store, "x", FRESH.region).peek() == state


def test_the_next_run_finds_what_was_committed(store):
    session, state, _ = opened(store)
    session.commit(replace(state, through=200, lease=None, entered={"run1": 3}))
    _, found, other = opened(store, "run2")
    assert other is None
    assert (found.through, found.entered["run1"]) == (200, 3)


def test_a_live_lease_blocks_other_runs_and_an_expired_one_does_not(store):
    opened(store)
    _, _, other = opened(store, "run2", now=NOW + 59)
    assert other == Lease("run1", NOW + 60, NOW)
    _, state, other = opened(store, "run2", now=NOW + 60, until=NOW + 120)
    assert other is None
    assert state.lease == Lease("run2", NOW + 120, NOW + 60)


def test_of_two_runs_that_start_at_once_one_gets_the_lease(store):
    first, second = StateSession(store, "run1", FRESH.region), StateSession(store, "run2", FRESH.region)
    order = []
    real = store.write

    def write(data, etag):
        if not order:
            order.append("second first")
            order.append(second.open(lambda: FRESH, now=NOW, until=NOW + 60)[1])
        return real(data, etag)

    store.write = write
    _, other = first.open(lambda: FRESH, now=NOW, until=NOW + 60)
    assert order == ["second first", None]
    assert other == Lease("run2", NOW + 60, NOW)


def test_a_run_that_never_completes_a_write_fails_and_leaves_the_state(bucket_without_retries, world):
    session, state, _ = opened(bucket_without_retries)
    world.faults.add("status", status=409, operation="PutObject", times=None)
    with pytest.raises(StateError, match="another write was in progress at each of 3 attempts") as caught:
        session.commit(replace(state, through=200))
    assert not isinstance(caught.value, StateConflict)
    with pytest.raises(StateError, match="at each of 3 attempts"):
        opened(bucket_without_retries, "run2", now=NOW + 61)
    world.faults.clear()
    assert session.commit(replace(state, through=200)).through == 200


def test_a_write_succeeds_once_the_other_write_is_over(bucket_without_retries, world):
    session, state, _ = opened(bucket_without_retries)
    world.faults.add("status", status=409, operation="PutObject", times=2)
    assert session.commit(replace(state, through=200)).through == 200


def test_a_run_that_loses_every_race_names_the_winner(store):
    winners = ["run4", "run3", "run2"]
    real = store.write

    def write(data, etag):
        if winners and data.find(b"unlucky") > 0:
            later = NOW - 100 * len(winners)
            StateSession(store, winners.pop(), FRESH.region).open(lambda: FRESH, now=later, until=later + 1)
        return real(data, etag)

    store.write = write
    with pytest.raises(StateConflict, match="run run4 wrote it since this run read it"):
        StateSession(store, "unlucky", FRESH.region).open(lambda: FRESH, now=NOW, until=NOW + 60)
    assert winners == []


def test_a_write_of_another_run_is_never_overwritten_not_even_by_a_second_commit(store):
    session, state, _ = opened(store)
    opened(store, "run2", now=NOW + 61, until=NOW + 120)
    for _ in range(2):
        with pytest.raises(StateConflict, match="run run2 wrote it since this run read it"):
            session.commit(replace(state, through=999))
    assert StateSession(store, "x", FRESH.region).peek().lease == Lease("run2", NOW + 120, NOW + 61)


def test_a_write_whose_response_was_lost_is_not_a_conflict(bucket, world):
    session, state, _ = opened(bucket)
    world.faults.add("lost_response", operation="PutObject")
    state = session.commit(replace(state, through=200))
    assert (state.through, len(world.writes)) == (200, 2)
    assert session.commit(replace(state, through=300)).through == 300


def test_a_lost_response_to_the_first_write_is_not_a_conflict(bucket, world):
    world.faults.add("lost_response", operation="PutObject")
    _, state, other = opened(bucket)
    assert other is None
    assert state.lease == Lease("run1", NOW + 60, NOW)


def test_a_deleted_state_is_a_conflict(bucket, world):
    session, state, _ = opened(bucket)
    world.store.bucket(world.region, "b").objects.clear()
    with pytest.raises(StateConflict, match="it was deleted since this run read it"):
        session.commit(state)


def test_a_damaged_state_is_an_error_and_not_a_first_start(store):
    opened(store)
    stored = store.read()
    store.write(stored.data[:-3], stored.etag)
    with pytest.raises(StateDamaged):
        opened(store, "run2")
    session = StateSession(store, "terminal", FRESH.region)
    with pytest.raises(StateDamaged):
        session.peek()
    assert session.commit(FRESH).writer == "terminal"


def commit_without_response(session, state):
    """Commit while every response to a write is lost."""
    with pytest.raises(StateError, match=r"Writing .* failed: OCI closed the connection\."):
        session.commit(state)


@pytest.mark.parametrize("retries", ["without retries", "with the SDK's retries"])
def test_an_earlier_write_of_this_run_is_not_mistaken_for_the_later_one(request, world, retries):
    bucket = request.getfixturevalue("bucket_without_retries" if retries == "without retries" else "bucket")
    session, state, _ = opened(bucket)
    fault = world.faults.add("lost_response", operation="PutObject", times=None)
    commit_without_response(session, replace(state, through=200))
    world.faults.remove(fault)
    state = session.commit(replace(state, through=300, lease=None))
    assert StateSession(bucket, "x", FRESH.region).peek() == state
    assert (state.through, state.lease, session.writes) == (300, None, 2)
    assert [call.status for call in world.requests_for("PutObject")][-2:] == [412, 200]


def test_every_commit_has_its_own_serial_number_however_many_responses_are_lost(bucket_without_retries, world):
    session, state, _ = opened(bucket_without_retries)
    fault = world.faults.add("lost_response", operation="PutObject", times=None)
    for through in (200, 300, 400):
        commit_without_response(session, replace(state, through=through))
    world.faults.remove(fault)
    state = session.commit(replace(state, through=500))
    assert (state.through, state.serial) == (500, 5)
    assert StateSession(bucket_without_retries, "x", FRESH.region).peek() == state
    assert session.commit(replace(state, through=600)).serial == 6


def test_a_write_without_effect_is_replaced_by_the_next(bucket_without_retries, world):
    session, state, _ = opened(bucket_without_retries)
    world.faults.add("reset", operation="PutObject")
    commit_without_response(session, replace(state, through=200))
    assert session.commit(replace(state, through=300)).through == 300


def test_a_write_of_another_run_after_a_lost_response_is_not_overwritten(bucket_without_retries, world):
    session, state, _ = opened(bucket_without_retries)
    world.faults.add("lost_response", operation="PutObject")
    commit_without_response(session, replace(state, through=200))
    opened(bucket_without_retries, "run2", now=NOW + 61, until=NOW + 120)
    for _ in range(2):
        with pytest.raises(StateConflict, match="run run2 wrote it since this run read it"):
            session.commit(replace(state, through=300))
    assert StateSession(bucket_without_retries, "x", FRESH.region).peek().through == 200


def test_the_state_of_another_region_is_neither_used_nor_overwritten(store):
    opened(store)
    before = store.read()
    session = StateSession(store, "run2", "eu-frankfurt-1")
    with pytest.raises(StateError, match="cannot be used: it is for region us-ashburn-1, not eu-frankfurt-1") as caught:
        session.open(lambda: State("eu-frankfurt-1", 100), now=NOW + 61, until=NOW + 120)
    assert "STATE_FILE" in caught.value.do
    assert not isinstance(caught.value, StateDamaged)
    with pytest.raises(StateError, match="it is for region us-ashburn-1, not eu-frankfurt-1"):
        session.peek()
    assert store.read() == before

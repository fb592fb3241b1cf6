"""Who may write: leases, conditional writes, lost answers, and never over another's state. In Object Storage and in a file."""

from dataclasses import replace

import pytest
from oci.object_storage import ObjectStorageClient

from epimetheus.cloud import make_client, sign_in
from epimetheus.errors import CredentialsError, StateConflict, StateDamaged, StateError
from epimetheus.state.file import FileStore
from epimetheus.state.keeper import Keeper
from epimetheus.state.memory import Lease, State
from epimetheus.state.object_storage import ObjectStore
from epimetheus.state.store import Changed
from epimetheus.testing.oci import World, mock_oci

FRESH = State("us-ashburn-1", 100)
NOW = 1000.0


@pytest.fixture
def world(api_key):
    world = World(api_key=api_key)
    world.bucket("b")
    return world


@pytest.fixture(params=["object storage", "file"])
def store(request, world, tmp_path):
    if request.param == "file":
        yield FileStore(tmp_path / "state")
        return
    yield from bucket_store(world, tmp_path)


@pytest.fixture
def bucket(world, tmp_path):
    yield from bucket_store(world, tmp_path)


def bucket_store(world, folder):
    credentials = sign_in("config_file", str(world.credentials(folder)), "DEFAULT")
    with mock_oci(world):
        client = make_client(ObjectStorageClient, credentials, region=world.region, endpoint=None, seconds=3)
        yield ObjectStore(client, world.namespace, "b", "epimetheus/us-ashburn-1.state")


def opened(store, run="run1", now=NOW, until=NOW + 60):
    keeper = Keeper(store, run)
    state, other = keeper.open(lambda: FRESH, now=now, until=until)
    return keeper, state, other


def test_no_state_is_a_fresh_start_with_a_lease(store):
    _, state, other = opened(store)
    assert other is None
    assert (state.through, state.lease) == (100, Lease("run1", NOW + 60))
    assert Keeper(store, "x").peek() == state


def test_what_is_committed_is_found_by_the_next_run(store):
    keeper, state, _ = opened(store)
    keeper.commit(replace(state, through=200, lease=None, keys={200: b"k" * 16}))
    _, found, other = opened(store, "run2")
    assert other is None
    assert (found.through, found.keys) == (200, {200: b"k" * 16})


def test_a_live_lease_keeps_others_out_and_an_expired_one_does_not(store):
    opened(store)
    _, _, other = opened(store, "run2", now=NOW + 59)
    assert other == Lease("run1", NOW + 60)
    _, state, other = opened(store, "run2", now=NOW + 60, until=NOW + 120)
    assert other is None
    assert state.lease == Lease("run2", NOW + 120)


def test_of_two_that_begin_at_once_one_works(store):
    first, second = Keeper(store, "run1"), Keeper(store, "run2")
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
    assert other == Lease("run2", NOW + 60)


def test_one_who_loses_every_race_says_so(store):
    class Busy:
        name = "busy"

        def read(self):
            return None

        def write(self, data, etag):
            raise Changed

    with pytest.raises(StateConflict, match="somebody deleted it"):
        Keeper(Busy(), "run1").open(lambda: FRESH, now=NOW, until=NOW + 60)


def test_another_who_wrote_meanwhile_is_not_written_over_not_even_at_the_second_try(store):
    keeper, state, _ = opened(store)
    opened(store, "run2", now=NOW + 61, until=NOW + 120)
    for _ in range(2):
        with pytest.raises(StateConflict, match="run run2 wrote it"):
            keeper.commit(replace(state, through=999))
    assert Keeper(store, "x").peek().lease == Lease("run2", NOW + 120)


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
    assert state.lease == Lease("run1", NOW + 60)


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
    keeper = Keeper(store, "by hand")
    with pytest.raises(StateDamaged):
        keeper.peek()
    assert keeper.commit(FRESH).writer == "by hand"


@pytest.mark.parametrize("status", [409, 500, 503, 429])
def test_what_passes_is_tried_again(bucket, world, status):
    world.faults.add("status", status=status, operation="PutObject")
    opened(bucket)
    assert len(world.writes) == 1


def test_what_does_not_pass_is_an_error_that_helps(bucket, world):
    world.faults.add("status", status=403, code="NotAuthorized", operation="PutObject", times=None)
    with pytest.raises(StateError, match="writing the state oci://b@axexample/epimetheus/us-ashburn-1.state") as caught:
        opened(bucket)
    assert "OBJECT_OVERWRITE" in caught.value.do


def test_a_missing_bucket_is_not_a_missing_state(world, bucket):
    world.store.bucket(world.region, "b")
    bucket._place = (world.namespace, "typo", "x")
    with pytest.raises(StateError, match="404 BucketNotFound"):
        opened(bucket)


def test_no_answer_is_an_error_that_helps(bucket, world):
    world.faults.add("timeout", operation="GetObject", times=None)
    with pytest.raises(StateError, match="OCI gave no answer while reading the state"):
        opened(bucket)


def test_a_refused_signature_is_ours(bucket, world):
    world.keys.clear()
    with pytest.raises(CredentialsError):
        opened(bucket)


def test_a_file_that_can_not_be_written_is_an_error_that_helps(tmp_path):
    with pytest.raises(StateError, match="No such file or directory") as caught:
        opened(FileStore(tmp_path / "nowhere" / "state"))
    assert "STATE_FILE" in caught.value.do


def test_a_file_that_another_is_writing_is_changed(tmp_path):
    import fcntl

    store = FileStore(tmp_path / "state")
    with (tmp_path / "state.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(Changed):
            store.write(b"x", None)

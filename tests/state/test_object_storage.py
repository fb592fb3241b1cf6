"""The state in a bucket: whatever the way there does to a request or its answer, it ends in one of our errors."""

import re

import pytest

from epimetheus.errors import CredentialsError, StateDamaged, StateError
from epimetheus.state.store import Changed, Stored

NAME = "oci://b@axexample/epimetheus/us-ashburn-1.state"
SILENCE = {"seconds": 1.3}


def test_nothing_is_there_then_what_was_written_and_only_over_what_was_read(far_bucket):
    assert far_bucket.read() is None
    first = far_bucket.write(b"one", None)
    second = far_bucket.write(b"two", first)
    assert far_bucket.read() == Stored(b"two", second)
    assert first != second
    for etag in (None, first):
        with pytest.raises(Changed):
            far_bucket.write(b"three", etag)
    assert far_bucket.read().data == b"two"


@pytest.mark.parametrize("kind", ["cut", "stalled"])
def test_a_body_that_breaks_off_is_no_damaged_state(far_bucket, world, kind):
    far_bucket.write(b"one" * 1000, None)
    far_bucket._client.base_client.timeout = (1, 1)
    world.faults.add(kind, operation="GetObject", **SILENCE)
    with pytest.raises(StateError, match=f"OCI gave no whole answer while reading the state {NAME}") as caught:
        far_bucket.read()
    assert not isinstance(caught.value, StateDamaged)
    assert "next run" in caught.value.do
    assert far_bucket.read().data == b"one" * 1000


@pytest.mark.parametrize("kind", ["reset", "timeout", "lost_response"])
def test_no_answer_is_an_error_that_helps(far_bucket, world, kind):
    far_bucket._client.base_client.timeout = (1, 1)
    world.faults.add(kind, times=2, **SILENCE)
    with pytest.raises(StateError, match=f"OCI gave no answer while reading the state {NAME}"):
        far_bucket.read()
    with pytest.raises(StateError, match=f"OCI gave no answer while writing the state {NAME}") as caught:
        far_bucket.write(b"one", None)
    assert "OBJECT_OVERWRITE" in caught.value.do
    assert len(world.writes) == (kind == "lost_response")


@pytest.mark.parametrize("status", [400, 403, 404, 409, 412, 429, 500, 503])
def test_a_refusal_to_read_is_an_error_that_says_which(far_bucket, world, status):
    world.faults.add("status", status=status, operation="GetObject", times=None)
    with pytest.raises(StateError, match=f"OCI refused while reading the state {NAME}: {status} "):
        far_bucket.read()


@pytest.mark.parametrize("status", [400, 403, 404, 429, 500, 503])
def test_a_refusal_to_write_is_an_error_that_says_which(far_bucket, world, status):
    world.faults.add("status", status=status, operation="PutObject", times=None)
    with pytest.raises(StateError, match=f"OCI refused while writing the state {NAME}: {status} "):
        far_bucket.write(b"one", None)


@pytest.mark.parametrize("status", [409, 412])
def test_a_write_between_is_changed(far_bucket, world, status):
    world.faults.add("status", status=status, operation="PutObject")
    with pytest.raises(Changed):
        far_bucket.write(b"one", None)


@pytest.mark.parametrize("status", [409, 429, 500, 503])
def test_what_passes_is_tried_again(bucket, world, status):
    world.faults.add("status", status=status, operation="PutObject")
    bucket.write(b"one", None)
    assert [write.data for write in world.writes] == [b"one"]
    assert [asked.status for asked in world.requests_for("PutObject")] == [status, 200]


def test_an_answer_without_an_etag_is_none_to_go_on_from(far_bucket, world, monkeypatch):
    far_bucket.write(b"one", None)
    monkeypatch.setattr("epimetheus.testing.oci.responses.objectstorage._headers", lambda stored: {})
    with pytest.raises(StateError, match=f"reading the state {NAME}: it has no ETag"):
        far_bucket.read()
    with pytest.raises(StateError, match=f"writing the state {NAME}: it has no ETag"):
        far_bucket.write(b"two", world.writes[0].etag)


def test_a_missing_bucket_is_not_a_missing_state(bucket, world):
    bucket._place = (world.namespace, "typo", "x")
    with pytest.raises(StateError, match="404 BucketNotFound"):
        bucket.read()


def test_a_404_that_names_no_reason_is_not_a_missing_state(far_bucket, world):
    world.faults.add("status", status=404, code="NotAuthorizedOrNotFound", operation="GetObject")
    with pytest.raises(StateError, match="404 NotAuthorizedOrNotFound"):
        far_bucket.read()


def test_a_refused_signature_is_ours(bucket, world):
    world.keys.clear()
    with pytest.raises(CredentialsError):
        bucket.read()
    with pytest.raises(CredentialsError):
        bucket.write(b"one", None)


def test_its_name_tells_where_it_is(bucket):
    assert re.fullmatch(r"oci://\w+@\w+/[\w./-]+", bucket.name)
    assert bucket.name == NAME

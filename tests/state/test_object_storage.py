"""The state in a bucket: every failure of a request or its response becomes a StateError or PreconditionFailed."""

import re

import pytest

from epimetheus.errors import CredentialsError, StateDamaged, StateError
from epimetheus.oci_client.network_errors import NETWORK_HELP
from epimetheus.state.store import PreconditionFailed, Stored

NAME = "oci://b@axexample/epimetheus/us-ashburn-1.state"
DELAY = {"seconds": 1.3}
NO_ETAG = "the response has no ETag, so it is not from Object Storage"


def test_a_write_succeeds_only_over_the_etag_that_was_read(any_bucket):
    assert any_bucket.read() is None
    first = any_bucket.write(b"one", None)
    second = any_bucket.write(b"two", first)
    assert any_bucket.read() == Stored(b"two", second)
    assert first != second
    for etag in (None, first):
        with pytest.raises(PreconditionFailed):
            any_bucket.write(b"three", etag)
    assert any_bucket.read().data == b"two"


@pytest.mark.parametrize("kind", ["cut", "stalled"])
def test_a_body_that_breaks_off_is_not_a_damaged_state(any_bucket, world, kind):
    any_bucket.write(b"one" * 1000, None)
    any_bucket._client.base_client.timeout = (1, 1)
    world.faults.add(kind, operation="GetObject", **DELAY)
    with pytest.raises(StateError, match=f"Reading the state {NAME} failed: the response of OCI was incomplete") as caught:
        any_bucket.read()
    assert not isinstance(caught.value, StateDamaged)
    assert "next run" in caught.value.do
    assert any_bucket.read().data == b"one" * 1000


@pytest.mark.parametrize("kind", ["reset", "timeout", "lost_response"])
def test_a_missing_response_is_an_error_with_a_remedy(any_bucket, world, kind):
    any_bucket._client.base_client.timeout = (1, 1)
    world.faults.add(kind, times=2, **DELAY)
    cause = r"\S+ (?:closed the connection|did not respond in time)\."
    with pytest.raises(StateError, match=f"Reading the state {NAME} failed: {cause}"):
        any_bucket.read()
    with pytest.raises(StateError, match=f"Writing the state {NAME} failed: {cause}") as caught:
        any_bucket.write(b"one", None)
    assert caught.value.do == NETWORK_HELP
    assert len(world.writes) == (kind == "lost_response")


@pytest.mark.parametrize("status", [400, 403, 404, 409, 412, 429, 500, 503])
def test_a_rejected_read_reports_the_status(any_bucket, world, status):
    world.faults.add("status", status=status, operation="GetObject", times=None)
    with pytest.raises(StateError, match=f"Reading the state {NAME} failed: OCI returned {status} "):
        any_bucket.read()


@pytest.mark.parametrize("status", [400, 403, 404, 429, 500, 503])
def test_a_rejected_write_reports_the_status(any_bucket, world, status):
    world.faults.add("status", status=status, operation="PutObject", times=None)
    with pytest.raises(StateError, match=f"Writing the state {NAME} failed: OCI returned {status} "):
        any_bucket.write(b"one", None)


@pytest.mark.parametrize("status", [409, 412])
def test_a_concurrent_write_is_changed(any_bucket, world, status):
    world.faults.add("status", status=status, operation="PutObject")
    with pytest.raises(PreconditionFailed):
        any_bucket.write(b"one", None)


@pytest.mark.parametrize("status", [409, 429, 500, 503])
def test_a_transient_failure_is_retried(bucket, world, status):
    world.faults.add("status", status=status, operation="PutObject")
    bucket.write(b"one", None)
    assert [write.data for write in world.writes] == [b"one"]
    assert [call.status for call in world.requests_for("PutObject")] == [status, 200]


def test_a_response_without_an_etag_is_an_error(any_bucket, world, monkeypatch):
    any_bucket.write(b"one", None)
    monkeypatch.setattr("epimetheus.testing.oci.responses.objectstorage._headers", lambda stored: {})
    with pytest.raises(StateError, match=f"Reading the state {NAME} failed: {NO_ETAG}"):
        any_bucket.read()
    with pytest.raises(StateError, match=f"Writing the state {NAME} failed: {NO_ETAG}"):
        any_bucket.write(b"two", world.writes[0].etag)


def test_a_missing_bucket_is_not_a_missing_state(bucket, world):
    bucket._object = (world.namespace, "typo", "x")
    with pytest.raises(StateError, match="404 BucketNotFound"):
        bucket.read()


def test_an_ambiguous_404_is_not_a_missing_state(any_bucket, world):
    world.faults.add("status", status=404, code="NotAuthorizedOrNotFound", operation="GetObject")
    with pytest.raises(StateError, match="404 NotAuthorizedOrNotFound"):
        any_bucket.read()


def test_a_rejected_signature_is_a_credentials_error(bucket, world):
    world.keys.clear()
    with pytest.raises(CredentialsError):
        bucket.read()
    with pytest.raises(CredentialsError):
        bucket.write(b"one", None)


def test_the_name_is_the_location(bucket):
    assert re.fullmatch(r"oci://\w+@\w+/[\w./-]+", bucket.name)
    assert bucket.name == NAME

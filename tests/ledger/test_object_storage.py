"""The ledger in a bucket, through the real SDK: entries are created once, listed in order, and read."""

import pytest

from epimetheus.errors import CredentialsError, LedgerError
from epimetheus.ledger.ledger import Ledger
from epimetheus.oci_client.network_errors import NETWORK_HELP
from epimetheus.testing.oci import mock_oci
from epimetheus.testing.oci.wire import Response
from tests.ledger.samples import ENTRY, IN_ORDER, USUAL, appended

PREFIX = "epimetheus/ledger/us-ashburn-1/"
NAME = "oci://b@axexample/epimetheus/ledger/us-ashburn-1/"
HELP = "Check LEDGER_BUCKET (by default STATE_BUCKET) and STATE_NAMESPACE."
POLICY = (
    " If no policy allows this call, add this statement: Allow dynamic-group NAME to manage objects in tenancy"
    " where all {target.bucket.name='b', any {request.permission='OBJECT_INSPECT', request.permission='OBJECT_READ',"
    " request.permission='OBJECT_CREATE'}}"
)


def operations(world):
    return [(call.operation, call.status) for call in world.requests]


def test_an_entry_is_created_listed_and_read(any_bucket, world):
    ledger = Ledger(any_bucket)
    name = appended(ledger, ENTRY)
    assert list(world.objects("b")) == [PREFIX + "2026/11/30/20261130T0645Z-20261130T0100Z-29401234-ab12cd34ef56-0001-poll"]
    assert ledger.overlapping(USUAL) == [name]
    assert ledger.read(name) == IN_ORDER
    assert operations(world) == [("PutObject", 200), ("ListObjects", 200), ("GetObject", 200)]


def test_the_name_is_the_location(bucket):
    assert bucket.name == Ledger(bucket).name == NAME


def test_a_listing_is_ranged_and_follows_the_pages(any_bucket, world):
    for key in ("a", "b", "c", "d", "e", "f"):
        world.put("b", PREFIX + key, b"")
    world.put("b", "epimetheus/ledger/us-ashburn-2/c", b"")
    world.put("b", "epimetheus/us-ashburn-1.state", b"")
    assert list(any_bucket.names("b", "f")) == ["b", "c", "d", "e"]
    queries = [call.query for call in world.requests_for("ListObjects")]
    common = {"prefix": PREFIX, "end": PREFIX + "f", "limit": "1000", "fields": "name"}
    assert queries == [{**common, "start": PREFIX + "b"}, {**common, "start": PREFIX + "d"}]
    assert list(any_bucket.names("x", "z")) == []


def test_an_empty_page_does_not_end_a_listing(any_bucket, world):
    world.put("b", PREFIX + "b", b"")
    world.faults.add("empty_page", operation="ListObjects")
    assert list(any_bucket.names("a", "z")) == ["b"]


@pytest.mark.parametrize("kind", ["empty_page", "repeated_token"])
def test_a_page_that_repeats_ends_with_an_error(any_bucket, world, kind):
    for key in ("a", "b", "c"):
        world.put("b", PREFIX + key, b"")
    world.faults.add(kind, operation="ListObjects", times=None)
    with pytest.raises(LedgerError, match=f"Listing the ledger {NAME} failed: OCI returned a page again"):
        list(any_bucket.names("a", "z"))
    assert len(world.requests) <= 2


def test_a_lost_response_is_recognized_by_reading_back(bucket, world):
    world.faults.add("lost_response", operation="PutObject")
    bucket.create("x", b"one")
    assert operations(world) == [("PutObject", 0), ("PutObject", 412), ("GetObject", 200)]
    assert world.objects("b") == {PREFIX + "x": b"one"}


def test_a_lost_response_is_recognized_without_permission_to_overwrite(bucket, world):
    world.forbid_objects("b", "overwrite", "delete")
    world.faults.add("lost_response", operation="PutObject")
    bucket.create("x", b"one")
    assert operations(world) == [("PutObject", 0), ("PutObject", 404), ("GetObject", 200)]


@pytest.mark.parametrize("forbidden", [(), ("overwrite",)])
def test_other_content_is_never_overwritten(any_bucket, world, forbidden):
    any_bucket.create("x", b"one")
    world.forbid_objects("b", *forbidden)
    any_bucket.create("x", b"one")
    with pytest.raises(LedgerError) as caught:
        any_bucket.create("x", b"two")
    assert caught.value.what == f"The ledger entry {NAME}x could not be created: it exists with other content. Nothing was overwritten."
    assert world.objects("b") == {PREFIX + "x": b"one"}


@pytest.mark.parametrize("status", [409, 412])
def test_a_failed_precondition_without_an_object_is_an_error(any_bucket, world, status):
    world.faults.add("status", status=status, operation="PutObject")
    with pytest.raises(LedgerError, match=f"Creating the ledger entry {NAME}x failed: OCI returned {status} "):
        any_bucket.create("x", b"one")
    assert world.objects("b") == {}


def test_a_failed_precondition_that_cannot_be_checked_is_an_error(any_bucket, world):
    any_bucket.create("x", b"one")
    world.forbid_objects("b", "read")
    with pytest.raises(LedgerError, match=f"Reading the ledger entry {NAME}x failed: OCI returned 404 BucketNotFound"):
        any_bucket.create("x", b"one")


@pytest.mark.parametrize(
    ("action", "call", "what"),
    [
        ("list", lambda store: list(store.names("a", "z")), f"Listing the ledger {NAME} failed: OCI returned 404 BucketNotFound: "),
        ("read", lambda store: store.read("x"), f"Reading the ledger entry {NAME}x failed: OCI returned 404 BucketNotFound: "),
        ("create", lambda store: store.create("y", b""), f"Creating the ledger entry {NAME}y failed: OCI returned 404 BucketNotFound: "),
    ],
)
def test_a_forbidden_action_names_the_policy_statement(any_bucket, world, action, call, what):
    any_bucket.create("x", b"one")
    world.forbid_objects("b", action)
    with pytest.raises(LedgerError) as caught:
        call(any_bucket)
    assert caught.value.what.startswith(what)
    assert caught.value.do == HELP + POLICY


def test_a_missing_bucket_is_an_error_of_each_call(world, object_store):
    with mock_oci(world):
        store = object_store(bucket="typo")
        with pytest.raises(LedgerError, match=r"Creating the ledger entry \S+ failed: OCI returned 404 BucketNotFound"):
            store.create("x", b"")
        with pytest.raises(LedgerError, match="404 BucketNotFound"):
            store.read("x")
        with pytest.raises(LedgerError, match="404 BucketNotFound"):
            next(store.names("a", "z"))


def test_an_object_that_does_not_exist_is_none_and_an_ambiguous_404_is_not(any_bucket, world):
    assert any_bucket.read("x") is None
    world.faults.add("status", status=404, code="NotAuthorizedOrNotFound", operation="GetObject")
    with pytest.raises(LedgerError, match="404 NotAuthorizedOrNotFound"):
        any_bucket.read("x")


@pytest.mark.parametrize("status", [400, 403, 429, 500, 503])
def test_a_rejected_request_reports_the_status(any_bucket, world, status):
    world.faults.add("status", status=status, times=None)
    for call in (lambda: any_bucket.create("x", b""), lambda: any_bucket.read("x"), lambda: list(any_bucket.names("a", "z"))):
        with pytest.raises(LedgerError, match=f"failed: OCI returned {status} "):
            call()


@pytest.mark.parametrize("operation", ["PutObject", "ListObjects"])
def test_a_transient_failure_is_retried(bucket, world, operation):
    world.faults.add("status", status=503, operation=operation)
    bucket.create("x", b"one")
    assert list(bucket.names("a", "z")) == ["x"]
    assert len(world.requests) == 3


@pytest.mark.parametrize("kind", ["reset", "timeout"])
def test_a_missing_response_is_an_error_with_a_remedy(any_bucket, world, kind):
    any_bucket._writer.base_client.timeout = (1, 1)
    world.faults.add(kind, times=3, seconds=1.3)
    cause = r"\S+ (?:closed the connection|did not respond in time)\."
    for call, action in ((lambda: any_bucket.create("x", b""), "Creating"), (lambda: any_bucket.read("x"), "Reading")):
        with pytest.raises(LedgerError, match=f"{action} the ledger entry {NAME}x failed: {cause}") as caught:
            call()
        assert caught.value.do == NETWORK_HELP
    with pytest.raises(LedgerError, match=f"Listing the ledger {NAME} failed: {cause}"):
        list(any_bucket.names("a", "z"))


@pytest.mark.parametrize("kind", ["cut", "stalled"])
def test_a_body_that_breaks_off_is_not_a_damaged_entry(any_bucket, world, kind):
    any_bucket.create("x", b"one" * 1000)
    any_bucket._writer.base_client.timeout = (1, 1)
    world.faults.add(kind, operation="GetObject", seconds=1.3)
    with pytest.raises(LedgerError, match=f"Reading the ledger entry {NAME}x failed: the response of OCI was incomplete") as caught:
        any_bucket.read("x")
    assert caught.value.kind == "ledger"
    assert any_bucket.read("x") == b"one" * 1000


def test_a_listing_that_is_not_one_is_an_error(any_bucket, world):
    world.faults.add("garbage", operation="ListObjects", times=None)
    with pytest.raises(LedgerError, match=f"Listing the ledger {NAME} failed: "):
        list(any_bucket.names("a", "z"))


@pytest.mark.parametrize("body", [b"{}", b"[]", b'{"objects": null}', b'{"objects": [{}]}', b"null", b'{"objects": [7]}'])
def test_json_of_another_form_is_an_error(any_bucket, monkeypatch, body):
    response = Response(200, {"content-type": "application/json"}, body)
    monkeypatch.setattr("epimetheus.testing.oci.responses.objectstorage.json_response", lambda *_: response)
    with pytest.raises(LedgerError, match=f"Listing the ledger {NAME} failed: "):
        list(any_bucket.names("a", "z"))


def test_a_rejected_signature_is_a_credentials_error(bucket, world):
    world.keys.clear()
    for call in (lambda: bucket.create("x", b""), lambda: bucket.read("x"), lambda: list(bucket.names("a", "z"))):
        with pytest.raises(CredentialsError):
            call()


def test_pruning_is_left_to_the_lifecycle_rule(bucket, world):
    Ledger(bucket).append(ENTRY)
    Ledger(bucket).prune(USUAL.end + 100_000)
    assert operations(world) == [("PutObject", 200)]

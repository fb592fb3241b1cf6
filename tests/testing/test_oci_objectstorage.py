import base64
import hashlib
import io

import oci
import pytest

NAMESPACE = "axexample"


@pytest.fixture
def storage(endpoint):
    endpoint.world.bucket("b")
    return endpoint.client(oci.object_storage.ObjectStorageClient)


def failure(call, *arguments, **named):
    with pytest.raises(oci.exceptions.ServiceError) as error:
        call(*arguments, **named)
    return error.value.status, error.value.code


def test_the_namespace(storage):
    assert storage.get_namespace().data == "axexample"


def test_an_object_is_stored_and_returned(storage, world):
    put = storage.put_object(NAMESPACE, "b", "epimetheus/us-ashburn-1/ü %.json", b'{"through": 1}', content_type="application/json")
    got = storage.get_object(NAMESPACE, "b", "epimetheus/us-ashburn-1/ü %.json")
    assert got.data.content == b'{"through": 1}'
    assert got.headers["etag"] == put.headers["etag"]
    assert got.headers["content-type"] == "application/json"
    assert got.headers["content-length"] == "14"
    assert got.headers["opc-content-md5"] == base64.b64encode(hashlib.md5(b'{"through": 1}').digest()).decode()
    assert got.headers["last-modified"] == "Thu, 01 Jan 2026 12:00:00 GMT"
    assert world.objects("b") == {"epimetheus/us-ashburn-1/ü %.json": b'{"through": 1}'}


def test_bodies_without_a_length(storage, endpoint, world):
    storage.put_object(NAMESPACE, "b", "stream", io.BytesIO(b"from a stream"))
    chunks = iter([b"in ", b"chunks"])
    path = "/n/axexample/b/b/o/chunked"
    response = endpoint.request("PUT", "objectstorage", path, data=chunks, auth=ChunkedSigner(endpoint.signer))
    assert response.status_code == 200
    assert world.objects("b") == {"stream": b"from a stream", "chunked": b"in chunks"}


class ChunkedSigner:
    """Adds the Transfer-Encoding header that the SDK's signer removes; `requests` needs it to send a generator."""

    def __init__(self, signer):
        self._signer = signer.without_content_headers

    def __call__(self, request):
        signed = self._signer(request)
        signed.headers["Transfer-Encoding"] = "chunked"
        return signed


def test_if_match(storage, world):
    first = storage.put_object(NAMESPACE, "b", "o", b"1").headers["etag"]
    second = storage.put_object(NAMESPACE, "b", "o", b"2", if_match=first).headers["etag"]
    assert first != second
    assert failure(storage.put_object, NAMESPACE, "b", "o", b"3", if_match=first) == (412, "IfMatchFailed")
    assert failure(storage.put_object, NAMESPACE, "b", "absent", b"3", if_match=first) == (412, "IfMatchFailed")
    assert failure(storage.get_object, NAMESPACE, "b", "o", if_match=first) == (412, "IfMatchFailed")
    assert world.objects("b") == {"o": b"2"}


def test_if_none_match(storage, world):
    storage.put_object(NAMESPACE, "b", "o", b"1", if_none_match="*")
    assert failure(storage.put_object, NAMESPACE, "b", "o", b"2", if_none_match="*") == (412, "IfNoneMatchFailed")
    assert world.objects("b") == {"o": b"1"}


def test_missing_objects_buckets_and_namespaces(storage):
    assert failure(storage.get_object, NAMESPACE, "b", "absent") == (404, "ObjectNotFound")
    assert failure(storage.delete_object, NAMESPACE, "b", "absent") == (404, "ObjectNotFound")
    assert failure(storage.put_object, NAMESPACE, "absent", "o", b"") == (404, "BucketNotFound")
    assert failure(storage.get_object, "absent", "b", "o") == (404, "NamespaceNotFound")


def test_head_and_delete(storage, world):
    etag = storage.put_object(NAMESPACE, "b", "o", b"12345").headers["etag"]
    head = storage.head_object(NAMESPACE, "b", "o")
    assert (head.headers["etag"], head.headers["content-length"]) == (etag, "5")
    assert storage.delete_object(NAMESPACE, "b", "o", if_match=etag).status == 204
    assert world.objects("b") == {}


def test_objects_are_listed_by_prefix_in_pages(storage, world):
    for name in ("a/1", "b/1", "b/2", "b/3"):
        world.put("b", name, b"x")
    first = storage.list_objects(NAMESPACE, "b", prefix="b/").data
    assert ([one.name for one in first.objects], first.next_start_with) == (["b/1", "b/2"], "b/3")
    second = storage.list_objects(NAMESPACE, "b", prefix="b/", start="b/3").data
    assert ([one.name for one in second.objects], second.next_start_with) == (["b/3"], None)


def test_a_listing_ends_before_its_end(storage, world):
    for name in ("b/1", "b/2", "b/3", "c/1"):
        world.put("b", name, b"x")
    page = storage.list_objects(NAMESPACE, "b", start="b/2", end="c/1").data
    assert ([one.name for one in page.objects], page.next_start_with) == (["b/2", "b/3"], None)
    assert storage.list_objects(NAMESPACE, "b", start="b/2", end="b/2").data.objects == []
    page = storage.list_objects(NAMESPACE, "b", prefix="b/", end="z", limit=1).data
    assert ([one.name for one in page.objects], page.next_start_with) == (["b/1"], "b/2")


def test_a_listing_has_names_only_unless_fields_are_requested(storage, world):
    world.put("b", "o", b"12345")
    (plain,) = storage.list_objects(NAMESPACE, "b").data.objects
    assert (plain.name, plain.size, plain.etag, plain.time_created) == ("o", None, None, None)
    (full,) = storage.list_objects(NAMESPACE, "b", fields="SIZE,timeCreated").data.objects
    assert (full.name, full.size, full.etag, full.time_created.isoformat()) == ("o", 5, None, "2026-01-01T12:00:00+00:00")
    assert failure(storage.list_objects, NAMESPACE, "b", fields="name,colour") == (400, "InvalidParameter")


@pytest.mark.parametrize("parameter", ["delimiter", "start_after"])
def test_other_parameters_of_a_listing_are_not_implemented(storage, world, parameter):
    assert failure(storage.list_objects, NAMESPACE, "b", **{parameter: "/"})[0] == 501
    assert len(world.unknown_requests) == 1


def test_faults_of_the_pages_of_a_listing(storage, world):
    for name in ("1", "2", "3"):
        world.put("b", name, b"x")
    world.faults.add("empty_page", operation="ListObjects")
    empty = storage.list_objects(NAMESPACE, "b").data
    assert (empty.objects, empty.next_start_with) == ([], "1")
    world.faults.add("repeated_token", operation="ListObjects")
    repeated = storage.list_objects(NAMESPACE, "b", start="2").data
    assert ([one.name for one in repeated.objects], repeated.next_start_with) == (["2", "3"], "2")


def test_actions_can_be_forbidden_for_names_with_a_prefix(storage, world):
    for name in ("a/1", "b/1"):
        world.put("b", name, b"x")
    denied = (404, "BucketNotFound")
    world.forbid_objects("b", "list", "read", "create", "overwrite", "delete", prefix="a/")
    assert failure(storage.list_objects, NAMESPACE, "b", prefix="a/") == denied
    assert failure(storage.get_object, NAMESPACE, "b", "a/1") == denied
    assert failure(storage.put_object, NAMESPACE, "b", "a/1", b"y") == denied
    assert failure(storage.put_object, NAMESPACE, "b", "a/2", b"y") == denied
    assert failure(storage.delete_object, NAMESPACE, "b", "a/1") == denied
    assert [one.name for one in storage.list_objects(NAMESPACE, "b", prefix="b/").data.objects] == ["b/1"]
    storage.put_object(NAMESPACE, "b", "b/1", b"y")
    storage.put_object(NAMESPACE, "b", "b/2", b"y")
    storage.delete_object(NAMESPACE, "b", "b/2")
    assert world.objects("b") == {"a/1": b"x", "b/1": b"y"}
    world.allow_objects("b")
    assert storage.get_object(NAMESPACE, "b", "a/1").data.content == b"x"


def test_without_overwrite_new_objects_can_be_created_and_existing_ones_are_not_conflicts(storage, world):
    world.forbid_objects("b", "overwrite")
    storage.put_object(NAMESPACE, "b", "o", b"1", if_none_match="*")
    assert failure(storage.put_object, NAMESPACE, "b", "o", b"2", if_none_match="*") == (404, "BucketNotFound")
    assert world.objects("b") == {"o": b"1"}


def test_without_create_existing_objects_can_be_overwritten(storage, world):
    world.put("b", "o", b"1")
    world.forbid_objects("b", "create")
    storage.put_object(NAMESPACE, "b", "o", b"2")
    assert failure(storage.put_object, NAMESPACE, "b", "p", b"2") == (404, "BucketNotFound")


def test_a_bucket_exists_in_one_region_only(storage, world):
    world.bucket("elsewhere", region="eu-frankfurt-1")
    assert failure(storage.get_object, NAMESPACE, "elsewhere", "o") == (404, "BucketNotFound")
    assert storage.get_bucket(NAMESPACE, "b").data.name == "b"


def test_checksums_are_verified(storage, world):
    body = b"123456789"  # its CRC-32C is 0xE3069283 (RFC 3720)
    storage.put_object(NAMESPACE, "b", "o", body, opc_content_crc32c="4waSgw==")
    storage.put_object(NAMESPACE, "b", "o", body, opc_content_sha256="FeKw08M4keuw8e9gnsQZQgwg4yDOlMZfvIwzEkSOsiU=")
    assert failure(storage.put_object, NAMESPACE, "b", "o", body, opc_content_crc32c="AAAAAA==") == (400, "UnmatchedContentCRC32C")
    assert failure(storage.put_object, NAMESPACE, "b", "o", body, content_md5="AAAA") == (400, "UnmatchedContentMD5")


def test_the_range_header_is_not_implemented(storage, world):
    world.put("b", "o", b"12345")
    assert failure(storage.get_object, NAMESPACE, "b", "o", range="bytes=0-1")[0] == 501
    assert len(world.unknown_requests) == 1


def test_writes_are_recorded_and_the_hook_is_called_before_the_response(storage, world):
    calls = []
    world.put_hook = lambda write: calls.append((write.name, len(world.requests)))
    storage.put_object(NAMESPACE, "b", "o", b"1")
    storage.put_object(NAMESPACE, "b", "o", b"2")
    assert [(write.time, write.bucket, write.name, write.data) for write in world.writes] == [
        (1767268800.0, "b", "o", b"1"),
        (1767268800.0, "b", "o", b"2"),
    ]
    assert calls == [("o", 0), ("o", 1)]

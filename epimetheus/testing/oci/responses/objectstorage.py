"""Object Storage: the namespace, buckets, objects, listings, permissions and conditional requests."""

import base64
import hashlib
from collections.abc import Callable
from email.utils import formatdate

from epimetheus.testing.oci.call import Call
from epimetheus.testing.oci.crc32c import crc32c
from epimetheus.testing.oci.errors import (
    BucketNotFound,
    IfMatchFailed,
    InvalidParameter,
    NamespaceNotFound,
    UnknownRequest,
    UnmatchedContent,
)
from epimetheus.testing.oci.models.objects import Action, Bucket, StoredObject
from epimetheus.testing.oci.responses import paging
from epimetheus.testing.oci.wire import Response, format_time, json_response

_KNOWN_OPC_HEADERS = {
    "opc-client-info",
    "opc-client-request-id",
    "opc-client-retries",
    "opc-request-id",
    "opc-checksum-algorithm",
    "opc-content-crc32c",
    "opc-content-sha256",
}
_FIELDS = ("name", "size", "etag", "timeCreated", "md5", "timeModified", "storageTier", "archivalState")
_CHECKSUMS: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "content-md5": ("MD5", lambda body: hashlib.md5(body, usedforsecurity=False).digest()),
    "opc-content-sha256": ("SHA256", lambda body: hashlib.sha256(body).digest()),
    "opc-content-crc32c": ("CRC32C", lambda body: crc32c(body).to_bytes(4, "big")),
}


def get_namespace(call: Call) -> Response:
    """GET /n."""
    return json_response(call.world.namespace)


def get_bucket(call: Call) -> Response:
    """GET and HEAD /n/{namespace}/b/{bucket}."""
    bucket = _bucket(call)
    names = {"namespace": call.world.namespace, "name": bucket.name, "compartmentId": call.world.tenancy}
    return json_response(
        {**names, "createdBy": call.world.user, "timeCreated": format_time(bucket.created), "etag": "b"}, 200, {"etag": "b"}
    )


def list_objects(call: Call) -> Response:
    """GET /n/{namespace}/b/{bucket}/o: sorted names from ``start`` until before ``end``, and the first name of the next page."""
    query = call.query
    prefix, start, end = query.get("prefix", ""), query.get("start", ""), query.get("end")
    bucket = _allowed(call, "list", prefix)
    names = sorted(name for name in bucket.objects if name.startswith(prefix) and name >= start and (end is None or name < end))
    fields, size = _fields(call), paging.page_size(call)
    following = names[size] if len(names) > size else None
    if "empty_page" in call.faults or "repeated_token" in call.faults:
        names, following = [] if "empty_page" in call.faults else names, next(iter(names), None)
    summaries = [{"name": name, **_summary(bucket.objects[name])} for name in names[:size]]
    objects = [{field: summary[field] for field in fields if field in summary} for summary in summaries]
    return json_response({"objects": objects, "prefixes": [], "nextStartWith": following})


def _fields(call: Call) -> list[str]:
    """Returns the fields of each object in a listing: by default, only its name."""
    known = {field.lower(): field for field in _FIELDS}
    requested = [field.strip().lower() for field in call.query.get("fields", "name").split(",")]
    if unknown := [field for field in requested if field not in known]:
        raise InvalidParameter(f"fields must not contain {unknown[0]}")
    return ["name", *(known[field] for field in requested if field != "name")]


def get_object(call: Call) -> Response:
    """GET and HEAD an object."""
    _refuse_unknown_headers(call)
    name = call.path["object"]
    found = _allowed(call, "read", name).get(name)
    headers = call.request.headers
    if headers.get("if-match", found.etag) not in (found.etag, "*"):
        raise IfMatchFailed
    if headers.get("if-none-match") in (found.etag, "*"):
        return Response(304, {"etag": found.etag})
    metadata = {f"opc-meta-{name}": value for name, value in found.metadata.items()}
    return Response(200, {**_headers(found), **metadata, "content-type": found.content_type}, found.data)


def put_object(call: Call) -> Response:
    """PUT an object, if the conditions are met and the checksums are correct."""
    _refuse_unknown_headers(call)
    bucket, name, headers = _bucket(call), call.path["object"], call.request.headers
    _allowed(call, "overwrite" if name in bucket.objects else "create", name)
    _check_checksums(call)
    bucket.check(name, headers.get("if-match"), headers.get("if-none-match"))
    metadata = {key.removeprefix("opc-meta-"): value for key, value in headers.items() if key.startswith("opc-meta-")}
    content_type = headers.get("content-type", "application/octet-stream")
    return Response(200, _headers(call.world.store.put(bucket, name, call.request.body, content_type, metadata)))


def delete_object(call: Call) -> Response:
    """DELETE an object, if the conditions are met."""
    name = call.path["object"]
    bucket = _allowed(call, "delete", name)
    found = bucket.get(name)
    bucket.check(name, call.request.headers.get("if-match"), None)
    del bucket.objects[name]
    return Response(204, {"last-modified": formatdate(found.modified, usegmt=True)})


def _bucket(call: Call) -> Bucket:
    if call.path["namespace"] != call.world.namespace:
        raise NamespaceNotFound(call.path["namespace"])
    return call.world.store.bucket(call.request.region, call.path["bucket"])


def _allowed(call: Call, action: Action, name: str) -> Bucket:
    """Returns the bucket. Raises BucketNotFound if the action is forbidden: OCI does not say whether the bucket exists."""
    bucket = _bucket(call)
    if not bucket.allows(action, name):
        raise BucketNotFound(bucket.name, call.world.namespace)
    return bucket


def _headers(stored: StoredObject) -> dict[str, str]:
    return {"etag": stored.etag, "opc-content-md5": stored.md5, "last-modified": formatdate(stored.modified, usegmt=True)}


def _summary(stored: StoredObject) -> dict[str, object]:
    when = format_time(stored.modified)
    times = {"timeCreated": when, "timeModified": when}
    return {"size": len(stored.data), "md5": stored.md5, "etag": stored.etag, "storageTier": "Standard", **times}


def _refuse_unknown_headers(call: Call) -> None:
    for name in call.request.headers:
        opc = name.startswith("opc-") and not name.startswith("opc-meta-") and name not in _KNOWN_OPC_HEADERS
        if opc or name == "range":
            raise UnknownRequest(f"{call.operation} is not implemented with the header {name}")


def _check_checksums(call: Call) -> None:
    body, headers = call.request.body, call.request.headers
    for header, (name, digest) in _CHECKSUMS.items():
        if header in headers and headers[header] != base64.b64encode(digest(body)).decode():
            raise UnmatchedContent(name)

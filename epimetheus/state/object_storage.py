"""The state as one object in OCI Object Storage, written only under a precondition.

https://docs.oracle.com/en-us/iaas/api/#/en/objectstorage/20160918/Object/PutObject
"""

from typing import Any

from epimetheus.errors import StateError
from epimetheus.oci_client.clients import ServiceFailure, oci_errors
from epimetheus.state.store import Changed, Stored

_PRECONDITION_FAILED = 412
_CONCURRENT_UPDATE = 409
_NOT_FOUND = 404
_HELP = "Check STATE_BUCKET, STATE_NAMESPACE and the policy: the function needs OBJECT_READ, OBJECT_CREATE and OBJECT_OVERWRITE there."


class ObjectStore:
    """A `Store` in the object ``key`` of ``bucket``; ``client`` is the SDK's ObjectStorageClient."""

    def __init__(self, client: Any, namespace: str, bucket: str, key: str) -> None:
        self._client = client
        self._place = (namespace, bucket, key)
        self.name = f"oci://{bucket}@{namespace}/{key}"

    def read(self) -> Stored | None:
        """What is stored, or None where the bucket has no such object. Raises StateError, CredentialsError."""
        doing = f"reading the state {self.name}"
        try:
            with oci_errors(doing, do=_HELP, raising=StateError):
                answer = self._client.get_object(*self._place)
        except ServiceFailure as failure:
            if failure.status == _NOT_FOUND and failure.code in ("ObjectNotFound", "NotFound"):
                return None
            raise _state_error(failure) from failure
        return Stored(_whole(answer, doing), _etag(answer, doing))

    def write(self, data: bytes, etag: str | None) -> str:
        """Replace what had ``etag`` (None: nothing was there); the new ETag. Raises Changed, StateError, CredentialsError."""
        precondition = {"if_none_match": "*"} if etag is None else {"if_match": etag}
        doing = f"writing the state {self.name}"
        try:
            with oci_errors(doing, do=_HELP, raising=StateError):
                answer = self._client.put_object(*self._place, data, **precondition)
        except ServiceFailure as failure:
            if failure.status in (_PRECONDITION_FAILED, _CONCURRENT_UPDATE):
                raise Changed from failure
            raise _state_error(failure) from failure
        return _etag(answer, doing)


def _whole(answer: Any, doing: str) -> bytes:
    """The body, which the SDK leaves on the wire: a break in it is past the SDK's own retries, and must not look like a damaged state."""
    with oci_errors(doing, do=_HELP, raising=StateError):
        try:
            return bytes(answer.data.content)
        except OSError as error:  # the SDK's requests errors are OSErrors
            raise StateError(
                f"OCI gave no whole answer while {doing} ({type(error).__name__}).", do="Nothing is lost: the next run reads it again."
            ) from error


def _etag(answer: Any, doing: str) -> str:
    etag = answer.headers.get("etag")
    if not etag:
        raise StateError(f"The answer was not Object Storage's while {doing}: it has no ETag.", do="Check what stands between: a proxy?")
    return str(etag)


def _state_error(failure: ServiceFailure) -> StateError:
    return StateError(failure.what, do=failure.do)

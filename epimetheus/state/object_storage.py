"""The state as one object in OCI Object Storage, written only under a precondition.

https://docs.oracle.com/en-us/iaas/api/#/en/objectstorage/20160918/Object/PutObject
"""

from typing import Any

from epimetheus.cloud import ServiceFailure, oci_errors
from epimetheus.errors import StateError
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
        try:
            with oci_errors(f"reading the state {self.name}", do=_HELP, raising=StateError):
                answer = self._client.get_object(*self._place)
                return Stored(answer.data.content, answer.headers["etag"])
        except ServiceFailure as failure:
            if failure.status == _NOT_FOUND and failure.code in ("ObjectNotFound", "NotFound"):
                return None
            raise _state_error(failure) from failure

    def write(self, data: bytes, etag: str | None) -> str:
        """Replace what had ``etag`` (None: nothing was there); the new ETag. Raises Changed, StateError, CredentialsError."""
        precondition = {"if_none_match": "*"} if etag is None else {"if_match": etag}
        try:
            with oci_errors(f"writing the state {self.name}", do=_HELP, raising=StateError):
                answer = self._client.put_object(*self._place, data, **precondition)
                return str(answer.headers["etag"])
        except ServiceFailure as failure:
            if failure.status in (_PRECONDITION_FAILED, _CONCURRENT_UPDATE):
                raise Changed from failure
            raise _state_error(failure) from failure


def _state_error(failure: ServiceFailure) -> StateError:
    return StateError(failure.what, do=failure.do)

"""The state as one object in OCI Object Storage, written only with a precondition.

https://docs.oracle.com/en-us/iaas/api/#/en/objectstorage/20160918/Object/PutObject
"""

from typing import Any

from epimetheus.errors import StateError
from epimetheus.oci_client.clients import ServiceFailure, action_failed, oci_errors
from epimetheus.oci_client.policies import Policies
from epimetheus.state.store import PreconditionFailed, Stored

_PRECONDITION_FAILED = 412
_CONCURRENT_UPDATE = 409
_NOT_FOUND = 404
_HELP = "Check STATE_BUCKET and STATE_NAMESPACE."


class ObjectStore:
    """A `Store` in the object ``key`` of ``bucket``. ``client``: the SDK's ObjectStorageClient; ``policies``: for errors."""

    def __init__(self, client: Any, namespace: str, bucket: str, key: str, policies: Policies | None = None) -> None:
        self._client = client
        self._object = (namespace, bucket, key)
        self._policy = (policies or Policies()).objects(bucket)
        self.name = f"oci://{bucket}@{namespace}/{key}"

    def read(self) -> Stored | None:
        """The stored bytes, or None if the bucket has no such object. Raises StateError, CredentialsError."""
        action = f"reading the state {self.name}"
        try:
            with oci_errors(action, do=_HELP, policy=self._policy, raising=StateError):
                response = self._client.get_object(*self._object)
        except ServiceFailure as failure:
            if failure.status == _NOT_FOUND and failure.code in ("ObjectNotFound", "NotFound"):
                return None
            raise _state_error(failure) from failure
        return Stored(_body(response, action), _etag(response, action))

    def write(self, data: bytes, etag: str | None) -> str:
        """Replace the bytes that have ``etag`` (None: create them); the new ETag.

        Raises PreconditionFailed, StateError, CredentialsError.
        """
        precondition = {"if_none_match": "*"} if etag is None else {"if_match": etag}
        action = f"writing the state {self.name}"
        try:
            with oci_errors(action, do=_HELP, policy=self._policy, raising=StateError):
                response = self._client.put_object(*self._object, data, **precondition)
        except ServiceFailure as failure:
            if failure.status in (_PRECONDITION_FAILED, _CONCURRENT_UPDATE):
                raise PreconditionFailed from failure
            raise _state_error(failure) from failure
        return _etag(response, action)


def _body(response: Any, action: str) -> bytes:
    """The whole body. The SDK streams it outside its own retries, and a broken stream must not look like a damaged state."""
    with oci_errors(action, do=_HELP, raising=StateError):
        try:
            return bytes(response.data.content)
        except OSError as error:  # the requests errors that the SDK raises are OSErrors
            raise StateError(
                f"{action_failed(action)} the response of OCI was incomplete.",
                do="Nothing is lost: the next run reads it again.",
            ) from error


def _etag(response: Any, action: str) -> str:
    etag = response.headers.get("etag")
    if not etag:
        raise StateError(
            f"{action_failed(action)} the response has no ETag, so it is not from Object Storage.",
            do="Check for a proxy between the function and Object Storage.",
        )
    return str(etag)


def _state_error(failure: ServiceFailure) -> StateError:
    return StateError(failure.what, do=failure.do)

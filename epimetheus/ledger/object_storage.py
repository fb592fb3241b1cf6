"""The ledger and the seals in OCI Object Storage: one object for each entry, and for each seal.

https://docs.oracle.com/en-us/iaas/api/#/en/objectstorage/20160918/Object/PutObject
https://docs.oracle.com/en-us/iaas/api/#/en/objectstorage/20160918/Object/ListObjects
"""

from collections.abc import Iterator
from typing import Any

from epimetheus.errors import LedgerError
from epimetheus.ledger.store import WHOLES, Noun, exists_otherwise
from epimetheus.oci_client.clients import ServiceFailure, action_failed, oci_errors
from epimetheus.oci_client.policies import DENIED, Policies

_MAY_EXIST = (409, 412, *DENIED)
_NOT_FOUND = 404
_PAGE = 1000  # the maximum of ListObjects
_MOST_EMPTY = 10
_HELP = "Check LEDGER_BUCKET (by default STATE_BUCKET) and STATE_NAMESPACE."


class ObjectEntryStore:
    """An `EntryStore` in the objects of ``bucket`` whose names begin with ``prefix``.

    ``writer`` and ``reader``: the SDK's ObjectStorageClient, with the time limits of a write and of reading. A lifecycle rule of the bucket
    deletes old entries. ``policies`` and ``noun``: for errors.
    """

    def __init__(
        self,
        writer: Any,
        reader: Any,
        namespace: str,
        bucket: str,
        prefix: str,
        policies: Policies | None = None,
        noun: Noun = "ledger entry",
    ) -> None:
        self._writer = writer
        self._reader = reader
        self._bucket = (namespace, bucket)
        self._prefix = prefix
        self._noun = noun
        self._policy = (policies or Policies()).ledger(bucket)
        self.name = f"oci://{bucket}@{namespace}/{prefix}"

    def create(self, key: str, data: bytes) -> None:
        """See `EntryStore`.

        If the response to a write is lost, the SDK sends the write again, which fails, because the object exists: with 412, or, without
        permission to overwrite, possibly with 404. The object is therefore read before the failure is reported.
        """
        action = f"creating the {self._noun} {self.name}{key}"
        try:
            with oci_errors(action, do=_HELP, policy=self._policy, raising=LedgerError):
                self._writer.put_object(*self._bucket, self._prefix + key, data, if_none_match="*")
        except ServiceFailure as failure:
            if failure.status not in _MAY_EXIST or not self._exists(key, data, failure):
                raise LedgerError(failure.what, do=failure.do) from failure

    def read(self, key: str) -> bytes | None:
        """See `EntryStore`."""
        return self._read(self._reader, key)

    def names(self, start: str, end: str) -> Iterator[str]:
        """See `EntryStore`. Each page of 1,000 names is one request."""
        first: str | None = self._prefix + start
        empty = 0
        while first is not None:
            names, following = self._page(first, self._prefix + end)
            yield from (name.removeprefix(self._prefix) for name in names)
            empty = 0 if names else empty + 1
            if following is not None and (following <= first or empty > _MOST_EMPTY):
                wrong = "a page again" if following <= first else f"{empty} pages without names"
                raise LedgerError(f"{action_failed(self._listing)} OCI returned {wrong}.", do="The next run tries again.")
            first = following

    def try_write(self) -> bool:
        """See `EntryStore`. The function may only create objects."""
        return False

    def prune(self, before: int) -> None:
        """Does nothing: the bucket's lifecycle rule deletes old entries, and the function has no permission to."""

    def _read(self, client: Any, key: str) -> bytes | None:
        action = f"reading the {self._noun} {self.name}{key}"
        try:
            with oci_errors(action, do=_HELP, policy=self._policy, raising=LedgerError):
                response = client.get_object(*self._bucket, self._prefix + key)
                return _body(response, action)
        except ServiceFailure as failure:
            if failure.status == _NOT_FOUND and failure.code in ("ObjectNotFound", "NotFound"):
                return None
            raise LedgerError(failure.what, do=failure.do) from failure

    @property
    def _listing(self) -> str:
        return f"listing {WHOLES[self._noun]} {self.name}"

    def _page(self, start: str, end: str) -> tuple[list[str], str | None]:
        """The names of one page, and the first name of the next page (None: this is the last)."""
        limits = {"prefix": self._prefix, "start": start, "end": end, "limit": _PAGE, "fields": "name"}
        try:
            with oci_errors(self._listing, do=_HELP, policy=self._policy, raising=LedgerError):
                return _names(self._reader.list_objects(*self._bucket, **limits).data)
        except ServiceFailure as failure:
            raise LedgerError(failure.what, do=failure.do) from failure

    def _exists(self, key: str, data: bytes, failure: ServiceFailure) -> bool:
        """Whether the object ``key``, whose creation ended in ``failure``, exists as ``data``. Raises LedgerError if it has other bytes."""
        try:
            found = self._read(self._writer, key)
        except LedgerError:
            if failure.status in DENIED:  # the failure is not about an object, and its error is the more useful one
                return False
            raise
        if found not in (None, data):
            raise exists_otherwise(self.name + key, self._noun) from failure
        return found is not None


def _names(data: Any) -> tuple[list[str], str | None]:
    """The names and the first name of the next page. Raises ValueError if ``data`` is not a page of a listing."""
    objects, following = getattr(data, "objects", None), getattr(data, "next_start_with", None)
    if not isinstance(objects, list) or not all(isinstance(getattr(one, "name", None), str) for one in objects):
        raise ValueError("not a page of a listing")
    return [one.name for one in objects], following or None


def _body(response: Any, action: str) -> bytes:
    """The whole body. The SDK streams it outside its own retries, and a broken stream must not look like a damaged entry."""
    try:
        return bytes(response.data.content)
    except OSError as error:  # the requests errors that the SDK raises are OSErrors
        raise LedgerError(
            f"{action_failed(action)} the response of OCI was incomplete.", do="Nothing is lost: the next run reads it again."
        ) from error

"""Object Storage: buckets, objects, ETags and conditional requests."""

import base64
import hashlib
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from epimetheus.testing.oci.errors import BucketNotFound, IfMatchFailed, IfNoneMatchFailed, ObjectNotFound

Action = Literal["list", "read", "create", "overwrite", "delete"]
"""What a policy can allow: OBJECT_INSPECT, OBJECT_READ, OBJECT_CREATE, OBJECT_OVERWRITE and OBJECT_DELETE."""


@dataclass(frozen=True)
class StoredObject:
    """A stored object."""

    data: bytes
    etag: str
    modified: float
    content_type: str = "application/octet-stream"
    metadata: dict[str, str] = field(default_factory=dict)

    @property
    def md5(self) -> str:
        """MD5 in base64, as in ``opc-content-md5``."""
        return base64.b64encode(hashlib.md5(self.data, usedforsecurity=False).digest()).decode()


@dataclass(frozen=True)
class ObjectWrite:
    """One successful write."""

    time: float
    bucket: str
    name: str
    etag: str
    data: bytes


@dataclass
class Bucket:
    """A bucket in one region. ``forbidden``: actions that no policy allows, each with the prefix of the names that it applies to."""

    name: str
    region: str
    created: float
    objects: dict[str, StoredObject] = field(default_factory=dict)
    forbidden: set[tuple[Action, str]] = field(default_factory=set)

    def allows(self, action: Action, name: str) -> bool:
        """Reports whether the action is allowed for an object, or for a listing of the prefix ``name``."""
        return not any(action == forbidden and name.startswith(prefix) for forbidden, prefix in self.forbidden)

    def get(self, name: str) -> StoredObject:
        """Returns the object. Raises ObjectNotFound if it does not exist."""
        if name not in self.objects:
            raise ObjectNotFound(name, self.name)
        return self.objects[name]

    def check(self, name: str, if_match: str | None, if_none_match: str | None) -> None:
        """Raises IfMatchFailed or IfNoneMatchFailed if the object does not meet the conditions."""
        found = self.objects.get(name)
        if if_match is not None and (found is None or if_match not in (found.etag, "*")):
            raise IfMatchFailed
        if if_none_match == "*" and found is not None:
            raise IfNoneMatchFailed


class ObjectStore:
    """The buckets of all regions, and the history of writes. ``hook`` is called with each write before the response is sent."""

    def __init__(self, namespace: str, now: Callable[[], float]) -> None:
        self.namespace = namespace
        self.writes: list[ObjectWrite] = []
        self.hook: Callable[[ObjectWrite], None] | None = None
        self._now = now
        self._buckets: dict[tuple[str, str], Bucket] = {}

    def ensure(self, region: str, name: str) -> Bucket:
        """Returns the bucket, and creates it if it does not exist."""
        return self._buckets.setdefault((region, name), Bucket(name, region, self._now()))

    def bucket(self, region: str, name: str) -> Bucket:
        """Returns the bucket. Raises BucketNotFound if it does not exist in this region."""
        if (region, name) not in self._buckets:
            raise BucketNotFound(name, self.namespace)
        return self._buckets[region, name]

    def put(self, bucket: Bucket, name: str, data: bytes, content_type: str, metadata: dict[str, str]) -> StoredObject:
        """Writes an object and records the write."""
        etag = str(uuid.uuid5(uuid.NAMESPACE_OID, f"{bucket.region}/{bucket.name}/{name}/{len(self.writes)}"))
        bucket.objects[name] = stored = StoredObject(data, etag, self._now(), content_type, metadata)
        self.writes.append(ObjectWrite(stored.modified, bucket.name, name, etag, data))
        if self.hook is not None:
            self.hook(self.writes[-1])
        return stored

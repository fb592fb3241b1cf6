"""A world: the state of one tenancy, and the requests that it received."""

import json
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from epimetheus.testing.oci.credentials import ApiKey, write_config, write_resource_principal
from epimetheus.testing.oci.faults import Faults
from epimetheus.testing.oci.models.audit import AuditLog
from epimetheus.testing.oci.models.compartments import Compartments, ocid
from epimetheus.testing.oci.models.functions import DeployedFunction
from epimetheus.testing.oci.models.objects import Action, Bucket, ObjectStore, ObjectWrite
from epimetheus.testing.oci.models.problems import CloudGuard
from epimetheus.testing.oci.samples import Sampler

Clock = Callable[[], float]


@dataclass(frozen=True)
class RecordedRequest:
    """One request. ``status`` is 0 if no response was sent; ``operation`` is empty for an unknown route."""

    method: str
    path: str
    query: dict[str, str]
    status: int
    time: float
    operation: str
    region: str


class World:
    """A tenancy with its home ``region``, and ``regions`` that it subscribes to in addition.

    ``now``: the clock of the world, in seconds since the epoch. ``signature_now``: the clock that verifies the dates of signatures, which
    clients take from the real clock. ``sleep``: waits in process, for example with a fake clock; by default, delays are real and timeouts
    take no time. ``page_size``: maximum number of items per page. ``api_key``: a shared key; generating one takes a tenth of a second.
    """

    def __init__(
        self,
        region: str = "us-ashburn-1",
        *,
        regions: Iterable[str] = (),
        page_size: int = 2,
        now: Clock = time.time,
        signature_now: Clock = time.time,
        sleep: Callable[[float], None] | None = None,
        tenancy_name: str = "example",
        api_key: ApiKey | None = None,
    ) -> None:
        self.region = region
        self.regions = list(dict.fromkeys([region, *regions]))
        self.page_size = page_size
        self.token_generation = 0
        self.now = now
        self.signature_now = signature_now
        self.sleep = sleep
        self.lock = threading.RLock()
        self.tenancy = ocid("tenancy", tenancy_name)
        self.tenancy_name = tenancy_name
        self.user = ocid("user", "epimetheus")
        self.function = ocid("fnfunc", "epimetheus")
        self.faults = Faults()
        self.compartments = Compartments(self.tenancy, tenancy_name, now)
        self.audit = AuditLog()
        self.cloud_guard = CloudGuard(region, now)
        self.store = ObjectStore("axexample", now)
        self.secrets: dict[tuple[str, str], bytes] = {}
        self.functions: list[DeployedFunction] = []
        self.metrics: list[dict[str, Any]] = []
        self.logs: list[tuple[float, dict[str, Any]]] = []
        self.keys: dict[str, RSAPublicKey] = {}
        self.requests: list[RecordedRequest] = []
        self.unknown_requests: list[str] = []
        self._api_key = api_key

    @property
    def namespace(self) -> str:
        """Object Storage namespace of the tenancy."""
        return self.store.namespace

    @property
    def writes(self) -> list[ObjectWrite]:
        """Successful object writes, oldest first."""
        return self.store.writes

    @property
    def put_hook(self) -> Callable[[ObjectWrite], None] | None:
        """Function that is called with each object write before the response is sent."""
        return self.store.hook

    @put_hook.setter
    def put_hook(self, hook: Callable[[ObjectWrite], None] | None) -> None:
        self.store.hook = hook

    def add_compartment(self, name: str, parent: str | None = None, state: str = "ACTIVE") -> str:
        """Adds a compartment below ``parent``, by default below the root, and returns its OCID."""
        with self.lock:
            return self.compartments.add(name, parent, state).id

    def expire_tokens(self) -> None:
        """Invalidates all page tokens issued so far: they are rejected with 400."""
        self.token_generation += 1

    def move(self, compartment: str, parent: str | None) -> None:
        """Moves a compartment below ``parent``, or below the root if None."""
        self.compartments[compartment].parent = self.compartments[parent or self.tenancy].id

    def rename(self, compartment: str, name: str) -> None:
        """Renames a compartment."""
        self.compartments[compartment].name = name

    def delete(self, compartment: str) -> None:
        """Deletes a compartment. It remains listed as DELETED, and its events remain readable."""
        self.compartments[compartment].state = "DELETED"

    def vanish(self, compartment: str) -> None:
        """Removes a compartment from listings. Its events remain readable."""
        self.compartments[compartment].listed = False

    def forbid(self, compartment: str) -> None:
        """Answers 404 to requests for a compartment. It remains in the listing of its parent."""
        self.compartments[compartment].forbidden = True

    def allow(self, compartment: str) -> None:
        """Reverts ``forbid``."""
        self.compartments[compartment].forbidden = False

    def forbid_objects(self, bucket: str, *actions: Action, prefix: str = "", region: str | None = None) -> None:
        """Answers 404 to these actions on objects whose names begin with ``prefix``, and to ``list`` with such a prefix.

        PutObject needs ``overwrite`` for an object that exists, whatever its condition, and ``create`` for another.
        """
        self.bucket(bucket, region).forbidden.update((action, prefix) for action in actions)

    def allow_objects(self, bucket: str, region: str | None = None) -> None:
        """Reverts all calls of ``forbid_objects`` for a bucket."""
        self.bucket(bucket, region).forbidden.clear()

    def add_event(
        self,
        compartment: str,
        event: dict[str, Any] | bytes,
        *,
        processed: float,
        region: str | None = None,
        listed: float | None = None,
    ) -> None:
        """Adds an audit event, as a dict or in JSON, with its processed time in seconds since the epoch.

        ``listed`` adds a late event: it is listed only from that time on.
        """
        row = event if isinstance(event, bytes) else json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()
        with self.lock:
            self.audit.add(region or self.region, compartment, row, processed, listed)

    def emit(
        self, compartment: str, count: int, start: float, end: float, *, region: str | None = None, seed: int = 0
    ) -> list[str]:
        """Adds ``count`` realistic events, spread evenly over the processed times [start, end), and returns their event IDs.

        Equal arguments generate equal events.
        """
        region = region or self.region
        sampler = Sampler(self.tenancy, compartment, self._name(compartment), f"{seed}/{region}/{compartment}/{start}")
        step = (end - start) / max(count, 1)
        ids = []
        for number in range(count):
            processed = start + number * step
            event = sampler.event(processed)
            self.add_event(compartment, event, processed=processed, region=region)
            ids.append(event["eventId"])
        return ids

    def events(self, compartment: str, region: str | None = None) -> list[dict[str, Any]]:
        """Returns the events of a compartment, ordered by processed time."""
        return [json.loads(row) for row in self.audit.rows(region or self.region, compartment)]

    def bucket(self, name: str, region: str | None = None) -> Bucket:
        """Returns a bucket, and creates it if it does not exist."""
        with self.lock:
            return self.store.ensure(region or self.region, name)

    def objects(self, bucket: str, region: str | None = None) -> dict[str, bytes]:
        """Returns the objects of a bucket by name."""
        with self.lock:
            found = self.store.bucket(region or self.region, bucket)
            return {name: stored.data for name, stored in found.objects.items()}

    def put(self, bucket: str, name: str, data: bytes, region: str | None = None) -> str:
        """Writes an object unconditionally, as another client could, and returns its ETag."""
        with self.lock:
            return self.store.put(self.bucket(bucket, region), name, data, "application/octet-stream", {}).etag

    def secret(self, secret_id: str, content: str | bytes, region: str | None = None) -> str:
        """Adds a secret, and returns its OCID as given."""
        self.secrets[region or self.region, secret_id] = content.encode() if isinstance(content, str) else content
        return secret_id

    def deploy_function(
        self, config: Mapping[str, str], application_config: Mapping[str, str] | None = None, region: str | None = None
    ) -> str:
        """Adds a function with its configuration and that of its application, and returns its OCID."""
        region = region or self.region
        function, application = (ocid(kind, f"{region}/{len(self.functions)}", region) for kind in ("fnfunc", "fnapp"))
        self.functions.append(DeployedFunction(function, application, region, dict(config), dict(application_config or {})))
        return function

    def add_log(self, entry: dict[str, Any], at: float) -> None:
        """Adds a log entry with its time, for Logging search."""
        self.logs.append((at, entry))

    def credentials(self, folder: str | Path, region: str | None = None) -> Path:
        """Writes an API key of this tenancy and an OCI config file (profile DEFAULT) to the folder, and returns the path of the latter."""
        key = self._key()
        self.keys[f"{self.tenancy}/{self.user}/{key.fingerprint}"] = key.private.public_key()
        return write_config(Path(folder), key, self.tenancy, self.user, region or self.region)

    def resource_principal(self, folder: str | Path, region: str | None = None) -> dict[str, str]:
        """Writes a function's resource principal to the folder, and returns the environment variables of the function."""
        key = self._key()
        token, environment = write_resource_principal(
            Path(folder), key, self.tenancy, self.tenancy, region or self.region, self.function
        )
        self.keys[f"ST${token}"] = key.private.public_key()
        return environment

    def requests_for(self, operation: str) -> list[RecordedRequest]:
        """Returns the requests for one operation, such as ``ListEvents``."""
        with self.lock:
            return [one for one in self.requests if one.operation == operation]

    def _key(self) -> ApiKey:
        self._api_key = self._api_key or ApiKey.generate()
        return self._api_key

    def _name(self, compartment: str) -> str:
        return self.compartments[compartment].name if compartment in self.compartments else compartment

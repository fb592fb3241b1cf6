"""A world: one tenancy, all of its state, and what was asked of it."""

import json
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from epimetheus.testing.oci.credentials import ApiKey, write_config, write_resource_principal
from epimetheus.testing.oci.faults import Faults
from epimetheus.testing.oci.models.audit import AuditLog
from epimetheus.testing.oci.models.compartments import Compartments, ocid
from epimetheus.testing.oci.models.objects import Bucket, ObjectStore, ObjectWrite
from epimetheus.testing.oci.samples import Sampler

Clock = Callable[[], float]


@dataclass(frozen=True)
class Asked:
    """One request that was answered. ``status`` is 0 where no answer was sent; ``operation`` is empty for an unknown route."""

    method: str
    path: str
    query: dict[str, str]
    status: int
    time: float
    operation: str
    region: str


class World:
    """A tenancy with its home ``region`` and the ``regions`` it is subscribed to (the home region, if not given).

    ``now`` is the clock of the world; ``signature_now`` the one that the dates of signatures are held against, since clients take
    those from the real clock. ``sleep``, where given, is what waits in process (a fake clock's); else waits in process are real
    for a delay, and none for a timeout. ``api_key`` spares many worlds the tenth of a second that making a key takes.
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
        self.store = ObjectStore("axexample", now)
        self.secrets: dict[tuple[str, str], bytes] = {}
        self.metrics: list[dict[str, Any]] = []
        self.logs: list[tuple[float, dict[str, Any]]] = []
        self.keys: dict[str, RSAPublicKey] = {}
        self.requests: list[Asked] = []
        self.unknown_requests: list[str] = []
        self._api_key = api_key

    @property
    def namespace(self) -> str:
        """The tenancy's Object Storage namespace."""
        return self.store.namespace

    @property
    def writes(self) -> list[ObjectWrite]:
        """Every successful object write, oldest first."""
        return self.store.writes

    @property
    def put_hook(self) -> Callable[[ObjectWrite], None] | None:
        """What is called with each object write before it is answered."""
        return self.store.hook

    @put_hook.setter
    def put_hook(self, hook: Callable[[ObjectWrite], None] | None) -> None:
        self.store.hook = hook

    def add_compartment(self, name: str, parent: str | None = None, state: str = "ACTIVE") -> str:
        """A new compartment below ``parent`` (the root, if None); returns its OCID."""
        with self.lock:
            return self.compartments.add(name, parent, state).id

    def expire_tokens(self) -> None:
        """Reject every page token that was issued before, with 400."""
        self.token_generation += 1

    def move(self, compartment: str, parent: str | None) -> None:
        """Put a compartment below another (the root, if None)."""
        self.compartments[compartment].parent = self.compartments[parent or self.tenancy].id

    def rename(self, compartment: str, name: str) -> None:
        """Give a compartment another name."""
        self.compartments[compartment].name = name

    def delete(self, compartment: str) -> None:
        """Delete a compartment: it is still listed, as DELETED, and its events can still be read."""
        self.compartments[compartment].state = "DELETED"

    def vanish(self, compartment: str) -> None:
        """List a compartment no more; its events can still be read."""
        self.compartments[compartment].listed = False

    def forbid(self, compartment: str) -> None:
        """Answer 404 for whatever is asked about a compartment; it stays in its parent's listing."""
        self.compartments[compartment].forbidden = True

    def allow(self, compartment: str) -> None:
        """Take ``forbid`` back."""
        self.compartments[compartment].forbidden = False

    def add_event(
        self,
        compartment: str,
        event: dict[str, Any] | bytes,
        *,
        processed: float,
        region: str | None = None,
        listed: float | None = None,
    ) -> None:
        """Record an audit event, given as a dict or as JSON text, at its processed time (seconds since the epoch).

        ``listed`` makes it a late one: it shows only once the world's clock is that far.
        """
        row = event if isinstance(event, bytes) else json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()
        with self.lock:
            self.audit.add(region or self.region, compartment, row, processed, listed)

    def emit(
        self, compartment: str, count: int, start: float, end: float, *, region: str | None = None, seed: int = 0
    ) -> list[str]:
        """Record ``count`` realistic events, spread evenly over processed time [start, end); returns their event ids.

        The same arguments make the same events.
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
        """Every event recorded in a compartment, by processed time."""
        return [json.loads(row) for row in self.audit.rows(region or self.region, compartment)]

    def bucket(self, name: str, region: str | None = None) -> Bucket:
        """The bucket of that name, made if there is none."""
        with self.lock:
            return self.store.make(region or self.region, name)

    def objects(self, bucket: str, region: str | None = None) -> dict[str, bytes]:
        """What is in a bucket."""
        with self.lock:
            found = self.store.bucket(region or self.region, bucket)
            return {name: stored.data for name, stored in found.objects.items()}

    def put(self, bucket: str, name: str, data: bytes, region: str | None = None) -> str:
        """Write an object past all conditions, as somebody else would; returns its ETag."""
        with self.lock:
            return self.store.put(self.bucket(bucket, region), name, data, "application/octet-stream", {}).etag

    def secret(self, secret_id: str, content: str | bytes, region: str | None = None) -> str:
        """Put a secret into the vault; returns its OCID as given."""
        self.secrets[region or self.region, secret_id] = content.encode() if isinstance(content, str) else content
        return secret_id

    def add_log(self, entry: dict[str, Any], at: float) -> None:
        """Record a log entry that Logging search finds at that time."""
        self.logs.append((at, entry))

    def credentials(self, folder: str | Path, region: str | None = None) -> Path:
        """Write an API key and an OCI config file (profile DEFAULT) into the folder, registered; returns the config's path."""
        key = self._key()
        self.keys[f"{self.tenancy}/{self.user}/{key.fingerprint}"] = key.private.public_key()
        return write_config(Path(folder), key, self.tenancy, self.user, region or self.region)

    def resource_principal(self, folder: str | Path, region: str | None = None) -> dict[str, str]:
        """Write a function's resource principal into the folder, registered; returns the environment variables a function gets."""
        key = self._key()
        token, environment = write_resource_principal(
            Path(folder), key, self.tenancy, self.tenancy, region or self.region, self.function
        )
        self.keys[f"ST${token}"] = key.private.public_key()
        return environment

    def asked(self, operation: str) -> list[Asked]:
        """The requests made for one operation, such as ``ListEvents``."""
        with self.lock:
            return [one for one in self.requests if one.operation == operation]

    def _key(self) -> ApiKey:
        self._api_key = self._api_key or ApiKey.generate()
        return self._api_key

    def _name(self, compartment: str) -> str:
        return self.compartments[compartment].name if compartment in self.compartments else compartment

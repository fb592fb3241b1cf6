"""From settings to the parts of a run: the one place where every stage is put together with what it needs, and no other stage."""

import ssl
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import oci
from oci.identity import IdentityClient
from oci.object_storage import ObjectStorageClient

from epimetheus.clock import Clock, Deadline
from epimetheus.cloud import Credentials, make_client, oci_errors, sign_in
from epimetheus.config import Settings
from epimetheus.deliver import Delivery, Dialer, Peer, RelpDelivery, framer, tls_context
from epimetheus.parts import Options, Parts, Receiver, Watcher
from epimetheus.render import Renderer
from epimetheus.run import commit_reserve
from epimetheus.source.audit import AuditApi
from epimetheus.source.identity import compartment_pages, subscribed_regions
from epimetheus.source.material import Material
from epimetheus.source.pacer import Pacer
from epimetheus.state.file import FileStore
from epimetheus.state.keeper import Keeper
from epimetheus.state.object_storage import ObjectStore
from epimetheus.state.store import Store

_INGESTION = "https://telemetry-ingestion.{region}.{secondLevelDomain}"
_BUCKET_HELP = "Check STATE_BUCKET, STATE_NAMESPACE and the policy for its objects."


@dataclass(frozen=True)
class Workshop:
    """What is made once for all regions of a call: the settings, who we are, the clock, and the time there is."""

    settings: Settings
    credentials: Credentials
    clock: Clock
    deadline: Deadline

    @classmethod
    def open(cls, settings: Settings, clock: Clock, deadline: Deadline) -> "Workshop":
        """Sign in. Raises CredentialsError."""
        return cls(settings, sign_in(settings.oci_auth, settings.oci_config_file, settings.oci_profile), clock, deadline)

    @property
    def tenancy(self) -> str:
        """The OCID of the tenancy: TENANCY_OCID, or the credentials' own."""
        return self.settings.tenancy_ocid or self.credentials.tenancy

    def regions(self) -> list[str]:
        """REGIONS; the function's own by default. Raises SourceError, CredentialsError."""
        if self.settings.regions == ("all",):
            return subscribed_regions(self.client(IdentityClient, self.deadline.left() / 4), self.tenancy)
        return list(self.settings.regions) or [self.credentials.region]

    def client(self, kind: Callable[..., Any], seconds: float) -> Any:
        """One of the SDK's clients in our own region, whose retries fit ``seconds``."""
        return make_client(
            kind, self.credentials, region=self.credentials.region, endpoint=self.settings.oci_endpoint, seconds=max(1.0, seconds)
        )

    def prepare(self) -> None:
        """Fetch what all regions need, so that a failure here is nobody's fate alone. Raises ConfigError, SourceError, CredentialsError."""
        _ = self.tls, self.settings.state_bucket and self.namespace

    def store(self, region: str, deadline: Deadline) -> Store:
        """Where this region's state is kept."""
        if path := self.settings.state_file:
            own = region == self.credentials.region
            return FileStore(Path(path) if own else Path(f"{path}.{region}"))
        # The last commit may take two calls, the second to find out what became of the first: half of the reserve, for both.
        client = self.client(ObjectStorageClient, commit_reserve(deadline.left()) / 4)
        return ObjectStore(client, self.namespace, str(self.settings.state_bucket), f"{self.settings.state_prefix}{region}.state")

    @cached_property
    def namespace(self) -> str:
        """STATE_NAMESPACE, or the tenancy's own. Raises SourceError, CredentialsError."""
        if self.settings.state_namespace:
            return self.settings.state_namespace
        client = self.client(ObjectStorageClient, self.deadline.left() / 4)
        with oci_errors("asking for the Object Storage namespace", do="Set STATE_NAMESPACE, or check the credentials."):
            return str(client.get_namespace().data)

    def material(self) -> Material:
        """Reads what settings point to."""
        return Material(lambda: self.client(oci.secrets.SecretsClient, self.deadline.left() / 4), self.get_object)

    def get_object(self, name: str) -> bytes:
        """An object of STATE_BUCKET. Raises SourceError, CredentialsError."""
        client = self.client(ObjectStorageClient, self.deadline.left() / 4)
        with oci_errors(f"reading the object {name} of {self.settings.state_bucket}", do=_BUCKET_HELP):
            return bytes(client.get_object(self.namespace, self.settings.state_bucket, name).data.content)

    @cached_property
    def tls(self) -> ssl.SSLContext | None:
        """Whom we trust and who we are; None for plain TCP. Raises ConfigError, SourceError, CredentialsError."""
        settings, material = self.settings, self.material()
        if settings.syslog_transport == "tcp":
            return None
        return tls_context(
            material.read("SYSLOG_CA", settings.syslog_ca),
            material.read("SYSLOG_CLIENT_CERT", settings.syslog_client_cert),
            material.read("SYSLOG_CLIENT_KEY", settings.syslog_client_key),
        )

    def delivery(self, deadline: Deadline) -> Receiver:
        """The way to the receiver; nothing is connected yet."""
        settings = self.settings
        peer = Peer(
            host=settings.syslog_host,
            port=settings.syslog_port,
            server_name=settings.syslog_server_name or settings.syslog_host,
            ssl_context=self.tls,
            timeout=settings.syslog_timeout_seconds,
        )
        dialer = Dialer(peer, deadline)
        if settings.syslog_transport == "relp":
            return RelpDelivery(dialer)
        return Delivery(dialer, settle_seconds=settings.syslog_settle_seconds, deadline=deadline)

    def renderer(self, region: str, run_id: str) -> Renderer:
        """Events to messages, as the settings want them."""
        settings = self.settings
        return Renderer(
            format=settings.format,
            header=settings.syslog_header,
            facility=settings.syslog_facility,
            app_name=settings.syslog_app_name,
            hostname=settings.syslog_hostname or region,
            max_bytes=settings.syslog_max_bytes,
            run_id=run_id,
            started=self.clock.now(),
            redact=settings.redact,
        )

    def options(self, region: str) -> Options:
        """What to read of a region."""
        settings = self.settings
        return Options(
            region=region,
            tenancy=self.tenancy,
            mode=settings.compartment_mode,
            ids=settings.compartment_ids,
            lookback=settings.initial_lookback_hours * 60,
            overlap=settings.overlap_minutes,
            settle=settings.settle_minutes,
            slice=settings.slice_minutes,
            concurrency=settings.api_concurrency,
        )

    def parts(self, region: str, run_id: str, deadline: Deadline, watcher: Watcher) -> Parts:
        """Everything for one run over ``region``."""
        settings = self.settings
        delivery = self.delivery(deadline.earlier(commit_reserve(deadline.left()) / 2))
        identity = self.client(IdentityClient, deadline.left() / 8)
        audit = AuditApi(
            self.credentials,
            region=region,
            endpoint=settings.oci_endpoint,
            concurrency=settings.api_concurrency,
            pacer=Pacer(settings.api_requests_per_second, self.clock),
            clock=self.clock,
        )
        return Parts(
            clock=self.clock,
            keeper=Keeper(self.store(region, deadline), run_id, region),
            list_page=compartment_pages(identity),
            audit=audit,
            receiver=delivery,
            render=self.renderer(region, run_id),
            frame=framer(settings.syslog_framing),
            watcher=watcher,
        )

    def monitoring(self, seconds: float) -> Any:
        """The client that metrics are posted with, within ``seconds``: PostMetricData has a host of its own."""
        region = self.credentials.region
        endpoint = self.settings.oci_endpoint or oci.regions.endpoint_for("telemetry", service_endpoint_template=_INGESTION, region=region)
        return make_client(oci.monitoring.MonitoringClient, self.credentials, region=region, endpoint=endpoint, seconds=seconds)

"""Builds the OCI clients: SDK clients, ListEvents, ListCompartments, and the reader of referenced settings.

``oci.secrets`` and the like are imported when they are first used.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import oci

from epimetheus.clock import Clock, Deadline
from epimetheus.config.settings import Settings
from epimetheus.errors import EpimetheusError
from epimetheus.oci_client.clients import Calls, Credentials, date_hook, make_client, oci_errors
from epimetheus.oci_client.clock_offset import ClockOffset
from epimetheus.oci_client.policies import Policies
from epimetheus.safe_text import safe_value
from epimetheus.source.audit import AuditApi
from epimetheus.source.compartments import ListPage
from epimetheus.source.identity import IdentityClient, compartment_pages
from epimetheus.source.rate_limiter import RateLimiter
from epimetheus.source.references import ReferenceResolver

_INGESTION = "https://telemetry-ingestion.{region}.{secondLevelDomain}"
_BUCKET_HELP = "Check STATE_BUCKET and STATE_NAMESPACE."
_READ_NAMESPACE = "reading the Object Storage namespace"


@dataclass(frozen=True)
class OciWiring:
    """Clients of one invocation. Requests without a limit of their own get a quarter of the time until ``deadline``."""

    settings: Settings
    credentials: Credentials
    clock: Clock
    deadline: Deadline
    clock_offset: ClockOffset

    def client(
        self, kind: Callable[..., Any], seconds: float, calls: Calls | None = None, max_bytes: int | None = None, region: str = ""
    ) -> Any:
        """An SDK client in ``region``, by default the function's own. Retries included, a request takes ``seconds`` at most.

        ``calls`` counts requests. ``max_bytes``: the maximum size of a response, None: that of the service.
        """
        return make_client(
            kind,
            self.credentials,
            region=region or self.credentials.region,
            endpoint=self.settings.oci_endpoint,
            seconds=max(1.0, seconds),
            calls=calls,
            on_response=self.record_date,
            max_bytes=max_bytes,
        )

    def monitoring(self, seconds: float) -> Any:
        """The Monitoring client for PostMetricData, which has its own host. A request takes ``seconds`` at most."""
        region = self.credentials.region
        endpoint = self.settings.oci_endpoint or oci.regions.endpoint_for("telemetry", service_endpoint_template=_INGESTION, region=region)
        return make_client(oci.monitoring.MonitoringClient, self.credentials, region=region, endpoint=endpoint, seconds=seconds)

    def identity(self) -> Any:
        """The Identity client. A request takes at most an eighth of the time left: a run continues without the subscribed regions."""
        return self.client(IdentityClient, self.deadline.left() / 8)

    def list_page(self, seconds: float, calls: Calls | None = None) -> ListPage:
        """ListCompartments. A request takes ``seconds`` at most."""
        return compartment_pages(self.client(IdentityClient, seconds, calls), self.policies)

    def audit(self, region: str) -> AuditApi:
        """ListEvents in ``region``. The caller closes it."""
        settings = self.settings
        return AuditApi(
            self.credentials,
            region=region,
            endpoint=settings.oci_endpoint,
            concurrency=settings.api_concurrency,
            rate_limiter=RateLimiter(settings.api_requests_per_second, self.clock),
            clock=self.clock,
            on_response=self.record_date,
            policies=self.policies,
        )

    @property
    def policies(self) -> Policies:
        """The policy statements that the credentials need."""
        return Policies("group NAME" if self.settings.oci_auth == "config_file" else "dynamic-group NAME")

    @property
    def record_date(self) -> Callable[[Any], None]:
        """Records the date of a response in ``clock_offset``."""
        return date_hook(self.clock_offset, self.clock.now)

    def measure_clock(self, seconds: float) -> None:
        """Request the Object Storage namespace, which needs no policy, for the date of the response. Errors are ignored."""
        client = self.client(oci.object_storage.ObjectStorageClient, seconds)
        with suppress(EpimetheusError), oci_errors(_READ_NAMESPACE, do=""):
            client.get_namespace()

    @cached_property
    def namespace(self) -> str:
        """STATE_NAMESPACE, or the Object Storage namespace of the tenancy. Raises SourceError, CredentialsError."""
        if self.settings.state_namespace:
            return self.settings.state_namespace
        client = self.client(oci.object_storage.ObjectStorageClient, self._quarter())
        with oci_errors(_READ_NAMESPACE, do="The next run tries again. With STATE_NAMESPACE set, this request is not needed."):
            return str(client.get_namespace().data)

    def get_object(self, name: str) -> bytes:
        """The content of an object in STATE_BUCKET. Raises SourceError, CredentialsError."""
        client = self.client(oci.object_storage.ObjectStorageClient, self._quarter())
        policy = self.policies.objects(str(self.settings.state_bucket))
        with oci_errors(f"reading the object {safe_value(name)} of {self.settings.state_bucket}", do=_BUCKET_HELP, policy=policy):
            return bytes(client.get_object(self.namespace, self.settings.state_bucket, name).data.content)

    @cached_property
    def references(self) -> ReferenceResolver:
        """Reads settings of the form ``file:``, ``vault:`` or ``object:``."""
        return ReferenceResolver(lambda: self.client(oci.secrets.SecretsClient, self._quarter()), self.get_object, self.policies)

    def _quarter(self) -> float:
        return self.deadline.left() / 4

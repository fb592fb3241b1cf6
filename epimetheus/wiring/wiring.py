"""From settings to the parts of a run: the one place where every stage is put together with what it needs, and no other stage."""

import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import oci
from oci.identity import IdentityClient
from oci.object_storage import ObjectStorageClient

from epimetheus.clock import Clock, Deadline
from epimetheus.config.field_map import FieldMap, read_field_map
from epimetheus.config.rules_file import RulesFile, read_rules
from epimetheus.config.settings import Settings
from epimetheus.deliver import Delivery, Dialer, Peer, RelpDelivery, certificate_end, framer, tls_context
from epimetheus.oci_client.clients import Calls, Credentials, dates, make_client, oci_errors, sign_in
from epimetheus.oci_client.clock_offset import ClockOffset
from epimetheus.render import Renderer
from epimetheus.render.custom_fields import Fields
from epimetheus.run.discovery import Subscribed, subscribed
from epimetheus.run.ports import Receiver, RunObserver, RunOptions, RunPorts
from epimetheus.run.run import commit_reserve
from epimetheus.safe_text import safe_value
from epimetheus.select.rate_limits import RateLimits
from epimetheus.select.rules import Rules
from epimetheus.select.selection import Selection
from epimetheus.select.tamper_watch import TamperWatch
from epimetheus.source.audit import AuditApi
from epimetheus.source.compartments import ListPage
from epimetheus.source.identity import compartment_pages, subscribed_regions
from epimetheus.source.rate_limiter import RateLimiter
from epimetheus.source.references import ReferenceResolver
from epimetheus.state.file import FileStore
from epimetheus.state.marker import Markers
from epimetheus.state.object_storage import ObjectStore
from epimetheus.state.owner import Owner, receiver_id
from epimetheus.state.session import StateSession
from epimetheus.state.store import Store
from epimetheus.wiring.run_options import ask_date, options_of, rules_of

_INGESTION = "https://telemetry-ingestion.{region}.{secondLevelDomain}"
_NO_PRINCIPAL = "OWN_EVENTS=summarise: the credentials do not tell our OCID, so the events of our own polling are forwarded like any other."
_BUCKET_HELP = "Check STATE_BUCKET, STATE_NAMESPACE and the policy for its objects."


@dataclass(frozen=True)
class Wiring:
    """What is made once for all regions of a call: the settings, who we are, the clock, the time there is, and what OCI's clock says."""

    settings: Settings
    credentials: Credentials
    clock: Clock
    deadline: Deadline
    clock_offset: ClockOffset = field(default_factory=ClockOffset)

    @classmethod
    def open(cls, settings: Settings, clock: Clock, deadline: Deadline) -> "Wiring":
        """Sign in. Raises CredentialsError."""
        credentials = sign_in(settings.oci_auth, settings.oci_config_file, settings.oci_profile, deadline.left() / 2)
        return cls(settings, credentials, clock, deadline)

    @property
    def tenancy(self) -> str:
        """The OCID of the tenancy: TENANCY_OCID, or the credentials' own."""
        return self.settings.tenancy_ocid or self.credentials.tenancy

    @cached_property
    def regions(self) -> list[str]:
        """REGIONS; the function's own by default. Raises SourceError, CredentialsError."""
        if self.settings.regions == ("all",):
            return list(self.subscribed.names)
        return list(self.settings.regions) or [self.credentials.region]

    @cached_property
    def subscribed(self) -> Subscribed:
        """The regions of the tenancy; where Identity cannot list them, as the state of our own region has them. Raises as `regions`."""
        region, client = self.credentials.region, self.client(IdentityClient, self.deadline.left() / 4)
        return subscribed(
            lambda: subscribed_regions(client, self.tenancy),
            lambda: StateSession(self.store(region, self.deadline), "", region).peek(),
            int(self.clock.now() // 60),
        )

    def client(self, kind: Callable[..., Any], seconds: float, calls: Calls | None = None) -> Any:
        """One of the SDK's clients in our own region, whose retries fit ``seconds``, and whose answers are counted in ``calls``."""
        region, endpoint = self.credentials.region, self.settings.oci_endpoint
        return make_client(
            kind, self.credentials, region=region, endpoint=endpoint, seconds=max(1.0, seconds), calls=calls, dated=self.dated
        )

    @property
    def dated(self) -> Callable[[Any], None]:
        """Notes the date of an answer of OCI."""
        return dates(self.clock_offset, self.clock.now)

    def prepare(self) -> None:
        """Fetch what all regions need, so that a failure here is nobody's fate alone. Raises ConfigError, SourceError, CredentialsError."""
        _ = self.tls, self.settings.state_bucket and self.namespace, self.rules_file, self.field_map

    @property
    def owner(self) -> Owner:
        """Whose state it is that these settings continue."""
        settings = self.settings
        receiver = receiver_id(settings.syslog_transport, settings.syslog_host, settings.syslog_port, settings.syslog_server_name)
        return Owner(self.tenancy, receiver, ",".join((settings.compartment_mode, *sorted(settings.compartment_ids))))

    def store(self, region: str, deadline: Deadline, calls: Calls | None = None) -> Store:
        """Where this region's state is kept."""
        return self._stores(region, deadline, calls)[0]

    def keeper(
        self, region: str, run_id: str, deadline: Deadline, calls: Calls | None = None, receiver: Receiver | None = None
    ) -> StateSession:
        """Keeps this region's state for ``run_id``, and records its owner once ``receiver`` confirmed anything, or had nothing to get."""
        store, *places = self._stores(region, deadline, calls)

        def works(caught_up: bool) -> bool:
            quiet = caught_up and not self.settings.run_message
            return receiver is not None and (receiver.confirmations > 0 or quiet)

        return StateSession(store, run_id, region, self.owner, Markers(places), works)

    def _stores(self, region: str, deadline: Deadline, calls: Calls | None) -> list[Store]:
        """Where this region's state is kept, and each of its markers (see `epimetheus.state.marker`)."""
        if path := self.settings.state_file:
            path = path if region == self.credentials.region else f"{path}.{region}"
            return [FileStore(Path(path)), FileStore(Path(f"{path}.started"))]
        # The last commit may take two calls, the second to find out what became of the first: half of the reserve, for both.
        client = self.client(ObjectStorageClient, commit_reserve(deadline.left()) / 4, calls)
        beside = f"{self.settings.state_prefix}{region}"
        names = (f"{beside}.state", f"{beside}.started", f"epimetheus-started/{region}/{self.owner.mark}")
        return [ObjectStore(client, self.namespace, str(self.settings.state_bucket), name) for name in names]

    @cached_property
    def namespace(self) -> str:
        """STATE_NAMESPACE, or the tenancy's own. Raises SourceError, CredentialsError."""
        if self.settings.state_namespace:
            return self.settings.state_namespace
        client = self.client(ObjectStorageClient, self.deadline.left() / 4)
        with oci_errors("asking for the Object Storage namespace", do="Set STATE_NAMESPACE, or check the credentials."):
            return str(client.get_namespace().data)

    def material(self) -> ReferenceResolver:
        """Reads what settings point to."""
        return ReferenceResolver(lambda: self.client(oci.secrets.SecretsClient, self.deadline.left() / 4), self.get_object)

    def get_object(self, name: str) -> bytes:
        """An object of STATE_BUCKET. Raises SourceError, CredentialsError."""
        client = self.client(ObjectStorageClient, self.deadline.left() / 4)
        with oci_errors(f"reading the object {safe_value(name)} of {self.settings.state_bucket}", do=_BUCKET_HELP):
            return bytes(client.get_object(self.namespace, self.settings.state_bucket, name).data.content)

    @cached_property
    def rules_file(self) -> tuple[RulesFile, tuple[str, ...]]:
        """RULES, and what is odd about them. Raises ConfigError, SourceError, CredentialsError."""
        return read_rules("RULES", self.material().read("RULES", self.settings.rules) or "{}")

    @cached_property
    def field_map(self) -> tuple[FieldMap, tuple[str, ...]]:
        """FIELD_MAP, and what is odd about it. Raises ConfigError, SourceError, CredentialsError."""
        return read_field_map("FIELD_MAP", self.material().read("FIELD_MAP", self.settings.field_map) or "{}", self.settings.format)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What every run should say about its settings."""
        nameless = (_NO_PRINCIPAL,) if self.settings.own_events == "summarise" and not self.credentials.principals else ()
        regions = self.subscribed.warnings if self.settings.regions == ("all",) else ()
        return (*self.settings.warnings, *self.rules_file[1], *self.field_map[1], *nameless, *regions)

    @cached_property
    def tls(self) -> ssl.SSLContext | None:
        """Whom we trust and who we are; None for plain TCP. Raises ConfigError, SourceError, CredentialsError."""
        if self.settings.syslog_transport == "tcp":
            return None
        key = self.material().read("SYSLOG_CLIENT_KEY", self.settings.syslog_client_key)
        return tls_context(self.material().read("SYSLOG_CA", self.settings.syslog_ca), self.client_certificate, key)

    @cached_property
    def client_certificate(self) -> str | None:
        """SYSLOG_CLIENT_CERT, as PEM. Raises ConfigError, SourceError, CredentialsError."""
        return self.material().read("SYSLOG_CLIENT_CERT", self.settings.syslog_client_cert)

    def certificate_end(self, dialer: Dialer) -> float | None:
        """When the first certificate is over, ours or the receiver's, in seconds since the epoch; None where there is none."""
        ours = [certificate_end(self.client_certificate)] if self.client_certificate else []
        return min([*ours, *([dialer.certificate_end] if dialer.certificate_end else [])], default=None)

    def dialer(self, deadline: Deadline) -> Dialer:
        """The way to the receiver; nothing is connected yet."""
        settings = self.settings
        peer = Peer(
            host=settings.syslog_host,
            port=settings.syslog_port,
            server_name=settings.syslog_server_name or settings.syslog_host,
            ssl_context=self.tls,
            timeout=settings.syslog_timeout_seconds,
        )
        return Dialer(peer, deadline)

    def delivery(self, dialer: Dialer, deadline: Deadline) -> Receiver:
        """How messages are sent and confirmed."""
        if self.settings.syslog_transport == "relp":
            return RelpDelivery(dialer)
        return Delivery(dialer, settle_seconds=self.settings.syslog_settle_seconds, deadline=deadline)

    def renderer(self, region: str, run_id: str, *, replay: bool = False) -> Renderer:
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
            monotonic=self.clock.monotonic,
            replay=replay,
            redact=settings.redact,
            fields=self.fields,
            severities=tuple(self.rules_file[0].severity.items()),
        )

    @property
    def fields(self) -> Fields:
        """The user's own names, for the format that is sent."""
        return self.field_map[0].fields(self.settings.format)

    def rules(self) -> Rules:
        """Which events are sent."""
        return rules_of(self.rules_file[0], self.credentials.principals if self.settings.own_events == "summarise" else ())

    def options(self, region: str) -> RunOptions:
        """What to read of a region."""
        actors = "epimetheus.actor" in self.fields.added.values()
        regions = self.subscribed if self.settings.regions == ("all",) else None
        return options_of(self.settings, region, self.tenancy, self.rules_file[0], regions, actors=actors)

    def list_page(self, seconds: float, calls: Calls | None = None) -> ListPage:
        """Identity, each call within ``seconds``."""
        return compartment_pages(self.client(IdentityClient, seconds, calls))

    def audit(self, region: str) -> AuditApi:
        """Audit in ``region``; whoever asks for it closes it."""
        settings = self.settings
        return AuditApi(
            self.credentials,
            region=region,
            endpoint=settings.oci_endpoint,
            concurrency=settings.api_concurrency,
            pacer=RateLimiter(settings.api_requests_per_second, self.clock),
            clock=self.clock,
            dated=self.dated,
        )

    def watch(self) -> TamperWatch:
        """TAMPER_WATCH, and the function itself, whose OCID its own settings can not hold."""
        ourselves = [ocid for ocid in self.credentials.principals if ocid.startswith("ocid1.fnfunc.")]
        return TamperWatch((*self.settings.tamper_watch, *dict.fromkeys(ourselves)))

    def selection(self) -> Selection:
        """The rules, the watch, and limits of which nothing is spent."""
        return Selection(self.rules(), self.watch(), RateLimits({}))

    def parts(self, region: str, run_id: str, deadline: Deadline, watcher: RunObserver, *, replay: bool = False) -> RunPorts:
        """Everything for one run over ``region``; a ``replay`` is marked."""
        settings = self.settings
        until = deadline.earlier(commit_reserve(deadline.left()) / 2)
        dialer, calls = self.dialer(until), Calls()
        receiver = self.delivery(dialer, until)
        return RunPorts(
            clock=self.clock,
            keeper=self.keeper(region, run_id, deadline, calls, receiver),
            list_page=self.list_page(deadline.left() / 8, calls),
            audit=self.audit(region),
            calls=calls,
            receiver=receiver,
            certificate_end=lambda: self.certificate_end(dialer),
            render=self.renderer(region, run_id, replay=replay),
            frame=framer(settings.syslog_framing),
            watcher=watcher,
            rules=self.rules(),
            watch=self.watch(),
            clock_offset=self.clock_offset.seconds,
            measure_clock=lambda: ask_date(self.client(ObjectStorageClient, deadline.left() / 8)) if settings.state_file else None,
        )

    def monitoring(self, seconds: float) -> Any:
        """The client that metrics are posted with, within ``seconds``: PostMetricData has a host of its own."""
        region = self.credentials.region
        endpoint = self.settings.oci_endpoint or oci.regions.endpoint_for("telemetry", service_endpoint_template=_INGESTION, region=region)
        return make_client(oci.monitoring.MonitoringClient, self.credentials, region=region, endpoint=endpoint, seconds=seconds)

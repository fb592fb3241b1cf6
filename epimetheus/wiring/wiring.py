"""The wiring of one invocation: which component is built by which group, and the ports of a run."""

from dataclasses import dataclass, field, replace
from functools import cached_property
from hashlib import sha256

from epimetheus.clock import Clock, Deadline
from epimetheus.config.settings import Settings
from epimetheus.deliver import framer
from epimetheus.errors import SourceError
from epimetheus.oci_client.clients import Calls, Credentials, sign_in
from epimetheus.oci_client.clock_offset import ClockOffset, to_oci_time
from epimetheus.problem import STREAM
from epimetheus.run.budget import commit_reserve
from epimetheus.run.delivered import DeliveredKeys
from epimetheus.run.discovery import subscribed_or_last_known, subscription_problem
from epimetheus.run.ports import EventSource, RunObserver, RunOptions, RunPorts, SealOptions, SealTexts, SubscribedRegions
from epimetheus.source.identity import subscribed_regions
from epimetheus.wiring.delivery import DeliveryWiring
from epimetheus.wiring.ledger import LedgerWiring
from epimetheus.wiring.oci import OciWiring
from epimetheus.wiring.rendering import RenderingWiring
from epimetheus.wiring.run_options import run_options
from epimetheus.wiring.selection import SelectionWiring
from epimetheus.wiring.state import StateWiring

_NO_PRINCIPAL = (
    "OWN_EVENTS=summarize has no effect: the credentials do not contain the OCID of the caller, so the events of the function's own"
    " polling are forwarded like all others."
)


@dataclass(frozen=True)
class Wiring:
    """Builds every component of one invocation, for all regions. Each group of components is an attribute.

    ``deadline``: the end of the invocation. ``clock_offset``: measured from the responses to all OCI clients.
    """

    settings: Settings
    credentials: Credentials
    clock: Clock
    deadline: Deadline
    clock_offset: ClockOffset = field(default_factory=ClockOffset)
    _delivered: dict[str, DeliveredKeys] = field(default_factory=dict)

    @classmethod
    def open(cls, settings: Settings, clock: Clock, deadline: Deadline, *, region: str = "") -> "Wiring":
        """Sign in, for the deployment in ``region``, by default that of the credentials. Raises CredentialsError."""
        credentials = sign_in(settings.oci_auth, settings.oci_config_file, settings.oci_profile, deadline.left() / 2)
        return cls(settings, replace(credentials, region=region or credentials.region), clock, deadline)

    @cached_property
    def oci(self) -> OciWiring:
        """OCI clients."""
        return OciWiring(self.settings, self.credentials, self.clock, self.deadline, self.clock_offset)

    @cached_property
    def state(self) -> StateWiring:
        """State stores and sessions."""
        return StateWiring(self.oci, self.tenancy)

    @cached_property
    def ledger(self) -> LedgerWiring:
        """Ledgers."""
        return LedgerWiring(self.oci)

    @cached_property
    def delivery(self) -> DeliveryWiring:
        """TLS, connections and senders."""
        return DeliveryWiring(self.settings, self.oci.references)

    @cached_property
    def selection(self) -> SelectionWiring:
        """Rules and tamper watch."""
        return SelectionWiring(self.settings, self.credentials.principals, self.oci.references)

    @cached_property
    def rendering(self) -> RenderingWiring:
        """Field map and renderer."""
        return RenderingWiring(self.settings, self.clock, self.oci.references, self.selection)

    @property
    def tenancy(self) -> str:
        """The OCID of the tenancy: TENANCY_OCID, or that of the credentials."""
        return self.settings.tenancy_ocid or self.credentials.tenancy

    @cached_property
    def regions(self) -> list[str]:
        """The regions to read: REGIONS, or all that are subscribed; the function's own if these are not known. Raises CredentialsError."""
        if not self.settings.all_regions:
            return list(self.settings.regions)
        return list(self.subscribed.names) or [self.credentials.region]

    @property
    def replayed_regions(self) -> list[str]:
        """The regions to replay, as `regions`: a replay of fewer would look complete. Raises SourceError, CredentialsError."""
        if self.settings.all_regions and not self.subscribed.names and (error := self.subscribed.error):
            raise SourceError(error.what, do=f"To continue without it, name the regions in REGIONS. {error.do}")
        return self.regions

    @cached_property
    def subscribed(self) -> SubscribedRegions:
        """The subscribed regions; if Identity cannot list them, those in the state of the function's own region.

        The state is read only with REGIONS=all. Raises CredentialsError.
        """
        region, client = self.credentials.region, self.oci.identity()
        return subscribed_or_last_known(
            lambda: subscribed_regions(client, self.tenancy, self.oci.policies),
            lambda: self.state.session(region, "", self.deadline).peek() if self.settings.all_regions else None,
            int(self.clock.now() // 60),
        )

    def now(self) -> float:
        """Seconds since the epoch, by OCI's clock if it is known."""
        return to_oci_time(self.clock.now(), self.clock_offset.seconds())

    def prepare(self, *, seals: bool = True) -> None:
        """Read what all regions need, so that its errors are not reported by each region. ``seals``: the seal key, too.

        Raises ConfigError, SourceError, CredentialsError.
        """
        _ = self.delivery.tls, self.settings.state_bucket and self.oci.namespace, self.selection.rules_file, self.rendering.field_map
        _ = seals and self.ledger.seal_key

    @property
    def warnings(self) -> tuple[str, ...]:
        """Warnings about the settings, for the report of every run."""
        no_principal = (_NO_PRINCIPAL,) if self.settings.own_events == "summarize" and not self.credentials.principals else ()
        files = (*self.selection.rules_file[1], *self.rendering.field_map[1])
        return (*self.settings.warnings, *files, *no_principal, *self._region_warnings())

    def _region_warnings(self) -> tuple[str, ...]:
        """If REGIONS names the regions, a run does not need the subscribed ones, so a failure to list them is no warning."""
        if not self.settings.all_regions or not (error := self.subscribed.error):
            return ()
        return (f"{subscription_problem(self.subscribed, self.credentials.region)} {error.do}",)

    @property
    def stream_names(self) -> list[str]:
        """The regions, and the stream of Cloud Guard, as far as SOURCES has them: the seals of each name all. Raises CredentialsError."""
        sources = self.settings.sources
        return [*(self.regions if "audit" in sources else ()), *((STREAM,) if "cloud_guard" in sources else ())]

    def options(self, region: str) -> RunOptions:
        """The options of a run over ``region``."""
        actors = self.rendering.includes_actor
        seals = SealOptions(self.ledger.seal_key, self.settings.seal_messages, self._seal_texts(), self.settings.syslog_hostname)
        rules = self.selection.rules_file[0]
        return run_options(self.settings, region, self.tenancy, rules, self.stream_names, seals, actors=actors)

    def _seal_texts(self) -> SealTexts:
        rules, field_map = self.settings.rules and self.selection.rules_text, self.settings.field_map and self.rendering.field_map_text
        return SealTexts(*(sha256(text.encode()).hexdigest() if text else None for text in (rules, field_map)))

    def ports(
        self, region: str, run_id: str, deadline: Deadline, observer: RunObserver, source: EventSource, *, replay: bool = False
    ) -> RunPorts:
        """The ports of a run over ``source`` in ``region`` until ``deadline``. Half of its reserve is left for the last commit."""
        send_until = deadline.earlier(commit_reserve(deadline.left()) / 2)
        dialer, calls = self.delivery.dialer(send_until), Calls()
        sender = self.delivery.sender(dialer, send_until)
        return RunPorts(
            clock=self.clock,
            session=self.state.session(region, run_id, deadline, calls, sender),
            delivered=self._delivered.setdefault(region, DeliveredKeys()).connected(self.ledger.ledger(region, deadline, calls)),
            seals=self.ledger.seals(region, deadline, calls),
            list_page=self.oci.list_page(deadline.left() / 8, calls),
            audit=source,
            calls=calls,
            sender=sender,
            certificate_end=lambda: self.delivery.certificate_end(dialer),
            renderer=self.rendering.renderer(region, run_id, replay=replay),
            frame=framer(self.settings.syslog_framing),
            observer=observer,
            rules=self.selection.rules(),
            tamper_watch=self.selection.tamper_watch(),
            clock_offset=self.clock_offset.seconds,
            measure_clock=lambda: self.oci.measure_clock(deadline.left() / 8) if self.settings.state_file else None,
            subscribed_regions=lambda: self.subscribed,
            policies=self.oci.policies,
        )

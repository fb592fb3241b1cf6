"""The options and ports of a run: what it reads, and the interface to everything outside of it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from epimetheus.clock import Clock, Deadline
from epimetheus.errors import SourceError
from epimetheus.ledger.seal_chain import SealChain
from epimetheus.ledger.seal_key import SealKey
from epimetheus.model import Fetched, RunProgress, Window
from epimetheus.oci_client.clients import Calls
from epimetheus.oci_client.policies import Policies
from epimetheus.render.renderer import Item, Rendered
from epimetheus.reports import Problem
from epimetheus.run.delivered import DeliveredKeys
from epimetheus.select.rate_limits import RateLimits
from epimetheus.select.rules import Rules
from epimetheus.select.selection import Selection
from epimetheus.select.tamper_watch import TamperWatch
from epimetheus.source.compartments import ListPage, Mode
from epimetheus.source.decode import Events
from epimetheus.state.session import StateSession


class Statistics(NamedTuple):
    """Optional progress output: report each ``filtered`` event, and the counts after ``every`` so many events (0: never)."""

    filtered: bool = False
    every: int = 0


class SealTexts(NamedTuple):
    """Hex digests of the texts of RULES and FIELD_MAP; None: not set."""

    rules_sha256: str | None = None
    field_map_sha256: str | None = None


class SealOptions(NamedTuple):
    """How a run is sealed. ``key``: signs the seals, None: they are not signed. ``messages``: each is also sent to the receiver.

    ``hostname``: SYSLOG_HOSTNAME, which seals record.
    """

    key: SealKey | None = None
    messages: bool = True
    texts: SealTexts = SealTexts()
    hostname: str | None = None


NO_STATISTICS = Statistics()
_SEALS = SealOptions()
_POLICIES = Policies()


@dataclass(frozen=True)
class RunOptions:
    """Options of a run, from the settings.

    ``listing_minutes``: how long a listing of compartments stays valid. A run with a listing older than ``listing_max_age_minutes`` is
    ``partial``. ``regions``: all regions that this invocation reads; ``all_regions``: REGIONS=all. ``reconcile_after``: the passes of
    reconciliation, in minutes. ``sub_window_pages``: the window of a busy compartment is divided into sub-windows with at least this many
    pages, 0: it is not. ``ledger_days``: how long entries are kept. ``actors``: messages include the actor's class. ``push``: Connector Hub
    pushes the events, too.
    """

    region: str
    tenancy: str
    mode: Mode
    ids: Sequence[str]
    listing_minutes: int
    listing_max_age_minutes: int
    lookback_minutes: int
    overlap_minutes: int
    settle_minutes: int
    slice_minutes: int
    concurrency: int
    sub_window_pages: int = 0
    reconcile_after: Sequence[int] = ()
    ledger_days: int = 35
    seals: SealOptions = _SEALS
    actors: bool = False
    statistics: Statistics = NO_STATISTICS
    regions: Sequence[str] = ()
    all_regions: bool = False
    push: bool = False

    @property
    def pinned(self) -> Sequence[str]:
        """OCIDs that are polled even if Identity does not list them."""
        return self.ids if self.mode == "include" else ()


class Sender(Protocol):
    """Sends messages to the receiver, as `epimetheus.deliver.StreamSender`.

    ``sent`` and ``confirmed`` count messages, in order, from 0. ``connections``: opened so far; ``confirmations``: received so far.
    """

    sent: int
    confirmed: int
    connections: int
    confirmations: int

    def write(self, data: bytes, messages: int) -> None:
        """Send complete frames. Raises ReceiverError, DeliveryUncertain."""
        ...

    def finish(self) -> None:
        """Confirm everything sent. Raises ReceiverError, DeliveryUncertain."""
        ...

    @property
    def confirmation(self) -> str:
        """How the last batch was confirmed (``tls_close_notify``, ``tcp_fin`` or ``relp_ack``); ``none`` if nothing was sent."""
        ...

    def drop(self) -> None:
        """Close any open connection without confirmation."""
        ...


class EventRenderer(Protocol):
    """Turns events into messages, as `epimetheus.render.Renderer`."""

    def render_many(self, items: Sequence[Item], /) -> list[Rendered]:
        """The messages of events, each with its sequence number in the run and its notes."""
        ...

    def render_notice(self, fetched: Fetched, sequence: int, /) -> Rendered:
        """The message of a notice."""
        ...


class SubscribedRegions(NamedTuple):
    """The regions that the tenancy is subscribed to.

    ``names``: home region first, empty if they are not known. ``minute``: when they were listed, in minutes since the epoch, 0 if that is
    not known. ``error``: why they could not be listed now.
    """

    names: tuple[str, ...] = ()
    minute: int = 0
    error: SourceError | None = None


class EventSource(Protocol):
    """Pages of events, as ListEvents returns them, with counts of the requests."""

    @property
    def requests(self) -> int:
        """Requests so far."""
        ...

    @property
    def retries(self) -> int:
        """Those that were repeated."""
        ...

    @property
    def throttled(self) -> int:
        """Responses 429."""
        ...

    def pages(
        self, compartment: str, window: Window, page: str | None, deadline: Deadline, /
    ) -> Iterator[tuple[Events, str | None]]:
        """As `epimetheus.source.audit.Pages`."""
        ...

    def close(self) -> None:
        """Close all connections."""
        ...


class RunObserver(Protocol):
    """Receives the progress of a run."""

    def problem(self, problem: Problem, region: str) -> None:
        """A problem that does not end the run, or an interruption."""
        ...

    def progress(self, region: str, progress: RunProgress) -> None:
        """A page was read, or a task of a slice has ended."""
        ...

    def filtered(self, region: str, fetched: Fetched, reason: str) -> None:
        """An event was filtered. Called if `Statistics.filtered` is set."""
        ...

    def counted(self, region: str, fetched: int, confirmed: int, filtered: dict[str, int]) -> None:
        """The counts so far. Called if `Statistics.every` is set."""
        ...


@dataclass(frozen=True)
class RunPorts:
    """Everything outside of a run.

    ``certificate_end``: when the first certificate expires, in seconds since the epoch. ``clock_offset``: OCI's clock minus the local
    clock in seconds, None until a response from OCI had a date (`epimetheus.oci_client.clock_offset.corrected_now`).
    ``measure_clock``: sends a request for the date of its response; used where reading the state sends none. ``subscribed_regions``:
    listed at most once in an invocation. ``policies``: the statements that the credentials need.
    ``source``: the name of ``audit`` in the report. ``selection``: how its events are selected.
    """

    clock: Clock
    session: StateSession
    delivered: DeliveredKeys
    seals: SealChain
    list_page: ListPage
    audit: EventSource
    calls: Calls
    sender: Sender
    certificate_end: Callable[[], float | None]
    renderer: EventRenderer
    frame: Callable[[bytes], bytes]
    observer: RunObserver
    rules: Rules
    tamper_watch: TamperWatch
    clock_offset: Callable[[], float | None] = lambda: None
    measure_clock: Callable[[], None] = lambda: None
    subscribed_regions: Callable[[], SubscribedRegions] = SubscribedRegions
    policies: Policies = _POLICIES
    source: str = "audit"
    selection: Callable[[Rules, TamperWatch, RateLimits], Selection] = Selection

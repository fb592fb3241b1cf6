"""What a run is made of: its options, and everything outside of it, each behind the few names a run needs of it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from epimetheus.clock import Clock, Deadline
from epimetheus.model import Fetched, Problem, Window
from epimetheus.oci_client.clients import Calls
from epimetheus.run.forward import Render, Sink
from epimetheus.select.rules import Rules
from epimetheus.select.tamper_watch import TamperWatch
from epimetheus.source.compartments import ListPage, Mode
from epimetheus.source.decode import Events
from epimetheus.state.session import StateSession


class Statistics(NamedTuple):
    """What is told while a run goes: each event ``filtered``; a line ``every`` so many events (0: none)."""

    filtered: bool = False
    every: int = 0


NO_STATISTICS = Statistics()


@dataclass(frozen=True)
class RunOptions:
    """What the settings say about reading; times in minutes. ``listing``: how long a listing of compartments serves.

    ``listing_max_age``: a run with an older listing is ``partial``. ``regions``: the subscribed regions, where REGIONS=all,
    as listed at the minute ``regions_listed``.
    ``run_message``: the run ends with one; ``actors``: events say who acted.
    """

    region: str
    tenancy: str
    mode: Mode
    ids: Sequence[str]
    listing: int
    listing_max_age: int
    lookback: int
    overlap: int
    settle: int
    slice: int
    concurrency: int
    run_message: bool = False
    actors: bool = False
    statistics: Statistics = NO_STATISTICS
    regions: Sequence[str] = ()
    regions_listed: int = 0

    @property
    def pinned(self) -> Sequence[str]:
        """OCIDs that are asked, listed or not."""
        return self.ids if self.mode == "include" else ()


class Receiver(Sink, Protocol):
    """A `Sink` that can say how it went, and be dropped."""

    connections: int
    confirmations: int

    @property
    def confirmation(self) -> str:
        """The level of facts/syslog.md, from A to D, or ``none`` where nothing was sent."""
        ...

    def drop(self) -> None:
        """Abandon whatever is open."""
        ...


class AuditSource(Protocol):
    """ListEvents, and what it took."""

    requests: int
    retries: int
    throttled: int

    def pages(
        self, compartment: str, window: Window, page: str | None, deadline: Deadline, /
    ) -> Iterator[tuple[Events, str | None]]:
        """As `epimetheus.source.audit.Pages`."""
        ...

    def close(self) -> None:
        """Give the connections back."""
        ...


class RunObserver(Protocol):
    """Is told what happens while it does; answers nothing."""

    def wrong(self, trouble: Problem, region: str) -> None:
        """Something went wrong, and the run goes on."""
        ...

    def progress(self, region: str, cursor: Window, done: int, works: int) -> None:
        """``done`` of ``works`` compartments of a slice are over; ``cursor`` is from where it stands to where it will be at last."""
        ...

    def filtered(self, region: str, fetched: Fetched, reason: str) -> None:
        """An event is not sent (asked for by statistics)."""
        ...

    def counted(self, region: str, fetched: int, confirmed: int, filtered: dict[str, int]) -> None:
        """So far it is so many events (asked for by statistics)."""
        ...


@dataclass(frozen=True)
class RunPorts:
    """Everything outside of a run, given to it. ``certificate_end``: when the first certificate is over, in seconds since the epoch.

    ``measure_clock`` makes a call for the sake of its date, where reading the state makes none.
    ``clock_offset``: OCI's clock minus ours in seconds, None while no answer of OCI has told (`epimetheus.oci_client.clock_offset.corrected_now`).
    """

    clock: Clock
    session: StateSession
    list_page: ListPage
    audit: AuditSource
    calls: Calls
    receiver: Receiver
    certificate_end: Callable[[], float | None]
    render: Render
    frame: Callable[[bytes], bytes]
    watcher: RunObserver
    rules: Rules
    watch: TamperWatch
    clock_offset: Callable[[], float | None] = lambda: None
    measure_clock: Callable[[], None] = lambda: None

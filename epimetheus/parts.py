"""What a run is made of: its options, and everything outside of it, each behind the few names a run needs of it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from epimetheus.clock import Clock, Deadline
from epimetheus.forward import Sink
from epimetheus.model import Fetched, Problem, Window
from epimetheus.render import Rendered
from epimetheus.source.compartments import ListPage, Mode
from epimetheus.state.keeper import Keeper


@dataclass(frozen=True)
class Options:
    """What the settings say about reading; times in minutes."""

    region: str
    tenancy: str
    mode: Mode
    ids: Sequence[str]
    lookback: int
    overlap: int
    settle: int
    slice: int
    concurrency: int


class Receiver(Sink, Protocol):
    """A `Sink` that can say how it went, and be dropped."""

    connections: int
    confirmations: int

    @property
    def evidence(self) -> str:
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
    ) -> Iterator[tuple[list[Fetched], str | None]]:
        """As `epimetheus.source.audit.Pages`."""
        ...

    def close(self) -> None:
        """Give the connections back."""
        ...


class Watcher(Protocol):
    """Is told what happens while it does; answers nothing."""

    def wrong(self, trouble: Problem, region: str) -> None:
        """Something went wrong, and the run goes on."""
        ...

    def progress(self, region: str, cursor: Window, done: int, works: int) -> None:
        """``done`` of ``works`` compartments of a slice are over; ``cursor`` is from where it stands to where it will be at last."""
        ...


@dataclass(frozen=True)
class Parts:
    """Everything outside of a run, given to it."""

    clock: Clock
    keeper: Keeper
    list_page: ListPage
    audit: AuditSource
    receiver: Receiver
    render: Callable[[Fetched, int], Rendered]
    frame: Callable[[bytes], bytes]
    watcher: Watcher

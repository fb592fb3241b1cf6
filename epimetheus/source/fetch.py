"""Pages of several compartments at once, as they come: in memory are at most one a worker, one in the door, and the one in hand.

Threads only wait for OCI; everything else happens in the thread that iterates. There is one even for a single compartment: it is left
behind at the deadline, whatever it hangs in (a name that does not resolve, a server that drips its headers), and ends by itself.
"""

import queue
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from epimetheus.clock import Deadline
from epimetheus.errors import CompartmentError, OutOfTime
from epimetheus.model import Window
from epimetheus.source.audit import Pages
from epimetheus.source.decode import Events

IDLE_SECONDS = 10.0


class FetchTask(NamedTuple):
    """Read this compartment over this window, from this page of it on (None: the first)."""

    compartment: str
    window: Window
    page: str | None = None


class Page(NamedTuple):
    """The events of one page of ``work``, in its order, and the token of the page after it (None: it was the last)."""

    work: FetchTask
    events: Events
    onward: str | None


class Finished(NamedTuple):
    """All pages of ``work`` have been handed over."""

    work: FetchTask


class Failed(NamedTuple):
    """``work`` can not be read to its end in this run: OCI refuses (CompartmentError), or there is no time (OutOfTime)."""

    work: FetchTask
    error: CompartmentError | OutOfTime


class Stopped(NamedTuple):
    """``work`` was ended by the caller, before its last page."""

    work: FetchTask


Arrival = Page | Finished | Failed | Stopped


def fetch(
    works: Sequence[FetchTask],
    pages: Pages,
    *,
    concurrency: int,
    deadline: Deadline,
    start_more: Callable[[], bool] = lambda: True,
    idle: Callable[[], None] = lambda: None,
    stop: Callable[[FetchTask], bool] = lambda work: False,
) -> Generator[Arrival, None, None]:
    """Yield what becomes of ``works``: in any order between them, the pages of each in order.

    Ends when all have finished or failed, or silently at ``deadline``: a work without a `Finished` or `Failed` by then is unread.
    Once ``start_more`` returns False, no further work is started; a work for which ``stop`` returns True ends after the page in hand, as a
    `Stopped`. ``idle`` is called each time nothing arrives for IDLE_SECONDS.
    Anything else that goes wrong in a worker (CredentialsError, a bug) is raised here and ends everything. After the end, or after
    ``close``, no worker sends another request.
    A ``concurrency`` of 0 means no threads: everything happens in this thread, in order, which is what simulations need.
    """
    if concurrency == 0:
        for work in works:
            if start_more():
                yield from _arrivals(work, pages, deadline, stop)
        return
    crew = _WorkerPool(works, pages, deadline, start_more, stop)
    workers = min(concurrency, len(works))
    try:
        for number in range(workers):
            threading.Thread(target=crew.work, name=f"fetch-{number}", daemon=True).start()
        while workers and (arrival := crew.next(idle)):
            if isinstance(arrival, _WorkerDone):
                workers -= 1
            else:
                yield arrival
            del arrival
    finally:
        crew.closed.set()


class _WorkerDone:
    """A worker found no more works to start."""


@dataclass(frozen=True)
class _WhileOpen(Deadline):
    """A deadline that has passed, too, once nobody iterates any more."""

    closed: threading.Event

    def left(self) -> float:
        return 0.0 if self.closed.is_set() else super().left()


class _WorkerPool:
    """Workers, the works they take from, and the narrow door their arrivals come through."""

    def __init__(
        self,
        works: Sequence[FetchTask],
        pages: Pages,
        deadline: Deadline,
        start_more: Callable[[], bool],
        stop: Callable[[FetchTask], bool],
    ) -> None:
        self.closed = threading.Event()
        self._start_more, self._stop = start_more, stop
        self._works = iter(works)
        self._taking = threading.Lock()
        self._pages = pages
        self._deadline = deadline
        self._workers_deadline = _WhileOpen(deadline.clock, deadline.at, self.closed)
        self._door: queue.Queue[Arrival | _WorkerDone | BaseException] = queue.Queue(maxsize=1)

    def work(self) -> None:
        """One worker: until no works are left, or nobody waits for them."""
        try:
            while work := self._take():
                for arrival in _arrivals(work, self._pages, self._workers_deadline, self._stop):
                    self._hand_over(arrival)
                    del arrival  # the page, that is: not in memory while the next one is read
                    if self.closed.is_set():
                        return
            self._hand_over(_WorkerDone())
        except BaseException as error:  # noqa: BLE001 — not passed over: raised again in the thread that iterates
            self._hand_over(error)

    def next(self, idle: Callable[[], None]) -> Arrival | _WorkerDone | None:
        """The next arrival, or None at the deadline."""
        while True:
            left = max(0.0, self._deadline.left())
            try:
                arrival = self._door.get(timeout=min(left, IDLE_SECONDS))
            except queue.Empty:
                if left <= IDLE_SECONDS:
                    return None
                idle()
                continue
            if isinstance(arrival, BaseException):
                raise arrival
            return arrival

    def _take(self) -> FetchTask | None:
        with self._taking:
            return next(self._works, None) if self._start_more() else None

    def _hand_over(self, arrival: Arrival | _WorkerDone | BaseException) -> None:
        while not self.closed.is_set():
            try:
                self._door.put(arrival, timeout=0.2)
            except queue.Full:
                continue
            return


def _arrivals(work: FetchTask, pages: Pages, deadline: Deadline, stop: Callable[[FetchTask], bool]) -> Iterator[Arrival]:
    try:
        for events, onward in pages(work.compartment, work.window, work.page, deadline):
            yield Page(work, events, onward)
            del events
            if onward is not None and stop(work):
                yield Stopped(work)
                return
    except (CompartmentError, OutOfTime) as error:
        yield Failed(work, error)
    else:
        yield Finished(work)

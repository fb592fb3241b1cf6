"""Pages of several compartments at once, as they come, never more in memory than there are workers.

Threads only wait for OCI; everything else happens in the thread that iterates. With a concurrency of 1 there are no threads at all.
"""

import queue
import threading
from collections.abc import Generator, Iterator, Sequence
from typing import NamedTuple

from epimetheus.clock import Deadline
from epimetheus.errors import CompartmentError, OutOfTime
from epimetheus.model import Fetched, Window
from epimetheus.source.audit import Pages


class Work(NamedTuple):
    """Read this compartment over this window."""

    compartment: str
    window: Window


class Page(NamedTuple):
    """The events of one page of ``work``, in its order."""

    work: Work
    events: list[Fetched]


class Finished(NamedTuple):
    """All pages of ``work`` have been handed over."""

    work: Work


class Failed(NamedTuple):
    """``work`` can not be read to its end in this run: OCI refuses (CompartmentError), or there is no time (OutOfTime)."""

    work: Work
    error: CompartmentError | OutOfTime


Arrival = Page | Finished | Failed


def fetch(works: Sequence[Work], pages: Pages, *, concurrency: int, deadline: Deadline) -> Generator[Arrival, None, None]:
    """What becomes of ``works``, in any order between them, each one's pages in its own.

    Ends when all are finished or failed, or silently at ``deadline``: what then was neither, is not read. Raises CredentialsError.
    """
    if concurrency == 1 or len(works) <= 1:
        for work in works:
            yield from _arrivals(work, pages, deadline)
    else:
        yield from _side_by_side(works, pages, min(concurrency, len(works)), deadline)


def _arrivals(work: Work, pages: Pages, deadline: Deadline) -> Iterator[Arrival]:
    try:
        for events in pages(work.compartment, work.window, deadline):
            yield Page(work, events)
    except (CompartmentError, OutOfTime) as error:
        yield Failed(work, error)
    else:
        yield Finished(work)


def _side_by_side(works: Sequence[Work], pages: Pages, concurrency: int, deadline: Deadline) -> Generator[Arrival, None, None]:
    crew = _Crew(works, pages, deadline)
    for number in range(concurrency):
        threading.Thread(target=crew.work, name=f"fetch-{number}", daemon=True).start()
    open_works = len(works)
    try:
        while open_works and (arrival := crew.next()):
            open_works -= not isinstance(arrival, Page)
            yield arrival
    finally:
        crew.closed.set()


class _Crew:
    """Workers, the works they take from, and the narrow door their arrivals come through."""

    def __init__(self, works: Sequence[Work], pages: Pages, deadline: Deadline) -> None:
        self.closed = threading.Event()
        self._works = iter(works)
        self._taking = threading.Lock()
        self._pages = pages
        self._deadline = deadline
        self._door: queue.Queue[Arrival | Exception] = queue.Queue(maxsize=1)

    def work(self) -> None:
        """One worker: until no works are left, or nobody waits for them."""
        try:
            while work := self._take():
                for arrival in _arrivals(work, self._pages, self._deadline):
                    self._hand_over(arrival)
                    if self.closed.is_set():
                        return
        except Exception as error:  # noqa: BLE001 — not passed over: raised again in the thread that iterates
            self._hand_over(error)

    def next(self) -> Arrival | None:
        """What comes next through the door, or None at the deadline."""
        try:
            arrival = self._door.get(timeout=max(0.0, self._deadline.left()))
        except queue.Empty:
            return None
        if isinstance(arrival, Exception):
            raise arrival
        return arrival

    def _take(self) -> Work | None:
        with self._taking:
            return next(self._works, None)

    def _hand_over(self, arrival: Arrival | Exception) -> None:
        while not self.closed.is_set():
            try:
                self._door.put(arrival, timeout=0.2)
            except queue.Full:
                continue
            return

"""Fetch audit pages of several compartments concurrently and yield them as they arrive.

At most one page per worker, one in the result queue, and the one being processed are in memory, and fewer if they are large
(`epimetheus.source.page_room`). Worker threads only wait for OCI; the iterating thread does everything else. Even a single compartment
gets a worker thread, so that the deadline holds when a request hangs (in a name lookup, or on a server that trickles its headers). Such a
thread is abandoned at the deadline and ends by itself; until then it may hold one more page.
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
    """Read ``window`` of ``compartment`` (an OCID), starting at the page token ``page`` (None: the first page)."""

    compartment: str
    window: Window
    page: str | None = None


class Page(NamedTuple):
    """The events of one page of ``task``, in order, and the token of the next page (None: this is the last page)."""

    task: FetchTask
    events: Events
    next_page: str | None


class Finished(NamedTuple):
    """All pages of ``task`` have been yielded."""

    task: FetchTask


class Failed(NamedTuple):
    """``task`` cannot be completed in this run: OCI rejects it (CompartmentError), or time ran out (OutOfTime)."""

    task: FetchTask
    error: CompartmentError | OutOfTime


class Stopped(NamedTuple):
    """The caller stopped ``task`` before its last page."""

    task: FetchTask


FetchResult = Page | Finished | Failed | Stopped


def fetch(
    tasks: Sequence[FetchTask],
    pages: Pages,
    *,
    concurrency: int,
    deadline: Deadline,
    starts: Callable[[FetchTask], bool] = lambda task: True,
    idle: Callable[[], None] = lambda: None,
    stop: Callable[[FetchTask], bool] = lambda task: False,
) -> Generator[FetchResult, None, None]:
    """Yield the results of ``tasks``: interleaved in any order, but the pages of each task in order.

    Iteration ends when every task has ended, or silently at ``deadline``: a task with no `Finished`, `Failed` or `Stopped` by then is
    incomplete. A task for which ``starts`` returns False in its turn is skipped, without a result. A task for which ``stop`` returns True
    ends after its current page, as `Stopped`. ``idle`` is called each time no result arrives for IDLE_SECONDS. Any other error in a worker
    (CredentialsError, a bug) is raised here and ends the iteration. After the end, or after ``close``, no worker sends another request.

    With a ``concurrency`` of 0, no threads are used: tasks run in order in the calling thread. Simulations need this.
    """
    if concurrency == 0:
        for task in tasks:
            if starts(task):
                yield from _results(task, pages, deadline, stop)
        return
    pool = _WorkerPool(tasks, pages, deadline, starts, stop)
    workers = min(concurrency, len(tasks))
    try:
        for number in range(workers):
            threading.Thread(target=pool.work, name=f"fetch-{number}", daemon=True).start()
        while workers and (result := pool.next_result(idle)):
            if isinstance(result, _WorkerDone):
                workers -= 1
            else:
                yield result
            del result
    finally:
        pool.closed.set()


class _WorkerDone:
    """A worker has no further task to start."""


@dataclass(frozen=True)
class _WhileOpen(Deadline):
    """A deadline that has also passed once iteration has ended."""

    closed: threading.Event

    def left(self) -> float:
        return 0.0 if self.closed.is_set() else super().left()


_Queued = FetchResult | _WorkerDone | BaseException


class _ResultQueue:
    """Passes one result at a time from the workers to the iterating thread. After ``closed`` is set, results are dropped."""

    def __init__(self, closed: threading.Event) -> None:
        self._closed = closed
        self._queue: queue.Queue[_Queued] = queue.Queue(maxsize=1)

    def put(self, result: _Queued) -> None:
        """Block until the queue has room, or is closed."""
        while not self._closed.is_set():
            try:
                self._queue.put(result, timeout=0.2)
            except queue.Full:
                continue
            return

    def get(self, deadline: Deadline, idle: Callable[[], None]) -> FetchResult | _WorkerDone | None:
        """The next result, or None at ``deadline``. Raises a worker's error."""
        while True:
            left = max(0.0, deadline.left())
            try:
                result = self._queue.get(timeout=min(left, IDLE_SECONDS))
            except queue.Empty:
                if left <= IDLE_SECONDS:
                    return None
                idle()
                continue
            if isinstance(result, BaseException):
                raise result
            return result


class _WorkerPool:
    """Workers that share an iterator of tasks and report through one result queue."""

    def __init__(
        self,
        tasks: Sequence[FetchTask],
        pages: Pages,
        deadline: Deadline,
        starts: Callable[[FetchTask], bool],
        stop: Callable[[FetchTask], bool],
    ) -> None:
        self.closed = threading.Event()
        self._starts, self._stop = starts, stop
        self._tasks = iter(tasks)
        self._tasks_lock = threading.Lock()
        self._pages = pages
        self._deadline = deadline
        self._worker_deadline = _WhileOpen(deadline.clock, deadline.at, self.closed)
        self._results = _ResultQueue(self.closed)

    def work(self) -> None:
        """Run one worker until no task is left or the pool is closed."""
        try:
            while task := self._next_task():
                for result in _results(task, self._pages, self._worker_deadline, self._stop):
                    self._results.put(result)
                    del result  # frees the page before the next one is read
                    if self.closed.is_set():
                        return
            self._results.put(_WorkerDone())
        except BaseException as error:  # noqa: BLE001 — raised again in the iterating thread
            self._results.put(error)

    def next_result(self, idle: Callable[[], None]) -> FetchResult | _WorkerDone | None:
        """The next result, or None at the deadline. Raises a worker's error."""
        return self._results.get(self._deadline, idle)

    def _next_task(self) -> FetchTask | None:
        with self._tasks_lock:
            return next((task for task in self._tasks if self._starts(task)), None)


def _results(task: FetchTask, pages: Pages, deadline: Deadline, stop: Callable[[FetchTask], bool]) -> Iterator[FetchResult]:
    try:
        for events, next_page in pages(task.compartment, task.window, task.page, deadline):
            yield Page(task, events, next_page)
            del events
            if next_page is not None and stop(task):
                yield Stopped(task)
                return
    except (CompartmentError, OutOfTime) as error:
        yield Failed(task, error)
    else:
        yield Finished(task)

"""Concurrent fetching: every task ends once, few pages are in memory, and the deadline holds."""

import threading
import time
from contextlib import closing

import pytest

from epimetheus.clock import SYSTEM, Deadline
from epimetheus.errors import CompartmentError, CredentialsError, OutOfTime
from epimetheus.model import Window
from epimetheus.source.fetch import Failed, FetchTask, Finished, Page, fetch

TASKS = [FetchTask(f"c{number}", Window(0, 1)) for number in range(20)]


def run(pages, concurrency, seconds=5.0, tasks=TASKS):
    with closing(fetch(tasks, pages, concurrency=concurrency, deadline=Deadline.after(SYSTEM, seconds))) as results:
        return list(results)


@pytest.mark.parametrize("concurrency", [0, 1, 4, 64])
def test_every_task_is_complete_and_in_order(concurrency):
    def pages(compartment, window, page, deadline):
        yield from (([compartment, number], str(number)) for number in range(3))

    results = run(pages, concurrency)
    for task in TASKS:
        assert [(r.events[1], r.next_page) for r in results if isinstance(r, Page) and r.task is task] == [(0, "0"), (1, "1"), (2, "2")]
    assert sorted(r.task for r in results if isinstance(r, Finished)) == sorted(TASKS)


@pytest.mark.parametrize("concurrency", [1, 4])
def test_a_failed_task_does_not_affect_others(concurrency):
    def pages(compartment, window, page, deadline):
        yield [compartment], None
        if compartment == "c3":
            raise CompartmentError("no", do="")
        if compartment == "c4":
            raise OutOfTime("late", do="")

    results = run(pages, concurrency)
    assert sorted(r.task.compartment for r in results if isinstance(r, Failed)) == ["c3", "c4"]
    assert len([r for r in results if isinstance(r, Finished)]) == 18


class Killed(BaseException):
    """An error that no handler of Exception catches."""


@pytest.mark.parametrize("concurrency", [1, 4])
@pytest.mark.parametrize("error", [CredentialsError("401", do=""), IndexError("a mistake"), Killed()], ids=["credentials", "bug", "base"])
def test_a_fatal_error_is_raised_in_the_iterating_thread_and_ends_all_workers(concurrency, error):
    started = []

    def pages(compartment, window, page, deadline):
        started.append(compartment)
        if compartment == "c5":
            raise error
        yield [], None

    with pytest.raises(type(error)) as caught:
        run(pages, concurrency)
    assert caught.value is error
    workers_end()
    assert len(started) <= 6 + 2 * concurrency


def workers_end():
    """Wait until every worker has ended."""
    until = time.monotonic() + 3
    while any(thread.name.startswith("fetch-") for thread in threading.enumerate()):
        assert time.monotonic() < until
        time.sleep(0.01)


@pytest.mark.parametrize("concurrency", [1, 4])
@pytest.mark.parametrize(("reading", "forwarding"), [(0.002, 0), (0, 0.001)], ids=["OCI is slow", "the receiver is slow"])
def test_pages_in_memory_are_limited_to_workers_plus_two(concurrency, reading, forwarding):
    alive, peak, lock = [0], [0], threading.RLock()

    class Events(list):
        def __init__(self):
            with lock:
                alive[0] += 1
                peak[0] = max(peak[0], alive[0])

        def __del__(self):
            with lock:
                alive[0] -= 1

    def pages(compartment, window, page, deadline):
        for _ in range(5):
            events = Events()
            time.sleep(reading)
            yield events, None
            del events

    count = 0
    for result in fetch(TASKS, pages, concurrency=concurrency, deadline=Deadline.after(SYSTEM, 9)):
        count += isinstance(result, Page)
        time.sleep(forwarding)
    assert count == 100
    assert peak[0] <= concurrency + 2


@pytest.mark.parametrize("concurrency", [1, 4])
@pytest.mark.parametrize("count", [1, 20])
def test_the_deadline_holds_even_if_workers_hang(concurrency, count):
    release = threading.Event()

    def pages(compartment, window, page, deadline):
        release.wait(10)
        yield [], None

    began = time.monotonic()
    assert run(pages, concurrency, seconds=0.3, tasks=TASKS[:count]) == []
    assert time.monotonic() - began < 1
    release.set()
    workers_end()


def test_closing_the_iteration_ends_a_worker_that_retries():
    def pages(compartment, window, page, deadline):
        while deadline.left() > 0:
            time.sleep(0.01)
        deadline.clip(1)
        yield [], None

    def first_page(compartment, window, page, deadline):
        yield [], None
        yield from pages(compartment, window, page, deadline)

    with closing(fetch(TASKS, first_page, concurrency=4, deadline=Deadline.after(SYSTEM, 60))) as results:
        assert next(results).events == []
    workers_end()


def test_without_tasks_there_are_no_results():
    assert run(None, 4, tasks=[]) == []

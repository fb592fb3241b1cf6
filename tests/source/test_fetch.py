"""Several compartments at once: every work has one end, pages are few in memory, and nothing waits for ever."""

import threading
import time
from contextlib import closing

import pytest

from epimetheus.clock import SYSTEM, Deadline
from epimetheus.errors import CompartmentError, CredentialsError, OutOfTime
from epimetheus.model import Window
from epimetheus.source.fetch import Failed, FetchTask, Finished, Page, fetch

WORKS = [FetchTask(f"c{number}", Window(0, 1)) for number in range(20)]


def run(pages, concurrency, seconds=5.0, works=WORKS):
    with closing(fetch(works, pages, concurrency=concurrency, deadline=Deadline.after(SYSTEM, seconds))) as arrivals:
        return list(arrivals)


@pytest.mark.parametrize("concurrency", [0, 1, 4, 64])
def test_every_work_arrives_whole_and_in_its_order(concurrency):
    def pages(compartment, window, page, deadline):
        yield from (([compartment, number], str(number)) for number in range(3))

    arrivals = run(pages, concurrency)
    for work in WORKS:
        assert [(a.events[1], a.next_page) for a in arrivals if isinstance(a, Page) and a.task is work] == [(0, "0"), (1, "1"), (2, "2")]
    assert sorted(a.task for a in arrivals if isinstance(a, Finished)) == sorted(WORKS)


@pytest.mark.parametrize("concurrency", [1, 4])
def test_one_that_fails_fails_alone(concurrency):
    def pages(compartment, window, page, deadline):
        yield [compartment], None
        if compartment == "c3":
            raise CompartmentError("no", do="")
        if compartment == "c4":
            raise OutOfTime("late", do="")

    arrivals = run(pages, concurrency)
    assert sorted(a.task.compartment for a in arrivals if isinstance(a, Failed)) == ["c3", "c4"]
    assert len([a for a in arrivals if isinstance(a, Finished)]) == 18


class Killed(BaseException):
    """What nobody but the interpreter catches."""


@pytest.mark.parametrize("concurrency", [1, 4])
@pytest.mark.parametrize("error", [CredentialsError("who are you", do=""), IndexError("a mistake"), Killed()], ids=["ours", "bug", "end"])
def test_what_is_fatal_is_raised_where_it_is_iterated_and_ends_all(concurrency, error):
    begun = []

    def pages(compartment, window, page, deadline):
        begun.append(compartment)
        if compartment == "c5":
            raise error
        yield [], None

    with pytest.raises(type(error)) as caught:
        run(pages, concurrency)
    assert caught.value is error
    all_home()
    assert len(begun) <= 6 + 2 * concurrency


def all_home():
    """Every worker has ended, soon."""
    until = time.monotonic() + 3
    while any(thread.name.startswith("fetch-") for thread in threading.enumerate()):
        assert time.monotonic() < until
        time.sleep(0.01)


@pytest.mark.parametrize("concurrency", [1, 4])
@pytest.mark.parametrize(("reading", "forwarding"), [(0.002, 0), (0, 0.001)], ids=["OCI is slow", "the receiver is slow"])
def test_no_more_pages_are_in_memory_than_workers_one_in_the_door_and_one_in_hand(concurrency, reading, forwarding):
    alive, most, counting = [0], [0], threading.RLock()

    class Events(list):
        def __init__(self):
            with counting:
                alive[0] += 1
                most[0] = max(most[0], alive[0])

        def __del__(self):
            with counting:
                alive[0] -= 1

    def pages(compartment, window, page, deadline):
        for _ in range(5):
            events = Events()
            time.sleep(reading)
            yield events, None
            del events

    count = 0
    for arrival in fetch(WORKS, pages, concurrency=concurrency, deadline=Deadline.after(SYSTEM, 9)):
        count += isinstance(arrival, Page)
        time.sleep(forwarding)
    assert count == 100
    assert most[0] <= concurrency + 2


@pytest.mark.parametrize("concurrency", [1, 4])
@pytest.mark.parametrize("count", [1, 20])
def test_the_deadline_ends_it_even_if_workers_hang(concurrency, count):
    release = threading.Event()

    def pages(compartment, window, page, deadline):
        release.wait(10)
        yield [], None

    began = time.monotonic()
    assert run(pages, concurrency, seconds=0.3, works=WORKS[:count]) == []
    assert time.monotonic() - began < 1
    release.set()
    all_home()


def test_one_who_tries_again_and_again_notices_that_nobody_iterates_any_more():
    def pages(compartment, window, page, deadline):
        while deadline.left() > 0:
            time.sleep(0.01)
        deadline.clip(1)
        yield [], None

    def first_page(compartment, window, page, deadline):
        yield [], None
        yield from pages(compartment, window, page, deadline)

    with closing(fetch(WORKS, first_page, concurrency=4, deadline=Deadline.after(SYSTEM, 60))) as arrivals:
        assert next(arrivals).events == []
    all_home()


def test_nothing_to_do_is_done_at_once():
    assert run(None, 4, works=[]) == []

"""Several compartments at once: every work has one end, pages are few in memory, and nothing waits for ever."""

import threading
import time
from contextlib import closing

import pytest

from epimetheus.clock import SYSTEM, Deadline
from epimetheus.errors import CompartmentError, CredentialsError, OutOfTime
from epimetheus.model import Window
from epimetheus.source.fetch import Failed, Finished, Page, Work, fetch

WORKS = [Work(f"c{number}", Window(0, 1)) for number in range(20)]


def run(pages, concurrency, seconds=5.0, works=WORKS):
    with closing(fetch(works, pages, concurrency=concurrency, deadline=Deadline.after(SYSTEM, seconds))) as arrivals:
        return list(arrivals)


@pytest.mark.parametrize("concurrency", [1, 4, 64])
def test_every_work_arrives_whole_and_in_its_order(concurrency):
    def pages(compartment, window, deadline):
        yield from ([compartment, number] for number in range(3))

    arrivals = run(pages, concurrency)
    for work in WORKS:
        assert [a.events[1] for a in arrivals if isinstance(a, Page) and a.work is work] == [0, 1, 2]
    assert sorted(a.work for a in arrivals if isinstance(a, Finished)) == sorted(WORKS)


@pytest.mark.parametrize("concurrency", [1, 4])
def test_one_that_fails_fails_alone(concurrency):
    def pages(compartment, window, deadline):
        yield [compartment]
        if compartment == "c3":
            raise CompartmentError("no", do="")
        if compartment == "c4":
            raise OutOfTime("late", do="")

    arrivals = run(pages, concurrency)
    assert sorted(a.work.compartment for a in arrivals if isinstance(a, Failed)) == ["c3", "c4"]
    assert len([a for a in arrivals if isinstance(a, Finished)]) == 18


@pytest.mark.parametrize("concurrency", [1, 4])
@pytest.mark.parametrize("error", [CredentialsError("who are you", do=""), IndexError("a mistake")], ids=["ours", "a bug"])
def test_what_is_fatal_is_raised_where_it_is_iterated(concurrency, error):
    def pages(compartment, window, deadline):
        raise error
        yield

    with pytest.raises(type(error)):
        run(pages, concurrency)


def test_no_more_pages_are_in_memory_than_workers_and_one():
    made, taken = [], []
    lock = threading.Lock()

    def pages(compartment, window, deadline):
        for _ in range(5):
            with lock:
                made.append(compartment)
            yield []

    most = 0
    with closing(fetch(WORKS, pages, concurrency=4, deadline=Deadline.after(SYSTEM, 5))) as arrivals:
        for arrival in arrivals:
            if isinstance(arrival, Page):
                taken.append(arrival)
                time.sleep(0.002)
                most = max(most, len(made) - len(taken))
    assert len(taken) == 100
    assert most <= 4 + 1


def test_the_deadline_ends_it_even_if_workers_hang():
    release = threading.Event()

    def pages(compartment, window, deadline):
        release.wait(10)
        yield []

    began = time.monotonic()
    assert run(pages, 4, seconds=0.3) == []
    assert time.monotonic() - began < 1
    release.set()


def test_workers_go_home_when_nobody_iterates_any_more():
    def pages(compartment, window, deadline):
        while True:
            yield []

    with closing(fetch(WORKS, pages, concurrency=4, deadline=Deadline.after(SYSTEM, 5))) as arrivals:
        next(arrivals)
    until = time.monotonic() + 3
    while any(thread.name.startswith("fetch-") for thread in threading.enumerate()):
        assert time.monotonic() < until
        time.sleep(0.02)

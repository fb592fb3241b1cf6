"""The memory of pages is bounded: a reader pauses while others wait to be forwarded, and something always goes on."""

import threading
from itertools import count

import pytest

from epimetheus.clock import SYSTEM, Clock, Deadline
from epimetheus.errors import OutOfTime
from epimetheus.source import page_room
from epimetheus.source.decode import decode_page
from epimetheus.source.page_room import PageRoom

LONG, SHORT = 60.0, 0.3


def deadline(seconds=LONG):
    return Deadline.after(SYSTEM, seconds)


def page_of(room, count):
    """A page that was read, of ``count`` bytes."""
    events = decode_page(b"[]")
    with room.reader(deadline()) as reader:
        reader.add(count)
        reader.complete(events)
    return events


def begin(room, *counts, seconds=LONG):
    """A thread that reads a page in pieces of these sizes and then drops it, and an event that is set at its end."""
    done = threading.Event()

    def read():
        with room.reader(deadline(seconds)) as reader:
            for count in counts:
                reader.add(count)
        done.set()

    threading.Thread(target=read, daemon=True).start()
    return done


def test_a_reader_pauses_until_a_page_is_forwarded():
    room = PageRoom(100)
    waiting = page_of(room, 90)
    done = begin(room, 20, 5)
    assert not done.wait(SHORT)
    assert room.bytes == 110
    del waiting
    assert done.wait(LONG)
    assert room.bytes == 0


def test_below_the_bound_nobody_pauses():
    room = PageRoom(100)
    pages = [page_of(room, 30) for _ in range(3)]
    assert begin(room, 9).wait(LONG)
    assert room.bytes == sum(30 for _ in pages)


def test_without_a_whole_page_the_first_reader_continues():
    """Otherwise all would wait for each other: a page may be larger than the room."""
    room = PageRoom(100)
    with room.reader(deadline()) as first:
        first.add(60)
        second = begin(room, 60, 60)
        assert not second.wait(SHORT)
        first.add(500)
    assert second.wait(LONG)
    assert room.bytes == 0


def test_a_reader_that_waits_for_its_response_holds_up_nobody():
    room = PageRoom(100)
    with room.reader(deadline()):
        assert begin(room, 500, 500).wait(LONG)


def test_a_pause_ends_at_the_deadline():
    room = PageRoom(100)
    waiting = page_of(room, 100)
    with pytest.raises(OutOfTime), room.reader(deadline(SHORT)) as reader:
        reader.add(1)
    assert room.bytes == 100
    del waiting


def test_a_page_pauses_for_a_limited_time_in_all(monkeypatch):
    """While the receiver accepts nothing: OCI would close the connections."""
    monkeypatch.setattr(page_room, "PAUSE_SECONDS", SHORT)
    room = PageRoom(100)
    waiting = page_of(room, 100)
    assert begin(room, 50, 50).wait(LONG)
    del waiting


def test_a_pause_is_measured_with_the_clock_of_the_deadline():
    times = count(0.0, 100.0)
    room, clock = PageRoom(100), Clock(monotonic=lambda: next(times))
    waiting = page_of(room, 90)
    with room.reader(Deadline(clock, 1e9)) as reader:
        reader.add(20)
    assert reader.may_pause <= page_room.PAUSE_SECONDS - 100.0
    del waiting

"""Bounds the memory of pages: readers pause while enough pages wait to be forwarded.

OCI chooses the size of a page: 0.3 MB, or 54 MB with 20,000 events. Without a bound, each of ``API_CONCURRENCY`` workers would have a whole
page in memory whenever forwarding is slower than reading.
"""

import threading
import weakref
from typing import Self

from epimetheus.clock import Deadline
from epimetheus.source.decode import Events

ROOM_BYTES = 6 << 20
"""A few pages of 1,000 events: enough that forwarding never waits for a page that is being read."""
PAUSE_SECONDS = 20.0
"""The longest pause of one page: OCI would close the connection. So much time passes only while the receiver accepts nothing."""
_CHECK_SECONDS = 0.2  # between two checks of the deadline


class PageRoom:
    """Counts the bytes of pages in memory: of those that are being read, and of those that are read and still referenced. Thread-safe."""

    def __init__(self, max_bytes: int = ROOM_BYTES) -> None:
        self.bytes = 0
        self._max_bytes = max_bytes
        self._changed = threading.Condition()
        self._complete = 0
        self._readers: list[PageReader] = []

    def reader(self, deadline: Deadline) -> "PageReader":
        """For reading one page, as a context manager."""
        return PageReader(self, deadline)

    def take(self, reader: "PageReader", count: int, deadline: Deadline) -> None:
        """Count bytes of a page that ``reader`` reads, and pause while the room is full. Raises OutOfTime."""
        with self._changed:
            self.bytes += count
            if reader not in self._readers:
                self._readers.append(reader)
            while reader.may_pause > 0 and self._is_full(reader):
                before = deadline.left()
                self._changed.wait(deadline.clip(_CHECK_SECONDS))
                reader.may_pause -= before - deadline.left()

    def keep(self, events: Events, count: int) -> None:
        """The page is read. Its bytes count until ``events`` is freed."""
        with self._changed:
            self._complete += 1
        weakref.finalize(events, self._forget, count).atexit = False

    def leave(self, reader: "PageReader", count: int) -> None:
        """``reader`` has ended, and ``count`` bytes of it are freed."""
        with self._changed:
            self.bytes -= count
            if reader in self._readers:
                self._readers.remove(reader)
            self._changed.notify_all()

    def _is_full(self, reader: "PageReader") -> bool:
        """Whether ``reader`` has to pause. Something always goes on: forwarding, while there is a whole page, or else the first reader."""
        return self.bytes >= self._max_bytes and (self._complete > 0 or self._readers[0] is not reader)

    def _forget(self, count: int) -> None:
        with self._changed:
            self.bytes -= count
            self._complete -= 1
            self._changed.notify_all()


class PageReader:
    """One page that is being read. Leaving the context frees its bytes, unless `complete` was called. ``may_pause``: seconds."""

    def __init__(self, room: PageRoom, deadline: Deadline) -> None:
        self.may_pause = PAUSE_SECONDS
        self._room, self._deadline, self._bytes = room, deadline, 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._room.leave(self, self._bytes)

    def add(self, count: int) -> None:
        """Count bytes that were read, and pause while there are too many. Raises OutOfTime."""
        self._bytes += count
        self._room.take(self, count, self._deadline)

    def complete(self, events: Events) -> None:
        """The page was read: ``events``."""
        self._room.keep(events, self._bytes)
        self._bytes = 0

"""One life of a receiver: a thread that accepts, reads and answers, until it is stopped or dies and takes its connections with it."""

import selectors
import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from epimetheus.testing.syslog.connection import Connection
from epimetheus.testing.syslog.faults import Fault, Faults
from epimetheus.testing.syslog.frames import Frames
from epimetheus.testing.syslog.options import Options
from epimetheus.testing.syslog.record import Record
from epimetheus.testing.syslog.tunnel import Plain, Tls


class Process:
    """Serves ``listener``, which it closes in the end, over TLS where there is a ``context``."""

    def __init__(
        self, listener: socket.socket, context: ssl.SSLContext | None, options: Options, faults: Faults, record: Record
    ) -> None:
        self._listener = listener
        self._context = context
        self._options = options
        self._faults = faults
        self._record = record
        self._connections: list[Connection] = []
        self._ending, self._ended = threading.Event(), threading.Event()
        self._bell, self._ear = socket.socketpair()
        self._thread = threading.Thread(target=self._run, name="stand-in syslog", daemon=True)
        self._selector = selectors.DefaultSelector()
        for one, served in ((listener, self._accept), (self._ear, self._listen)):
            one.setblocking(False)
            self._selector.register(one, selectors.EVENT_READ, served)
        self._bell.setblocking(False)
        self._thread.start()

    @property
    def running(self) -> bool:
        """Whether it lives."""
        return not self._ended.is_set()

    def wake(self) -> None:
        """Let it look at its faults."""
        with suppress(BlockingIOError):  # So many have rung that it hears this one, too.
            self._bell.send(b"!")

    def stop(self) -> None:
        """End it, if it is not dead already, and wait until it has ended."""
        self._ending.set()
        self.wake()
        self._thread.join()
        self._bell.close()
        self._ear.close()

    def _run(self) -> None:
        try:
            while not self._ending.is_set():
                self._record.changed()
                self._turn(self._selector.select())
        finally:
            self._end()

    def _end(self) -> None:
        self._listener.close()
        for connection in self._connections:
            connection.reset()
        self._selector.close()
        self._ended.set()
        self._record.changed()

    def _turn(self, ready: list[tuple[selectors.SelectorKey, int]]) -> None:
        # First, for what is sent after a fault was added must find it.
        for connection in tuple(self._connections):
            if connection.ready:
                self._take(connection, [])
        for key, _ in ready:
            served: Callable[[], None] = key.data
            if not self._ending.is_set():
                served()

    def _listen(self) -> None:
        self._ear.recv(4096)

    def _accept(self) -> None:
        raw, _ = self._listener.accept()
        tunnel = Tls(self._context) if self._context else Plain()
        connection = Connection(raw, tunnel, Frames(self._options.framing, self._options.limit))
        self._connections.append(connection)
        if self._faults.strike("accepted"):
            return
        connection.reading = True
        self._selector.register(raw, selectors.EVENT_READ, partial(self._serve, connection))
        if connection.ready:
            self._record.connected()

    def _serve(self, connection: Connection) -> None:
        if not connection.reading:
            return
        ready = connection.ready
        if ready and (slow := self._faults.strike("reading")):
            self._record.changed()
            if self._ending.wait(slow.seconds):
                return
        messages = connection.read()
        if connection.ready and not ready:
            self._record.connected()
        if connection.ready:
            self._take(connection, messages)
        if connection.reading:
            self._see(connection)

    def _take(self, connection: Connection, messages: list[bytes]) -> None:
        """Keep the messages, as far as no fault strikes."""
        while connection.reading:
            count = self._faults.let_through(len(messages))
            self._record.keep(messages[:count])
            messages = messages[count:]
            if fault := self._faults.strike("open"):
                self._fail(connection, fault, unread=bool(messages))
            elif not messages:
                return

    def _fail(self, connection: Connection, fault: Fault, unread: bool) -> None:
        self._record.forget(fault.forgets)
        connection.flush()
        if fault.kind == "die":
            self._ending.set()
        if fault.kind == "close_first":
            connection.say_goodbye()
        ends: dict[str, Callable[[], None]] = {
            "drop": connection.drop,
            "reset": connection.reset,
            "close_first": partial(connection.close, unread),
        }
        self._leave(connection, ends.get(fault.kind))

    def _see(self, connection: Connection) -> None:
        """What is to be done about it, now that it was read."""
        if not connection.problem:
            connection.flush()
        # A problem goes on record before the alert that tells the client of it.
        if problem := connection.problem:
            self._record.complain(problem)
        if connection.closed:
            self._answer(connection)
        elif problem:
            connection.flush()
            self._leave(connection, connection.close)

    def _answer(self, connection: Connection) -> None:
        """The client closed in order."""
        fault = self._faults.strike("closing")
        kind = fault.kind if fault else ""
        if fault:
            self._record.forget(fault.forgets)
        if self._options.answers_close and not kind:
            connection.say_goodbye()
        self._leave(connection, connection.close if kind != "never_closes" else None)

    def _leave(self, connection: Connection, end: Callable[[], None] | None) -> None:
        """Read it no more, and end it; without an end it stays open."""
        connection.reading = False
        self._selector.unregister(connection.raw)
        if end:
            end()
            self._connections.remove(connection)

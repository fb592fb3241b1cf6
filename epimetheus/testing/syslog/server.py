"""The server thread of a receiver: accepts, reads and responds until it is stopped or dies, which resets its connections."""

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
from epimetheus.testing.syslog.transport import PlainTransport, TlsTransport


class Server:
    """Serves ``listener`` in a thread of its own, over TLS if there is a ``context``. Closes the listener at the end."""

    def __init__(
        self, listener: socket.socket, context: ssl.SSLContext | None, options: Options, faults: Faults, record: Record
    ) -> None:
        self._listener = listener
        self._context = context
        self._options = options
        self._faults = faults
        self._record = record
        self._connections: list[Connection] = []
        self._stopping, self._stopped = threading.Event(), threading.Event()
        self._wake_sender, self._wake_receiver = socket.socketpair()
        self._thread = threading.Thread(target=self._run, name="stand-in syslog", daemon=True)
        self._selector = selectors.DefaultSelector()
        for source, callback in ((listener, self._accept), (self._wake_receiver, self._drain_wakeups)):
            source.setblocking(False)
            self._selector.register(source, selectors.EVENT_READ, callback)
        self._wake_sender.setblocking(False)
        self._thread.start()

    @property
    def running(self) -> bool:
        """False after the thread has ended."""
        return not self._stopped.is_set()

    def wake(self) -> None:
        """Makes the thread check its faults."""
        with suppress(BlockingIOError):  # The buffer is full of wake-ups that are not read yet.
            self._wake_sender.send(b"!")

    def stop(self) -> None:
        """Ends the thread, unless it has died, and waits for its end."""
        self._stopping.set()
        self.wake()
        self._thread.join()
        self._wake_sender.close()
        self._wake_receiver.close()

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                self._record.notify()
                self._handle(self._selector.select())
        finally:
            self._reset_all()

    def _reset_all(self) -> None:
        self._listener.close()
        for connection in self._connections:
            connection.reset()
        self._selector.close()
        self._stopped.set()
        self._record.notify()

    def _handle(self, ready: list[tuple[selectors.SelectorKey, int]]) -> None:
        # Faults before reads: data that was sent after a fault was added must be affected by it.
        for connection in tuple(self._connections):
            if connection.ready:
                self._process(connection, [])
        for key, _ in ready:
            callback: Callable[[], None] = key.data
            if not self._stopping.is_set():
                callback()

    def _drain_wakeups(self) -> None:
        self._wake_receiver.recv(4096)

    def _accept(self) -> None:
        raw, _ = self._listener.accept()
        transport = TlsTransport(self._context) if self._context else PlainTransport()
        connection = Connection(raw, transport, Frames(self._options.framing, self._options.limit))
        self._connections.append(connection)
        if self._faults.trigger("accepted"):
            return
        connection.reading = True
        self._selector.register(raw, selectors.EVENT_READ, partial(self._read, connection))
        if connection.ready:
            self._record.count_connection()

    def _read(self, connection: Connection) -> None:
        if not connection.reading:
            return
        was_ready = connection.ready
        if was_ready and (slow := self._faults.trigger("reading")):
            self._record.notify()
            if self._stopping.wait(slow.seconds):
                return
        messages = connection.read()
        if connection.ready and not was_ready:
            self._record.count_connection()
        if connection.ready:
            self._process(connection, messages)
        if connection.reading:
            self._respond(connection)

    def _process(self, connection: Connection, messages: list[bytes]) -> None:
        """Records the messages until a fault occurs."""
        while connection.reading:
            count = self._faults.count_messages(len(messages))
            self._record.add_messages(messages[:count])
            messages = messages[count:]
            if fault := self._faults.trigger("open"):
                self._fail(connection, fault, unread=bool(messages))
            elif not messages:
                return

    def _fail(self, connection: Connection, fault: Fault, unread: bool) -> None:
        self._record.discard_last(fault.discards)
        connection.flush()
        if fault.kind == "die":
            self._stopping.set()
        if fault.kind == "close_first":
            connection.send_close_notify()
        endings: dict[str, Callable[[], None]] = {
            "drop": connection.drop,
            "reset": connection.reset,
            "close_first": partial(connection.close, unread),
        }
        self._stop_reading(connection, endings.get(fault.kind))

    def _respond(self, connection: Connection) -> None:
        """Sends what a read requires: TLS records, an alert, or the end of the connection."""
        if not connection.problem:
            connection.flush()
        # Record a problem before the alert that reports it to the client.
        if problem := connection.problem:
            self._record.add_problem(problem)
        if connection.closed:
            self._respond_to_close(connection)
        elif problem:
            connection.flush()
            self._stop_reading(connection, connection.close)

    def _respond_to_close(self, connection: Connection) -> None:
        fault = self._faults.trigger("closing")
        kind = fault.kind if fault else ""
        if fault:
            self._record.discard_last(fault.discards)
        if self._options.sends_close_notify and not kind:
            connection.send_close_notify()
        self._stop_reading(connection, connection.close if kind != "never_closes" else None)

    def _stop_reading(self, connection: Connection, ending: Callable[[], None] | None) -> None:
        """Stops reading the connection and ends it. Without an ending it stays open."""
        connection.reading = False
        self._selector.unregister(connection.raw)
        if ending:
            ending()
            self._connections.remove(connection)

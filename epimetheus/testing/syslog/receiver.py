"""The receiver, the public interface for tests and the demo."""

import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Unpack

from epimetheus.testing.syslog.authority import Authority
from epimetheus.testing.syslog.faults import Faults
from epimetheus.testing.syslog.options import OptionNames, Options, server_context
from epimetheus.testing.syslog.record import Record
from epimetheus.testing.syslog.server import Server


@contextmanager
def receive(authority: Authority | None, **options: Unpack[OptionNames]) -> "Iterator[Receiver]":
    """Runs a receiver while the context is active, and resets its connections at the end.

    The options are the fields of Options. Without an authority, TLS is not possible, and ``tls=False`` is required; otherwise raises
    ValueError.
    """
    receiver = Receiver(authority, Options(**options))
    try:
        receiver.start()
        yield receiver
    finally:
        receiver.close()


class Receiver:
    """Listens on ``host``:``port``, records messages, and fails as ``faults`` specifies.

    Thread-safe, except that ``on_message`` runs in the receiver's thread and must not stop it.
    """

    host = "127.0.0.1"

    def __init__(self, authority: Authority | None, options: Options) -> None:
        if options.tls and not authority:
            raise ValueError("TLS requires an authority: pass an Authority, or tls=False.")
        self.faults = Faults(self._wake)
        self._options = options
        self._context = server_context(authority, options) if options.tls and authority else None
        self._record = Record()
        self._server: Server | None = None
        # Reserves the port while the receiver is stopped: the socket is bound but does not listen, so connections are refused.
        self._reservation = self._bind(options.port)
        self.port: int = self._reservation.getsockname()[1]

    @property
    def messages(self) -> list[bytes]:
        """Copy of the complete messages from all connections in order of arrival, including those before a restart."""
        return self._record.messages

    @property
    def connections(self) -> int:
        """Number of connections that completed the TLS handshake, or of all connections over plain TCP."""
        return self._record.connections

    @property
    def problems(self) -> list[str]:
        """Copy of the descriptions of invalid frames, TLS failures and incomplete endings. Effects of faults are not included."""
        return self._record.problems

    @property
    def running(self) -> bool:
        """False after ``stop``, or after the fault ``die``."""
        return self._server is not None and self._server.running

    @property
    def on_message(self) -> Callable[[bytes], None] | None:
        """Function that is called with each message in the receiver's thread."""
        return self._record.on_message

    @on_message.setter
    def on_message(self, callback: Callable[[bytes], None] | None) -> None:
        self._record.on_message = callback

    def wait_for(self, count: int, timeout: float) -> bool:
        """Waits until ``messages`` contains ``count`` messages. Returns False after ``timeout`` seconds."""
        return self._record.wait_for(count, timeout)

    def wait_until(self, condition: Callable[[], bool], timeout: float) -> bool:
        """Waits for a condition on the receiver or its faults. Returns False after ``timeout`` seconds."""
        return self._record.wait_until(condition, timeout)

    def start(self) -> None:
        """Listens, always on the same port. Does nothing if the receiver is running."""
        if self.running:
            return
        self.stop()
        listener = self._bind(self.port)
        listener.listen(128)
        self._server = Server(listener, self._context, self._options, self.faults, self._record)

    def stop(self) -> None:
        """Resets all connections, and refuses new ones. Does nothing if the receiver is stopped."""
        if self._server:
            self._server.stop()
            self._server = None

    def close(self) -> None:
        """Stops, and releases the port."""
        self.stop()
        self._reservation.close()

    def _wake(self) -> None:
        if self._server:
            self._server.wake()

    def _bind(self, port: int) -> socket.socket:
        bound = socket.socket()
        # The option that lets two sockets share a port while at most one listens has a different name on BSD and macOS.
        shared = socket.SO_REUSEADDR if sys.platform == "linux" else socket.SO_REUSEPORT
        bound.setsockopt(socket.SOL_SOCKET, shared, 1)
        bound.bind((self.host, port))
        return bound

"""The receiver: what tests and the demo hold in their hands."""

import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Unpack

from epimetheus.testing.syslog.authority import Authority
from epimetheus.testing.syslog.faults import Faults
from epimetheus.testing.syslog.options import OptionNames, Options, server_context
from epimetheus.testing.syslog.process import Process
from epimetheus.testing.syslog.record import Record


@contextmanager
def receive(authority: Authority | None, **options: Unpack[OptionNames]) -> "Iterator[Receiver]":
    """A receiver while it lasts; in the end it hangs up on everybody (RST). The options are the fields of Options.

    Without an authority there is no TLS, and ``tls=False`` has to say so.
    """
    receiver = Receiver(authority, Options(**options))
    try:
        receiver.start()
        yield receiver
    finally:
        receiver.close()


class Receiver:
    """Listens on ``host``:``port``, keeps what arrives, and fails as ``faults`` has it.

    All of it may be used from any thread but the one that ``on_message`` is called in, which must not stop what it runs in.
    """

    host = "127.0.0.1"

    def __init__(self, authority: Authority | None, options: Options) -> None:
        if options.tls and not authority:
            raise ValueError("TLS needs an authority")
        self.faults = Faults(self._wake)
        self._options = options
        self._context = server_context(authority, options) if options.tls and authority else None
        self._record = Record()
        self._process: Process | None = None
        # While the receiver is down this keeps others from its port, which refuses: it is bound, and nobody listens.
        self._claim = self._bound(options.port)
        self.port: int = self._claim.getsockname()[1]

    @property
    def messages(self) -> list[bytes]:
        """Whole messages in the order they came, over all connections and lives; a copy."""
        return self._record.messages

    @property
    def connections(self) -> int:
        """How many finished TLS; over plain TCP, how many there were."""
        return self._record.connections

    @property
    def problems(self) -> list[str]:
        """What was not a frame, not TLS, or not an end, in words; a copy. What a fault did is not in it."""
        return self._record.problems

    @property
    def running(self) -> bool:
        """Whether it listens: not after ``stop``, nor once it died."""
        return self._process is not None and self._process.running

    @property
    def on_message(self) -> Callable[[bytes], None] | None:
        """Told each message as it is read, in the receiver's thread."""
        return self._record.on_message

    @on_message.setter
    def on_message(self, told: Callable[[bytes], None] | None) -> None:
        self._record.on_message = told

    def wait_for(self, count: int, timeout: float) -> bool:
        """Wait until ``messages`` holds ``count``, ``timeout`` seconds at most; whether it does."""
        return self._record.wait_for(count, timeout)

    def wait_until(self, condition: Callable[[], bool], timeout: float) -> bool:
        """Wait until something about the receiver or a fault is so, ``timeout`` seconds at most; whether it is."""
        return self._record.wait_until(condition, timeout)

    def start(self) -> None:
        """Listen, on the same port as ever. Does nothing while it runs."""
        if self.running:
            return
        self.stop()
        listener = self._bound(self.port)
        listener.listen(128)
        self._process = Process(listener, self._context, self._options, self.faults, self._record)

    def stop(self) -> None:
        """Die: RST on all connections, and the port refuses. Does nothing after it died."""
        if self._process:
            self._process.stop()
            self._process = None

    def close(self) -> None:
        """Stop, and give up the port."""
        self.stop()
        self._claim.close()

    def _wake(self) -> None:
        if self._process:
            self._process.wake()

    def _bound(self, port: int) -> socket.socket:
        bound = socket.socket()
        # What lets two sockets be bound to one port while one at most listens goes by another name in BSD and macOS.
        shared = socket.SO_REUSEADDR if sys.platform == "linux" else socket.SO_REUSEPORT
        bound.setsockopt(socket.SOL_SOCKET, shared, 1)
        bound.bind((self.host, port))
        return bound

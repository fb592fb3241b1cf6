"""The one file that owns a socket: connect, look, write, read, and the strict close that proves that all of it was read.

Linux answers with RST, not FIN, when a process ends with unread data in its socket. So a clean FIN, with nothing left unacknowledged on
our side and no error, means that the receiver's process took every byte (docs/architecture.md, "Confirmation"). That it lived on to
keep them is for `epimetheus.deliver.delivery` to find out.
"""

import fcntl
import select
import socket
import ssl
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from epimetheus.clock import Deadline
from epimetheus.deliver.failures import AGREEING, receiver_error

CHUNK = 128 * 1024
_POLL_SECONDS = 0.001
_LINUX = sys.platform == "linux"
_CLOSE, _CLOSE_WAIT = 7, 8  # Linux, net/tcp_states.h
_NOT_NOW = (ssl.SSLWantReadError, ssl.SSLWantWriteError, BlockingIOError)


@dataclass(frozen=True)
class Peer:
    """The receiver: where it is, the name it must prove (also sent as SNI), how (None: plain TCP), and the seconds one step may take."""

    host: str
    port: int
    server_name: str
    ssl_context: ssl.SSLContext | None
    timeout: float

    @property
    def name(self) -> str:
        """For people."""
        return f"{self.host}:{self.port}"


class Dialer:
    """Opens connections to ``peer``, each step of theirs over before ``deadline``.

    All go to the address that the first one reached: a connection can only vouch for another to the same receiver.
    """

    def __init__(self, peer: Peer, deadline: Deadline) -> None:
        self._peer = peer
        self._deadline = deadline
        self._address = (peer.host, peer.port)
        self.certificate_end: float | None = None
        """When the certificate that the receiver showed last is over, in seconds since the epoch; None without TLS, or before."""

    def __call__(self) -> "Connection":
        """A new connection, TLS established. Raises ReceiverError, ReceiverUntrusted, OutOfTime."""
        with self._explained("connecting to"):
            plain = socket.create_connection(self._address, self._limit())
            self._address = plain.getpeername()[:2]
        try:
            with self._explained(AGREEING):
                self._tune(plain)
                secured = self._secured(plain)
        except BaseException:
            plain.close()
            raise
        return Connection(secured, self._peer, self._deadline)

    def _tune(self, plain: socket.socket) -> None:
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if _LINUX:
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(self._peer.timeout * 1000))

    def _secured(self, plain: socket.socket) -> socket.socket:
        if self._peer.ssl_context is None:
            return plain
        plain.settimeout(self._limit())
        # Never resumed: rsyslog aborts a resumed session of a client with a certificate. And a ragged EOF is what we want to hear of.
        secured = self._peer.ssl_context.wrap_socket(plain, server_hostname=self._peer.server_name, suppress_ragged_eofs=False)
        self.certificate_end = float(ssl.cert_time_to_seconds(str((secured.getpeercert() or {})["notAfter"])))
        return secured

    def _limit(self) -> float:
        return self._deadline.clip(self._peer.timeout)

    @contextmanager
    def _explained(self, doing: str) -> Iterator[None]:
        try:
            yield
        except (OSError, ValueError) as error:
            raise receiver_error(self._peer.name, doing, error) from error


class Connection:
    """One connection to ``peer``; after an error it is good for `abandon` only."""

    def __init__(self, connected: socket.socket, peer: Peer, deadline: Deadline) -> None:
        self._socket = connected
        self._peer = peer
        self._deadline = deadline
        self._broken = False

    def look(self) -> None:
        """Nothing has come from the receiver: it is there, as far as TCP can tell. Raises ReceiverError, ReceiverUntrusted.

        With TLS 1.3 this is where it shows that the receiver refused our certificate.
        """
        with self._explained("checking the connection to"):
            self._socket.settimeout(0)
            try:
                self._nothing_more(self._socket.recv(1))
            except (ssl.SSLWantReadError, BlockingIOError):
                return
            raise ConnectionResetError(0, "it closed the connection")

    def write(self, data: bytes) -> None:
        """Hand ``data`` to the kernel, in pieces, each after a look. Raises ReceiverError, ReceiverUntrusted, OutOfTime.

        After a failure nobody knows how much of it arrived.
        """
        view = memoryview(data)
        for at in range(0, len(view), CHUNK):
            self.look()
            self._set_limit()
            with self._explained("writing to"):
                self._socket.sendall(view[at : at + CHUNK])

    def exchange(self, data: bytes = b"") -> Iterator[bytes]:
        """Hand ``data`` to the kernel, and yield what came before and meanwhile: neither side waits for the other with full sockets.

        Without data nothing is waited for. All that came is yielded before an error is raised: ReceiverError, ReceiverUntrusted, OutOfTime.
        """
        rest = memoryview(data)
        if data:
            self._deadline.clip(self._peer.timeout)
        self._socket.settimeout(0)
        with self._explained("writing to"):
            yield from self._arrived()
            while rest:
                try:
                    rest = rest[self._socket.send(rest[:CHUNK]) :]
                except ssl.SSLWantReadError:
                    self._await(select.POLLIN)
                except _NOT_NOW:
                    self._await(select.POLLIN | select.POLLOUT)
                except OSError:
                    yield from self._arrived()  # what it said before it hung up still counts, and its alert says why it did
                    raise
                yield from self._arrived()

    def hear(self) -> Iterator[bytes]:
        """Wait for the receiver to say something, and yield it. Raises as `exchange`."""
        self._socket.settimeout(0)
        with self._explained("waiting for"):
            self._await(select.POLLIN)
            yield from self._arrived()

    def close(self) -> bool:
        """Close in order, which proves that everything was read; whether our close_notify was answered (RFC 8446 6.1).

        Raises ReceiverError where nothing is proven, OutOfTime.
        """
        self.look()
        with self._explained("closing the connection to"):
            answered = self._close_notify()
            self._end_of_stream()
            self._all_acknowledged()
        self._socket.close()
        return answered

    def abandon(self, goodbye: bytes = b"") -> None:
        """Close without proof and without waiting; politely, with ``goodbye`` as the last word, where nothing went wrong before."""
        if not self._broken:
            self._socket.settimeout(0)
            with suppress(OSError, ValueError):  # it went out, and close_notify, or could not: nobody waits for either
                if goodbye:
                    self._socket.send(goodbye)
                if isinstance(self._socket, ssl.SSLSocket):
                    self._socket.unwrap()
        self._socket.close()

    def _arrived(self) -> Iterator[bytes]:
        """What the kernel has from the receiver. Raises OSError where that ends, or is none."""
        with suppress(*_NOT_NOW):
            while said := self._socket.recv(CHUNK):
                yield said
            raise ConnectionResetError(0, "it closed the connection")

    def _await(self, events: int) -> None:
        poll = select.poll()
        poll.register(self._socket, events)
        if not poll.poll(self._deadline.clip(self._peer.timeout) * 1000):
            raise TimeoutError

    def _close_notify(self) -> bool:
        """Ours, and the receiver's where it sends one; a plain connection has its FIN for that."""
        if not isinstance(self._socket, ssl.SSLSocket):
            self._socket.shutdown(socket.SHUT_WR)
            return False
        self._set_limit()
        try:
            self._socket.unwrap()
        except ssl.SSLEOFError:
            return False
        return True

    def _end_of_stream(self) -> None:
        """The receiver's FIN, and nothing before it; an RST raises."""
        self._set_limit()
        self._nothing_more(socket.socket.recv(self._socket, 1))

    def _all_acknowledged(self) -> None:
        """The receiver has acknowledged our FIN, thus all before it, and no error is pending."""
        if isinstance(self._socket, ssl.SSLSocket):
            if _LINUX and self._state() != _CLOSE_WAIT:
                raise ConnectionResetError(0, "it did not wait for our end")
            self._socket.shutdown(socket.SHUT_WR)
        patience = self._deadline.within(self._peer.timeout)
        while _LINUX and self._state() != _CLOSE:
            if patience.left() <= 0:
                raise TimeoutError
            self._deadline.clock.sleep(_POLL_SECONDS)
        if error := self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            raise OSError(error, "an error was pending")
        if _LINUX and self._unacknowledged():
            raise ConnectionResetError(0, "it did not take everything")

    def _nothing_more(self, said: bytes) -> None:
        if said:
            raise ConnectionAbortedError(0, "it sent data, which a syslog receiver does not")

    def _state(self) -> int:
        return self._socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0]

    def _unacknowledged(self) -> int:
        return int.from_bytes(fcntl.ioctl(self._socket.fileno(), termios.TIOCOUTQ, bytes(4)), sys.byteorder)

    def _set_limit(self) -> None:
        self._socket.settimeout(self._deadline.clip(self._peer.timeout))

    @contextmanager
    def _explained(self, doing: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self._broken = True
            raise receiver_error(self._peer.name, doing, self._alert() or error) from error

    def _alert(self) -> ssl.SSLError | None:
        """The receiver's own word on why it hung up, where there is one yet unread: a failed write only says that it did."""
        self._socket.settimeout(0)
        try:
            self._socket.recv(1)
        except ssl.SSLError as alert:
            return alert if "ALERT" in (alert.reason or "") else None
        except OSError:
            return None
        return None

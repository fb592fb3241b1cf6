"""One connection to the receiver, the only owner of a socket: connect, check, write, read, and close with proof of reading.

Linux sends RST instead of FIN if a process ends with unread data in its socket. So a FIN from the receiver, with all our data
acknowledged and no error pending, proves that the receiver's process read every byte (docs/how-it-works.md, "How delivery is
confirmed"). Whether the process lived long enough to store them is determined by `epimetheus.deliver.stream_sender`.
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
from epimetheus.deliver.failures import HANDSHAKE, TLS_ANSWER, receiver_error
from epimetheus.deliver.untrusted import presented_certificate, untrusted_error
from epimetheus.errors import ReceiverUntrusted

CHUNK = 128 * 1024
_POLL_SECONDS = 0.001
_LINUX = sys.platform == "linux"
_CLOSE, _CLOSE_WAIT = 7, 8  # TCP states: Linux, net/tcp_states.h
_TLS_RECORDS = (0x15, 0x16)  # alert, handshake: RFC 8446 5.1
_WOULD_BLOCK = (ssl.SSLWantReadError, ssl.SSLWantWriteError, BlockingIOError)


@dataclass(frozen=True)
class ReceiverEndpoint:
    """The receiver. ``server_name``: the name its certificate must have, also sent as SNI. ``ssl_context``: None for plain TCP.

    ``timeout``: the seconds that one step may take. ``own_ca``: SYSLOG_CA is set; otherwise the system's certificates are trusted.
    """

    host: str
    port: int
    server_name: str
    ssl_context: ssl.SSLContext | None
    timeout: float
    own_ca: bool = True

    @property
    def name(self) -> str:
        """``host:port``, for messages."""
        return f"{self.host}:{self.port}"


class Dialer:
    """Opens connections to ``endpoint``. No step of a connection continues after ``deadline``.

    All connections go to the address of the first one: a connection can confirm only what the same receiver read.
    """

    def __init__(self, endpoint: ReceiverEndpoint, deadline: Deadline) -> None:
        self._endpoint = endpoint
        self._deadline = deadline
        self._address = (endpoint.host, endpoint.port)
        self.certificate_expiry: float | None = None
        """When the receiver's last certificate expires, in seconds since the epoch. None without TLS, or before the first connection."""

    def __call__(self) -> "Connection":
        """A new connection with TLS established. Raises ReceiverError, ReceiverUntrusted, OutOfTime."""
        with self._errors_translated("Connecting to"):
            plain = socket.create_connection(self._address, self._timeout())
            self._address = plain.getpeername()[:2]
        try:
            with self._errors_translated(HANDSHAKE):
                self._set_options(plain)
                secured = self._secured(plain)
        except BaseException:
            plain.close()
            raise
        return Connection(secured, self._endpoint, self._deadline)

    def _set_options(self, plain: socket.socket) -> None:
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if _LINUX:
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(self._endpoint.timeout * 1000))

    def _secured(self, plain: socket.socket) -> socket.socket:
        if self._endpoint.ssl_context is None:
            return plain
        plain.settimeout(self._timeout())
        # No session is passed in, so none is resumed: rsyslog aborts a resumed session of a client with a certificate.
        # A connection that ends without close_notify must raise, because `Connection.close` reports it.
        secured = self._endpoint.ssl_context.wrap_socket(plain, server_hostname=self._endpoint.server_name, suppress_ragged_eofs=False)
        self.certificate_expiry = float(ssl.cert_time_to_seconds(str((secured.getpeercert() or {})["notAfter"])))
        return secured

    def _timeout(self) -> float:
        return self._deadline.clip(self._endpoint.timeout)

    @contextmanager
    def _errors_translated(self, step: str) -> Iterator[None]:
        try:
            yield
        except ssl.SSLCertVerificationError as error:
            raise self._untrusted(error) from error
        except (OSError, ValueError) as error:
            raise receiver_error(self._endpoint.name, step, error) from error

    def _untrusted(self, error: ssl.SSLCertVerificationError) -> ReceiverUntrusted:
        limit = self._deadline.within(self._endpoint.timeout)
        certificate = presented_certificate(self._address, self._endpoint.server_name, limit)
        return untrusted_error(self._endpoint.name, error, certificate, own_ca=self._endpoint.own_ca)


class Connection:
    """One connection to ``endpoint``. After an error, only `abandon` may be called."""

    def __init__(self, connected: socket.socket, endpoint: ReceiverEndpoint, deadline: Deadline) -> None:
        self._socket = connected
        self._endpoint = endpoint
        self._deadline = deadline
        self._broken = False

    def check_alive(self) -> None:
        """Check that the receiver has sent nothing and not closed the connection. Raises ReceiverError, ReceiverUntrusted.

        With TLS 1.3, a rejected client certificate is detected here: the receiver's alert arrives after the handshake.
        """
        with self._errors_translated("Checking the connection to"):
            self._socket.settimeout(0)
            try:
                self._reject_data(self._socket.recv(1))
            except (ssl.SSLWantReadError, BlockingIOError):
                return
            raise ConnectionResetError(0, "the receiver closed the connection")

    def write(self, data: bytes) -> None:
        """Write ``data`` in chunks, and check the connection before each. Raises ReceiverError, ReceiverUntrusted, OutOfTime.

        After an error, it is unknown how much of it arrived.
        """
        view = memoryview(data)
        for at in range(0, len(view), CHUNK):
            self.check_alive()
            self._set_timeout()
            with self._errors_translated("Writing to"):
                self._socket.sendall(view[at : at + CHUNK])

    def exchange(self, data: bytes = b"") -> Iterator[bytes]:
        """Write ``data``, and yield what arrives before and meanwhile, so that two full socket buffers cannot block each other.

        Without data, this does not wait. Everything received is yielded before an error is raised: ReceiverError, ReceiverUntrusted,
        OutOfTime.
        """
        rest = memoryview(data)
        if data:
            self._deadline.clip(self._endpoint.timeout)
        self._socket.settimeout(0)
        with self._errors_translated("Writing to"):
            yield from self._received()
            while rest:
                try:
                    rest = rest[self._socket.send(rest[:CHUNK]) :]
                except ssl.SSLWantReadError:
                    self._wait_for(select.POLLIN)
                except _WOULD_BLOCK:
                    self._wait_for(select.POLLIN | select.POLLOUT)
                except OSError:
                    yield from self._received()  # what arrived before the error counts, and a TLS alert gives its cause
                    raise
                yield from self._received()

    def receive(self) -> Iterator[bytes]:
        """Wait until the receiver sends something, and yield it. Raises as `exchange`."""
        self._socket.settimeout(0)
        with self._errors_translated("Waiting for a response from"):
            self._wait_for(select.POLLIN)
            yield from self._received()

    def close(self) -> bool:
        """Close the connection, which proves that the receiver read everything. True if it answered close_notify (RFC 8446 6.1).

        Raises ReceiverError without such proof, OutOfTime.
        """
        self.check_alive()
        with self._errors_translated("Closing the connection to"):
            answered = self._exchange_close_notify()
            self._expect_end_of_stream()
            self._expect_all_acknowledged()
        self._socket.close()
        return answered

    def abandon(self, last_data: bytes = b"") -> None:
        """Close without proof and without waiting. Sends ``last_data`` and close_notify first if no error has occurred."""
        if not self._broken:
            self._socket.settimeout(0)
            with suppress(OSError, ValueError):  # best effort: the receiver does not need either
                if last_data:
                    self._socket.send(last_data)
                if isinstance(self._socket, ssl.SSLSocket):
                    self._socket.unwrap()
        self._socket.close()

    def _received(self) -> Iterator[bytes]:
        """What has arrived. Raises OSError at the end of the stream, or on an error."""
        with suppress(*_WOULD_BLOCK):
            while data := self._socket.recv(CHUNK):
                yield data
            raise ConnectionResetError(0, "the receiver closed the connection")

    def _wait_for(self, events: int) -> None:
        poll = select.poll()
        poll.register(self._socket, events)
        if not poll.poll(self._deadline.clip(self._endpoint.timeout) * 1000):
            raise TimeoutError

    def _exchange_close_notify(self) -> bool:
        """Send close_notify; True if the receiver answers it. A plain connection sends FIN instead."""
        if not isinstance(self._socket, ssl.SSLSocket):
            self._socket.shutdown(socket.SHUT_WR)
            return False
        self._set_timeout()
        try:
            self._socket.unwrap()
        except ssl.SSLEOFError:
            return False
        return True

    def _expect_end_of_stream(self) -> None:
        """Wait for the receiver's FIN. Raises OSError on RST, or on data before the FIN."""
        self._set_timeout()
        self._reject_data(socket.socket.recv(self._socket, 1))

    def _expect_all_acknowledged(self) -> None:
        """Wait until the receiver has acknowledged our FIN, and thus all data before it, with no error pending."""
        if isinstance(self._socket, ssl.SSLSocket):
            if _LINUX and self._tcp_state() != _CLOSE_WAIT:
                raise ConnectionResetError(0, "the receiver did not wait for the end of the data")
            self._socket.shutdown(socket.SHUT_WR)
        limit = self._deadline.within(self._endpoint.timeout)
        while _LINUX and self._tcp_state() != _CLOSE:
            if limit.left() <= 0:
                raise TimeoutError
            self._deadline.clock.sleep(_POLL_SECONDS)
        if error := self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            raise OSError(error, "a socket error was pending")
        if _LINUX and self._unacknowledged_bytes():
            raise ConnectionResetError(0, "the receiver did not acknowledge all data")

    def _reject_data(self, data: bytes) -> None:
        if data and data[0] in _TLS_RECORDS and not isinstance(self._socket, ssl.SSLSocket):
            raise ConnectionAbortedError(0, TLS_ANSWER)
        if data:
            raise ConnectionAbortedError(0, "the receiver sent data, which a syslog receiver never does")

    def _tcp_state(self) -> int:
        return self._socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0]

    def _unacknowledged_bytes(self) -> int:
        return int.from_bytes(fcntl.ioctl(self._socket.fileno(), termios.TIOCOUTQ, bytes(4)), sys.byteorder)

    def _set_timeout(self) -> None:
        self._socket.settimeout(self._deadline.clip(self._endpoint.timeout))

    @contextmanager
    def _errors_translated(self, step: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self._broken = True
            tls = self._endpoint.ssl_context is not None
            raise receiver_error(self._endpoint.name, step, self._pending_alert() or error, tls=tls) from error

    def _pending_alert(self) -> ssl.SSLError | None:
        """An unread TLS alert: it gives the receiver's reason, where a failed write only shows that the connection ended."""
        self._socket.settimeout(0)
        try:
            self._socket.recv(1)
        except ssl.SSLError as alert:
            return alert if "ALERT" in (alert.reason or "") else None
        except OSError:
            return None
        return None

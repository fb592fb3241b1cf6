"""One client connection: a nonblocking socket, and the ways in which it can end."""

import socket
import struct
from contextlib import suppress

from epimetheus.testing.syslog.frames import Frames
from epimetheus.testing.syslog.transport import Transport

_READ_BYTES = 1 << 18
_WHOLE_BUFFER = 1 << 25


class Connection:
    """One client connection. ``reading``: whether the server reads from it; a connection that is not read can still be open."""

    def __init__(self, raw: socket.socket, transport: Transport, frames: Frames) -> None:
        raw.setblocking(False)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.raw = raw
        self.reading = False
        self._transport = transport
        self._frames = frames
        self._socket_problem = ""

    @property
    def ready(self) -> bool:
        """True after the TLS handshake, and always for plain TCP."""
        return self._transport.ready

    @property
    def closed(self) -> bool:
        """True if the client closed the connection in order."""
        return self._transport.closed

    @property
    def problem(self) -> str:
        """Why the connection failed, or an empty string."""
        return self._transport.problem or self._frames.problem or self._socket_problem

    def read(self) -> list[bytes]:
        """Returns the messages that have arrived. Call ``flush`` to send the responses of TLS."""
        try:
            data = self.raw.recv(_READ_BYTES)
        except BlockingIOError:
            return []
        except OSError as error:
            self._fail(error)
            return []
        messages = self._frames.feed(self._transport.feed(data))
        if self.closed:
            self._frames.end()
        return messages

    def flush(self) -> None:
        """Sends pending TLS records."""
        outgoing = self._transport.outgoing()
        if not outgoing:
            return
        try:
            self.raw.sendall(outgoing)
        except OSError as error:
            # The kernel reports a socket error only once, so the next read would not raise it.
            self._fail(error)

    def send_close_notify(self) -> None:
        """Sends close_notify, if the connection uses TLS."""
        self._transport.close()
        self.flush()

    def close(self, unread: bool = False) -> None:
        """Closes as Linux does: FIN, or RST if data in the kernel or in this object was not read, or the caller passes ``unread``."""
        if unread or self._transport.unread or self._frames.incomplete:
            self.reset()
        else:
            self.raw.close()

    def drop(self) -> None:
        """Sends FIN, even if data was not read."""
        with suppress(OSError):  # There is no data, or the client has disconnected.
            self.raw.recv(_WHOLE_BUFFER)
        self.raw.close()

    def reset(self) -> None:
        """Sends RST."""
        # With a linger time of 0, close() sends RST instead of FIN.
        self.raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.raw.close()

    def _fail(self, error: OSError) -> None:
        self._socket_problem = f"the connection failed: {error.strerror}"

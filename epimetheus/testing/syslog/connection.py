"""One client's connection: a socket that never blocks, and the ways in which it can end."""

import socket
import struct
from contextlib import suppress

from epimetheus.testing.syslog.frames import Frames
from epimetheus.testing.syslog.tunnel import Tunnel

_READ = 1 << 18
_WHOLE_BUFFER = 1 << 25


class Connection:
    """``reading``: whether it is read from; one that is not may still be open."""

    def __init__(self, raw: socket.socket, tunnel: Tunnel, frames: Frames) -> None:
        raw.setblocking(False)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.raw = raw
        self.reading = False
        self._tunnel = tunnel
        self._frames = frames
        self._lost = ""

    @property
    def ready(self) -> bool:
        """Whether TLS is up, where there is TLS."""
        return self._tunnel.ready

    @property
    def closed(self) -> bool:
        """Whether the client closed in order."""
        return self._tunnel.closed

    @property
    def problem(self) -> str:
        """What was wrong with it, in words, or nothing."""
        return self._tunnel.problem or self._frames.problem or self._lost

    def read(self) -> list[bytes]:
        """The messages that have come since; what TLS has to say to them waits for ``flush``."""
        try:
            data = self.raw.recv(_READ)
        except BlockingIOError:
            return []
        except OSError as error:
            self._lose(error)
            return []
        messages = self._frames.feed(self._tunnel.feed(data))
        if self.closed:
            self._frames.end()
        return messages

    def flush(self) -> None:
        """Send what TLS has to say."""
        outgoing = self._tunnel.outgoing()
        if not outgoing:
            return
        try:
            self.raw.sendall(outgoing)
        except OSError as error:
            # The next read would not tell: an error is told once.
            self._lose(error)

    def say_goodbye(self) -> None:
        """Send close_notify."""
        self._tunnel.say_goodbye()
        self.flush()

    def close(self, unread: bool = False) -> None:
        """As Linux closes a socket: FIN, or RST where bytes were not read, be they in the kernel, here, or with who says ``unread``."""
        if unread or self._tunnel.unread or self._frames.within:
            self.reset()
        else:
            self.raw.close()

    def drop(self) -> None:
        """FIN, whatever was not read."""
        with suppress(OSError):  # Nothing is there, or the client is gone.
            self.raw.recv(_WHOLE_BUFFER)
        self.raw.close()

    def reset(self) -> None:
        """RST."""
        # Closing with linger on and no time to linger sends it in place of FIN.
        self.raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.raw.close()

    def _lose(self, error: OSError) -> None:
        self._lost = f"the connection broke: {error.strerror}"

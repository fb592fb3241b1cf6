"""What a connection carries its messages in: TLS, or nothing. Bytes in, bytes out, no sockets."""

import ssl
from contextlib import suppress
from typing import Protocol

_PIECE = 1 << 16


class Tunnel(Protocol):
    """One connection's bytes, from the receiver's side.

    ``ready``: messages may come. ``closed``: the client closed in order. ``problem``: in words, what broke it, or empty.
    """

    ready: bool
    closed: bool
    problem: str

    def feed(self, data: bytes) -> bytes:
        """What the bytes from the socket hold; none are its end."""
        ...

    def say_goodbye(self) -> None:
        """End our direction."""
        ...

    def outgoing(self) -> bytes:
        """What is to be written to the socket, once."""
        ...

    @property
    def unread(self) -> bool:
        """Whether bytes were fed that could not be read."""
        ...


class Plain:
    """No TLS."""

    ready = True
    unread = False
    problem = ""

    def __init__(self) -> None:
        self.closed = False

    def feed(self, data: bytes) -> bytes:
        """The same bytes."""
        self.closed = not data
        return data

    def say_goodbye(self) -> None:
        """Nothing: FIN says it."""

    def outgoing(self) -> bytes:
        """Nothing."""
        return b""


class Tls:
    """TLS as a server. What the client sent before it broke is still read."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self.ready = self.closed = False
        self.problem = ""
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._in, self._out, server_side=True)

    @property
    def unread(self) -> bool:
        """Whether bytes were fed that could not be read."""
        return self._in.pending > 0

    def feed(self, data: bytes) -> bytes:
        """What the records that end in ``data`` hold."""
        if not data:
            self.problem = f"the client hung up {'without close_notify' if self.ready else 'before TLS was up'}"
        self._in.write(data)
        pieces: list[bytes] = []
        try:
            self._read(pieces)
        except ssl.SSLWantReadError:
            pass  # A record is not whole: the rest will come.
        except ssl.SSLError as error:
            self.problem = f"TLS failed: {_words(error)}"
        return b"".join(pieces)

    def say_goodbye(self) -> None:
        """Send close_notify, as the answer to the client's or first."""
        with suppress(ssl.SSLError):  # It is said; only the client's has not come, or something else.
            self._tls.unwrap()

    def outgoing(self) -> bytes:
        """Records to be written to the socket."""
        return self._out.read()

    def _read(self, pieces: list[bytes]) -> None:
        if not self.ready:
            self._tls.do_handshake()
            self.ready = True
        while not self.closed:
            piece = self._tls.read(_PIECE)
            # After close_notify it reads as nothing.
            self.closed = not piece
            pieces.append(piece)


def _words(error: ssl.SSLError) -> str:
    reason = str(error.reason or error)
    return f"{reason} ({error.verify_message})" if isinstance(error, ssl.SSLCertVerificationError) else reason

"""The transport under the messages of a connection: TLS or plain TCP. Converts bytes; uses no sockets."""

import ssl
from contextlib import suppress
from typing import Protocol

_CHUNK_BYTES = 1 << 16


class Transport(Protocol):
    """The receiver's side of one connection.

    ``ready``: messages can arrive. ``closed``: the client closed the connection in order. ``problem``: why the transport failed, or "".
    """

    ready: bool
    closed: bool
    problem: str

    def feed(self, data: bytes) -> bytes:
        """Converts data from the socket to plaintext. Empty data is the end of the stream."""
        ...

    def close(self) -> None:
        """Ends the direction to the client."""
        ...

    def outgoing(self) -> bytes:
        """Returns the data to send, once."""
        ...

    @property
    def unread(self) -> bool:
        """True if the data fed so far ends with an incomplete record, or could not be decrypted."""
        ...


class PlainTransport:
    """Plain TCP."""

    ready = True
    unread = False
    problem = ""

    def __init__(self) -> None:
        self.closed = False

    def feed(self, data: bytes) -> bytes:
        """Returns the same data."""
        self.closed = not data
        return data

    def close(self) -> None:
        """Does nothing: closing the socket sends FIN."""

    def outgoing(self) -> bytes:
        """Returns no data."""
        return b""


class TlsTransport:
    """TLS as a server. Data that arrived before a failure is still returned."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self.ready = self.closed = False
        self.problem = ""
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._in, self._out, server_side=True)

    @property
    def unread(self) -> bool:
        """True if the data fed so far ends with an incomplete record, or could not be decrypted."""
        return self._in.pending > 0

    def feed(self, data: bytes) -> bytes:
        """Returns the plaintext of the records that ``data`` completes."""
        if not data:
            self.problem = f"the client disconnected {'without close_notify' if self.ready else 'before the TLS handshake was complete'}"
        self._in.write(data)
        plaintext: list[bytes] = []
        try:
            self._read(plaintext)
        except ssl.SSLWantReadError:
            pass  # The last record is incomplete.
        except ssl.SSLError as error:
            self.problem = f"TLS failed: {_reason(error)}"
        return b"".join(plaintext)

    def close(self) -> None:
        """Sends close_notify, before or after the client's."""
        with suppress(ssl.SSLError):  # close_notify is sent even if the client's has not arrived, or the connection has failed.
            self._tls.unwrap()

    def outgoing(self) -> bytes:
        """Returns the records to send, once."""
        return self._out.read()

    def _read(self, plaintext: list[bytes]) -> None:
        if not self.ready:
            self._tls.do_handshake()
            self.ready = True
        while not self.closed:
            chunk = self._tls.read(_CHUNK_BYTES)
            # After close_notify, read() returns no data.
            self.closed = not chunk
            plaintext.append(chunk)


def _reason(error: ssl.SSLError) -> str:
    reason = str(error.reason or error)
    return f"{reason} ({error.verify_message})" if isinstance(error, ssl.SSLCertVerificationError) else reason

"""RELP on the wire: encoding and decoding frames, and tracking pending transactions. Pure: bytes and numbers, no sockets.

    FRAME = TXNR SP COMMAND SP DATALEN [SP DATA] LF

Specification: https://github.com/rsyslog/librelp/blob/master/doc/relp.md
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from epimetheus.errors import ReceiverError
from epimetheus.safe_text import without_secrets

MAX_NUMBER = 999_999_999
"""The highest transaction number; the next is 1. The server uses 0 for messages that are not responses."""
MAX_DATA_BYTES = 128 * 1024
"""The most bytes of DATA in a frame."""

_HEADER = re.compile(rb"(\d{1,9}) ([A-Za-z]{1,32}) (?:0\n|([1-9]\d{0,8}) )")
_HEADER_PREFIX = re.compile(rb"(?:\d{1,9}(?: (?:[A-Za-z]{1,32}(?: \d{0,9})?)?)?)?")
_QUOTED_BYTES = 1000
_TOO_LONG_HELP = f"Set SYSLOG_MAX_BYTES to {MAX_DATA_BYTES} or less."
_PROTOCOL_HELP = "Check that SYSLOG_PORT is the receiver's RELP port, and that SYSLOG_TRANSPORT matches it."


class Frame(NamedTuple):
    """A decoded frame: transaction ``number``, ``command`` and ``data``."""

    number: int
    command: bytes
    data: bytes = b""

    @property
    def accepted(self) -> bool:
        """Whether this response has status 200: STATUS [SP HUMAN-TEXT] [LF …]."""
        return self.data[:3] == b"200" and self.data[3:4] in (b"", b" ", b"\n")

    @property
    def status(self) -> str:
        """The status and its text, safe for a log line."""
        return _printable(self.data.partition(b"\n")[0]) or "no status"


def encode_frame(number: int, command: bytes, data: bytes = b"") -> bytes:
    """The bytes of a frame. Raises ReceiverError if ``data`` is too long, because the receiver would close the connection."""
    if len(data) > MAX_DATA_BYTES:
        raise ReceiverError(f"A message of {len(data)} bytes cannot be sent: RELP allows {MAX_DATA_BYTES}.", do=_TOO_LONG_HELP)
    return b"%d %b %d %b\n" % (number, command, len(data), data) if data else b"%d %b 0\n" % (number, command)


def split_messages(batch: bytes) -> Iterator[bytes]:
    """The messages in octet-counted frames (RFC 6587 3.4.1), as `epimetheus.deliver.framing.octet_counting` makes them."""
    at = 0
    while at < len(batch):
        begin = batch.index(b" ", at) + 1
        at = begin + int(batch[at : begin - 1])
        yield batch[begin:at]


def offers_syslog(data: bytes) -> bool:
    """Whether the response to ``open`` has what the specification requires: relp_version, and the syslog command."""
    offers = dict(line.partition(b"=")[::2] for line in data.split(b"\n")[1:])
    return b"relp_version" in offers and b"syslog" in offers.get(b"commands", b"").split(b",")


class FrameReader:
    """Decodes the server's frames from bytes that arrive in arbitrary pieces."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[Frame]:
        """The frames that ``data`` completes. Raises ReceiverError after them at invalid bytes. Buffers at most a frame and ``data``."""
        self._buffer += data
        while found := self._next():
            yield found

    def _next(self) -> Frame | None:
        header = _HEADER.match(self._buffer)
        if header is None:
            if not _HEADER_PREFIX.fullmatch(self._buffer):
                raise self._invalid()
            return None
        number, command, length = header.groups()
        begin, size = header.end(), int(length or 0)
        end = begin + size
        trailer = bytes(self._buffer[end : end + 1]) if size else b"\n"
        if size > MAX_DATA_BYTES or trailer not in (b"", b"\n"):
            raise self._invalid()
        if not trailer:
            return None
        found = Frame(int(number), bytes(command), bytes(self._buffer[begin:end]))
        del self._buffer[: end + (size > 0)]
        return found

    def _invalid(self) -> ReceiverError:
        return protocol_error(f'it sent "{_printable(self._buffer)}"')


class PendingTransactions:
    """Transactions without a response, oldest first. ``count``: the number of transactions from the oldest pending one on."""

    def __init__(self, first: int = 1) -> None:
        self.count = 0
        self._oldest = first
        self._out_of_order: set[int] = set()

    def begin(self) -> int:
        """Begin a transaction; its number."""
        self.count += 1
        return (self._oldest + self.count - 2) % MAX_NUMBER + 1

    def acknowledge(self, number: int) -> int:
        """Record the response to ``number``; how many more transactions are now answered without a gap. Responses may come in any order.

        Raises ReceiverError if ``number`` is not pending.
        """
        if number < 1 or (number - self._oldest) % MAX_NUMBER >= self.count or number in self._out_of_order:
            raise protocol_error(f"it acknowledged transaction {number}, which is not pending")
        self._out_of_order.add(number)
        before = self.count
        while self._oldest in self._out_of_order:
            self._out_of_order.remove(self._oldest)
            self._oldest = self._oldest % MAX_NUMBER + 1
            self.count -= 1
        return before - self.count


def protocol_error(cause: str) -> ReceiverError:
    """The error for a receiver that does not follow the RELP specification."""
    return ReceiverError(f"The receiver violated the RELP protocol: {cause}.", do=_PROTOCOL_HELP)


def _printable(data: bytes | bytearray) -> str:
    """The beginning of ``data`` as ASCII. Secrets are masked, because a receiver may quote what it was sent."""
    return without_secrets(re.sub(rb"[^ -~]", b"?", data[:_QUOTED_BYTES]).decode("ascii"))[:80]

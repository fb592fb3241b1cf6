"""RELP on the wire: frames out, frames in, and which transactions are under way. Pure: bytes and numbers, no sockets.

    FRAME = TXNR SP COMMAND SP DATALEN [SP DATA] LF

librelp's doc/relp.md is the specification: https://github.com/rsyslog/librelp/blob/master/doc/relp.md.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from epimetheus.errors import ReceiverError
from epimetheus.safe_text import without_secrets

LAST = 999_999_999
"""The highest transaction number; the next is 1. 0 is for what the server says of its own accord."""
LONGEST = 128 * 1024
"""Bytes of DATA that a frame may hold, by the specification."""

_HEADER = re.compile(rb"(\d{1,9}) ([A-Za-z]{1,32}) (?:0\n|([1-9]\d{0,8}) )")
_BEGINNING = re.compile(rb"(?:\d{1,9}(?: (?:[A-Za-z]{1,32}(?: \d{0,9})?)?)?)?")
_LOOKED_AT = 1000
_LONG_HELP = f"Set SYSLOG_MAX_BYTES to {LONGEST} or less."
_OTHER_HELP = "Check that SYSLOG_PORT is the receiver's port for RELP, and that SYSLOG_TRANSPORT is what that port speaks."


class Frame(NamedTuple):
    """A frame as it was read: ``number`` of the transaction, ``command`` and ``data``."""

    number: int
    command: bytes
    data: bytes = b""

    @property
    def accepted(self) -> bool:
        """Whether, as a response, it says 200: STATUS [SP HUMAN-TEXT] [LF …]."""
        return self.data[:3] == b"200" and self.data[3:4] in (b"", b" ", b"\n")

    @property
    def words(self) -> str:
        """The status and its text, fit for a log line."""
        return _printable(self.data.partition(b"\n")[0]) or "without a word"


def frame(number: int, command: bytes, data: bytes = b"") -> bytes:
    """The bytes of a frame. Raises ReceiverError for more data than a frame may hold: the receiver would drop the connection."""
    if len(data) > LONGEST:
        raise ReceiverError(f"A message of {len(data)} bytes cannot be sent: RELP allows {LONGEST}.", do=_LONG_HELP)
    return b"%d %b %d %b\n" % (number, command, len(data), data) if data else b"%d %b 0\n" % (number, command)


def unframed(batch: bytes) -> Iterator[bytes]:
    """The messages in octet-counted frames (RFC 6587 3.4.1): what `epimetheus.deliver.framing.octet_counting` made of them."""
    at = 0
    while at < len(batch):
        begin = batch.index(b" ", at) + 1
        at = begin + int(batch[at : begin - 1])
        yield batch[begin:at]


def offers_syslog(data: bytes) -> bool:
    """Whether the answer to ``open`` has what the specification asks for: relp_version, and the command that is to be used."""
    offers = dict(line.partition(b"=")[::2] for line in data.split(b"\n")[1:])
    return b"relp_version" in offers and b"syslog" in offers.get(b"commands", b"").split(b",")


class Reader:
    """Takes the server's bytes in whatever pieces they come, and gives its frames."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[Frame]:
        """The frames that end in ``data``. Raises ReceiverError where they do; never holds more than one frame and ``data``."""
        self._buffer += data
        while found := self._next():
            yield found

    def _next(self) -> Frame | None:
        header = _HEADER.match(self._buffer)
        if header is None:
            if not _BEGINNING.fullmatch(self._buffer):
                raise self._garbage()
            return None
        number, command, length = header.groups()
        begin, size = header.end(), int(length or 0)
        end = begin + size
        trailer = bytes(self._buffer[end : end + 1]) if size else b"\n"
        if size > LONGEST or trailer not in (b"", b"\n"):
            raise self._garbage()
        if not trailer:
            return None
        found = Frame(int(number), bytes(command), bytes(self._buffer[begin:end]))
        del self._buffer[: end + (size > 0)]
        return found

    def _garbage(self) -> ReceiverError:
        return protocol_error(f'it said "{_printable(self._buffer)}"')


class UnderWay:
    """Transactions that were begun and are not answered, oldest first; ``count`` says how many from the oldest on."""

    def __init__(self, first: int = 1) -> None:
        self.count = 0
        self._oldest = first
        self._early: set[int] = set()

    def begin(self) -> int:
        """The number of the next one."""
        self.count += 1
        return (self._oldest + self.count - 2) % LAST + 1

    def answered(self, number: int) -> int:
        """One was answered, in whatever order; how many more are now answered without a gap. Raises ReceiverError for any other number."""
        if number < 1 or (number - self._oldest) % LAST >= self.count or number in self._early:
            raise protocol_error(f"it answered {number}, which waits for no answer")
        self._early.add(number)
        before = self.count
        while self._oldest in self._early:
            self._early.remove(self._oldest)
            self._oldest = self._oldest % LAST + 1
            self.count -= 1
        return before - self.count


def protocol_error(why: str) -> ReceiverError:
    """The error for a receiver that does not keep to RELP."""
    return ReceiverError(f"The receiver does not speak RELP: {why}.", do=_OTHER_HELP)


def _printable(data: bytes | bytearray) -> str:
    """The first of it, as ASCII: a receiver may quote what it was sent, so secrets in it are masked."""
    return without_secrets(re.sub(rb"[^ -~]", b"?", data[:_LOOKED_AT]).decode("ascii"))[:80]

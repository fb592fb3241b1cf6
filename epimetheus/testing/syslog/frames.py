"""Splits a stream into syslog messages: octet counting (RFC 6587 3.4.1, RFC 5425 4.3) and line feeds (RFC 6587 3.4.2). No I/O."""

import re
from typing import Literal, NamedTuple

Framing = Literal["octet-counting", "lf", "auto"]
"""With ``auto``, a frame that starts with a digit is octet-counted, as in rsyslog."""

MAX_MESSAGE_BYTES = 9_999_999

_LENGTH = re.compile(rb"[1-9][0-9]*")
_DIGITS = frozenset(b"0123456789")
_NEWLINE, _SPACE, _LESS_THAN = b"\n <"
_QUOTED_BYTES = 40


class _FramingError(Exception):
    """The stream does not continue with a frame."""


class _Frame(NamedTuple):
    """Start and end of a message, and the start of the next frame."""

    start: int
    end: int
    next_start: int


class Frames:
    """Splits one stream into messages. The stream can arrive in any pieces.

    ``limit``: maximum size of a message in bytes. ``problem``: why the stream is invalid, or an empty string.
    """

    def __init__(self, framing: Framing = "auto", limit: int = MAX_MESSAGE_BYTES) -> None:
        self.problem = ""
        self._framing = framing
        self._limit = limit
        self._rest = b""

    @property
    def incomplete(self) -> bool:
        """True if the stream ends within a frame."""
        return bool(self._rest)

    def feed(self, data: bytes) -> list[bytes]:
        """Returns the messages that ``data`` completes, in order. After an invalid frame, there are none."""
        if self.problem:
            return []
        self._rest += data
        messages, at = [], 0
        try:
            while frame := self._frame(at):
                # An empty line is not a message.
                if frame.end > frame.start:
                    messages.append(self._rest[frame.start : frame.end])
                at = frame.next_start
        except _FramingError as error:
            self._fail(str(error), at)
        self._rest = self._rest[at:]
        return messages

    def end(self) -> None:
        """Ends the stream. An incomplete frame is a problem."""
        if self._rest:
            self._fail("the stream ended within a frame", 0)

    def _frame(self, at: int) -> _Frame | None:
        if at == len(self._rest):
            return None
        counted = self._framing == "octet-counting" or (self._framing == "auto" and self._rest[at] in _DIGITS)
        return self._counted(at) if counted else self._line(at)

    def _counted(self, at: int) -> _Frame | None:
        # One digit more than the limit has is enough to exceed it.
        length = _LENGTH.match(self._rest, at, at + len(str(self._limit)) + 1)
        if not length:
            raise _FramingError("invalid frame: expected a length")
        if int(length[0]) > self._limit:
            raise _FramingError(f"invalid frame: the message is longer than {self._limit} bytes")
        if length.end() == len(self._rest):
            return None
        if self._rest[length.end()] != _SPACE:
            raise _FramingError("invalid frame: expected a space after the length")
        start = length.end() + 1
        end = start + int(length[0])
        return _Frame(start, end, end) if end <= len(self._rest) else None

    def _line(self, at: int) -> _Frame | None:
        # Usually the second half of a message that contains a line feed.
        if self._rest[at] not in (_LESS_THAN, _NEWLINE):
            raise _FramingError("invalid line: expected <")
        end = self._rest.find(_NEWLINE, at)
        if (end if end >= 0 else len(self._rest)) - at > self._limit:
            raise _FramingError(f"invalid line: the message is longer than {self._limit} bytes")
        return _Frame(at, end, end + 1) if end >= 0 else None

    def _fail(self, cause: str, at: int) -> None:
        self.problem = f"{cause}: {self._rest[at : at + _QUOTED_BYTES]!r}"
        self._rest = b""

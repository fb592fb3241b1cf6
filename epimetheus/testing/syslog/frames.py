"""Syslog messages out of a stream: octet counting (RFC 6587 3.4.1, RFC 5425 4.3) and newlines (RFC 6587 3.4.2). No I/O."""

import re
from typing import Literal, NamedTuple

Framing = Literal["octet-counting", "lf", "auto"]
"""``auto`` looks at each frame, as rsyslog does: a digit means that it is counted."""

LONGEST = 9_999_999

_LENGTH = re.compile(rb"[1-9][0-9]*")
_DIGITS = frozenset(b"0123456789")
_NEWLINE, _BLANK, _LESS = b"\n <"
_SHOWN = 40


class _NotAFrame(Exception):
    """What is wrong with it."""


class _Frame(NamedTuple):
    """Where a message begins and ends, and where the frame after it begins."""

    start: int
    end: int
    after: int


class Frames:
    """Cuts one stream into messages, in whatever pieces it comes.

    ``limit``: octets of the longest message. ``problem``: in words, why the stream can not be read on; empty while it can.
    """

    def __init__(self, framing: Framing = "auto", limit: int = LONGEST) -> None:
        self.problem = ""
        self._framing = framing
        self._limit = limit
        self._rest = b""

    @property
    def within(self) -> bool:
        """Whether the stream stands inside a frame."""
        return bool(self._rest)

    def feed(self, data: bytes) -> list[bytes]:
        """The messages that end in ``data``, in order: those before what is not a frame, and none after it."""
        if self.problem:
            return []
        self._rest += data
        messages, at = [], 0
        try:
            while frame := self._frame(at):
                # A line without anything on it is no message.
                if frame.end > frame.start:
                    messages.append(self._rest[frame.start : frame.end])
                at = frame.after
        except _NotAFrame as wrong:
            self._give_up(str(wrong), at)
        self._rest = self._rest[at:]
        return messages

    def end(self) -> None:
        """The stream is over: a frame that is not is a problem."""
        if self._rest:
            self._give_up("the stream ended within a frame", 0)

    def _frame(self, at: int) -> _Frame | None:
        if at == len(self._rest):
            return None
        counted = self._framing == "octet-counting" or (self._framing == "auto" and self._rest[at] in _DIGITS)
        return self._counted(at) if counted else self._line(at)

    def _counted(self, at: int) -> _Frame | None:
        # One digit more than the limit has is enough to be over it.
        length = _LENGTH.match(self._rest, at, at + len(str(self._limit)) + 1)
        if not length:
            raise _NotAFrame("not a frame, which begins with its length")
        if int(length[0]) > self._limit:
            raise _NotAFrame(f"a frame of more than {self._limit} octets")
        if length.end() == len(self._rest):
            return None
        if self._rest[length.end()] != _BLANK:
            raise _NotAFrame("not a frame, where a blank follows the length")
        start = length.end() + 1
        end = start + int(length[0])
        return _Frame(start, end, end) if end <= len(self._rest) else None

    def _line(self, at: int) -> _Frame | None:
        # Most likely the second half of a message with a newline in it.
        if self._rest[at] not in (_LESS, _NEWLINE):
            raise _NotAFrame("not a line, which begins with <")
        end = self._rest.find(_NEWLINE, at)
        if (end if end >= 0 else len(self._rest)) - at > self._limit:
            raise _NotAFrame(f"a line of more than {self._limit} octets")
        return _Frame(at, end, end + 1) if end >= 0 else None

    def _give_up(self, why: str, at: int) -> None:
        self.problem = f"{why}: {self._rest[at : at + _SHOWN]!r}"
        self._rest = b""

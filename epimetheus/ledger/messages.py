"""What entries and seals record of messages: a line for each, over which a digest is made, and a short ID of each."""

import re
from dataclasses import dataclass
from hashlib import sha256

ID_BYTES = 8
NO_ID = "-"

_NO_ID_TEXT, _NO_ID_BYTES = NO_ID.encode(), bytes(ID_BYTES)
_PLAIN_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")


@dataclass(frozen=True)
class Messages:
    """The confirmed messages of an entry: the sequence numbers of the first and the last, without gaps.

    ``sha256``: hex digest of the `message_line`s of the messages in order. ``ids``: the `message_id` of each message in order.
    """

    first: int
    last: int
    sha256: str
    ids: bytes


def recorded_id(event_id: str | None) -> str:
    """``event_id`` as it is recorded: ``-`` if there is none, or one that is not 1 to 128 of the characters ``A-Z a-z 0-9 . _ : -``."""
    return event_id if event_id and _PLAIN_ID.fullmatch(event_id) else NO_ID


def message_line(sequence: int, event_id: str | None) -> bytes:
    r"""``<sequence> <event ID>\n``, with the `recorded_id`."""
    return b"%d %b\n" % (sequence, recorded_id(event_id).encode())


def message_id(recorded: bytes) -> bytes:
    """The first 8 bytes of the SHA-256 of an event ID, or 8 zero bytes for ``-``. ``recorded``: see `recorded_id`."""
    return _NO_ID_BYTES if recorded == _NO_ID_TEXT else sha256(recorded).digest()[:ID_BYTES]


def ids_of_lines(lines: bytes) -> bytes:
    """The `message_id` of each of the `message_line`s, concatenated."""
    return b"".join([message_id(line[line.index(b" ") + 1 :]) for line in lines.splitlines()])

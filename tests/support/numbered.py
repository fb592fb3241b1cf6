"""Numbered messages, and which of them a receiver's file has in full."""

import re
from collections.abc import Iterable

from tests.support.receivers import RealReceiver

_TEXT = "x" * 700
_COMPLETE = re.compile(r'<134>1 2026-01-01T12:00:00\.000Z host epimetheus - audit \[a@32473 seq="(\d+)"\] ' + _TEXT)


def numbered_messages(start: int, end: int) -> list[bytes]:
    """Syslog messages with the numbers from ``start`` to ``end``, exclusive."""
    return [
        f'<134>1 2026-01-01T12:00:00.000Z host epimetheus - audit [a@32473 seq="{number}"] {_TEXT}'.encode() for number in range(start, end)
    ]


def complete_numbers(receiver: RealReceiver) -> list[int]:
    """The numbers of the complete messages in the receiver's file, in order.

    A receiver that is killed while it writes leaves a cut message without a line end, and the next message follows on the same line.
    """
    return [int(number) for number in _COMPLETE.findall("\n".join(receiver.lines()))]


def cut_lines(lines: Iterable[str]) -> int:
    """How many lines have a cut message."""
    return sum(_COMPLETE.fullmatch(line) is None for line in lines)

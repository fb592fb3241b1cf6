"""Syslog framing over a stream: pure functions from a message to its frame."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Literal

Framing = Literal["octet-counting", "lf"]


def octet_counting(message: bytes) -> bytes:
    """``MSG-LEN SP SYSLOG-MSG``: RFC 5425 4.3, RFC 6587 3.4.1."""
    return b"%d %b" % (len(message), message)


def lf(message: bytes) -> bytes:
    r"""The message and an LF (RFC 6587 3.4.2). An LF inside the message would end it, and becomes the two characters ``\n``."""
    return message.replace(b"\n", rb"\n") + b"\n"


_FRAMERS: Mapping[Framing, Callable[[bytes], bytes]] = MappingProxyType({"octet-counting": octet_counting, "lf": lf})


def framer(framing: Framing) -> Callable[[bytes], bytes]:
    """The function that frames a message for SYSLOG_FRAMING."""
    return _FRAMERS[framing]

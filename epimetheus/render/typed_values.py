"""Values that must be of a type: each function gives a text as its type writes it, or None where it is not of that type."""

import re
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType

from epimetheus.render.event_time import moment
from epimetheus.render.derived_fields import ipv6, is_ipv4

Kind = Callable[[str], str | None]

_INTEGER = re.compile(r"-?\d{1,18}", re.ASCII)
_NUMBER = re.compile(r"-?\d{1,18}(?:\.\d{1,18})?(?:[eE][+-]?\d{1,3})?", re.ASCII)
_PORT = re.compile(r"\d{1,5}", re.ASCII)
_MAC = re.compile(r"[0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2}){5}")


def ipv4(text: str) -> str | None:
    """One IPv4 address in dotted form."""
    return text if is_ipv4(text) else None


def address(text: str) -> str | None:
    """One IPv4 or IPv6 address."""
    return ipv4(text) or ipv6(text)


def integer(text: str) -> str | None:
    """A whole number of 64 bits."""
    return text if _INTEGER.fullmatch(text) else None


def number(text: str) -> str | None:
    """A decimal number."""
    return text if _NUMBER.fullmatch(text) else None


def port(text: str) -> str | None:
    """0 to 65535."""
    return text if _PORT.fullmatch(text) and int(text) <= 0xFFFF else None


def mac(text: str) -> str | None:
    """Six pairs of hexadecimal digits, with colons."""
    return text if _MAC.fullmatch(text) else None


def millis(text: str) -> str | None:
    """Milliseconds since the epoch, also from an RFC 3339 time."""
    when = moment(text)
    return str(when.millis) if when else integer(text)


def by_key(kinds: Iterable[tuple[Kind, str]]) -> Mapping[str, Kind]:
    """Kind by key, from each kind with its keys (blank-separated)."""
    return MappingProxyType({key: kind for kind, keys in kinds for key in keys.split()})

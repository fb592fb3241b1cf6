"""Value types: each function returns a text in the form its type requires, or None if the text is not of that type."""

import re
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType

from epimetheus.render.addresses import ipv6, is_ipv4
from epimetheus.render.event_time import parse_event_time

ValueType = Callable[[str], str | None]

_INTEGER = re.compile(r"-?\d{1,18}", re.ASCII)
_NUMBER = re.compile(r"-?\d{1,18}(?:\.\d{1,18})?(?:[eE][+-]?\d{1,3})?", re.ASCII)
_PORT = re.compile(r"\d{1,5}", re.ASCII)
_MAC = re.compile(r"[0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2}){5}")


def ipv4(text: str) -> str | None:
    """An IPv4 address in dotted form."""
    return text if is_ipv4(text) else None


def address(text: str) -> str | None:
    """An IPv4 or IPv6 address."""
    return ipv4(text) or ipv6(text)


def integer(text: str) -> str | None:
    """An integer of at most 18 digits, which fits in 64 bits."""
    return text if _INTEGER.fullmatch(text) else None


def number(text: str) -> str | None:
    """A decimal number."""
    return text if _NUMBER.fullmatch(text) else None


def port(text: str) -> str | None:
    """An integer from 0 to 65535."""
    return text if _PORT.fullmatch(text) and int(text) <= 0xFFFF else None


def mac(text: str) -> str | None:
    """A MAC address: six pairs of hexadecimal digits, separated by colons."""
    return text if _MAC.fullmatch(text) else None


def millis(text: str) -> str | None:
    """Milliseconds since the epoch, also from an RFC 3339 time."""
    time = parse_event_time(text)
    return str(time.millis) if time else integer(text)


def types_by_key(types: Iterable[tuple[ValueType, str]]) -> Mapping[str, ValueType]:
    """Key → type, from pairs of a type and its keys, separated by spaces."""
    return MappingProxyType({key: value_type for value_type, keys in types for key in keys.split()})

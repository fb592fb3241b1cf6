"""The addresses and ports in ``identity.ipAddress``."""

import re
from ipaddress import IPv6Address
from typing import NamedTuple

from epimetheus.event_details import NOTHING

_OCTET = r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
_IPV4 = re.compile(rf"{_OCTET}(?:\.{_OCTET}){{3}}", re.ASCII)
_IPV6_LENGTH = 39
_PORT = re.compile(r"\d{1,5}", re.ASCII)
_MAX_PORT = 0xFFFF
_SEPARATOR = re.compile("[,;]")


class Address(NamedTuple):
    """One IPv4 or IPv6 address, and its port."""

    ip: str
    port: str | None = None

    @property
    def is_ipv4(self) -> bool:
        """Whether this is an IPv4 address."""
        return ":" not in self.ip

    def __str__(self) -> str:
        if self.port is None:
            return self.ip
        return f"{self.ip}:{self.port}" if self.is_ipv4 else f"[{self.ip}]:{self.port}"


class Addresses(NamedTuple):
    """The parts of ``identity.ipAddress``: its addresses in order, the source first, and the parts that are not an address."""

    found: tuple[Address, ...] = ()
    other: tuple[str, ...] = ()


def parse_addresses(text: str | None) -> Addresses:
    """OCI sends one address, several (``"10.0.64.84,252.138.125.19"``), a placeholder, or none. Commas, ``;`` and spaces separate."""
    if not text:
        return Addresses()
    if is_ipv4(text):
        return Addresses((Address(text),))
    found: list[Address] = []
    other: list[str] = []
    for part in filter(None, map(str.strip, _SEPARATOR.split(text))):
        words = part.split()
        addresses = list(map(parse_address, words))
        if len(words) > 1 and not any(addresses):
            other.append(part)  # text, whose spaces do not separate anything
            continue
        for word, address in zip(words, addresses, strict=True):
            if address:
                found.append(address)
            elif word.lower() not in NOTHING:
                other.append(word)
    return Addresses(tuple(found), tuple(other))


def parse_address(text: str) -> Address | None:
    """The address and port of ``203.0.113.7``, ``203.0.113.7:443``, ``2001:db8::1``, ``[2001:db8::1]`` or ``[2001:db8::1]:443``."""
    if is_ipv4(text):
        return Address(text)
    if address := ipv6(text):
        return Address(address)
    host, colon, port = text.rpartition(":")
    if not colon or text.endswith("]"):
        host, port = text, ""
    elif not (_PORT.fullmatch(port) and int(port) <= _MAX_PORT):
        return None
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
        ip = host if is_ipv4(host) else ipv6(host)
    else:
        ip = host if is_ipv4(host) else None
    return Address(ip, port or None) if ip else None


def is_ipv4(text: str) -> bool:
    """Whether this is one IPv4 address in dotted form."""
    return _IPV4.fullmatch(text) is not None


def ipv6(text: str) -> str | None:
    """The IPv6 address as written, or compressed if an embedded IPv4 address makes it longer than 39 characters; else None."""
    try:
        address = IPv6Address(text)
    except ValueError:
        return None
    if address.scope_id is not None:
        return None
    return text if len(text) <= _IPV6_LENGTH else address.compressed

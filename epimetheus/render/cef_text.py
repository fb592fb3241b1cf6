"""CEF's own rules for text: lengths of the dictionary's keys, control characters, escapes."""

from collections.abc import Mapping
from types import MappingProxyType

HEADER_LENGTHS = (31, 1023, 512)
"""Characters of device version, event class id and name, unescaped."""

LENGTHS: Mapping[str, int] = MappingProxyType({
    "rt": 20,
    "externalId": 40,
    "outcome": 63,
    "src": 15,
    "c6a1": 39,
    "suser": 1023,
    "suid": 1023,
    "act": 63,
    "reason": 1023,
    "cat": 1023,
    "destinationServiceName": 1023,
    "end": 20,
    "requestMethod": 1023,
    "request": 1023,
    "requestClientApplication": 1023,
    "sourceTranslatedAddress": 15,
    "shost": 1023,
    "sourceServiceName": 1023,
    "deviceExternalId": 255,
    "cn1": 20,
    "msg": 1023,
    "cs1": 4000,
    "cs2": 4000,
    "cs3": 4000,
    "cs4": 4000,
    "cs5": 4000,
    "cs6": 4000,
    "flexString1": 1023,
    "flexString2": 1023,
})  # fmt: skip
"""Characters a value may have, unescaped, by the CEF dictionary; of addresses and numbers, what their type takes."""

# C0 and C1 but for what ends a line; a tab parts words, so it becomes a blank.
_CONTROLS = dict.fromkeys([*range(0x20), *range(0x7F, 0xA0)])
_TIDY = MappingProxyType(
    {**_CONTROLS, ord("\t"): " ", ord("\n"): "\n", ord("\r"): "\r", 0x85: "\n", 0x2028: "\n", 0x2029: "\n"}
)
_IN_HEADER = MappingProxyType({ord("\\"): "\\\\", ord("|"): "\\|", ord("\n"): " ", ord("\r"): " "})
_IN_EXTENSION = MappingProxyType({ord("\\"): "\\\\", ord("="): "\\=", ord("\n"): "\\n", ord("\r"): "\\r"})


def tidy(value: str) -> str:
    """``value`` without control characters; line ends of any kind stay, as a newline or a carriage return."""
    return value if value.isprintable() else value.translate(_TIDY)


def in_header(value: str) -> str:
    """A header value, escaped; it may not hold a line's end, so that becomes a blank."""
    return value.translate(_IN_HEADER)


def in_extension(value: str) -> str:
    """An extension's value, escaped; ``|`` stays as it is there."""
    return value if value.isprintable() and "=" not in value and "\\" not in value else value.translate(_IN_EXTENSION)

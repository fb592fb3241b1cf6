"""CEF's own rules for text: control characters, escapes."""

from types import MappingProxyType

# C0 and C1 but for what ends a line; a tab parts words, so it becomes a blank.
_CONTROLS = dict.fromkeys([*range(0x20), *range(0x7F, 0xA0)])
_TIDY = MappingProxyType(
    {**_CONTROLS, ord("\t"): " ", ord("\n"): "\n", ord("\r"): "\r", 0x85: "\n", 0x2028: "\n", 0x2029: "\n"}
)
_IN_HEADER = MappingProxyType({ord("\\"): "\\\\", ord("|"): "\\|", ord("\n"): " ", ord("\r"): " "})
_IN_EXTENSION = MappingProxyType({ord("\\"): "\\\\", ord("="): "\\=", ord("\n"): "\\n", ord("\r"): "\\r"})


def clean(value: str) -> str:
    """``value`` without control characters; line ends of any kind stay, as a newline or a carriage return."""
    return value if value.isprintable() else value.translate(_TIDY)


def in_header(value: str) -> str:
    """A header value, escaped; it may not hold a line's end, so that becomes a blank."""
    return value if value.isprintable() and "|" not in value and "\\" not in value else value.translate(_IN_HEADER)


def in_extension(value: str) -> str:
    """An extension's value, escaped; ``|`` stays as it is there."""
    return value if value.isprintable() and "=" not in value and "\\" not in value else value.translate(_IN_EXTENSION)

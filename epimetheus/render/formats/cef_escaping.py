"""CEF's rules for text: control characters and escapes."""

from types import MappingProxyType

# Removes C0 and C1 controls. A tab separates words, so it becomes a space; line ends stay, as \n or \r.
_CONTROLS = dict.fromkeys([*range(0x20), *range(0x7F, 0xA0)])
_CLEANED = MappingProxyType(
    {**_CONTROLS, ord("\t"): " ", ord("\n"): "\n", ord("\r"): "\r", 0x85: "\n", 0x2028: "\n", 0x2029: "\n"}
)
_IN_HEADER = MappingProxyType({ord("\\"): "\\\\", ord("|"): "\\|", ord("\n"): " ", ord("\r"): " "})
_IN_EXTENSION = MappingProxyType({ord("\\"): "\\\\", ord("="): "\\=", ord("\n"): "\\n", ord("\r"): "\\r"})


def clean(value: str) -> str:
    """``value`` without control characters; a line end of any kind becomes a newline or a carriage return."""
    return value if value.isprintable() else value.translate(_CLEANED)


def escape_header(value: str) -> str:
    """A header value, escaped. It cannot contain a line end, which becomes a space."""
    return value if value.isprintable() and "|" not in value and "\\" not in value else value.translate(_IN_HEADER)


def escape_extension(value: str) -> str:
    """A value of the extension, escaped. ``|`` needs no escape there."""
    return value if value.isprintable() and "=" not in value and "\\" not in value else value.translate(_IN_EXTENSION)

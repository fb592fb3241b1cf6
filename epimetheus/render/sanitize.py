r"""Text that hides or imitates something, made harmless: characters that are not seen, and the words that begin a CEF or LEEF message.

Not seen are, by Unicode, control and format characters (Cc, Cf: zero-width and bidirectional ones, tags), line and paragraph separators
(Zl, Zp), and whatever else is ignorable by default (variation selectors, fillers). Each is written as its JSON escape, ``\u202e``.

Consumers look for ``CEF:0|`` and ``LEEF:1.0|`` anywhere in a line, and some take the last one they find for the message. So in the values
of CEF and LEEF a blank follows the colon (``CEF: 0|``) before any Unicode decimal digit; in JSON the colon is escaped
(``CEF\u003a0|``), which is the same text to a reader.
"""

import re

_CONTROLS = "\x00-\x1f"
_UNSEEN = (
    "\x7f-\x9f\xad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e"
    "\u2060-\u206f\u3164\ud800-\udfff\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3"
    "\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
"""https://www.unicode.org/Public/16.0.0/ucd/DerivedCoreProperties.txt: Default_Ignorable_Code_Point, and the general categories above."""
UNSEEN = "\x00-\x08\x0b\x0c\x0e-\x1f" + _UNSEEN.replace("\u2028-\u202e", "\u202a-\u202e")
"""The same with controls, but for what ends or indents a line, as the inside of a class of characters."""
_PRINTABLE = tuple(bytes.fromhex(start) for start in ("cd8f", "e185", "e19e", "e1a0", "e385", "efb8", "efbe", "f09390", "f3a0"))
"""How those begin in UTF-8 that `str.isprintable` takes for printable; others begin so, too."""
_ESCAPED_ON_A_TERMINAL = re.compile(f"[{_CONTROLS}{_UNSEEN}]")
_ESCAPED_IN_VALUES = re.compile(f"[{_UNSEEN}]")
_COLONS = re.compile(b"(?:(?<=cef)|(?<=leef)):", re.IGNORECASE)
_START = "ef:"
_STARTS = re.compile(r"((?:c|le)ef:)(?=\d)", re.IGNORECASE)  # a digit of any script: consumers' \d is one of Unicode

_OFTEN = re.compile(rb"\xe2\x80[\x8b-\x8f\xa8-\xae]")
"""U+200B to U+200F and U+2028 to U+202E in UTF-8: found by how they begin, which is quicker than looking at each character."""
STARTS = r"(?:c|le)ef:[0-9\x80-\xff]"
"""What `in_values` may part with a blank, as a pattern of UTF-8 bytes that ignores case: other digits are not ASCII."""
STARTS_IN_JSON = "(?:c|le)ef:"
"""What `in_json` escapes."""


def all_seen(text: str) -> bool:
    """Whether `in_values` finds nothing in ``text`` to escape: of ASCII it looks at no control character, of other text it may say no."""
    return (text.isascii() and "\x7f" not in text) or (text.isprintable() and not _may_hide(text.encode()))


def in_values(value: str) -> str:
    """A value of CEF or LEEF; its control characters below U+0020 are left to their rules."""
    if _START in value.lower():
        value = _STARTS.sub(r"\1 ", value)
    return value if all_seen(value) else _ESCAPED_IN_VALUES.sub(_escape, value)


def in_json(text: bytes) -> bytes:
    """JSON text, in UTF-8; it must hold no control characters below U+0020 as they are, but for white space between its members."""
    text = seen_in_json(text)
    return _COLONS.sub(b"\\\\u003a", text) if b"ef:" in text.lower() else text


def seen_in_json(text: bytes) -> bytes:
    """The same without a look at what begins a message (STARTS_IN_JSON)."""
    if text.isascii():
        return text.replace(b"\x7f", b"\\u007f") if 0x7F in text else text
    text = _OFTEN.sub(lambda found: _escaped(found[0].decode()).encode(), text)
    if not _may_hide(text) and text.decode().isprintable():
        return text
    return _ESCAPED_IN_VALUES.sub(_escape, text.decode()).encode()


def in_plain(text: str) -> str:
    """Text that was to be JSON, and holds no lone surrogates; its control characters below U+0020 are left as they are."""
    return in_json(text.encode()).decode()


def on_terminal(text: str) -> str:
    """Foreign text on one line of a terminal, where nothing in it moves the cursor, changes colors, hides, or turns around."""
    return text if text.isascii() and text.isprintable() else _ESCAPED_ON_A_TERMINAL.sub(_escape, text)


def _may_hide(text: bytes) -> bool:
    return any(start[0] in text and start in text for start in _PRINTABLE)  # one byte is found far quicker than two


def _escape(found: re.Match[str]) -> str:
    return _escaped(found[0])


def _escaped(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))

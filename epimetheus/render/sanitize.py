r"""Makes text harmless that hides or imitates something: invisible characters, and the start of a CEF or LEEF message.

Invisible are control and format characters (Cc, Cf: zero-width and bidirectional characters, tags), line and paragraph separators (Zl, Zp),
and everything else that Unicode marks as ignorable by default (variation selectors, fillers). Each becomes its JSON escape, ``\u202e``.

Receivers search for ``CEF:0|`` and ``LEEF:1.0|`` anywhere in a line, and some take the last match as the start of the message. So in values
of CEF and LEEF a space follows the colon (``CEF: 0|``) before any Unicode decimal digit; in JSON the colon is escaped
(``CEF\u003a0|``), which decodes to the same text.
"""

import re

_CONTROLS = "\x00-\x1f"
_INVISIBLE = (
    "\x7f-\x9f\xad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e"
    "\u2060-\u206f\u3164\ud800-\udfff\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3"
    "\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
"""https://www.unicode.org/Public/16.0.0/ucd/DerivedCoreProperties.txt: Default_Ignorable_Code_Point, and the general categories above."""
INVISIBLE = "\x00-\x08\x0b\x0c\x0e-\x1f" + _INVISIBLE.replace("\u2028-\u202e", "\u202a-\u202e")
"""Invisible characters including controls, except those that end or indent a line, for use inside a regular expression's ``[…]``."""
_ISPRINTABLE_ACCEPTS = tuple(bytes.fromhex(start) for start in ("cd8f", "e185", "e19e", "e1a0", "e385", "efb8", "efbe", "f09390", "f3a0"))
"""First UTF-8 bytes of the invisible characters that `str.isprintable` accepts. Visible characters can start with them, too."""
_ESCAPED_ON_TERMINAL = re.compile(f"[{_CONTROLS}{_INVISIBLE}]")
_ESCAPED_IN_VALUES = re.compile(f"[{_INVISIBLE}]")
_COLONS = re.compile(b"(?:(?<=cef)|(?<=leef)):", re.IGNORECASE)
_START_HINT = "ef:"
_MESSAGE_START = re.compile(r"((?:c|le)ef:)(?=\d)", re.IGNORECASE)  # any Unicode digit: so is \d in receivers

_FREQUENT = re.compile(rb"\xe2\x80[\x8b-\x8f\xa8-\xae]")
"""U+200B to U+200F and U+2028 to U+202E in UTF-8: their common first byte makes this search faster than one character by character."""
MESSAGE_STARTS = r"(?:c|le)ef:[0-9\x80-\xff]"
"""Texts that `sanitize_value` may change, as a case-insensitive pattern of UTF-8 bytes: digits of other scripts are not ASCII."""
MESSAGE_STARTS_IN_JSON = "(?:c|le)ef:"
"""Texts that `sanitize_json` changes, as a case-insensitive pattern."""


def is_visible(text: str) -> bool:
    """Whether `sanitize_value` has no character to escape in ``text``. Ignores ASCII controls below U+0020; may return a false no."""
    return (text.isascii() and "\x7f" not in text) or (text.isprintable() and not _may_hide(text.encode()))


def sanitize_value(value: str) -> str:
    """A value of CEF or LEEF. Does not handle ASCII controls below U+0020: each format has its own rules."""
    if _START_HINT in value.lower():
        value = _MESSAGE_START.sub(r"\1 ", value)
    return value if is_visible(value) else _ESCAPED_IN_VALUES.sub(_escape, value)


def sanitize_json(text: bytes) -> bytes:
    """JSON text in UTF-8, which must not contain unescaped control characters below U+0020 other than whitespace between tokens."""
    text = escape_invisible_json(text)
    return _COLONS.sub(b"\\\\u003a", text) if b"ef:" in text.lower() else text


def escape_invisible_json(text: bytes) -> bytes:
    """As `sanitize_json`, but leaves texts that imitate the start of a message (MESSAGE_STARTS_IN_JSON)."""
    if text.isascii():
        return text.replace(b"\x7f", b"\\u007f") if 0x7F in text else text
    text = _FREQUENT.sub(lambda found: _escaped(found[0].decode()).encode(), text)
    if not _may_hide(text) and text.decode().isprintable():
        return text
    return _ESCAPED_IN_VALUES.sub(_escape, text.decode()).encode()


def sanitize_plain_text(text: str) -> str:
    """Text of malformed JSON without lone surrogates. Leaves control characters below U+0020."""
    return sanitize_json(text.encode()).decode()


def terminal_safe(text: str) -> str:
    """Untrusted text for one line of a terminal: nothing in it moves the cursor, changes colors, hides text or reverses it."""
    return text if text.isascii() and text.isprintable() else _ESCAPED_ON_TERMINAL.sub(_escape, text)


def _may_hide(text: bytes) -> bool:
    # Searching for one byte first is much faster than searching for two.
    return any(start[0] in text and start in text for start in _ISPRINTABLE_ACCEPTS)


def _escape(found: re.Match[str]) -> str:
    return _escaped(found[0])


def _escaped(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))

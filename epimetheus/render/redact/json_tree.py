"""JSON text to a tree of plain values and back, forgiving what real events hold and losing no digit of a number."""

import json
import re
from decimal import Decimal, InvalidOperation

import msgspec

from epimetheus.render.sanitize import sanitize_json, sanitize_plain_text


def _number(text: str) -> Decimal | str:
    try:
        return Decimal(text)
    except InvalidOperation:  # an exponent of twenty digits
        return text


_strict = msgspec.json.Decoder(float_hook=_number).decode
_encode = msgspec.json.Encoder(decimal_format="number").encode
_CONTROL = re.compile("[\x00-\x1f]")


def decode(text: bytes | str) -> object:
    """The tree of a JSON text; control characters, lone surrogates and bytes that are not UTF-8 are forgiven, NaN becomes a string.

    Raises ValueError where it is not JSON, or nested deeper than the interpreter can follow.
    """
    try:
        return _strict(text)
    except (ValueError, RecursionError):
        loose = text if isinstance(text, str) else text.decode("utf-8", "replace")
    try:
        return json.loads(loose, strict=False, parse_float=_number, parse_int=_number, parse_constant=str)
    except RecursionError as error:
        raise ValueError("nested too deep to be read") from error


def to_json_line(tree: object) -> bytes:
    """One compact line of UTF-8, in which what would break a line or not be seen is escaped. Strings in it must be valid Unicode.

    Raises ValueError where it is nested deeper than the interpreter can follow.
    """
    try:
        text = _encode(tree)
    except RecursionError as error:
        raise ValueError("nested too deep to be written") from error
    return seen(text)


def seen(text: bytes) -> bytes:
    """JSON text in which what would break a line, not be seen or begin a message is escaped; it holds no C0 controls (RFC 8259, 7)."""
    return sanitize_json(text)


def encode(tree: object) -> str:
    """The same as text."""
    return to_json_line(tree).decode()


def sound(text: str) -> str:
    """``text`` without lone surrogates, which UTF-8 has not."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def plain(text: str) -> str:
    """Text that is not JSON on one line: white space to blanks, other control characters to the JSON escape that shows them."""
    return sanitize_plain_text(_CONTROL.sub(_harmless, text))


def _harmless(found: re.Match[str]) -> str:
    return " " if found[0] in "\t\r\n" else f"\\u{ord(found[0]):04x}"

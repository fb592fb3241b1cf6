"""Decodes JSON text to a tree of plain values and encodes it again: lenient about malformed strings, exact about numbers."""

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


def decode_valid(text: bytes) -> object:
    """Returns the tree of a valid JSON text.

    Raises ValueError if the text is not valid, or is nested deeper than the interpreter's recursion limit.
    """
    try:
        return _strict(text)
    except RecursionError as error:
        raise ValueError("nested too deep to decode") from error


def decode(text: bytes | str) -> object:
    """Returns the tree of a JSON text. Accepts control characters, lone surrogates and bytes that are not UTF-8; NaN becomes a string.

    Raises ValueError if the text is not JSON, or is nested deeper than the interpreter's recursion limit.
    """
    try:
        return _strict(text)
    except (ValueError, RecursionError):
        loose = text if isinstance(text, str) else text.decode("utf-8", "replace")
    try:
        return json.loads(loose, strict=False, parse_float=_number, parse_int=_number, parse_constant=str)
    except RecursionError as error:
        raise ValueError("nested too deep to decode") from error


def to_json_line(tree: object) -> bytes:
    """Returns one compact line of UTF-8 with line separators and invisible characters escaped. Its strings must be valid Unicode.

    Raises ValueError if the tree is nested deeper than the interpreter's recursion limit.
    """
    try:
        text = _encode(tree)
    except RecursionError as error:
        raise ValueError("nested too deep to encode") from error
    return escape_invisible(text)


def escape_invisible(text: bytes) -> bytes:
    """Escapes line separators, invisible characters and message prefixes in JSON text, which contains no C0 controls (RFC 8259 7)."""
    return sanitize_json(text)


def encode(tree: object) -> str:
    """`to_json_line` as text."""
    return to_json_line(tree).decode()


def without_surrogates(text: str) -> str:
    """Replaces lone surrogates, which UTF-8 cannot encode."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def to_plain_line(text: str) -> str:
    """Puts text that is not JSON on one line: whitespace controls become spaces, other controls become JSON escapes."""
    return sanitize_plain_text(_CONTROL.sub(_escaped_control, text))


def _escaped_control(match: re.Match[str]) -> str:
    return " " if match[0] in "\t\r\n" else f"\\u{ord(match[0]):04x}"

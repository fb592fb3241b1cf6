"""Splits JSON text into values, and lists and objects into their parts, without decoding the parts.

Accepts what people have in files: values one after another, commas at the end of a list, raw control characters, and any depth.
"""

import json
import re
from collections.abc import Iterator

import msgspec

_QUOTE = b'"'
_BETWEEN = b" \t\r\n,\x1e\xef\xbb\xbf"  # between values: white space, commas, RFC 7464's separator, and the byte order mark of UTF-8
# Text without structure, whole strings, a run of brackets, a comma, or a quote that is never closed. Possessive quantifiers: an
# unterminated string is scanned once, without backtracking state.
_TOKEN = re.compile(rb'[^"\[\]{},]++|"(?:[^"\\]++|\\.)*+"|[\[{]++|[\]}]++|[,"]', re.DOTALL)
_KEY = re.compile(rb'\s*("(?:[^"\\]++|\\.)*+")\s*:\s*', re.DOTALL)

_DECODE_ERRORS = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_decode_list = msgspec.json.Decoder(list[msgspec.Raw]).decode
_decode_object = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


class NotJson(ValueError):
    """The text is not JSON. ``offset``: where, in bytes; ``truncated``: a value starts there and does not end."""

    def __init__(self, offset: int, *, truncated: bool = False) -> None:
        super().__init__("truncated" if truncated else "not JSON")
        self.offset = offset
        self.truncated = truncated


def split_values(text: bytes) -> Iterator[tuple[int, bytes]]:
    """``(offset, value)`` for each list and object in ``text``, separated by white space or commas. Raises NotJson."""
    depth = start = 0
    for token in _TOKEN.finditer(text):
        begin, end = token.span()
        mark = text[begin]
        if mark in b"[{":
            start = begin if depth == 0 else start
            depth += end - begin
        elif mark in b"]}":
            depth -= end - begin
            if depth < 0:
                raise NotJson(begin)
            if depth == 0:
                yield start, text[start:end]
        elif depth == 0 and (rest := text[begin:end].lstrip(_BETWEEN)):
            raise NotJson(end - len(rest))
        elif mark == _QUOTE[0] and end == begin + 1:
            break  # an unterminated string, so its value is truncated
    if depth:
        raise NotJson(start, truncated=True)


def elements(value: bytes) -> Iterator[bytes]:
    """The elements of the list ``value``, as they appear there. An element may be invalid JSON."""
    try:
        yield from map(bytes, _decode_list(value))
    except _DECODE_ERRORS:
        yield from _parts(value)


def members(value: bytes) -> dict[str, bytes]:
    """Key → value of the object ``value``, as they appear there. A value may be invalid JSON. Raises NotJson."""
    try:
        return {key: bytes(raw) for key, raw in _decode_object(value).items()}
    except _DECODE_ERRORS:
        return dict(map(_member, _parts(value)))


def compact(value: bytes) -> bytes:
    """``value`` without white space between its tokens, as OCI sends it; unchanged if it is not valid JSON."""
    try:
        return msgspec.json.format(value, indent=-1)
    except _DECODE_ERRORS:
        return value


def decode_text(value: bytes) -> str | None:
    """The text of the JSON string ``value``; None for any other value."""
    if not value.startswith(_QUOTE):
        return None
    try:
        return str(json.loads(value.decode("utf-8", "replace"), strict=False))
    except ValueError:
        return None


def _member(part: bytes) -> tuple[str, bytes]:
    found = _KEY.match(part)
    key = decode_text(found[1]) if found else None
    if found is None or key is None or found.end() == len(part):
        raise NotJson(0)
    return key, part[found.end() :]


def _parts(value: bytes) -> Iterator[bytes]:
    """What the commas of a list or object separate, without empty parts."""
    depth, start = 0, 1
    for token in _TOKEN.finditer(value):
        begin, end = token.span()
        mark = value[begin]
        if mark in b"[{":
            depth += end - begin
        elif mark in b"]}":
            depth -= end - begin
        elif mark == b","[0] and depth == 1:
            if part := value[start:begin].strip():
                yield part
            start = end
    if part := value[start:-1].strip():
        yield part

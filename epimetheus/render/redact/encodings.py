"""Decodes escapes and Base64 in a text, and maps each decoded character to its position in the original."""

import binascii
import html
import re
from collections.abc import Iterator

from epimetheus.render.sanitize import INVISIBLE

# Escapes nest: %2570 is %70 is p. Each level of JSON in JSON doubles the backslashes before a \\u, so any number of them counts as one.
_MAX_ROUNDS = 3
_ESCAPE = re.compile(
    r"%u[0-9A-Fa-f]{4}|%[0-9A-Fa-f]{2}|(?<!\\)\\++u[0-9A-Fa-f]{4}|(?<!\\)\\++x[0-9A-Fa-f]{2}|\\[/nrt\"'\\]"
    r"|&(?:quot|lt|gt|amp|apos|#\d{1,6}|#[xX][0-9A-Fa-f]{1,6});"
    rf"|[{INVISIBLE}]"
)
_INVISIBLE = re.compile(f"[{INVISIBLE}]")
INVISIBLE_BYTES = (
    r"(?-i:[\x01-\x08\x0b\x0c\x0e-\x1f\x7f]|\xc2[\x80-\x9f\xad]|\xcd\x8f|\xd8[\x80-\x85\x9c]|\xdb\x9d|\xdc\x8f|\xe0\xa2[\x90\x91]|\xe0\xa3\xa2"
    r"|\xe1\x85[\x9f\xa0]|\xe1\x9e[\xb4\xb5]|\xe1\xa0[\x8b-\x8f]|\xe2\x80[\x8b-\x8f\xaa-\xae]|\xe2\x81[\xa0-\xaf]|\xe3\x85\xa4|\xef\xb8[\x80-\x8f]"
    r"|\xef\xbb\xbf|\xef\xbe\xa0|\xef\xbf[\xb0-\xbb]|\xf0\x91(?:\x82\xbd|\x83\x8d)|\xf0\x93[\x90\x91]|\xf0\x9b\xb2[\xa0-\xa3]|\xf0\x9d\x85[\xb3-\xba]"
    r"|\xf3\xa0)"
)
"""How INVISIBLE characters begin in UTF-8, as a pattern of bytes."""
ESCAPES = r"%(?:u|25|2d|2e|5f|[46][1-9a-f]|[57][0-9a]|3[0-9])|\\[ux/]|&#"
"""Escapes of a letter, a digit, or another escape, as a case-insensitive pattern. No other escape can hide a word."""

# Four Base64 characters that decode to three of ASCII. Five such groups in a row are rare outside encoded text.
_ASCII_GROUP = r"[A-Za-f][A-HQ-Xg-nw-z0-3][ABEFIJMNQRUVYZcdghklopstwx014589][A-Za-z0-9+/_\-]"
TEXT_IN_BASE64 = rf"(?:{_ASCII_GROUP}){{5}}"
_ENCODED_TEXT = re.compile(TEXT_IN_BASE64)
_LINE_BREAK = r"(?:\r?\n|(?:\\r)?\\n)"
_BASE64_RUN = re.compile(rf"(?<![\w+/\-])[\w+/\-]{{20,}}+(?:{_LINE_BREAK}[\w+/\-]++)*+={{0,2}}", re.ASCII)
_NOT_BASE64 = re.compile(r"\\[rn]|[^\w+/\-]", re.ASCII)
_TO_STANDARD_ALPHABET = str.maketrans("-_", "+/")


def without_invisible(text: str, replacement: str = "") -> str:
    """Returns ``text`` with each invisible character removed or replaced."""
    return text if text.isascii() and text.isprintable() else _INVISIBLE.sub(replacement, text)


def decoded_layers(text: str) -> Iterator[tuple[str, list[int]]]:
    """Yields ``text`` without invisible characters and with its escapes decoded once, then twice, and so on while that changes it.

    With each layer comes the position in ``text`` of each of its characters and of its end.
    """
    origins: list[int] | None = None
    for _ in range(_MAX_ROUNDS):
        parts: list[str] = []
        positions: list[int] = []
        done = 0
        for match in _ESCAPE.finditer(text):
            character = _character(match[0])
            parts += (text[done : match.start()], character)
            positions += range(done, match.start())
            positions += [match.start()] * len(character)
            done = match.end()
        if not parts:
            return
        positions += range(done, len(text) + 1)
        text = "".join((*parts, text[done:]))
        origins = positions if origins is None else [origins[position] for position in positions]
        yield text, origins


def _character(escape: str) -> str:
    if escape[0] not in "&%\\":
        return ""
    if escape[0] == "&":
        return html.unescape(escape)
    if len(escape) == 2:
        return {"n": "\n", "r": "\r", "t": "\t"}.get(escape[1], escape[1])
    return chr(int(escape.lstrip("%\\ux"), 16)) if escape.strip("%\\ux0") else "\0"


def decoded_base64(text: str) -> Iterator[tuple[int, int, str]]:
    """Yields the start, the end and the decoded text of each Base64 run that seems to encode text, once per possible alignment."""
    for run in _BASE64_RUN.finditer(text):
        digits = _NOT_BASE64.sub("", run[0]).translate(_TO_STANDARD_ALPHABET)
        for skipped in sorted({match.start() % 4 for match in _ENCODED_TEXT.finditer(digits)}):
            whole = digits[skipped : skipped + (len(digits) - skipped) // 4 * 4]
            rest = digits[skipped + len(whole) :]
            end = rest + "=" * (4 - len(rest)) if len(rest) > 1 else ""
            yield *run.span(), binascii.a2b_base64(whole + end).replace(b"\0", b"").decode("utf-8", "replace")

"""What a text holds in another encoding: its escapes decoded, its Base64 decoded, and where in the text each of it stands."""

import binascii
import html
import re
from collections.abc import Iterator

from epimetheus.render.sanitize import INVISIBLE

# Nested escapes: %2570 is %70 is p. Each level of JSON in JSON doubles the backslashes before a \\u, so any number of them counts as one.
_ROUNDS = 3
_ESCAPE = re.compile(
    r"%u[0-9A-Fa-f]{4}|%[0-9A-Fa-f]{2}|(?<!\\)\\++u[0-9A-Fa-f]{4}|(?<!\\)\\++x[0-9A-Fa-f]{2}|\\[/nrt\"'\\]"
    r"|&(?:quot|lt|gt|amp|apos|#\d{1,6}|#[xX][0-9A-Fa-f]{1,6});"
    rf"|[{INVISIBLE}]"
)
_UNSEEN = re.compile(f"[{INVISIBLE}]")
UNSEEN_BYTES = (
    r"(?-i:[\x01-\x08\x0b\x0c\x0e-\x1f\x7f]|\xc2[\x80-\x9f\xad]|\xcd\x8f|\xd8[\x80-\x85\x9c]|\xdb\x9d|\xdc\x8f|\xe0\xa2[\x90\x91]|\xe0\xa3\xa2"
    r"|\xe1\x85[\x9f\xa0]|\xe1\x9e[\xb4\xb5]|\xe1\xa0[\x8b-\x8f]|\xe2\x80[\x8b-\x8f\xaa-\xae]|\xe2\x81[\xa0-\xaf]|\xe3\x85\xa4|\xef\xb8[\x80-\x8f]"
    r"|\xef\xbb\xbf|\xef\xbe\xa0|\xef\xbf[\xb0-\xbb]|\xf0\x91(?:\x82\xbd|\x83\x8d)|\xf0\x93[\x90\x91]|\xf0\x9b\xb2[\xa0-\xa3]|\xf0\x9d\x85[\xb3-\xba]"
    r"|\xf3\xa0)"
)
"""How INVISIBLE begins in UTF-8."""
ESCAPES = r"%(?:u|25|2d|2e|5f|[46][1-9a-f]|[57][0-9a]|3[0-9])|\\[ux/]|&#"
"""What stands for a letter, a digit, or another escape, as a pattern in any case. Other escapes leave words as they are."""

# Four characters of Base64 that stand for three of ASCII. Five in a row are rare in anything but the Base64 of a text.
_ASCII_GROUP = r"[A-Za-f][A-HQ-Xg-nw-z0-3][ABEFIJMNQRUVYZcdghklopstwx014589][A-Za-z0-9+/_\-]"
TEXT_IN_BASE64 = rf"(?:{_ASCII_GROUP}){{5}}"
_text_in_base64 = re.compile(TEXT_IN_BASE64)
_BREAK = r"(?:\r?\n|(?:\\r)?\\n)"
_RUN = re.compile(rf"(?<![\w+/\-])[\w+/\-]{{20,}}+(?:{_BREAK}[\w+/\-]++)*+={{0,2}}", re.ASCII)
_NO_BASE64 = re.compile(r"\\[rn]|[^\w+/\-]", re.ASCII)
_STANDARD = str.maketrans("-_", "+/")


def without_unseen(text: str, instead: str = "") -> str:
    """``text`` without what is not seen, or with something else in its place."""
    return text if text.isascii() and text.isprintable() else _UNSEEN.sub(instead, text)


def decoded(text: str) -> Iterator[tuple[str, list[int]]]:
    """``text`` without what is not seen and with its escapes decoded, once, twice and so on while that changes it.

    With each, where its characters and its end stood.
    """
    origins: list[int] | None = None
    for _ in range(_ROUNDS):
        parts: list[str] = []
        places: list[int] = []
        at = 0
        for found in _ESCAPE.finditer(text):
            character = _character(found[0])
            parts += (text[at : found.start()], character)
            places += range(at, found.start())
            places += [found.start()] * len(character)
            at = found.end()
        if not parts:
            return
        places += range(at, len(text) + 1)
        text = "".join((*parts, text[at:]))
        origins = places if origins is None else [origins[place] for place in places]
        yield text, origins


def _character(escape: str) -> str:
    if escape[0] not in "&%\\":
        return ""
    if escape[0] == "&":
        return html.unescape(escape)
    if len(escape) == 2:
        return {"n": "\n", "r": "\r", "t": "\t"}.get(escape[1], escape[1])
    return chr(int(escape.lstrip("%\\ux"), 16)) if escape.strip("%\\ux0") else "\0"


def base64_texts(text: str) -> Iterator[tuple[int, int, str]]:
    """Runs of Base64 that seem to stand for a text: where they begin and end, and that text, for each way to group their characters."""
    for run in _RUN.finditer(text):
        digits = _NO_BASE64.sub("", run[0]).translate(_STANDARD)
        for skipped in sorted({found.start() % 4 for found in _text_in_base64.finditer(digits)}):
            whole = digits[skipped : skipped + (len(digits) - skipped) // 4 * 4]
            rest = digits[skipped + len(whole) :]
            end = rest + "=" * (4 - len(rest)) if len(rest) > 1 else ""
            yield *run.span(), binascii.a2b_base64(whole + end).replace(b"\0", b"").decode("utf-8", "replace")

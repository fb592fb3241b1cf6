"""Cutting text to a number of bytes, on a character, and saying what was cut."""

import re
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate

CAPS = (2048, 1024, 512, 256, 128, 64, 40)  # bytes: values are cut to these, one after the other, so the longest go first
_ESCAPE_BEGUN = re.compile(r"\\(?:u[0-9a-fA-F]{0,3})?\Z")
_NOT_A_NAME = re.compile(r"[^\w.\-]", re.ASCII)


def utf8(text: str) -> bytes:
    """UTF-8 of any string: lone surrogates, which have none, become ``?``."""
    return text.encode("utf-8", "replace")


def cut(text: str, most: int) -> str:
    """``text`` in at most ``most`` bytes of UTF-8, on a character; nothing marks the cut."""
    return utf8(text)[: max(most, 0)].decode("utf-8", "ignore")


def shorten(text: str, most: int) -> str:
    r"""``text``, or its beginning and ``…[n bytes cut]``, in at most ``most`` bytes; ``most`` must hold the mark (30 do).

    It is cut on a character, and before an escape (``\n``, ``\u2028``) rather than within it: the text may be JSON.
    """
    data = utf8(text)
    if len(data) <= most:
        return text
    keep = most - len(_mark(len(data)).encode())
    kept = _without_half_an_escape(cut(text, keep))
    return kept + _mark(len(data) - len(utf8(kept)))


def _without_half_an_escape(text: str) -> str:
    begun = _ESCAPE_BEGUN.search(text, max(0, len(text) - len("\\u202")))
    if begun is None:
        return text
    before = text[: begun.start()]
    backslashes = len(before) - len(before.rstrip("\\"))
    return text if backslashes % 2 else before


def _mark(count: int) -> str:
    return f"…[{count} bytes cut]"


def joined_names(names: Sequence[str], most: int) -> str:
    """Names of what was trimmed, each once, comma-separated, in at most ``most`` ASCII bytes; ``+n`` counts those left out."""
    clean = list(dict.fromkeys(_NOT_A_NAME.sub("?", name) for name in names))
    text = ",".join(clean)
    if len(text) <= most:
        return text
    ends = list(accumulate(len(name) + 1 for name in clean))  # where each name with its comma ends
    kept = bisect_right(ends, most - len(f"+{len(clean)}"))
    return ",".join([*clean[:kept], f"+{len(clean) - kept}"])

"""Cutting text to a number of bytes, on a character, and saying what was cut."""

import re
from collections.abc import Sequence

CAPS = (2048, 1024, 512, 256, 128, 64, 40)  # bytes: values are cut to these, one after the other, so the longest go first
_NOT_A_NAME = re.compile(r"[^\w.\-]", re.ASCII)


def utf8(text: str) -> bytes:
    """UTF-8 of any string: lone surrogates, which have none, become ``?``."""
    return text.encode("utf-8", "replace")


def cut(text: str, most: int) -> str:
    """``text`` in at most ``most`` bytes of UTF-8, on a character; nothing marks the cut."""
    return utf8(text)[: max(most, 0)].decode("utf-8", "ignore")


def shorten(text: str, most: int) -> str:
    """``text``, or its beginning and ``…[n bytes cut]``, in at most ``most`` bytes; ``most`` must hold the mark (30 do)."""
    data = utf8(text)
    if len(data) <= most:
        return text
    keep = most - len(_mark(len(data)).encode())
    kept = cut(text, keep)
    return kept + _mark(len(data) - len(utf8(kept)))


def _mark(count: int) -> str:
    return f"…[{count} bytes cut]"


def listed(names: Sequence[str], most: int) -> str:
    """Names of what was trimmed, each once, comma-separated, in at most ``most`` ASCII bytes; ``+n`` counts those left out."""
    clean = list(dict.fromkeys(_NOT_A_NAME.sub("?", name) for name in names))
    text = ",".join(clean)
    for kept in range(len(clean) - 1, -1, -1):
        if len(text) <= most:
            break
        text = ",".join([*clean[:kept], f"+{len(clean) - kept}"])
    return text

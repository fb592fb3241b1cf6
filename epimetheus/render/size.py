"""Truncating text to a number of UTF-8 bytes, never inside a character."""

import re
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate

CAPS = (2048, 1024, 512, 256, 128, 64, 40)
"""Bytes. Strings are cut to these in turn, so that the longest ones are cut first."""
_PARTIAL_ESCAPE = re.compile(r"\\(?:u[0-9a-fA-F]{0,3})?\Z")
_NOT_IN_NAME = re.compile(r"[^\w.\-]", re.ASCII)


def to_utf8(text: str) -> bytes:
    """UTF-8 of any string; lone surrogates become ``?``."""
    return text.encode("utf-8", "replace")


def truncate(text: str, max_bytes: int) -> str:
    """``text`` in at most ``max_bytes``, without a mark."""
    return to_utf8(text)[: max(max_bytes, 0)].decode("utf-8", "ignore")


def truncate_with_mark(text: str, max_bytes: int) -> str:
    r"""``text``, or its beginning and ``…[n bytes cut]``, in at most ``max_bytes``, which must have room for the mark (30 suffice).

    Never cuts inside an escape (``\n``, ``\u2028``): the text may be JSON.
    """
    data = to_utf8(text)
    if len(data) <= max_bytes:
        return text
    keep = max_bytes - len(_mark(len(data)).encode())
    kept = _without_partial_escape(truncate(text, keep))
    return kept + _mark(len(data) - len(to_utf8(kept)))


def _without_partial_escape(text: str) -> str:
    partial = _PARTIAL_ESCAPE.search(text, max(0, len(text) - len("\\u202")))
    if partial is None:
        return text
    before = text[: partial.start()]
    backslashes = len(before) - len(before.rstrip("\\"))
    return text if backslashes % 2 else before


def _mark(count: int) -> str:
    return f"…[{count} bytes cut]"


def join_names(names: Sequence[str], max_bytes: int) -> str:
    """Distinct names, comma-separated, in at most ``max_bytes`` of ASCII; ``+n`` counts those that do not fit."""
    clean = list(dict.fromkeys(_NOT_IN_NAME.sub("?", name) for name in names))
    text = ",".join(clean)
    if len(text) <= max_bytes:
        return text
    ends = list(accumulate(len(name) + 1 for name in clean))  # where each name with its comma ends
    kept = bisect_right(ends, max_bytes - len(f"+{len(clean)}"))
    return ",".join([*clean[:kept], f"+{len(clean) - kept}"])

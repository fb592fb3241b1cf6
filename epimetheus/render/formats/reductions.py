"""Makes a message of ``key=value`` pairs smaller, step by step, until it fits its size limit."""

from collections.abc import Collection, Iterator, Sequence

from epimetheus.render.custom_fields import Pairs
from epimetheus.render.size import to_utf8, truncate

CAPS = (1023, 512, 256, 128, 64, 40, 20, 16)
"""Bytes that values are cut to in turn. Numbers and IPv4 addresses are shorter than the last."""
_LEAST_PART = 12  # bytes of each part of the header if everything but the marks is removed: escaped, they double

HeaderParts = Sequence[str]


def reductions(
    parts: HeaderParts, pairs: Pairs, shed_order: Sequence[str], never_cut: Collection[str], never_removed: Collection[str]
) -> Iterator[tuple[HeaderParts, Pairs, list[str]]]:
    """Ever smaller header parts and pairs, starting unchanged, with the names each step trims; the last always fits (see CAPS).

    Keys in ``shed_order`` go first, then values are cut unless in ``never_cut``, then all go that are not in ``never_removed``.
    """
    yield parts, pairs, []
    for key in shed_order:
        if any(key == name for name, _ in pairs):
            pairs = [pair for pair in pairs if pair[0] != key]
            yield parts, pairs, [key]
    for cap in CAPS:
        names = [key for key, value in pairs if key not in never_cut and len(to_utf8(value)) > cap]
        pairs = [(key, _shorten_to_bytes(value, cap) if key in names else value) for key, value in pairs]
        if any(len(to_utf8(value)) > cap for value in parts):
            names.append("header")
        parts = [_shorten_to_bytes(value, cap) for value in parts]
        if names:
            yield parts, pairs, names
    for key in [key for key, _ in reversed(pairs) if key not in never_removed]:
        pairs = [pair for pair in pairs if pair[0] != key]
        yield parts, pairs, [key]
    yield [_shorten_to_bytes(value, _LEAST_PART) for value in parts], pairs, ["header"]


def shorten(text: str, length: int) -> str:
    """``text`` in at most ``length`` characters; ``…`` marks a cut."""
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"


def _shorten_to_bytes(value: str, max_bytes: int) -> str:
    return value if len(to_utf8(value)) <= max_bytes else truncate(value, max_bytes - 3).rstrip() + "…"

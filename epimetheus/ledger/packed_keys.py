"""Packed dedupe keys: 16 bytes each, concatenated. No function creates an object for each key of a large set at the same time."""

import operator
from collections import defaultdict
from struct import iter_unpack

KEY_BYTES = 16
_KEY = f"{KEY_BYTES}s"
_FEW = 1 << 16  # keys that are sorted at once: about 6 MB


def sorted_keys(packed: bytes | bytearray) -> bytes:
    """The set of the keys in ``packed``, in order. Memory: three times ``packed``.

    Many keys are first divided by a byte in which they differ: as they are hashes, into about equal parts.
    """
    if len(packed) <= _FEW * KEY_BYTES:
        return b"".join(sorted({key for (key,) in iter_unpack(_KEY, packed)}))
    at = next((at for at in range(KEY_BYTES) if len(set(packed[at::KEY_BYTES])) > 1), None)
    if at is None:
        return bytes(packed[:KEY_BYTES])
    parts: defaultdict[int, bytearray] = defaultdict(bytearray)
    for (key,) in iter_unpack(_KEY, packed):
        parts[key[at]] += key
    return b"".join([sorted_keys(parts.pop(first)) for first in sorted(parts)])


def are_sorted(packed: memoryview) -> bool:
    """Whether the keys are in order, each once."""
    return all(map(operator.lt, iter_unpack(_KEY, packed[:-KEY_BYTES]), iter_unpack(_KEY, packed[KEY_BYTES:])))

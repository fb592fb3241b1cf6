"""Finds sealed messages by the digest of their event ID."""

from array import array
from bisect import bisect_left, bisect_right
from struct import iter_unpack

_PART_BITS = 8  # the index is sorted in 256 parts, so that few objects exist at the same time


class IdIndex:
    """The places of each key: the keys in order, and their places. 12 bytes for each key."""

    def __init__(self, keys: "array[int]") -> None:
        parts = [bytearray() for _ in range(1 << _PART_BITS)]
        for place, key in enumerate(keys):
            parts[key >> 64 - _PART_BITS] += key.to_bytes(8, "big") + place.to_bytes(8, "big")
        self._keys, self._places = array("Q"), array("I")
        for part in parts:
            ordered = sorted(iter_unpack(">QQ", part))
            part.clear()
            self._keys.extend(key for key, _ in ordered)
            self._places.extend(place for _, place in ordered)

    def places(self, key: int) -> list[int]:
        """The places of ``key``, in order."""
        start = bisect_left(self._keys, key)
        if start == len(self._keys) or self._keys[start] != key:
            return []
        return list(self._places[start : bisect_right(self._keys, key, start)])

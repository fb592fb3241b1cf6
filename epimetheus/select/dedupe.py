"""Seen before? Keys of what the receiver has, kept for as long as OCI may show the same event again.

A key is 16 bytes: 4 tell the compartment that was asked, 12 the event (96 bits: with a million keys, a chance of about 1 in 10**17
that any two meet). Keys lie in buckets named by the end of the window they were read in, a minute since the epoch: an event read in a
window that ends at E was processed before E, so once no window reaches back before E, its key can go.
"""

from array import array
from collections import defaultdict
from collections.abc import Iterator, Mapping
from hashlib import blake2b
from itertools import count, groupby, islice
from struct import iter_unpack

from epimetheus.model import Fetched

KEY_BYTES = 16
_TAG_BYTES = 4
_LEAST_SLOTS = 1 << 16


def compartment_tag(ocid: str) -> bytes:
    """The first 4 bytes of every key of this compartment."""
    return blake2b(ocid.encode(), digest_size=_TAG_BYTES).digest()


def event_key(tag: bytes, fetched: Fetched) -> bytes:
    """The key of an event, by its whole JSON text.

    What OCI lists again with other bytes is sent again, and no event can hide behind the id of another.
    """
    return tag + blake2b(fetched.raw, digest_size=KEY_BYTES - _TAG_BYTES).digest()


class SeenKeys:
    """The keys of this region: those remembered (``buckets``), and those on their way in this run.

    Each is in memory once, in the order they came, and beside it the number of its bucket (0: on its way). Its place is found by its
    hash, in slots of which at most half are taken (open addressing). A million take 26 MB so, and 100 MB as objects in a set.
    """

    def __init__(self, buckets: Mapping[int, bytes] | None = None) -> None:
        self._keys, self._numbers = bytearray(KEY_BYTES), array("H", [0])  # nobody's is the first place: a slot with a 0 is free
        self._minutes: dict[int, int] = {}
        for number, (minute, packed) in enumerate((buckets or {}).items(), 1):
            self._minutes[number] = minute
            self._keys += packed
            self._numbers.extend(_repeated(number, len(packed) // KEY_BYTES))
        self._remembered = len(self._numbers) - 1
        self._settled = 1  # every place before it is of a key that is remembered
        self._lay_out()

    def __len__(self) -> int:
        return self._remembered

    def first_time(self, key: bytes) -> bool:
        """Whether this key was not met before; it has been, from now on, in this run."""
        slots, mask = self._slots, self._mask
        slot = hash(key) & mask
        while place := slots[slot]:
            if self._keys.startswith(key, place * KEY_BYTES):
                return False
            slot = (slot + 1) & mask
        slots[slot] = len(self._keys) // KEY_BYTES
        self._keys += key
        self._free -= 1
        if not self._free:
            self._lay_out()
        return True

    def remember(self, minute: int, keys: list[bytes]) -> None:
        """The receiver has these events, which were met in this run, in a window that ended at ``minute``."""
        self._number_all()
        first, number = self._numbers.index(0, self._settled), self._number(minute)
        end = first + len(keys)
        if self._keys.startswith(b"".join(keys), first * KEY_BYTES):
            self._numbers[first:end] = _repeated(number, len(keys))
            self._settled = end
        else:  # between them came some of another window
            for key in keys:
                self._numbers[self._place(key)] = number
            self._settled = first
        self._remembered += len(keys)

    def forget(self, before: int, needed: Mapping[bytes, int]) -> None:
        """Drop buckets that end at or before the minute ``before``, but for the compartments (tag → minute) that reach further back."""
        self._number_all()
        end = 1
        for first, after in self._kept(before, needed):
            if first > end:
                self._keys[end * KEY_BYTES : (end + after - first) * KEY_BYTES] = self._keys[first * KEY_BYTES : after * KEY_BYTES]
                self._numbers[end : end + after - first] = self._numbers[first:after]
            end += after - first
        if dropped := len(self._numbers) - end:
            del self._keys[end * KEY_BYTES :], self._numbers[end:]
            self._remembered -= dropped
            self._settled = 1
            left = set(self._numbers)
            self._minutes = {number: minute for number, minute in self._minutes.items() if number in left}
            self._lay_out()

    def packed(self) -> dict[int, bytes]:
        """What to write down: minute → its keys, one after the other, oldest minute first."""
        self._number_all()
        parts: defaultdict[int, list[memoryview]] = defaultdict(list)
        for number, first, after in self._runs():
            if number:
                parts[self._minutes[number]].append(memoryview(self._keys)[first * KEY_BYTES : after * KEY_BYTES])
        return {minute: b"".join(some) for minute, some in sorted(parts.items())}

    def _kept(self, before: int, needed: Mapping[bytes, int]) -> Iterator[tuple[int, int]]:
        """From which place up to which other keys stay."""
        for number, first, after in self._runs():
            minute = self._minutes.get(number)
            if minute is None or minute > before:
                yield first, after
            elif needed:
                tags = ((place, bytes(self._keys[place * KEY_BYTES : place * KEY_BYTES + _TAG_BYTES])) for place in range(first, after))
                yield from ((place, place + 1) for place, tag in tags if needed.get(tag, minute) < minute)

    def _runs(self) -> Iterator[tuple[int, int, int]]:
        """Numbers of buckets, and from which place up to which other their keys lie."""
        first = 1
        for number, run in groupby(islice(self._numbers, 1, None)):
            after = first + sum(1 for _ in run)
            yield number, first, after
            first = after

    def _number(self, minute: int) -> int:
        """The number of the bucket of ``minute``."""
        known = next((number for number, one in self._minutes.items() if one == minute), 0)
        number = known or next(free for free in count(1) if free not in self._minutes)
        self._minutes[number] = minute
        return number

    def _number_all(self) -> None:
        self._numbers.extend(_repeated(0, len(self._keys) // KEY_BYTES - len(self._numbers)))

    def _place(self, key: bytes) -> int:
        slot = hash(key) & self._mask
        while (place := self._slots[slot]) and not self._keys.startswith(key, place * KEY_BYTES):
            slot = (slot + 1) & self._mask
        return place

    def _lay_out(self) -> None:
        """Slots for all keys and as many again, and find each its own."""
        taken, size = len(self._keys) // KEY_BYTES, _LEAST_SLOTS
        while size < 4 * taken:
            size *= 2
        self._mask, self._free = size - 1, size // 2 - taken
        self._slots = array("I", [0]) * size
        slots, mask = self._slots, self._mask
        for place, (key,) in enumerate(iter_unpack(f"{KEY_BYTES}s", memoryview(self._keys)[KEY_BYTES:]), 1):
            slot = hash(key) & mask
            while slots[slot]:
                slot = (slot + 1) & mask
            slots[slot] = place


def _repeated(number: int, times: int) -> "array[int]":
    return array("H", [number]) * times

"""Recognize duplicates by the keys of delivered events.

A key has 16 bytes: 4 identify the polled compartment, 12 the event (96 bits: with a million keys, the chance of any collision is about 1 in
10**17). Keys are in buckets named by the end of the window they were read in, in minutes since the epoch. An event read in a window that
ends at E was processed before E, so its key can be dropped once no window reaches back before E.
"""

from array import array
from collections.abc import Iterable, Iterator
from hashlib import blake2b
from itertools import groupby, islice
from struct import iter_unpack

from msgspec import Raw

from epimetheus.model import Fetched
from epimetheus.select.event_content import content, content_of_text

KEY_BYTES = 16
_TAG_BYTES = 4
_MIN_SLOTS = 1 << 16
MOST_BUCKETS = (1 << 16) - 1


def compartment_tag(ocid: str) -> bytes:
    """The first 4 bytes of every key of the compartment ``ocid``."""
    return blake2b(ocid.encode(), digest_size=_TAG_BYTES).digest()


def event_key(tag: bytes, fetched: Fetched) -> bytes:
    """The key of an event: a hash of what it says (`content`), the same whether it was listed or pushed.

    No event can hide behind the ID of another.
    """
    return _key(tag, content(fetched))


def key_of_text(tag: bytes, raw: bytes | Raw) -> bytes | None:
    """The `event_key` of an event in the form of the Audit API, at half the cost of decoding it first. None for any other text."""
    said = content_of_text(raw)
    return None if said is None else _key(tag, said)


def _key(tag: bytes, said: bytes) -> bytes:
    return tag + blake2b(said, digest_size=KEY_BYTES - _TAG_BYTES).digest()


class SeenKeys:
    """The keys of one region: those of delivered events, and those not confirmed yet in this run.

    All keys are in one byte array in the order they came, with the number of each key's bucket in a parallel array (0: not confirmed). A
    hash table with open addressing, at most half full, finds a key's place. A million keys take 26 MB; in a set they would take 100 MB.
    """

    def __init__(self) -> None:
        self._keys, self._numbers = bytearray(KEY_BYTES), array("H", [0])  # place 0 is unused: a slot with a 0 is free
        self._latest = 0
        self._use_minutes({})
        self._remembered = 0
        self._numbered_end = 1  # all places before this one have a bucket
        self._rebuild()

    def __len__(self) -> int:
        return self._remembered

    def add_if_new(self, key: bytes) -> bool:
        """True if ``key`` is new. Adds it, so that it is not new again in this run."""
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
            self._rebuild()
        return True

    def add_delivered(self, minute: int, packed: bytes) -> None:
        """Put the keys ``packed``, of events delivered earlier, into the bucket of ``minute``. Those that are here already stay."""
        self._number_all()
        if self._free <= len(packed) // KEY_BYTES:
            self._rebuild(len(packed) // KEY_BYTES)
        number, before, place = self._number(minute), len(self._numbers), len(self._numbers)
        keys, slots, mask = self._keys, self._slots, self._mask
        for (key,) in iter_unpack(f"{KEY_BYTES}s", packed):  # as `add_if_new`, at half the cost of a call for each key
            slot = hash(key) & mask
            while taken := slots[slot]:
                if keys.startswith(key, taken * KEY_BYTES):
                    break
                slot = (slot + 1) & mask
            else:
                slots[slot] = place
                keys += key
                place += 1
        added = place - before
        self._free -= added
        self._numbers.extend(_repeated(number, added))
        self._remembered += added

    def drop_unconfirmed(self) -> None:
        """Drop the keys without a bucket: those of a run that ended before the receiver confirmed their events."""
        self._number_all()
        self._keep((first, after) for number, first, after in self._runs() if number)

    def remember(self, minute: int, keys: list[bytes]) -> None:
        """Put ``keys`` into the bucket of ``minute``, the end of their window: the receiver has confirmed their events."""
        self._number_all()
        first, number = self._numbers.index(0, self._numbered_end), self._number(minute)
        end = first + len(keys)
        if self._keys.startswith(b"".join(keys), first * KEY_BYTES):
            self._numbers[first:end] = _repeated(number, len(keys))
            self._numbered_end = end
        else:  # keys of another window came in between
            for key in keys:
                self._numbers[self._place(key)] = number
            self._numbered_end = first
        self._remembered += len(keys)

    def forget(self, before: int) -> None:
        """Drop the buckets up to the minute ``before``. Cheap if there are none, as at most commits."""
        if all(minute > before for minute in self._minutes.values()):
            return
        self._number_all()
        self._keep((first, after) for number, first, after in self._runs() if not number or self._minutes[number] > before)

    def _keep(self, ranges: Iterable[tuple[int, int]]) -> None:
        """Drop all places but the ``ranges`` (first, after), which are in ascending order."""
        end = 1
        for first, after in ranges:
            if first > end:
                self._keys[end * KEY_BYTES : (end + after - first) * KEY_BYTES] = self._keys[first * KEY_BYTES : after * KEY_BYTES]
                self._numbers[end : end + after - first] = self._numbers[first:after]
            end += after - first
        if len(self._numbers) > end:
            del self._keys[end * KEY_BYTES :], self._numbers[end:]
            self._numbered_end = 1
            self._remembered = len(self._numbers) - self._numbers.count(0)
            left = set(self._numbers)
            self._use_minutes({number: minute for number, minute in self._minutes.items() if number in left})
            self._rebuild()

    def _runs(self) -> Iterator[tuple[int, int, int]]:
        """Each run of places with the same bucket: (bucket number, first, after)."""
        first = 1
        for number, run in groupby(islice(self._numbers, 1, None)):
            after = first + sum(1 for _ in run)
            yield number, first, after
            first = after

    def _number(self, minute: int) -> int:
        """The number of the bucket of ``minute``; assigns a free number to a new bucket.

        Without a free number, ``minute`` shares the bucket of the latest minute, which keeps its keys longer.
        """
        if number := self._by_minute.get(minute):
            return number
        while self._free_number in self._minutes:
            self._free_number += 1
        number = self._free_number if self._free_number <= MOST_BUCKETS else self._latest
        self._minutes[number] = max(minute, self._minutes.get(number, minute))
        self._by_minute[minute] = number
        self._latest = max(self._latest or number, number, key=self._minutes.__getitem__)
        return number

    def _use_minutes(self, minutes: dict[int, int]) -> None:
        """Continue with these buckets: number → minute."""
        self._minutes, self._by_minute = minutes, {minute: number for number, minute in minutes.items()}
        self._free_number, self._latest = 1, max(minutes, key=minutes.__getitem__, default=0)

    def _number_all(self) -> None:
        self._numbers.extend(_repeated(0, len(self._keys) // KEY_BYTES - len(self._numbers)))

    def _place(self, key: bytes) -> int:
        slot = hash(key) & self._mask
        while (place := self._slots[slot]) and not self._keys.startswith(key, place * KEY_BYTES):
            slot = (slot + 1) & self._mask
        return place

    def _rebuild(self, more: int = 0) -> None:
        """Rebuild the hash table so that at most a quarter of its slots are taken, with ``more`` keys that are about to be added."""
        taken, size = len(self._keys) // KEY_BYTES, _MIN_SLOTS
        while size < 4 * (taken + more):
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

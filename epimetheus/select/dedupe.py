"""Seen before? Keys of what the receiver has, kept for as long as OCI may show the same event again.

A key is 16 bytes: 4 tell the compartment that was asked, 12 the event (96 bits: with a million keys, a chance of about 1 in 10**17
that any two meet). Keys lie in buckets named by the end of the window they were read in, a minute since the epoch: an event read in a
window that ends at E was processed before E, so once no window reaches back before E, its key can go.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from hashlib import blake2b

from epimetheus.model import Fetched

KEY_BYTES = 16
_TAG_BYTES = 4
_SHELF = slice(_TAG_BYTES, _TAG_BYTES + 2)  # of the event, not of the compartment


def compartment_tag(ocid: str) -> bytes:
    """The first 4 bytes of every key of this compartment."""
    return blake2b(ocid.encode(), digest_size=_TAG_BYTES).digest()


def event_key(tag: bytes, fetched: Fetched) -> bytes:
    """The key of an event: by id, time and type where it has an id, by its whole text where it has none."""
    event = fetched.event
    if event is None or not event.event_id:
        identity = bytes(fetched.raw)
    else:
        identity = f"{event.event_id}\0{event.event_time}\0{event.event_type}".encode("utf-8", "surrogatepass")
    return tag + blake2b(identity, digest_size=KEY_BYTES - _TAG_BYTES).digest()


class SeenKeys:
    """The keys of this region: those remembered (``buckets``), and those on their way in this run.

    All of them lie, one behind the other, in short runs of bytes by two bytes of the key: a million take some 30 MB so, and over 100 MB
    as objects in a set, for a microsecond more of each event.
    """

    def __init__(self, buckets: Mapping[int, bytes] | None = None) -> None:
        self._buckets = {minute: bytearray(packed) for minute, packed in (buckets or {}).items()}
        self._seen: defaultdict[bytes, bytearray] = defaultdict(bytearray)
        for packed in self._buckets.values():
            for key in _unpacked(packed):
                self._seen[key[_SHELF]] += key

    def __len__(self) -> int:
        return sum(map(len, self._buckets.values())) // KEY_BYTES

    def first_time(self, key: bytes) -> bool:
        """Whether this key was not met before; it has been, from now on, in this run."""
        shelf = self._seen[key[_SHELF]]
        if _place(shelf, key) >= 0:
            return False
        shelf += key
        return True

    def remember(self, minute: int, keys: list[bytes]) -> None:
        """The receiver has these events, read in a window that ended at ``minute``."""
        self._buckets.setdefault(minute, bytearray()).extend(b"".join(keys))

    def forget(self, before: int, needed: Mapping[bytes, int]) -> None:
        """Drop buckets that end at or before the minute ``before``, but for the compartments (tag → minute) that reach further back."""
        for minute in [m for m in self._buckets if m <= before]:
            kept = bytearray()
            for key in _unpacked(self._buckets.pop(minute)):
                if needed.get(key[:_TAG_BYTES], minute) < minute:
                    kept += key
                else:
                    self._discard(key)
            if kept:
                self._buckets[minute] = kept

    def packed(self) -> dict[int, bytes]:
        """What to write down: minute → its keys, one after the other, oldest minute first."""
        return {minute: bytes(keys) for minute, keys in sorted(self._buckets.items())}

    def _discard(self, key: bytes) -> None:
        shelf = self._seen[key[_SHELF]]
        if (at := _place(shelf, key)) >= 0:
            del shelf[at : at + KEY_BYTES]
        if not shelf:
            del self._seen[key[_SHELF]]


def _place(shelf: bytearray, key: bytes) -> int:
    """Where the key lies on the shelf, -1 where it does not: bytes that are the end of one key and the beginning of the next are none."""
    at = shelf.find(key)
    while at % KEY_BYTES and at >= 0:
        at = shelf.find(key, at + 1)
    return at


def _unpacked(packed: bytes | bytearray) -> Iterator[bytes]:
    return (bytes(packed[at : at + KEY_BYTES]) for at in range(0, len(packed), KEY_BYTES))

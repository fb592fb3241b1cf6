"""What the receiver confirmed since the last entry of the ledger: the content of the next one."""

from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from typing import NamedTuple

from epimetheus.ledger.entry import split_keys
from epimetheus.ledger.messages import Messages, ids_of_lines
from epimetheus.model import HourlyCount, Window
from epimetheus.select.rate_limits import Counts, add_counts


class PendingEntry:
    """Keys of confirmed and of filtered events, their counts under rate limits, and the digest of confirmed messages.

    ``keys``: compartment OCID and the window it was read in → packed keys.
    """

    def __init__(self) -> None:
        self.keys: dict[tuple[str, Window], bytearray] = {}
        self.counts: dict[str, dict[int, HourlyCount]] = {}
        self._first = self._last = 0
        self._digest = sha256()
        self._ids = bytearray()

    def add_keys(self, compartment: str, window: Window, keys: list[bytes]) -> None:
        """Add the keys of events that were read in ``window``."""
        self.keys.setdefault((compartment, window), bytearray()).extend(b"".join(keys))

    def add_counts(self, counts: Counts) -> None:
        """Add hourly counts of events under rate limits."""
        for (kind, hour), count in counts.items():
            hours = self.counts.setdefault(kind, {})
            hours[hour] = add_counts(hours.get(hour, HourlyCount()), count)

    def add_messages(self, first: int, count: int, lines: bytes) -> None:
        """Add ``count`` messages from the number ``first`` on, with their `message_line`s."""
        if count:
            self._first = self._first or first
            self._last = first + count - 1
            self._digest.update(lines)
            self._ids += ids_of_lines(lines)

    def parts(self) -> Iterator["EntryPart"]:
        """The content of each entry to be written: one, unless the windows are further apart than an entry may span.

        The first has all messages and counts. Messages without an event, which are notices, make no entry.
        """
        messages = Messages(self._first, self._last, self._digest.hexdigest(), bytes(self._ids)) if self._last else None
        for number, keys in enumerate(split_keys({place: bytes(keys) for place, keys in self.keys.items()})):
            first = number == 0
            yield EntryPart(keys, messages if first else None, self.counts if first else {})


class MessageDigest:
    """The number of confirmed messages of a run, and the SHA-256 of their `message_line`s."""

    def __init__(self) -> None:
        self.count = 0
        self._digest = sha256()

    def add(self, count: int, lines: bytes) -> None:
        """Add ``count`` messages with their lines."""
        self.count += count
        self._digest.update(lines)

    def sha256(self) -> str:
        """The hex digest."""
        return self._digest.hexdigest()


class EntryPart(NamedTuple):
    """What one entry says of the events: their keys by compartment and window, their messages, and their counts under rate limits."""

    keys: Mapping[tuple[str, Window], bytes]
    messages: Messages | None
    rate_limits: Mapping[str, Mapping[int, HourlyCount]]


def polled_digest(ocids: Iterable[str]) -> str:
    """SHA-256 of the sorted OCIDs joined by line feeds, in hexadecimal digits."""
    return sha256("\n".join(sorted(ocids)).encode()).hexdigest()

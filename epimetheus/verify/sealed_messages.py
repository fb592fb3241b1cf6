"""The messages that sealed entries record, and which of them a SIEM has: about 21 bytes for each message, in arrays.

A message of an export is matched by run and sequence number if it has them, otherwise by the first 8 bytes of the SHA-256 of its event ID.
An event that was sent twice counts as present if one of its messages is, unless the export has numbers. A message without an event ID can
only be matched by number.
A message without an ID that has the number of one with an ID was altered, unless no message of its run has an ID: FIELD_MAP can remove it.
"""

import hashlib
import sys
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from epimetheus.verify.id_index import IdIndex
from epimetheus.verify.message import SiemMessage

ID_BYTES = 8
"""Bytes of the digest of an event ID in an entry; zero for an event without a plain ID."""
_BY_NUMBER, _BY_ID, _OTHER_ID, _NO_ID, _CUT_ID, _MOVED, _SEAL = 1, 2, 4, 8, 16, 32, 64
_PRESENT = _BY_NUMBER | _BY_ID
_MOST_ALTERED = 100_000


class Segment(NamedTuple):
    """The messages ``first`` to ``last`` of ``run`` in ``region``, which the entry ``entry`` records, at ``place`` in the arrays."""

    region: str
    run: str
    first: int
    last: int
    entry: str
    place: int


class MissingMessages(NamedTuple):
    """Messages that the SIEM lacks: those from ``first`` to ``last`` of one segment."""

    segment: Segment
    first: int
    last: int

    @property
    def size(self) -> int:
        """How many they are."""
        return self.last - self.first + 1


class AlteredMessage(NamedTuple):
    """A message whose run and sequence number are sealed with the digest ``key``, but which has another event ID."""

    segment: Segment
    sequence: int
    event_id: str
    key: int


class Outcome(NamedTuple):
    """The numbers of ``sealed`` messages and of those that are ``present``; the ``missing`` ones.

    ``unmatchable``: messages without an event ID, in an export without sequence numbers. ``number_only``: present messages whose event ID
    could not be compared. ``other_number``: messages that are present with a number that no entry has. ``emptied``: without their event ID.
    """

    sealed: int
    present: int
    unmatchable: int
    missing: list[MissingMessages]
    number_only: int
    other_number: int
    emptied: list[MissingMessages]


@dataclass
class SealedMessages:
    """See the module. ``duplicates``: messages that the export has again. ``unsealed``: in no entry. ``others``: of other programs.

    ``numbered`` and ``unnumbered``: messages of the export with and without run and sequence number.
    """

    duplicates: int = 0
    unsealed: int = 0
    others: int = 0
    numbered: int = 0
    unnumbered: int = 0
    altered: list[AlteredMessage] = field(default_factory=list)
    more_altered: int = 0
    _keys: "array[int]" = field(default_factory=lambda: array("Q"))
    _marks: bytearray = field(default_factory=bytearray)
    _segments: dict[str, list[Segment]] = field(default_factory=dict)
    _index: IdIndex | None = None
    _regions: set[str] = field(default_factory=set)
    _hosts: dict[str, set[str]] = field(default_factory=dict)
    _numbered_runs: set[tuple[str, str]] = field(default_factory=set)
    _runs_with_ids: set[str] = field(default_factory=set)
    _has_ids: bool = False

    def __len__(self) -> int:
        return len(self._keys)

    def add_host(self, host: str, region: str) -> None:
        """Add a host name that messages of ``region`` may have in their header."""
        self._regions.add(region)
        self._hosts.setdefault(host, set()).add(region)

    def add(self, region: str, run: str, first: int, entry: str, ids: bytes) -> Segment:
        """Add the messages of an entry from the number ``first`` on. ``ids``: 8 bytes for each. Call it before `match`."""
        keys = array("Q")
        keys.frombytes(ids)
        if sys.byteorder == "little":
            keys.byteswap()
        self._regions.add(region)
        segment = Segment(region, run, first, first + len(keys) - 1, entry, len(self._keys))
        self._segments.setdefault(run, []).append(segment)
        self._keys += keys
        self._marks += bytes(len(keys))
        return segment

    def match(self, message: SiemMessage) -> None:
        """Match a message of an export. The message of a seal is in no entry, as a rule, and does not count as unsealed."""
        if message.other_product and not self.has(message.event_id):
            self.others += 1
            return
        self._has_ids |= bool(message.event_id)
        if message.seal:  # it is never the message of an event
            for place in self._places(event_key(message.event_id)):
                self._marks[place] |= _SEAL
        self.numbered += bool(message.run)
        self.unnumbered += not message.run
        if message.run:
            if message.event_id and not message.seal:
                self._runs_with_ids.add(message.run)
            if self._match_number(message):
                return
        if not self._match_id(message) and not message.seal:
            self.unsealed += 1

    def _match_number(self, message: SiemMessage) -> bool:
        """Match it by run and sequence number. Regions share the ID of a run, so the host name or the event ID must decide."""
        regions, number = self._hosts.get(message.host, self._regions), message.sequence
        found = [
            segment
            for segment in self._segments.get(message.run, ())
            if segment.first <= number <= segment.last and segment.region in regions
        ]
        if not found:
            return False
        self._numbered_runs.update([(segment.region, segment.run) for segment in found])
        key = event_key(message.event_id) if message.event_id else 0
        places = [segment.place + number - segment.first for segment in found]
        same = [place for place in places if self._keys[place] == key]
        if not same and not message.seal:
            same = [place for place in places if not self._keys[place]]
        if same:
            self._mark_number(self._first_unmarked(same))
        elif message.is_cut or not key:
            self._mark_without_id(self._first_unmarked(places), _CUT_ID if message.event_id else _NO_ID)
        elif len(regions) == 1:
            self._add_altered(found[0], message)
        else:
            return False
        return True

    def _first_unmarked(self, places: Sequence[int]) -> int:
        """The first of ``places`` without a mark. Messages of several regions may have the same number, and no event ID."""
        return next((place for place in places if not self._marks[place]), places[0])

    def _mark_number(self, place: int) -> None:
        mark = self._marks[place]
        self._marks[place] = mark & ~(_BY_ID | _MOVED) | _BY_NUMBER
        is_passed_on = mark & _BY_ID and self._mark_id(self._keys[place], mark & _MOVED)
        self.duplicates += bool(mark & _PRESENT) and not is_passed_on

    def _mark_without_id(self, place: int, mark: int) -> None:
        self.duplicates += bool(self._marks[place] & (_PRESENT | _CUT_ID | _NO_ID))
        self._marks[place] |= mark

    def _add_altered(self, segment: Segment, message: SiemMessage) -> None:
        place = segment.place + message.sequence - segment.first
        self._marks[place] |= _OTHER_ID
        if len(self.altered) < _MOST_ALTERED:
            self.altered.append(AlteredMessage(segment, message.sequence, message.event_id.decode(), self._keys[place]))
        else:
            self.more_altered += 1

    def _match_id(self, message: SiemMessage) -> bool:
        if not message.event_id or not self._places(event_key(message.event_id)):
            return False
        self.duplicates += not self._mark_id(event_key(message.event_id), _MOVED if message.run else 0)
        return True

    def _mark_id(self, key: int, mark: int) -> bool:
        """Mark the first message with this digest that is not present yet. Returns False if all are."""
        for place in self._places(key):
            if not self._marks[place] & _PRESENT:
                self._marks[place] |= _BY_ID | mark
                return True
        return False

    def outcome(self) -> "Outcome":
        """What the SIEM has and lacks, after all its messages were matched."""
        missing: list[MissingMessages] = []
        emptied: list[MissingMessages] = []
        unmatchable = not_present = number_only = 0
        for segment, place in self._unmarked():
            if self._is_elsewhere(place, segment):
                continue
            if self._has_number_only(place, segment):
                number_only += 1
                continue
            not_present += 1
            if self._marks[place] & _OTHER_ID:
                continue
            if self._is_unmatchable(place, segment):
                unmatchable += 1
                continue
            _extend(emptied if self._marks[place] & _NO_ID else missing, segment, segment.first + place - segment.place)
        present, moved = len(self) - not_present, _MOVED | _BY_NUMBER
        other_number = sum(self._marks.count(mark) for mark in range(2 * _SEAL) if mark & moved == _MOVED)
        return Outcome(len(self), present, unmatchable, missing, number_only, other_number, emptied)

    def count_own(self, segment: Segment, others: "SealedMessages | None" = None) -> int:
        """How many messages of ``segment`` the export has, without one that may be the message of another entry, also of ``others``."""
        places = range(segment.place, segment.place + segment.last - segment.first + 1)
        return sum(
            not self._marks[place] & _SEAL and (bool(self._marks[place] & _BY_NUMBER) or self._is_own(self._keys[place], others))
            for place in places
        )

    def _is_own(self, key: int, others: "SealedMessages | None") -> bool:
        """Whether the export has a message for each one with this digest of its event ID."""
        is_elsewhere = others is not None and others._places(key)
        return bool(key) and not is_elsewhere and all(self._marks[place] & _PRESENT for place in self._places(key))

    @property
    def lack_ids(self) -> bool:
        """Whether the export has messages, but none has an event ID: FIELD_MAP can remove it, also from the messages of seals."""
        return self.numbered + self.unnumbered > 0 and not self._has_ids

    def has(self, event_id: bytes) -> bool:
        """Whether an entry has a message with this event ID."""
        return bool(self._places(event_key(event_id)))

    def keys_of(self, missing: MissingMessages) -> list[int]:
        """The digests of the event IDs of ``missing``, 0 where a message has none."""
        start = missing.segment.place + missing.first - missing.segment.first
        return list(self._keys[start : start + missing.last - missing.first + 1])

    def _unmarked(self) -> Iterator[tuple[Segment, int]]:
        for segments in self._segments.values():
            for segment in segments:
                for place in range(segment.place, segment.place + segment.last - segment.first + 1):
                    if not self._marks[place] & _PRESENT:
                        yield segment, place

    def _has_number_only(self, place: int, segment: Segment) -> bool:
        """Whether the export has the message, but nothing of its run has an event ID, or only the first characters of this one."""
        mark = self._marks[place]
        return bool(mark & _CUT_ID) or (bool(mark & _NO_ID) and segment.run not in self._runs_with_ids)

    def _is_unmatchable(self, place: int, segment: Segment) -> bool:
        return not self._keys[place] and self.unnumbered > 0 and (segment.region, segment.run) not in self._numbered_runs

    def _is_elsewhere(self, place: int, segment: Segment) -> bool:
        """Whether another message of the same event is present. Where messages have numbers, each stands for itself.

        Two versions of a problem have the same ID.
        """
        if self.numbered and (not self.unnumbered or (segment.region, segment.run) in self._numbered_runs):
            return False
        key = self._keys[place]
        return bool(key) and any(self._marks[other] & _PRESENT for other in self._places(key))

    def _places(self, key: int) -> list[int]:
        if self._index is None:
            self._index = IdIndex(self._keys)
        return self._index.places(key)


def _extend(ranges: list[MissingMessages], segment: Segment, sequence: int) -> None:
    """Add a message to the last range, if it is the next one of the same entry, or begin another."""
    if ranges and ranges[-1].segment is segment and ranges[-1].last + 1 == sequence:
        ranges[-1] = ranges[-1]._replace(last=sequence)
    else:
        ranges.append(MissingMessages(segment, sequence, sequence))


def event_key(event_id: bytes) -> int:
    """The first 8 bytes of the SHA-256 of an event ID."""
    return int.from_bytes(hashlib.sha256(event_id).digest()[:ID_BYTES], "big")


def key_text(key: int) -> str:
    """16 hexadecimal digits of SHA-256 for the digest of an event ID, ``-`` for a message without one."""
    return f"{key:016x}" if key else "-"

"""An entry of the ledger: what the receiver confirmed, or a rule filtered, between two commits; and its stored form.

    EPIMETHEUS-LEDGER 1 sha256=<hex digest of everything after this line>     a signature may follow: `entry_signature`
    { "version": 1, …, "common_window": {"start": "2026-11-30T06:00:00Z", …}, "compartments": {OCID: {"keys": 12, …}}, … }
    NUL <keys: 16 bytes each, in the order of the head; those of a compartment and window are sorted> <message IDs: 8 bytes each>

``compartments`` were read in ``common_window``, the window that most compartments were read in. ``exceptions`` were read in other windows;
a compartment may have several. ``at`` is in seconds since the epoch.

Decoding is strict: an entry has exactly one stored form, and any other input is `LedgerDamaged`.
"""

import hashlib
import math
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from epimetheus.errors import LedgerDamaged
from epimetheus.ledger.entry_name import EntryName, Source
from epimetheus.ledger.entry_signature import signature_of
from epimetheus.ledger.head import CountHead, Head, KeySet, MessagesHead, OtherKeySet, WindowHead, decode_head, encode_head
from epimetheus.ledger.messages import ID_BYTES, Messages
from epimetheus.ledger.packed_keys import KEY_BYTES, are_sorted, sorted_keys
from epimetheus.model import HourlyCount, Window, count_text, minute_text
from epimetheus.problem import STREAM
from epimetheus.stored_form import add_checksum, check_checksum, damage, parse_whole_minute

__all__ = ["KEY_BYTES", "KNOWN", "LONGEST_MINUTES", "Entry", "EntryName", "Messages", "Source", "pack", "split_keys", "unpack"]

LONGEST_MINUTES = 8 * 24 * 60
"""Maximum length of an entry's window: the longest slice and the longest overlap. It limits how far a listing by window end must reach."""

_HEADER = b"EPIMETHEUS-LEDGER 1 "
_DIGEST = re.compile("[0-9a-f]{64}")
_DO = "Restore it from a copy. Without a copy, delete it: the events that only this entry records are then sent again."

RateLimitCounts = Mapping[str, Mapping[int, HourlyCount]]
"""Event type → start of the hour (minutes since the epoch) → events that passed and that were suppressed."""

Place = tuple[str, Window]
"""A compartment OCID, and a window it was read in."""

KNOWN = "known"
"""Instead of a compartment, in entries with the source ``cloud_guard``: its keys are not of events that the run sent or filtered."""


@dataclass(frozen=True)
class Entry:
    """An entry. ``at``: when it was created, in seconds since the epoch. ``messages``: None if no message was sent.

    ``keys``: compartment and window → packed keys of its events, 16 bytes each, in any order; empty if there were none. ``polled``: number
    of compartments that were polled, with or without events; ``polled_sha256``: hex digest of their sorted OCIDs, joined by line feeds.
    ``rate_limits``: the counts of these events under rate limits. If the state is not written after the entry, they are added from here.
    ``unsealed``: name → hex digest of the stored bytes, of other entries of ``run``, which were written before and may be in windows
    that no run lists again: this entry is in a window that the next run lists, so that its seal names them all.
    ``state``: the identity of the state that the events were read for: deployments may share a bucket by mistake, and what one receiver has
    is not what another one has.
    """

    tenancy: str
    region: str
    run: str
    number: int
    source: Source
    epoch: int
    at: float
    keys: Mapping[Place, bytes]
    polled: int
    polled_sha256: str
    messages: Messages | None
    rate_limits: RateLimitCounts = field(default_factory=dict)
    state: str = ""
    unsealed: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> EntryName:
        """The name. It is unique, because a run numbers its entries."""
        return EntryName(self.window, self.epoch, self.run, self.number, self.source)

    @property
    def window(self) -> Window:
        """The union of the windows. Raises ValueError if there are none."""
        windows = {window for _, window in self.keys}
        if not windows:
            raise ValueError("it has no compartments")
        return Window(min(window.start for window in windows), max(window.end for window in windows))


def split_keys(keys: Mapping[Place, bytes]) -> list[dict[Place, bytes]]:
    """``keys`` divided so that each part fits into an entry: its windows are within `LONGEST_MINUTES`. Earlier windows come first.

    The windows of a backfill can be far from those of the cursor. Raises ValueError for a window that is longer itself.
    """
    parts: list[dict[Place, bytes]] = []
    begin, end = 0, 0
    for place in sorted(keys, key=lambda place: (place[1].end, place[1].start, place[0])):
        window = place[1]
        if window.end - window.start > LONGEST_MINUTES:
            raise ValueError(f"a window has {window.end - window.start} minutes; the maximum is {LONGEST_MINUTES}")
        begin, end = min(begin, window.start), window.end
        if not parts or end - begin > LONGEST_MINUTES:
            parts.append({})
            begin = window.start
        parts[-1][place] = keys[place]
    return parts


def pack(entry: Entry) -> bytes:
    """The bytes to store. A key that a compartment has twice in a window is stored once.

    Raises ValueError for an entry that `unpack` would not accept.
    """
    _validate(entry)
    common = _common_window(entry)
    places = sorted(entry.keys, key=lambda place: (place[1] != common, place))
    packed = [sorted_keys(entry.keys[place]) for place in places]
    sets = {place: KeySet(len(keys) // KEY_BYTES, hashlib.sha256(keys).hexdigest()) for place, keys in zip(places, packed, strict=True)}
    ids = [entry.messages.ids] if entry.messages else []
    return add_checksum(_HEADER, encode_head(_head(entry, common, sets)), packed + ids)


def unpack(data: bytes, name: str) -> Entry:
    """The entry in ``data``. ``name``: its location, for the message. Raises LedgerDamaged unless ``data`` is exactly a packed entry.

    It may have a signature, which is not verified.
    """
    try:
        signature = signature_of(data)
        text, packed = check_checksum(_HEADER, data, after=signature.length if signature else 0)
        head = decode_head(text)
        sets = _key_sets(head)
        packed, ids = _without_ids(head.messages, packed)
        entry = _entry(head, _unpack_keys(sets, packed), ids)
        _validate(entry)
        _check_form(text, entry, sets)
    except (ValueError, RecursionError) as error:  # msgspec's errors are ValueErrors
        raise LedgerDamaged(f"The ledger entry {name} is damaged: {damage(error)}.", do=_DO) from error
    return entry


def _validate(entry: Entry) -> None:
    """Raises ValueError for an entry that has no name or no stored form."""
    start, end = entry.window
    if any(window.start >= window.end for _, window in entry.keys) or start < 0:
        raise ValueError("a window is empty or begins before 1970")
    if end - start > LONGEST_MINUTES:
        raise ValueError(f"its window has {end - start} minutes; the maximum is {LONGEST_MINUTES}")
    if EntryName.parse(entry.name.text()) != entry.name:
        raise ValueError("its run, number, epoch and source are not a valid name")
    _validate_source(entry)
    if not math.isfinite(entry.at):
        raise ValueError("its time is not a number")
    if any(len(keys) % KEY_BYTES for keys in entry.keys.values()):
        raise ValueError(f"a key has fewer than {KEY_BYTES} bytes")
    messages = entry.messages
    if entry.polled < 0 or (messages and not 0 <= messages.first <= messages.last):
        raise ValueError("its numbers of compartments and messages are not possible")
    if messages and len(messages.ids) != (messages.last - messages.first + 1) * ID_BYTES:
        raise ValueError("its message IDs are not as many as its messages")
    if not all(_DIGEST.fullmatch(digest) for digest in (entry.polled_sha256, *((messages.sha256,) if messages else ()))):
        raise ValueError("a SHA-256 is not 64 hexadecimal digits")
    if any((name := EntryName.parse(text)) is None or name.run != entry.run for text in entry.unsealed):
        raise ValueError("a name of another entry is not one of its run")


def _validate_source(entry: Entry) -> None:
    """Raises ValueError for what only entries of Cloud Guard may have: no count of a seal covers the keys of `KNOWN`."""
    if entry.source == "cloud_guard" and entry.region != STREAM:
        raise ValueError(f"its source is cloud_guard, and its region is not {STREAM}")
    if entry.source != "cloud_guard" and any(ocid == KNOWN for ocid, _ in entry.keys):
        raise ValueError(f"it has the place {KNOWN}, and its source is not cloud_guard")


def _check_form(text: memoryview, entry: Entry, sets: Mapping[Place, KeySet]) -> None:
    """Raises ValueError unless ``text`` is the head as `pack` writes it: another order, spelling or member is a change."""
    if encode_head(_head(entry, _common_window(entry), dict(sorted(sets.items())))) != text:
        raise ValueError("its head is not in the form in which it is written")


def _common_window(entry: Entry) -> Window:
    """The window that most compartments were read in; of several, the first."""
    return min(Counter(window for _, window in entry.keys).items(), key=lambda counted: (-counted[1], counted[0]))[0]


def _head(entry: Entry, common: Window, sets: Mapping[Place, KeySet]) -> Head:
    """``sets``: in the order of compartment and window, at least within the common window and within the others."""
    exceptions: dict[str, list[OtherKeySet]] = {}
    for (ocid, window), keys in sets.items():
        if window != common:
            exceptions.setdefault(ocid, []).append(
                OtherKeySet(minute_text(window.start), minute_text(window.end), keys.keys, keys.sha256)
            )
    messages = entry.messages
    return Head(
        version=1,
        tenancy=entry.tenancy,
        state=entry.state,
        region=entry.region,
        run=entry.run,
        number=entry.number,
        source=entry.source,
        window=_window_head(entry.window),
        epoch=entry.epoch,
        at=float(entry.at),
        polled=entry.polled,
        polled_sha256=entry.polled_sha256,
        messages=_messages_head(messages) if messages else None,
        rate_limits={kind: _encode_hours(hours) for kind, hours in sorted(entry.rate_limits.items())},
        common_window=_window_head(common),
        compartments={ocid: keys for (ocid, window), keys in sets.items() if window == common},
        exceptions=exceptions,
        unsealed=dict(sorted(entry.unsealed.items())),
    )


def _messages_head(messages: Messages) -> MessagesHead:
    return MessagesHead(messages.first, messages.last, messages.sha256, hashlib.sha256(messages.ids).hexdigest())


def _encode_hours(hours: Mapping[int, HourlyCount]) -> dict[str, CountHead]:
    return {minute_text(hour): CountHead(one.passed, one.suppressed, one.first, one.last) for hour, one in sorted(hours.items())}


def _decode_hours(hours: Mapping[str, CountHead]) -> dict[int, HourlyCount]:
    return {parse_whole_minute(hour): HourlyCount(one.passed, one.suppressed, 0, one.first, one.last) for hour, one in hours.items()}


def _window_head(window: Window) -> WindowHead:
    return WindowHead(minute_text(window.start), minute_text(window.end))


def _entry(head: Head, keys: Mapping[Place, bytes], ids: bytes) -> Entry:
    return Entry(
        tenancy=head.tenancy,
        state=head.state,
        region=head.region,
        run=head.run,
        number=head.number,
        source=head.source,
        epoch=head.epoch,
        at=head.at,
        keys=keys,
        polled=head.polled,
        polled_sha256=head.polled_sha256,
        messages=Messages(head.messages.first, head.messages.last, head.messages.sha256, ids) if head.messages else None,
        rate_limits={kind: _decode_hours(hours) for kind, hours in head.rate_limits.items()},
        unsealed=head.unsealed,
    )


def _key_sets(head: Head) -> dict[Place, KeySet]:
    """The sets of keys in the order in which they are stored. Raises ValueError if a compartment has a window twice."""
    common = _window(head.common_window)
    found: dict[Place, KeySet] = {(ocid, common): keys for ocid, keys in head.compartments.items()}
    for ocid, others in head.exceptions.items():
        for other in others:
            if found.setdefault((ocid, _window(other)), one := KeySet(other.keys, other.sha256)) is not one:
                raise ValueError(f"the compartment {ocid} has a window twice")
    return found


def _window(head: WindowHead | OtherKeySet) -> Window:
    return Window(parse_whole_minute(head.start), parse_whole_minute(head.end))


def _without_ids(messages: MessagesHead | None, packed: memoryview) -> tuple[memoryview, bytes]:
    """The packed data without the message IDs at its end, and these. Raises ValueError if they are incomplete or changed."""
    size = max(0, messages.last - messages.first + 1) * ID_BYTES if messages else 0
    if size > len(packed):
        raise ValueError(f"{len(packed)} bytes follow its head, which are fewer than its message IDs have")
    packed, ids = packed[: len(packed) - size], bytes(packed[len(packed) - size :])
    if messages and hashlib.sha256(ids).hexdigest() != messages.ids_sha256:
        raise ValueError("its message IDs do not match their SHA-256")
    return packed, ids


def _unpack_keys(sets: Mapping[Place, KeySet], packed: memoryview) -> dict[Place, bytes]:
    """The keys of each set. Raises ValueError unless ``sets`` describes every byte of ``packed``."""
    if (total := sum(keys.keys for keys in sets.values())) * KEY_BYTES != len(packed):
        raise ValueError(f"the head counts {count_text(total, 'key')}, but {len(packed)} bytes follow")
    found, at = {}, 0
    for place, keys in sets.items():
        part = packed[at : at + keys.keys * KEY_BYTES]
        if hashlib.sha256(part).hexdigest() != keys.sha256:
            raise ValueError(f"the keys of the compartment {place[0]} do not match their SHA-256")
        if not are_sorted(part):
            raise ValueError(f"the keys of the compartment {place[0]} are not sorted")
        found[place] = bytes(part)
        at += len(part)
    return found

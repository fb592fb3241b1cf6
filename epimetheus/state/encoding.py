"""The state as bytes: a first line that vouches for the rest, a JSON head for people, and the packed keys behind a zero byte.

    EPIMETHEUS-STATE 1 sha256=<hex of everything after this line>
    { "region": …, "through": "2026-11-24T10:05:00Z", …, "keys": {"2026-11-24T10:05:00Z": 1234}, … }
    NUL <keys: 16 bytes each, in the order of the head>

Compartments stand below their parent, one a line: there may be ten thousand, and each OCID has 80 characters.

PageCursor is strict: whatever is not exactly this is `StateDamaged`, never an empty state.
"""

import hashlib
from collections.abc import Mapping
from typing import Annotated

import msgspec

from epimetheus.errors import StateDamaged
from epimetheus.model import HourlyCount, Window, minute_text, parse_minute
from epimetheus.state.model import Adoption, BehindCompartment, KnownCompartment, Lease, PageCursor, State, Summary
from epimetheus.state.owner import ReceiverId

_MAGIC = b"EPIMETHEUS-STATE 1 sha256="
_KEY_BYTES = 16
_Count = Annotated[int, msgspec.Meta(ge=0)]


class _Reading(msgspec.Struct, forbid_unknown_fields=True):
    start: str
    end: str
    page: str
    events: _Count = 0


class _Behind(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    since: str
    why: str
    tries: _Count
    reading: _Reading | None = None
    minutes: _Count = 0
    restarts: bool = False
    missing: str | None = None
    refused: _Count = 0
    floor: str | None = None


class _Known(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """A compartment that is not simply there and asked: such a one is its name alone."""

    name: str
    polled: bool = True
    deleted: bool = False
    vanished: str | None = None
    read: str | None = None
    floor: str | None = None
    given_up: bool = False


class _Below(msgspec.Struct, forbid_unknown_fields=True):
    parent: str | None
    known: dict[str, str | _Known]


class _KnownBefore(msgspec.Struct, forbid_unknown_fields=True):
    """As it stood in the head before, each by its OCID."""

    name: str
    parent: str | None = None
    polled: bool = False
    deleted: bool = False
    vanished: str | None = None
    read: str | None = None


class _Lease(msgspec.Struct, forbid_unknown_fields=True):
    run: str
    until: float
    taken: float = 0.0


class _Receiver(msgspec.Struct, forbid_unknown_fields=True):
    address: str
    sha256: str


class _Adoption(msgspec.Struct, forbid_unknown_fields=True):
    at: float
    reason: str
    before: str


class _Quota(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    passed: _Count = 0
    suppressed: _Count = 0
    reported: _Count = 0
    first: _Count | None = None
    last: _Count | None = None


class _Head(msgspec.Struct, forbid_unknown_fields=True):
    region: str
    through: str
    slice_minutes: _Count
    lease: _Lease | None
    writer: str
    serial: _Count
    behind: dict[str, _Behind]
    last: Summary
    keys: dict[str, _Count]
    known: list[_Below] | dict[str, _KnownBefore]
    quotas: dict[str, dict[str, _Quota]] = {}
    listed: str | None = None
    partly_listed: bool = False
    began: str | None = None
    overlap: _Count = 0
    floor: str | None = None
    regions: tuple[str, ...] = ()
    regions_listed: str | None = None
    tenancy: str = ""
    receiver: _Receiver | None = None
    adopted: _Adoption | None = None
    marked: str = ""


_read_head = msgspec.json.Decoder(_Head).decode


def pack(state: State) -> bytes:
    """The bytes to store."""
    head = _Head(
        region=state.region,
        through=minute_text(state.through),
        slice_minutes=state.slice_minutes,
        lease=None if state.lease is None else _Lease(state.lease.run, state.lease.until, state.lease.taken),
        writer=state.writer,
        serial=state.serial,
        behind={ocid: _behind_text(behind) for ocid, behind in state.behind.items()},
        last=state.last,
        keys={minute_text(minute): len(keys) // _KEY_BYTES for minute, keys in state.keys.items()},
        known=_below(state.known),
        quotas={kind: {minute_text(hour): _Quota(*quota) for hour, quota in hours.items()} for kind, hours in state.quotas.items()},
        listed=_text_or_none(state.listed),
        partly_listed=state.partly_listed,
        began=_text_or_none(state.began),
        overlap=state.overlap,
        floor=_text_or_none(state.floor),
        regions=state.regions,
        regions_listed=_text_or_none(state.regions_listed),
        tenancy=state.tenancy,
        receiver=None if state.receiver is None else _Receiver(state.receiver.address, state.receiver.fingerprint),
        adopted=None if (a := state.adopted) is None else _Adoption(a.at, a.reason, a.before),
        marked=state.marked,
    )
    parts = [msgspec.json.format(msgspec.json.encode(head), indent=1), b"\n\0", *state.keys.values()]
    checksum = hashlib.sha256()
    for part in parts:
        checksum.update(part)
    return b"".join([_MAGIC, checksum.hexdigest().encode(), b"\n", *parts])  # once: keys may be many megabytes


def unpack(data: bytes, name: str) -> State:
    """The state in ``data``; ``name`` is where it was read, for the message. Raises StateDamaged."""
    first = data[: data.find(b"\n")]
    rest = memoryview(data)[len(first) + 1 :]  # never copied whole: keys may be many megabytes
    if not first.startswith(_MAGIC):
        raise _damaged(name, "it does not begin like a state of this version")
    if hashlib.sha256(rest).hexdigest().encode() != first.removeprefix(_MAGIC):
        raise _damaged(name, "its checksum does not match, so it was cut off or changed")
    end = data.find(b"\n\0", len(first)) - len(first) - 1
    try:
        return _state(_read_head(rest[:end]), rest[end + 2 :]) if end >= 0 else _state(_read_head(rest), rest[:0])
    except (ValueError, RecursionError) as error:  # msgspec's errors are ValueErrors
        raise _damaged(name, str(error)) from error


def _state(head: _Head, packed: memoryview) -> State:
    if sum(head.keys.values()) * _KEY_BYTES != len(packed):
        raise ValueError(f"the head counts {sum(head.keys.values())} keys, {len(packed)} bytes follow")
    keys, at = {}, 0
    for minute, count in head.keys.items():
        keys[_minute(minute)] = bytes(packed[at : at + count * _KEY_BYTES])
        at += count * _KEY_BYTES
    return State(
        region=head.region,
        through=_minute(head.through),
        behind={ocid: _behind(behind) for ocid, behind in head.behind.items()},
        known=_known(head.known),
        keys=keys,
        quotas={kind: {_minute(hour): _quota(quota) for hour, quota in hours.items()} for kind, hours in head.quotas.items()},
        slice_minutes=head.slice_minutes,
        listed=_minute_or_0(head.listed),
        partly_listed=head.partly_listed,
        began=_minute_or_0(head.began),
        overlap=head.overlap,
        floor=_minute_or_0(head.floor),
        regions=head.regions,
        regions_listed=_minute_or_0(head.regions_listed),
        lease=None if head.lease is None else Lease(head.lease.run, head.lease.until, head.lease.taken),
        writer=head.writer,
        serial=head.serial,
        last=head.last,
        tenancy=head.tenancy,
        receiver=None if head.receiver is None else ReceiverId(head.receiver.address, head.receiver.sha256),
        adopted=None if (a := head.adopted) is None else Adoption(a.at, a.reason, a.before),
        marked=head.marked,
    )


def _behind_text(behind: BehindCompartment) -> _Behind:
    at = behind.reading
    reading = None if at is None else _Reading(minute_text(at.window.start), minute_text(at.window.end), at.page, at.events)
    missing = None if behind.missing is None else minute_text(behind.missing)
    since, floor = minute_text(behind.since), _text_or_none(behind.floor)
    return _Behind(since, behind.why, behind.tries, reading, behind.minutes, behind.restarts, missing, behind.refused, floor)


def _behind(text: _Behind) -> BehindCompartment:
    at = text.reading
    reading = None if at is None else PageCursor(Window(_minute(at.start), _minute(at.end)), at.page, at.events)
    missing = None if text.missing is None else _minute(text.missing)
    floor = _minute_or_0(text.floor)
    return BehindCompartment(_minute(text.since), text.why, text.tries, reading, text.minutes, text.restarts, missing, text.refused, floor)


def _text_or_none(minute: int) -> str | None:
    return minute_text(minute) if minute else None


def _minute_or_0(text: str | None) -> int:
    return 0 if text is None else _minute(text)


def _minute(text: str) -> int:
    """Only as it was written: of two spellings of one minute, one would take the other's keys."""
    minute = parse_minute(text)
    if minute_text(minute) != text:
        raise ValueError(f"{text!r} is no whole minute in UTC")
    return minute


def _below(known: Mapping[str, KnownCompartment]) -> list[_Below]:
    by_parent: dict[str | None, dict[str, str | _Known]] = {}
    for ocid, one in known.items():
        by_parent.setdefault(one.parent, {})[ocid] = one.name if one == KnownCompartment(one.name, one.parent, polled=True) else _known_text(one)
    return [_Below(parent, some) for parent, some in by_parent.items()]


def _known_text(known: KnownCompartment) -> _Known:
    gone, read = (None if minute is None else minute_text(minute) for minute in (known.vanished, known.read))
    return _Known(known.name, known.polled, known.deleted, gone, read, _text_or_none(known.floor), known.given_up)


def _known(head: list[_Below] | dict[str, _KnownBefore]) -> dict[str, KnownCompartment]:
    if isinstance(head, dict):
        return {ocid: _known_one(text, text.parent) for ocid, text in head.items()}
    known = {ocid: _known_one(text, below.parent) for below in head for ocid, text in below.known.items()}
    if len(known) != sum(len(below.known) for below in head):
        raise ValueError("a compartment stands below two parents")
    return known


def _known_one(text: str | _Known | _KnownBefore, parent: str | None) -> KnownCompartment:
    if isinstance(text, str):
        return KnownCompartment(text, parent, polled=True)
    gone, read = (None if minute is None else _minute(minute) for minute in (text.vanished, text.read))
    floor = _minute_or_0(text.floor if isinstance(text, _Known) else None)
    return KnownCompartment(text.name, parent, text.polled, text.deleted, gone, read, floor, isinstance(text, _Known) and text.given_up)


def _quota(text: _Quota) -> HourlyCount:
    return HourlyCount(text.passed, text.suppressed, text.reported, text.first, text.last)


def _damaged(name: str, why: str) -> StateDamaged:
    return StateDamaged(
        f"The state in {name} is damaged: {why}.",
        do="Restore an earlier version of the object, or set the cursor by hand with"
        " `python -m epimetheus state rewind TIME --force`, which reads from TIME on again.",
    )

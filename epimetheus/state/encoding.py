"""The stored form of the state: a line with a checksum, and readable JSON.

    EPIMETHEUS-STATE 2 sha256=<hex digest of everything after this line>
    { "region": …, "through": "2026-11-24T10:05:00Z", … }

Minutes are RFC 3339 text in UTC. Compartments are grouped by parent, one per line: there may be 10,000, and an OCID has 80 characters.

Decoding is strict. Any other input is `StateDamaged`, never an empty state. Format 1 also had the dedupe keys, which are in the ledger now;
such a state is `StateOutdated`.
"""

from collections.abc import Mapping

import msgspec

from epimetheus.errors import StateDamaged, StateOutdated, StateUnrecognized
from epimetheus.model import HourlyCount, Window, minute_text
from epimetheus.state.head import (
    AdoptionEntry,
    BehindEntry,
    Head,
    HourlyCountEntry,
    KnownEntry,
    LeaseEntry,
    PageCursorEntry,
    ReceiverEntry,
    ReconciledEntry,
    SealHeadEntry,
    SealsEntry,
    Siblings,
    decode_head,
)
from epimetheus.state.model import Adoption, BehindCompartment, KnownCompartment, Lease, PageCursor, Reconciled, State
from epimetheus.state.owner import ReceiverId
from epimetheus.state.seals import SealHead, SealState
from epimetheus.stored_form import add_checksum, check_checksum, damage, parse_whole_minute

_NAME = b"EPIMETHEUS-STATE "
_HEADER = _NAME + b"2 "
_EARLIER = _NAME + b"1 "


def pack(state: State) -> bytes:
    """The bytes to store."""
    return add_checksum(_HEADER, msgspec.json.format(msgspec.json.encode(_head(state)), indent=1))


def unpack(data: bytes, name: str) -> State:
    """The state in ``data``. ``name``: its location, for the message.

    Raises StateDamaged unless ``data`` is exactly a packed state, and its subclasses StateUnrecognized unless ``data`` begins like one, and
    StateOutdated if it has the format of an earlier version.
    """
    if not data.startswith(_NAME) and not _NAME.startswith(data):
        raise StateUnrecognized(
            f"The state in {name} is damaged: it does not begin with the header of a state, so it may be another file.",
            do="Check STATE_FILE, or STATE_BUCKET and STATE_PREFIX. If a state was stored there, restore an earlier version, or delete it"
            " and set the cursor with `epimetheus state rewind TIME`.",
        )
    if data.startswith(_EARLIER):
        raise _outdated(name)
    try:
        head, _ = check_checksum(_HEADER, data, has_packed=False)
        return _state(decode_head(head))
    except (ValueError, RecursionError) as error:  # msgspec's errors are ValueErrors
        raise _damaged(name, damage(error)) from error


def _head(state: State) -> Head:
    return Head(
        region=state.region,
        through=minute_text(state.through),
        slice_minutes=state.slice_minutes,
        lease=None if (lease := state.lease) is None else LeaseEntry(lease.run, lease.until, lease.acquired),
        writer=state.writer,
        serial=state.serial,
        behind={ocid: _encode_behind(behind) for ocid, behind in state.behind.items()},
        last=state.last,
        known=_encode_known(state.known),
        rate_limits={kind: _encode_hours(hours) for kind, hours in state.rate_limits.items()},
        listed=_text_unless_0(state.listed),
        partly_listed=state.partly_listed,
        began=_text_unless_0(state.began),
        reconciled={after: _encode_reconciled(one) for after, one in state.reconciled.items()},
        entered=state.entered,
        epoch=state.epoch,
        first_epoch=state.first_epoch,
        identity=state.identity,
        seals=_encode_seals(state.seals),
        newest_entry=state.newest_entry,
        regions=state.regions,
        regions_listed=_text_unless_0(state.regions_listed),
        tenancy=state.tenancy,
        receiver=None if (receiver := state.receiver) is None else ReceiverEntry(receiver.address, receiver.fingerprint),
        ledger=state.ledger,
        adopted=None if (adopted := state.adopted) is None else AdoptionEntry(adopted.at, adopted.reason, adopted.before),
        marker_owner=state.marker_owner,
    )


def _state(head: Head) -> State:
    return State(
        region=head.region,
        through=parse_whole_minute(head.through),
        behind={ocid: _decode_behind(behind) for ocid, behind in head.behind.items()},
        known=_decode_known(head.known),
        rate_limits={kind: _decode_hours(hours) for kind, hours in head.rate_limits.items()},
        slice_minutes=head.slice_minutes,
        listed=_minute_or_0(head.listed),
        partly_listed=head.partly_listed,
        began=_minute_or_0(head.began),
        reconciled={after: _decode_reconciled(one) for after, one in head.reconciled.items()},
        entered=head.entered,
        epoch=head.epoch,
        first_epoch=head.first_epoch,
        identity=head.identity,
        seals=_decode_seals(head.seals),
        newest_entry=head.newest_entry,
        regions=head.regions,
        regions_listed=_minute_or_0(head.regions_listed),
        lease=None if (lease := head.lease) is None else Lease(lease.run, lease.until, lease.acquired),
        writer=head.writer,
        serial=head.serial,
        last=head.last,
        tenancy=head.tenancy,
        receiver=None if (receiver := head.receiver) is None else ReceiverId(receiver.address, receiver.sha256),
        ledger=head.ledger,
        adopted=None if (adopted := head.adopted) is None else Adoption(adopted.at, adopted.reason, adopted.before),
        marker_owner=head.marker_owner,
    )


def _encode_seals(seals: SealState) -> SealsEntry:
    head = seals.head
    entry = SealHeadEntry(head.name, head.sequence, head.run, head.sha256, head.text, head.stored, head.sent) if head else None
    return SealsEntry(entry, dict(seals.entries), seals.runs, seals.unfinished, seals.named)


def _decode_seals(seals: SealsEntry) -> SealState:
    found = seals.head
    head = SealHead(found.name, found.sequence, found.run, found.sha256, found.text, found.stored, found.sent) if found else None
    return SealState(head, tuple(seals.entries.items()), seals.runs, seals.unfinished, seals.named)


def _encode_reconciled(one: Reconciled) -> ReconciledEntry:
    behind = {ocid: _encode_behind(behind) for ocid, behind in one.behind.items()}
    return ReconciledEntry(minute_text(one.through), behind, one.slice_minutes)


def _decode_reconciled(one: ReconciledEntry) -> Reconciled:
    behind = {ocid: _decode_behind(behind) for ocid, behind in one.behind.items()}
    return Reconciled(parse_whole_minute(one.through), behind, one.slice_minutes)


def _encode_behind(behind: BehindCompartment) -> BehindEntry:
    return BehindEntry(
        since=minute_text(behind.since),
        reason=behind.reason,
        attempts=behind.attempts,
        page_cursor=None if (cursor := behind.page_cursor) is None else _encode_cursor(cursor),
        window_minutes=behind.window_minutes,
        tokens_expire=behind.tokens_expire,
        not_found_at=_text_or_none(behind.not_found_at),
        not_found_minutes=behind.not_found_minutes,
        floor=_text_unless_0(behind.floor),
        touched=_text_unless_0(behind.touched),
    )


def _decode_behind(behind: BehindEntry) -> BehindCompartment:
    return BehindCompartment(
        since=parse_whole_minute(behind.since),
        reason=behind.reason,
        attempts=behind.attempts,
        page_cursor=None if (cursor := behind.page_cursor) is None else _decode_cursor(cursor),
        window_minutes=behind.window_minutes,
        tokens_expire=behind.tokens_expire,
        not_found_at=_minute_or_none(behind.not_found_at),
        not_found_minutes=behind.not_found_minutes,
        floor=_minute_or_0(behind.floor),
        touched=_minute_or_0(behind.touched),
    )


def _encode_cursor(cursor: PageCursor) -> PageCursorEntry:
    return PageCursorEntry(minute_text(cursor.window.start), minute_text(cursor.window.end), cursor.page, cursor.events)


def _decode_cursor(cursor: PageCursorEntry) -> PageCursor:
    return PageCursor(Window(parse_whole_minute(cursor.start), parse_whole_minute(cursor.end)), cursor.page, cursor.events)


def _encode_known(known: Mapping[str, KnownCompartment]) -> list[Siblings]:
    by_parent: dict[str | None, dict[str, str | KnownEntry]] = {}
    for ocid, one in known.items():
        by_parent.setdefault(one.parent, {})[ocid] = _encode_one_known(one)
    return [Siblings(parent, siblings) for parent, siblings in by_parent.items()]


def _encode_one_known(known: KnownCompartment) -> str | KnownEntry:
    if known == KnownCompartment(known.name, known.parent, polled=True):
        return known.name
    vanished, read_until, floor = _text_or_none(known.vanished), _text_or_none(known.read_until), _text_unless_0(known.floor)
    return KnownEntry(known.name, known.polled, known.deleted, vanished, read_until, floor, known.given_up, known.page_rate)


def _decode_known(groups: list[Siblings]) -> dict[str, KnownCompartment]:
    known = {ocid: _decode_one_known(one, group.parent) for group in groups for ocid, one in group.known.items()}
    if len(known) != sum(len(group.known) for group in groups):
        raise ValueError("a compartment has two parents")
    return known


def _decode_one_known(known: str | KnownEntry, parent: str | None) -> KnownCompartment:
    if isinstance(known, str):
        return KnownCompartment(known, parent, polled=True)
    vanished, read_until, floor = _minute_or_none(known.vanished), _minute_or_none(known.read_until), _minute_or_0(known.floor)
    last = known.given_up, known.page_rate
    return KnownCompartment(known.name, parent, known.polled, known.deleted, vanished, read_until, floor, *last)


def _encode_hours(hours: Mapping[int, HourlyCount]) -> dict[str, HourlyCountEntry]:
    return {minute_text(hour): HourlyCountEntry(*count) for hour, count in hours.items()}


def _decode_hours(hours: Mapping[str, HourlyCountEntry]) -> dict[int, HourlyCount]:
    return {parse_whole_minute(hour): HourlyCount(c.passed, c.suppressed, c.reported, c.first, c.last) for hour, c in hours.items()}


def _text_or_none(minute: int | None) -> str | None:
    return None if minute is None else minute_text(minute)


def _minute_or_none(text: str | None) -> int | None:
    return None if text is None else parse_whole_minute(text)


def _text_unless_0(minute: int) -> str | None:
    return minute_text(minute) if minute else None


def _minute_or_0(text: str | None) -> int:
    return 0 if text is None else parse_whole_minute(text)


def _outdated(name: str) -> StateOutdated:
    return StateOutdated(
        f"The state in {name} was written by an earlier version, in a format that this version does not use.",
        do="Run `epimetheus state adopt --reason TEXT`, which continues from its cursor. The events of the overlap are sent again.",
    )


def _damaged(name: str, why: str) -> StateDamaged:
    return StateDamaged(
        f"The state in {name} is damaged: {why}.",
        do="Restore an earlier version of the object, or set the cursor with"
        " `epimetheus state rewind TIME --force`, which reads again from TIME.",
    )

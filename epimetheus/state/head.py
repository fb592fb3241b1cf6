"""The JSON head of a stored state (see `epimetheus.state.encoding`), as msgspec types. Minutes are RFC 3339 text in UTC."""

from typing import Annotated

import msgspec

from epimetheus.state.model import Summary

_Count = Annotated[int, msgspec.Meta(ge=0)]


class PageCursorEntry(msgspec.Struct, forbid_unknown_fields=True):
    """`PageCursor`."""

    start: str
    end: str
    page: str
    events: _Count = 0


class BehindEntry(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """`BehindCompartment`."""

    since: str
    reason: str
    attempts: _Count
    page_cursor: PageCursorEntry | None = None
    window_minutes: _Count = 0
    tokens_expire: bool = False
    not_found_at: str | None = None
    not_found_minutes: _Count = 0
    floor: str | None = None
    touched: str | None = None


class ReconciledEntry(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """`Reconciled`."""

    through: str
    behind: dict[str, BehindEntry] = {}
    slice_minutes: _Count = 0


class KnownEntry(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """`KnownCompartment`. One that is polled and has no other property is stored as its name alone."""

    name: str
    polled: bool = True
    deleted: bool = False
    vanished: str | None = None
    read_until: str | None = None
    floor: str | None = None
    given_up: bool = False
    page_rate: _Count = 0


class Siblings(msgspec.Struct, forbid_unknown_fields=True):
    """OCID → known compartment, for all that have the same parent."""

    parent: str | None
    known: dict[str, str | KnownEntry]


class LeaseEntry(msgspec.Struct, forbid_unknown_fields=True):
    """`Lease`; times in seconds since the epoch."""

    run: str
    until: float
    acquired: float = 0.0


class ReceiverEntry(msgspec.Struct, forbid_unknown_fields=True):
    """`ReceiverId`."""

    address: str
    sha256: str


class AdoptionEntry(msgspec.Struct, forbid_unknown_fields=True):
    """`Adoption`; ``at`` in seconds since the epoch."""

    at: float
    reason: str
    before: str


class HourlyCountEntry(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """`HourlyCount`; ``first`` and ``last`` in milliseconds since the epoch."""

    passed: _Count = 0
    suppressed: _Count = 0
    reported: _Count = 0
    first: _Count | None = None
    last: _Count | None = None


class SealHeadEntry(msgspec.Struct, forbid_unknown_fields=True):
    """`SealHead`."""

    name: str
    sequence: _Count
    run: str
    sha256: str
    text: str
    stored: bool
    sent: _Count


class SealsEntry(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True, frozen=True):
    """`SealState`. ``entries``: name → SHA-256."""

    head: SealHeadEntry | None = None
    entries: dict[str, str] = {}
    runs: tuple[str, ...] = ()
    unfinished: dict[str, _Count] = {}
    named: tuple[str, ...] = ()


class Head(msgspec.Struct, forbid_unknown_fields=True):
    """`State`. Fields without a default are required."""

    region: str
    through: str
    slice_minutes: _Count
    lease: LeaseEntry | None
    writer: str
    serial: _Count
    behind: dict[str, BehindEntry]
    last: Summary
    known: list[Siblings]
    rate_limits: dict[str, dict[str, HourlyCountEntry]] = {}
    listed: str | None = None
    partly_listed: bool = False
    began: str | None = None
    reconciled: dict[Annotated[int, msgspec.Meta(ge=1)], ReconciledEntry] = {}
    entered: dict[str, _Count] = {}
    epoch: _Count = 0
    first_epoch: _Count = 0
    identity: str = ""
    seals: SealsEntry = SealsEntry()
    newest_entry: str = ""
    regions: tuple[str, ...] = ()
    regions_listed: str | None = None
    tenancy: str = ""
    receiver: ReceiverEntry | None = None
    ledger: str = ""
    adopted: AdoptionEntry | None = None
    marker_owner: str = ""


decode_head = msgspec.json.Decoder(Head).decode

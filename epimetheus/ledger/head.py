"""The JSON head of a stored entry (see `epimetheus.ledger.entry`), as msgspec types. Minutes are RFC 3339 text in UTC."""

from typing import Annotated, Literal

import msgspec

from epimetheus.ledger.entry_name import Source

_Count = Annotated[int, msgspec.Meta(ge=0)]
_Digest = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}\Z")]


class WindowHead(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """`Window`."""

    start: str
    end: str


class KeySet(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Number of keys of a compartment, and the SHA-256 of the keys in order."""

    keys: _Count
    sha256: _Digest


class OtherKeySet(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A `KeySet` of another window than the common one."""

    start: str
    end: str
    keys: _Count
    sha256: _Digest


class MessagesHead(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """`Messages`. ``ids_sha256``: of `Messages.ids`, which follow the keys."""

    first: _Count
    last: _Count
    sha256: _Digest
    ids_sha256: _Digest


class CountHead(msgspec.Struct, forbid_unknown_fields=True, frozen=True, omit_defaults=True):
    """`HourlyCount`; ``first`` and ``last`` in milliseconds since the epoch."""

    passed: _Count = 0
    suppressed: _Count = 0
    first: _Count | None = None
    last: _Count | None = None


class Head(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """`Entry`. ``window`` is the union of all windows. Every field is required."""

    version: Literal[1]
    tenancy: str
    state: str
    region: str
    run: str
    number: _Count
    source: Source
    window: WindowHead
    epoch: _Count
    at: float
    polled: _Count
    polled_sha256: _Digest
    messages: MessagesHead | None
    rate_limits: dict[str, dict[str, CountHead]]
    common_window: WindowHead
    compartments: dict[str, KeySet]
    exceptions: dict[str, list[OtherKeySet]]
    unsealed: dict[str, _Digest]


decode_head = msgspec.json.Decoder(Head).decode


def encode_head(head: Head) -> bytes:
    """The head as readable JSON."""
    return msgspec.json.format(msgspec.json.encode(head), indent=1)

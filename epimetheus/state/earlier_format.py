"""What `epimetheus state adopt` takes over from a state of format 1, which an earlier version wrote."""

import hashlib
from typing import NamedTuple

import msgspec

from epimetheus.model import parse_minute
from epimetheus.state.head import ReceiverEntry

_MAGIC = b"EPIMETHEUS-STATE 1 sha256="


class EarlierState(NamedTuple):
    """``through``: the minute up to which every compartment was read. The owner is that of the state; empty or None: not recorded."""

    region: str
    through: int
    tenancy: str
    receiver: ReceiverEntry | None


class _Behind(msgspec.Struct):
    since: str


class _Head(msgspec.Struct):
    region: str
    through: str
    behind: dict[str, _Behind]
    tenancy: str = ""
    receiver: ReceiverEntry | None = None


_decode_head = msgspec.json.Decoder(_Head).decode


def read_earlier(data: bytes) -> EarlierState | None:
    """The cursor and owner in ``data``, or None if ``data`` is not exactly a state of format 1."""
    first, _, rest = data.partition(b"\n")
    if first.removeprefix(_MAGIC) != hashlib.sha256(rest).hexdigest().encode():
        return None
    try:
        head = _decode_head(rest.partition(b"\n\0")[0])
        through = min(map(parse_minute, [head.through, *(behind.since for behind in head.behind.values())]))
    except (ValueError, RecursionError):  # msgspec's errors are ValueErrors
        return None
    return EarlierState(head.region, through, head.tenancy, head.receiver)

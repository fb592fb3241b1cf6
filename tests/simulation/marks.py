"""The positions that the oracle reads from a stored state, by its documented form and without code of the package."""

import hashlib
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec

_MAGIC = b"EPIMETHEUS-STATE 2 sha256="
_decode = msgspec.json.Decoder().decode


class Hourly(NamedTuple):
    """Events of one type in one hour: ``passed``, ``suppressed``, and how many of these were ``reported``."""

    passed: int
    suppressed: int
    reported: int


class Marks(NamedTuple):
    """``read``: OCID of each polled compartment → the second through which it is read. ``lease``: run, and when its lease ends.

    ``ended``: the last run that committed its end. ``hourly``: (event type, hour in minutes since the epoch) → hourly counts. ``head``: the
    whole JSON.
    """

    through: int
    read: dict[str, int]
    known: frozenset[str]
    lease: tuple[str, float] | None
    ended: str
    hourly: dict[tuple[str, int], Hourly]
    epoch: int
    head: dict[str, Any]


def marks_of(data: bytes) -> Marks:
    """The positions in a stored state."""
    head = _head(data)
    through = _seconds(head["through"])
    behind = {ocid: _seconds(one["since"]) for ocid, one in head["behind"].items()}
    known = {ocid: one for below in head["known"] for ocid, one in below["known"].items()}
    polled = [ocid for ocid, one in known.items() if isinstance(one, str) or one.get("polled", True)]
    lease = head["lease"]
    return Marks(
        through,
        {ocid: behind.get(ocid, through) for ocid in polled},
        frozenset(known),
        (lease["run"], lease["until"]) if lease else None,
        str(head["last"].get("run", "")),
        {
            (kind, _seconds(hour) // 60): Hourly(one.get("passed", 0), one.get("suppressed", 0), one.get("reported", 0))
            for kind, hours in head["rate_limits"].items()
            for hour, one in hours.items()
        },
        head["epoch"],
        head,
    )


def epoch_of(entry: bytes) -> int:
    """The epoch of a stored entry of the ledger."""
    epoch: int = _head(entry.partition(b"\n\0")[0])["epoch"]
    return epoch


def keys_of(entry: bytes) -> int:
    """The number of keys in a stored entry of the ledger, which may be truncated."""
    head, _, packed = entry.partition(b"\n\0")
    read = _head(head)
    sets = [*read["compartments"].values(), *(one for some in read["exceptions"].values() for one in some)]
    return min(sum(one["keys"] for one in sets), len(packed) // 16)


def in_the_future(data: bytes, by: int) -> bytes:
    """The state with its cursor moved ``by`` seconds."""
    first, rest = data.split(b"\n", 1)
    before = _head(data)["through"].encode()
    after = f"{datetime.fromtimestamp(_seconds(before.decode()) + by, UTC):%Y-%m-%dT%H:%M:%SZ}".encode()
    changed = rest.replace(b'"through": "%b"' % before, b'"through": "%b"' % after, 1)
    assert first.startswith(_MAGIC), "the form of the state has changed"
    assert changed != rest, "the form of the state has changed"
    return b"%b%b\n%b" % (_MAGIC, hashlib.sha256(changed).hexdigest().encode(), changed)


def _head(data: bytes) -> dict[str, Any]:
    return _decode(memoryview(data)[data.index(b"\n") + 1 :])


@lru_cache(8192)
def _seconds(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())

"""The form of stored data: a line with a checksum, a readable head, and packed data after a NUL byte.

    <header>sha256=<hex digest of everything after this line>
    <head: JSON>
    NUL <packed data, if there is any>

The state and the entries of the ledger have this form. Reading is strict: every changed byte and every truncation is an error.
"""

import hashlib
import re
from collections.abc import Iterable
from contextlib import suppress

import msgspec

from epimetheus.model import minute_text, parse_minute

_CHECKSUM = b"sha256="
_SEPARATOR = b"\n\0"


def add_checksum(header: bytes, head: bytes, packed: Iterable[bytes] | None = None) -> bytes:
    """The bytes to store. ``header``: name and version of the form, such as ``EPIMETHEUS-STATE 2 ``. Without ``packed``, they are text."""
    parts = [head, b"\n"] if packed is None else [head, _SEPARATOR, *packed]
    checksum = hashlib.sha256()
    for part in parts:
        checksum.update(part)
    return b"".join([header, _CHECKSUM, checksum.hexdigest().encode(), b"\n", *parts])  # one copy: it may take many megabytes


def check_checksum(header: bytes, data: bytes, *, has_packed: bool = True, after: int = 0) -> tuple[memoryview, memoryview]:
    """The head and the packed data in ``data``, without a copy. ``has_packed``: whether the form has packed data.

    ``after``: length of what follows the checksum in its line, such as a signature.

    Raises ValueError if ``data`` has another header or form, or was truncated or changed.
    """
    first = data[: data.find(b"\n")]
    rest = memoryview(data)[len(first) + 1 :]
    if not first.startswith(header + _CHECKSUM):
        raise ValueError("it does not begin with the header of this version")
    if hashlib.sha256(rest).hexdigest().encode() != first[len(header + _CHECKSUM) : len(first) - after]:
        raise ValueError("its checksum does not match, so it was truncated or changed")
    if not has_packed:
        return rest, rest[:0]
    if (end := data.find(_SEPARATOR, len(first))) < 0:
        raise ValueError("its head does not end")
    end -= len(first) + 1
    return rest[:end], rest[end + len(_SEPARATOR) :]


def damage(error: Exception) -> str:
    """Why stored data could not be decoded, in our words: the end of a sentence about it, without a full stop."""
    if isinstance(error, msgspec.ValidationError):
        return _invalid_member(str(error))
    if isinstance(error, (msgspec.DecodeError, UnicodeDecodeError)):
        return "it is not JSON, or was truncated"
    return "it is nested too deeply" if isinstance(error, RecursionError) else str(error)


def _invalid_member(text: str) -> str:
    """For the text of a `msgspec.ValidationError`, whose end names a member: ``… - at `$.counts` ``, or ``… - at `key` in `$.counts` ``."""
    what, _, path = text.partition(" - at `")
    parent = path.removesuffix("`").rpartition("$")[2].removeprefix(".")
    if found := re.fullmatch("Object (missing required|contains unknown) field `(.*)`", what, re.DOTALL):
        name = ".".join(part for part in (parent, found[2]) if part)
        return f"it lacks the member {name}" if found[1] == "missing required" else f"it has an unknown member{_in(parent)}"
    return f"its member {parent} is not valid" if parent else "it does not have the members of this version"


def _in(parent: str) -> str:
    return f" in {parent}" if parent else ""


def parse_whole_minute(text: str) -> int:
    """The inverse of `minute_text`. Raises ValueError for any other spelling.

    With two spellings of one minute, what is stored for one would replace what is stored for the other.
    """
    with suppress(ValueError):
        if minute_text(minute := parse_minute(text)) == text:
            return minute
    raise ValueError(f"{text!r} is not a whole minute in UTC")

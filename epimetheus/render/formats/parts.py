"""Parts: the values that many events share, such as those of one actor, one operation or one compartment.

What a part becomes depends on its key alone. So it is redacted, cleaned, cut, escaped and formatted once, and kept in a table.
"""

from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any, NamedTuple

import msgspec

from epimetheus.model import Identity, Request, Response
from epimetheus.render.custom_fields import Fields, arrange
from epimetheus.render.derived_fields import SUCCESS
from epimetheus.render.formats.base import Enrichment, EventContext
from epimetheus.render.typed_values import ValueType

MAX_TABLE_BYTES = 1024 * 1024
"""Memory of one table, approximately. A full table is emptied: events repeat what they repeat within minutes."""
MAX_PART_CHARACTERS = 16_384
"""Key and values of a part that is kept."""
MAX_MET = 8192
"""Keys that are remembered, by their hash, to find the ones that repeat."""
_ENTRY_BYTES = 1024  # of the objects themselves

_NO_IDENTITY, _NO_REQUEST, _NO_RESPONSE = Identity(), Request(), Response()

Key = tuple[object, ...]
Masks = tuple[bytes, ...]
Template = tuple[Callable[[tuple[str | None, ...]], Any], Sequence[str]]
Values = Callable[..., Sequence[str | None]]
PartKinds = Sequence[tuple[Sequence[str], Values]]
"""The keys that each part has in a format, and their values; the arguments are the part's key, see `part_keys`."""


class Part(msgspec.Struct, gc=False):
    """What one part of an event becomes.

    ``values``: redacted, cleaned and cut to their lengths; ``shown``: the same, escaped. ``mask``: which of them are there, a byte each.
    ``cut``: names of the shortened values. ``unscanned``: the values if they are shown as received, until a prescan finds nothing in them.
    """

    values: Sequence[str | None]
    shown: Sequence[str | None]
    mask: bytes
    cut: Sequence[str] = ()
    unscanned: str = ""


class Slots(NamedTuple):
    """Where the values of a part go: the name of each (None: it is not sent), and its maximum length.

    ``shortest``: a length that no value may exceed whose type does not bound it. ``unsent``: indexes without a name; ``types``: those whose
    value must have a type.
    """

    names: Sequence[str | None]
    lengths: Sequence[int]
    shortest: int
    unsent: Sequence[int] = ()
    types: Sequence[tuple[int, ValueType]] = ()

    def cuts(self, values: Sequence[str | None]) -> bool:
        """Whether a value is too long."""
        return any(name and value and len(value) > length for name, value, length in zip(self.names, values, self.lengths, strict=True))

    def sent(self, values: Sequence[str | None]) -> Sequence[str | None]:
        """The values that FIELD_MAP sends: those that have a name, and the type of their key."""
        sent = [*values]
        for index in self.unsent:
            sent[index] = None
        for index, value_type in self.types:
            if value := sent[index]:
                sent[index] = value_type(value.strip())
        return sent


class PartTable:
    """The parts of one kind by their key, for one run. Its memory is bounded, whatever events contain.

    ``slots``: where its values go; ``values``: the values of a key.
    """

    def __init__(self, slots: Slots, values: Values) -> None:
        self.slots = slots
        self.values = values
        self._parts: dict[Key, Part] = {}
        self.get = self._parts.get
        self._met: set[int] = set()
        self._bytes = 0

    def add(self, key: Key, part: Part) -> None:
        """Keep a part that is met again, or that was costly: one that is met once only would take the place of another one."""
        if part.unscanned and (number := hash(key)) not in self._met:
            if len(self._met) >= MAX_MET:
                self._met.clear()
            self._met.add(number)
            return
        characters = _characters(key) + _characters(part)
        if part.cut or characters > MAX_PART_CHARACTERS:
            return
        self._bytes += characters + _ENTRY_BYTES
        if self._bytes > MAX_TABLE_BYTES:
            self._parts.clear()
            self._bytes = characters + _ENTRY_BYTES
        self._parts[key] = part


def part_keys(context: EventContext) -> tuple[Key, Key, Key]:
    """The keys of an event's parts: what was called with which result, who called it, and where. A key has all that its part shows."""
    event, meaning = context.event, context.meaning
    data = event.data
    request, response = data.request or _NO_REQUEST, data.response or _NO_RESPONSE
    return (
        (event.event_type, meaning, context.target_user, context.severity, request.action, response.status),
        (data.identity or _NO_IDENTITY, meaning.is_sign_on and meaning.outcome == SUCCESS),
        (data.compartment_id, data.compartment_name, context.enrichment),
    )


def place_values(uid: str | None, name: str | None, enrichment: Enrichment) -> Sequence[str | None]:
    """The compartment and the marks of an event, in every format."""
    return (
        uid, name, enrichment.compartment_path, "true" if enrichment.watched else None, "true" if enrichment.replay else None,
        "true" if enrichment.late else None,
    )  # fmt: skip


def _characters(value: object) -> int:
    """The length of all texts in a key or a part."""
    if isinstance(value, str):
        return len(value)
    if isinstance(value, msgspec.Struct):
        value = msgspec.structs.astuple(value)
    return sum(map(_characters, value)) if isinstance(value, tuple | list) else 0


def arranged(groups: Sequence[Sequence[str]], keys: Sequence[str], fields: Fields) -> list[tuple[str, int]]:
    """`arrange` of ``keys``, with the index that each value has if those of all groups follow each other."""
    flat = [key for group in groups for key in group]
    return [(name, flat.index(keys[index]) if index < len(keys) else index) for name, index in arrange(keys, fields)]


def mask_of(values: Sequence[str | None]) -> bytes:
    """Which of the values are there."""
    return bytes(map(bool, values))


def template(arranged: Sequence[tuple[str, int]], masks: Masks, separator: str, suffix: Callable[[str], str]) -> Template:
    """What all lines with the same names have in common: how to pick the pieces of a line, and the text between its values.

    The pieces come from the header, this text and all values, one after the other. ``arranged``: see `arranged`.
    """
    mask = b"".join(masks)
    present = [(name, index) for name, index in arranged if mask[index]]
    starts = [f"{separator}{name}=" for name, _ in present]
    ends = ["", *[suffix(name) for name, _ in present]]
    between = [f"{end}{start}" for end, start in zip(ends, [*starts, ""], strict=True)]
    between[0] = between[0].removeprefix(separator)
    first_value = 1 + len(between)
    order = [0, 1, *[place for number, (_, index) in enumerate(present, 2) for place in (first_value + index, number)]]
    return itemgetter(*order), between

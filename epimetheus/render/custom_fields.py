"""The user's own names for fields (FIELD_MAP), as one format is given them, and what becomes of an event's fields then.

What a name is for is the same in every event: where one is given to another field, the default of that name is not sent, not even
in an event that has nothing else for it.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

NOTHING: Mapping[str, str] = MappingProxyType({})


class Device(NamedTuple):
    """Who the header of CEF and LEEF says made the event; None: what it says by default."""

    vendor: str | None = None
    product: str | None = None
    version: str | None = None


class Fields(NamedTuple):
    """For one format: ``renamed`` is name by default → name wanted; ``added`` is name → the path of its value in the event's JSON.

    A path is as the API writes events (``data.additionalDetails.x``, list indices as numbers), or one of ``epimetheus.compartmentPath``,
    ``epimetheus.actor``, ``epimetheus.tamperWatch``. ``omitted`` are names that are not sent; ``ordered`` come first, in this order;
    ``labels`` are CEF key → label, for keys without a meaning of their own (cs1, cn1, flexString1 …).
    """

    renamed: Mapping[str, str] = NOTHING
    added: Mapping[str, str] = NOTHING
    omitted: frozenset[str] = frozenset()
    ordered: Sequence[str] = ()
    labels: Mapping[str, str] = NOTHING
    device: Device = Device()


NO_FIELDS = Fields()

Pairs = list[tuple[str, str]]
_Place = dict[str, object] | list[object]
_INDEX = re.compile(r"\d{1,9}", re.ASCII)


def flat(pairs: Pairs, fields: Fields, lookup: Callable[[str], str | None]) -> Pairs:
    """Names and values as they are to be sent; ``omitted`` and ``renamed`` are names as in ``pairs``, ``ordered`` as they are sent.

    ``lookup`` gives the value at a path; what it does not find, or finds empty, is left out.
    """
    renamed, taken = fields.renamed, {*fields.renamed.values(), *fields.added}
    named = [
        (renamed.get(name, name), value)
        for name, value in pairs
        if name not in fields.omitted and (name in renamed or name not in taken)
    ]
    named += [(name, value) for name, path in fields.added.items() if (value := lookup(path))]
    if fields.ordered:
        ranks = {name: rank for rank, name in enumerate(fields.ordered)}
        named.sort(key=lambda pair: ranks.get(pair[0], len(ranks)))
    return named


def nested(tree: dict[str, object], fields: Fields, lookup: Callable[[str], object]) -> dict[str, object]:
    """The same for a JSON tree, its names dotted paths; a changed copy, which shares with ``tree`` what is not changed.

    What is renamed or added stands at the end of its object, which is made where there is none; null is not renamed, but left out.
    An omitted item of a list becomes null, so that the others keep their place. ``ordered`` moves whole objects, too.
    """
    renames = [(wanted, look_up(tree, name)) for name, wanted in fields.renamed.items() if name not in fields.omitted]
    changed = dict(tree)
    for name in (*fields.omitted, *fields.renamed, *fields.renamed.values(), *fields.added):
        _take_out(changed, name)
    for name, value in (*renames, *[(name, lookup(path)) for name, path in fields.added.items()]):
        if value is not None:
            *way, last = name.split(".")
            _set(_opened(changed, way), last, value)
    for name in reversed(fields.ordered):
        _to_the_front(changed, name.split("."))
    return changed


def look_up(tree: object, path: str) -> object:
    """What stands at a dotted path, list indices as numbers; None where it leads nowhere."""
    for part in path.split("."):
        if isinstance(tree, dict):
            tree = tree.get(part)
        elif isinstance(tree, list) and _is_in(tree, part):
            tree = tree[int(part)]
        else:
            return None
    return tree


def _is_in(items: list[object], part: str) -> bool:
    return _INDEX.fullmatch(part) is not None and int(part) < len(items)


def _set(place: _Place, part: str, value: object) -> None:
    if isinstance(place, dict):
        place[part] = value
    elif _is_in(place, part):
        place[int(part)] = value


def _opened(place: _Place, way: Sequence[str]) -> _Place:
    """What stands at the end of a way, all along it copied, so that it may be changed; what is no object there becomes one."""
    for part in way:
        there = look_up(place, part)
        own: _Place = there.copy() if isinstance(there, dict | list) else {}
        _set(place, part, own)
        place = own
    return place


def _take_out(tree: dict[str, object], name: str) -> None:
    way, dot, last = name.rpartition(".")
    if not isinstance(look_up(tree, way) if dot else tree, dict | list):
        return
    place = _opened(tree, way.split(".") if dot else ())
    if isinstance(place, dict):
        place.pop(last, None)
    else:
        _set(place, last, None)


def _to_the_front(place: _Place, way: Sequence[str]) -> None:
    for part in way:
        if not isinstance(place, dict) or part not in place:
            return
        rest = {part: place.pop(part), **place}
        place.clear()
        place.update(rest)
        if not isinstance(place[part], dict):
            return
        place = _opened(place, (part,))

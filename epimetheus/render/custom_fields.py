"""The user's own field names (FIELD_MAP) for one format, applied to names (CEF, LEEF) or to a JSON tree.

A name means the same in every event: if FIELD_MAP gives a name to another field, the default value of that name is not sent, even in
an event without that other field.
"""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

NOTHING: Mapping[str, str] = MappingProxyType({})


class Device(NamedTuple):
    """The device in the header of CEF and LEEF; None means the default."""

    vendor: str | None = None
    product: str | None = None
    version: str | None = None


class Fields(NamedTuple):
    """FIELD_MAP for one format.

    ``renamed``: default name → new name. ``added``: name → path of its value in the API's form of the event
    (``data.additionalDetails.x``, list indexes as numbers), or ``epimetheus.compartmentPath``, ``epimetheus.actor``,
    ``epimetheus.tamperWatch``, ``epimetheus.replay``, ``epimetheus.late``, or ``epimetheus.`` and a name in `derived_values.DERIVED`.
    ``omitted``: names that are not sent. ``ordered``: names that come first, in this order. ``labels``: label per CEF key without a
    fixed meaning (cs1, cn1, flexString1 …).
    """

    renamed: Mapping[str, str] = NOTHING
    added: Mapping[str, str] = NOTHING
    omitted: frozenset[str] = frozenset()
    ordered: Sequence[str] = ()
    labels: Mapping[str, str] = NOTHING
    device: Device = Device()


NO_FIELDS = Fields()


def fields_of_notices(fields: Fields, defaults: Collection[str]) -> Fields:
    """``fields`` for notices, which keep the ``defaults`` as they are: only the names that FIELD_MAP adds to them, and its device.

    ``verify`` finds the message of a seal by its event ID, and SIEM searches read its text, whatever FIELD_MAP does to those of events.
    """
    added = {name: path for name, path in fields.added.items() if name not in defaults}
    labels = {name: label for name, label in fields.labels.items() if name in added}
    return Fields(added=added, labels=labels, device=fields.device)


Pairs = list[tuple[str, str]]
_Container = dict[str, object] | list[object]
_INDEX = re.compile(r"\d{1,9}", re.ASCII)


def arrange(names: Sequence[str], fields: Fields) -> list[tuple[str, int]]:
    """The names that are sent, in output order, each with the index of its value: those of ``names``, then those of ``added``.

    ``omitted`` and ``renamed`` refer to ``names``, ``ordered`` to the new names.
    """
    renamed, taken = fields.renamed, {*fields.renamed.values(), *fields.added}
    arranged = [
        (renamed.get(name, name), index)
        for index, name in enumerate(names)
        if name not in fields.omitted and (name in renamed or name not in taken)
    ]
    arranged += [(name, index) for index, name in enumerate(fields.added, len(names))]
    if fields.ordered:
        ranks = {name: rank for rank, name in enumerate(fields.ordered)}
        arranged.sort(key=lambda pair: ranks.get(pair[0], len(ranks)))
    return arranged


def apply_to_tree(tree: dict[str, object], fields: Fields, lookup: Callable[[str], object]) -> dict[str, object]:
    """A copy of ``tree`` under the user's names, which are dotted paths; unchanged parts are shared with ``tree``.

    A renamed or added value is the last of its object, which is created if needed; null is dropped instead of renamed.
    An omitted list item becomes null, so that the others keep their index. ``ordered`` moves whole objects, too.
    """
    renames = [(wanted, get_path(tree, name)) for name, wanted in fields.renamed.items() if name not in fields.omitted]
    changed = dict(tree)
    for name in (*fields.omitted, *fields.renamed, *fields.renamed.values(), *fields.added):
        _remove(changed, name)
    for name, value in (*renames, *[(name, lookup(path)) for name, path in fields.added.items()]):
        if value is not None:
            *parents, last = name.split(".")
            _set(_copied_along(changed, parents), last, value)
    for name in reversed(fields.ordered):
        _move_to_front(changed, name.split("."))
    return changed


def get_path(tree: object, path: str) -> object:
    """The value at a dotted path, list indexes as numbers; None if there is none."""
    for part in path.split("."):
        if isinstance(tree, dict):
            tree = tree.get(part)
        elif isinstance(tree, list) and _has_index(tree, part):
            tree = tree[int(part)]
        else:
            return None
    return tree


def _has_index(items: list[object], part: str) -> bool:
    return _INDEX.fullmatch(part) is not None and int(part) < len(items)


def _set(container: _Container, part: str, value: object) -> None:
    if isinstance(container, dict):
        container[part] = value
    elif _has_index(container, part):
        container[int(part)] = value


def _copied_along(container: _Container, path: Sequence[str]) -> _Container:
    """The container at ``path``, with every container on the way copied so that it can be changed; any other value becomes an object."""
    for part in path:
        value = get_path(container, part)
        copy: _Container = value.copy() if isinstance(value, dict | list) else {}
        _set(container, part, copy)
        container = copy
    return container


def _remove(tree: dict[str, object], name: str) -> None:
    parents, dot, last = name.rpartition(".")
    if not isinstance(get_path(tree, parents) if dot else tree, dict | list):
        return
    container = _copied_along(tree, parents.split(".") if dot else ())
    if isinstance(container, dict):
        container.pop(last, None)
    else:
        _set(container, last, None)


def _move_to_front(container: _Container, path: Sequence[str]) -> None:
    for part in path:
        if not isinstance(container, dict) or part not in container:
            return
        moved = {part: container.pop(part), **container}
        container.clear()
        container.update(moved)
        if not isinstance(container[part], dict):
            return
        container = _copied_along(container, (part,))

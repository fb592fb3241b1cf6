"""Moves values from the JSON of an event to their places in OCSF; what has no place remains under its own name."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from epimetheus.render.formats.json_base import Path, Tree

UNKNOWN = "unknown"
"""Value of a required field that the event lacks."""

Values = dict[Path, object]
"""Path in the output → value; None is left out."""

_PARTS: tuple[Path, ...] = (("data",), ("data", "identity"), ("data", "request"), ("data", "response"), ("oracle",))


class UnmappedFields:
    """The fields of an event, in the Audit API's form, that have no place in the output yet. Does not change the event."""

    def __init__(self, event: Tree) -> None:
        data = event.get("data")
        self.data: Mapping[str, object] = data if isinstance(data, dict) else {}
        """``data`` as it was."""
        self._parts: dict[Path, Tree] = {(): dict(event)}
        for path in _PARTS:
            parent = self._parts.get(path[:-1], {})
            part = parent.get(path[-1])
            if isinstance(part, dict):
                parent[path[-1]] = self._parts[path] = dict(part)

    def get(self, path: Path) -> object:
        """The value at ``path``, which remains."""
        return self._parts.get(path[:-1], {}).get(path[-1])

    def take(self, path: Path, read: Callable[[str], object] = str) -> object:
        """Removes the text or number at ``path`` and returns ``read`` of it; returns None and keeps it if ``read`` does."""
        value = self.get(path)
        if not value or not isinstance(value, str | int) or isinstance(value, bool):
            return None
        result = read(str(value))
        if result is not None:
            del self._parts[path[:-1]][path[-1]]
        return result

    def take_all(self, places: Sequence[tuple[Path, Path]]) -> Values:
        """`take` for each place: the path in the event, and the one in the output."""
        parts = self._parts
        values: Values = {}
        for origin, place in places:
            part = parts.get(origin[:-1])
            value = part.get(origin[-1]) if part else None
            if part and value and type(value) is str:
                del part[origin[-1]]
                values[place] = value
            else:
                values[place] = self.take(origin) if value else None
        return values

    def take_any(self, path: Path) -> object:
        """Removes the value at ``path``, of any type, and returns it; None if it is empty."""
        value = self.get(path)
        if value in (None, "", {}, []):
            return None
        del self._parts[path[:-1]][path[-1]]
        return value

    def drop(self, path: Path, value: object) -> None:
        """Removes the value at ``path`` if it is ``value``: it has a place in the output."""
        if value is not None and self.get(path) == value:
            del self._parts[path[:-1]][path[-1]]

    def remaining(self) -> Tree:
        """The fields that were not taken and are not empty."""
        for part in reversed(self._parts.values()):
            for key in [key for key, item in part.items() if not item and (item is None or item in ("", {}, []))]:
                del part[key]
        return self._parts[()]


def to_tree(values: Mapping[Path, object]) -> Tree:
    """The tree with these values; None is left out."""
    tree: dict[str, Any] = {}
    for path, value in values.items():
        if value is not None:
            node = tree
            for key in path[:-1]:
                node = node[key] if key in node else node.setdefault(key, {})
            node[path[-1]] = value
    return tree

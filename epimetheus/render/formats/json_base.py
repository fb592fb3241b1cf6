"""What formats that are JSON share: one line, and within a size by shedding members, then by shortening strings, then by a cut text."""

from abc import ABC, abstractmethod
from bisect import bisect_left
from collections.abc import Collection, Sequence

import msgspec

from epimetheus.render.custom_fields import NO_FIELDS, Fields, nested
from epimetheus.render.field_lookup import Lookup
from epimetheus.render.formats.base import Body, Draft, EventContext, Limit, Notes
from epimetheus.render.redact import json_tree as tree
from epimetheus.render.redact.redactor import Redactor
from epimetheus.render.size import CAPS, joined_names, shorten

Tree = dict[str, object]
Path = tuple[str, ...]

DATA_SHED: Sequence[Path] = (
    ("request", "headers"),
    ("response", "headers"),
    ("response", "payload"),
    ("stateChange",),
    ("request", "parameters"),
    ("additionalDetails",),
    ("internalDetails",),
    ("definedTags",),
    ("freeformTags",),
    ("systemTags",),
    ("securityAttributes",),
)
"""Parts of an event's ``data``, by what they cost and by how little is lost with them; named ``request.headers`` and so on when shed."""
_KEPT = frozenset(("identity", "request", "response"))

NOTES_KEY = "epimetheus"
TRIMMED_KEY = "epimetheusTrimmed"
CUT_KEY = "epimetheusCut"
OUR_KEYS = (NOTES_KEY, TRIMMED_KEY, CUT_KEY)
RENAMED = "event_"
"""What precedes a key of ours that an event brings at its top level: it must not pass as a note of ours."""


class Nested(ABC):
    """``note``: the header can not say what was trimmed, so the body does. A format is a class with these constants and methods."""

    notes_path: Path
    """Where the notes stand. What tells of TAMPER_WATCH is never lost."""
    data_path: Path
    """Where the event's own ``data`` stands: of it DATA_SHED goes first, then the compartment path, then any other object or list."""
    shed_order: Sequence[Path]
    """What goes then."""

    def __init__(self, redactor: Redactor, *, note: bool, fields: Fields = NO_FIELDS) -> None:
        self._redactor = redactor
        self._note = note
        self._fields = fields
        data = [(*self.data_path, *path) for path in DATA_SHED]
        first = [self._mapped_path(path) for path in (*data, (*self.notes_path, "compartmentPath"))]
        self._first = [tuple(name.split(".")) for name in fields.added] + first
        self._last = [self._mapped_path(path) for path in self.shed_order]
        self._data = self._mapped_path(self.data_path)

    @abstractmethod
    def said(self, subject: EventContext, event: Tree) -> Tree:
        """What is sent, of an event's JSON without its secrets, which stays as it is."""

    @abstractmethod
    def told(self, event: Tree, trimmed: str) -> Tree:
        """The event with a word on what was trimmed."""

    def at_once(self, subject: EventContext) -> Draft | None:
        """None: there is no quick way."""
        return None

    def doubtful(self, drafts: Sequence[bytes]) -> Collection[int]:
        """None is."""
        return ()

    def __call__(self, subject: EventContext, limit: Limit) -> Body:
        """One line of JSON; text that is no JSON (no event has it) is cut like a malformed one."""
        redacted = self._redactor.json(bytes(subject.raw))
        if not isinstance(redacted.tree, dict):
            return raw_body(redacted.text(), limit)
        tree_of_event = redacted.tree if subject.ours else _renamed(redacted.tree)
        event = self.said(subject, tree_of_event)
        if self._fields is not NO_FIELDS:
            event = nested(event, self._fields, Lookup(self._redactor, subject, tree_of_event))
        text = tree.to_json_line(event)
        return Body(text) if len(text) <= limit.whole else self._trimmed(event, subject.notes, limit)

    def _trimmed(self, event: Tree, notes: Notes, limit: Limit) -> Body:
        least, paths = _without(event, (*self._first, *_unknown(event, self._data), *self._last))
        names = [self._name(path) for path in paths]
        body = self._shed(event, paths, names, limit) or self._shortened(least, names, limit)
        return body or Body(self._last_resort(tree.encode(event), notes, limit), ("event",))

    def _shed(self, event: Tree, paths: Sequence[Path], names: Sequence[str], limit: Limit) -> Body | None:
        """The event without as few of ``paths``, from the first on, as need be; each try halves those that are left to look at."""

        def without(count: int) -> Body | None:
            return self._fitting(_without(event, paths[:count])[0], names[:count], limit)

        fewest = bisect_left(range(len(paths) + 1), True, lo=1, key=lambda count: without(count) is not None)
        return without(fewest) if fewest <= len(paths) else None

    def _shortened(self, event: Tree, shed: Sequence[str], limit: Limit) -> Body | None:
        """The event with its strings shortened, the longest first."""
        trimmed = [*shed]
        for cap in CAPS:
            names: list[Path] = []
            shorter = {key: _shortened(item, cap, (key,), names) for key, item in event.items()}
            trimmed += [self._name(path) for path in names]
            if names and (body := self._fitting(shorter, trimmed, limit)):
                return body
        return None

    def _fitting(self, event: Tree, trimmed: Sequence[str], limit: Limit) -> Body | None:
        self._redactor.check()
        text = tree.to_json_line(self._told(event, trimmed, limit))
        return Body(text, trimmed) if len(text) <= limit.left(trimmed) else None

    def _told(self, event: Tree, trimmed: Sequence[str], limit: Limit) -> Tree:
        return self.told(event, joined_names(trimmed, limit.names)) if self._note else event

    def _last_resort(self, text: str, notes: Notes, limit: Limit) -> bytes:
        marked = noted(msgspec.structs.replace(notes, compartment_path=None))
        told: Tree = {TRIMMED_KEY: "event"} if self._note else {}
        room = left = limit.left(("event",))
        while True:
            shorter = tree.to_json_line({CUT_KEY: shorten(text, room), **told, **marked})
            if len(shorter) <= left:
                return shorter
            room -= max(1, (len(shorter) - left) // 2)

    def _mapped_path(self, path: Path) -> Path:
        """Where what stood at ``path`` stands under the user's own names."""
        for end in range(len(path), 0, -1):
            if wanted := self._fields.renamed.get(".".join(path[:end])):
                return (*wanted.split("."), *path[end:])
        return path

    def _name(self, path: Path) -> str:
        """As the event has it: parts of ``data`` are named without it, wherever it stands."""
        *above, data = self._data
        named = path[len(above) :] if [*path[: len(above)]] == above else path
        return ".".join(named[1:] if named[0] == data and len(named) > 1 else named)


def noted(notes: Notes) -> Tree:
    """What was noted, as it is written: under ``epimetheus``, or nothing."""
    said: Tree = {}
    if notes.compartment_path:
        said["compartmentPath"] = notes.compartment_path
    if notes.watched:
        said["tamperWatch"] = True
    return {NOTES_KEY: said} if said else {}


def _renamed(event: Tree) -> Tree:
    """The event, with keys of ours at its top level renamed; the object itself where there are none."""
    if not any(key in event for key in OUR_KEYS):
        return event
    return {f"{RENAMED}{key}" if key in OUR_KEYS else key: item for key, item in event.items()}


def raw_body(text: str, limit: Limit) -> Body:
    """Text that is not an event, as it is, or cut with a mark."""
    data = text.encode()
    return Body(data) if len(data) <= limit.whole else Body(shorten(text, limit.left(("raw",))).encode(), ("raw",))


def _unknown(event: Tree, data_path: Path) -> list[Path]:
    data: object = event
    for key in data_path:
        data = data.get(key) if isinstance(data, dict) else None
    known = data.items() if isinstance(data, dict) else ()
    return [(*data_path, key) for key, item in known if isinstance(item, dict | list) and key not in _KEPT]


def _without(event: Tree, paths: Sequence[Path]) -> tuple[Tree, list[Path]]:
    """A copy without what the paths lead to, one after the other, and which of them led to anything worth shedding.

    Each object on the way is copied once, whatever number of its members go.
    """
    copies: dict[Path, Tree] = {(): dict(event)}
    shed: list[Path] = []
    for path in paths:
        place = _opened(copies, path[:-1])
        if place and place.get(path[-1]):
            del place[path[-1]]
            shed.append(path)
    return copies[()], shed


def _opened(copies: dict[Path, Tree], way: Path) -> Tree | None:
    """What of the copy stands at the end of a way, copied along it; None where that is no object."""
    place = copies[()]
    for end, key in enumerate(way, 1):
        item = place.get(key)
        if not isinstance(item, dict):
            return None
        if copies.get(way[:end]) is not item:
            copies[way[:end]] = place[key] = dict(item)
        place = copies[way[:end]]
    return place


def _shortened(value: object, cap: int, path: Path, names: list[Path]) -> object:
    """``value`` with every string in it in at most ``cap`` bytes; paths of those that were longer are added to ``names``."""
    if isinstance(value, str):
        short = shorten(value, cap)
        if short is not value:
            names.append(path)
        return short
    if isinstance(value, dict):
        return {key: _shortened(item, cap, (*path, key), names) for key, item in value.items()}
    if isinstance(value, list):
        return [_shortened(item, cap, path, names) for item in value]
    return value

"""Base class of the JSON formats: one line, reduced to the size limit by removing members, then shortening strings, then a cut text."""

from abc import ABC, abstractmethod
from bisect import bisect_left
from collections.abc import Collection, Iterator, Mapping, Sequence
from types import MappingProxyType

import msgspec

from epimetheus.event_details import DETAIL_KEYS
from epimetheus.render.custom_fields import NO_FIELDS, Fields, apply_to_tree, get_path
from epimetheus.render.field_lookup import FieldLookup
from epimetheus.render.formats.base import ENRICHMENT, Body, Enrichment, EventContext, FastBody, SizeLimit
from epimetheus.render.redact import json_tree as tree
from epimetheus.render.redact.redactor import RedactedJson, Redactor
from epimetheus.render.size import CAPS, join_names, truncate_with_mark

Tree = dict[str, object]
Path = tuple[str, ...]


class _Others(str):
    """The last part of a path: all members of the object but KEPT_MEMBERS. No key of an event has this type."""

    __slots__ = ()


OTHERS = _Others("others")
DATA_SHED: Sequence[Path] = (
    ("request", "headers"),
    ("response", "headers"),
    ("response", "payload"),
    ("stateChange",),
    ("request", "parameters", OTHERS),
    ("additionalDetails", OTHERS),
    ("internalDetails",),
    ("definedTags",),
    ("freeformTags",),
    ("systemTags",),
    ("securityAttributes",),
)
"""Members of an event's ``data`` that are removed first, in order: the largest and least useful ones come first.

OTHERS: all members of the object but KEPT_MEMBERS, which say what the event means.
"""
KEPT_MEMBERS = frozenset(("action", *DETAIL_KEYS))
KEPT_SHED: Sequence[Path] = (("request", "parameters"), ("additionalDetails",))
"""Members of ``data`` that are removed after everything else in it."""
_KEPT = frozenset(("identity", "request", "response", "additionalDetails"))

ENRICHMENT_KEY = ENRICHMENT
TRIMMED_KEY = "epimetheusTrimmed"
CUT_KEY = "epimetheusCut"
RESERVED_KEYS = (ENRICHMENT_KEY, TRIMMED_KEY, CUT_KEY)
_CUT_NAME_BYTES = 64
FOREIGN_PREFIX = "event_"
"""Prefix of a reserved key that the event itself has at its top level: it must not pass as ours."""


class JsonFormat(ABC):
    """A subclass sets these constants and implements `values` and `with_trimmed_list`.

    ``list_trimmed``: the syslog header cannot list what was trimmed, so the body does.
    """

    derived: Sequence[Path] = ()
    """Paths of values that only repeat others. They are removed first, which does not count as trimming."""
    data_places: Mapping[Path, Path] = MappingProxyType({})
    """Member of a part of ``data`` → where the output has it instead, unless it remains there."""
    enrichment_path: Path
    """Where the output has the enrichment. The marks of TAMPER_WATCH, replays and late events are never removed."""
    data_path: Path
    """Where the output has the event's ``data``. Its members in DATA_SHED go first, then the compartment path, then other containers."""
    shed_order: Sequence[Path]
    """Paths that are removed after those, in this order."""

    def __init__(self, redactor: Redactor, *, list_trimmed: bool, fields: Fields = NO_FIELDS) -> None:
        self._redactor = redactor
        self._list_trimmed = list_trimmed
        self._fields = fields
        first = [self._mapped_path(path) for path in (*self._data_paths(DATA_SHED), (*self.enrichment_path, "compartmentPath"))]
        self._derived = dict.fromkeys(map(self._mapped_path, self.derived))
        self._shed_first = [*self._derived, *(tuple(name.split(".")) for name in fields.added), *first]
        self._shed_last = [self._mapped_path(path) for path in (*self._data_paths(KEPT_SHED), *self.shed_order)]
        self._data = self._mapped_path(self.data_path)

    @abstractmethod
    def values(self, context: EventContext, event: Tree) -> Tree:
        """The output as a tree. ``event`` is the redacted JSON of the event; do not change it. Take texts from it, not from ``context``."""

    @abstractmethod
    def with_trimmed_list(self, output: Tree, trimmed: str) -> Tree:
        """A copy of ``output`` that also lists what was trimmed."""

    def redacted(self, raw: bytes) -> RedactedJson:
        """`Redactor.json`."""
        return self._redactor.json(raw)

    def render_fast(self, context: EventContext) -> FastBody | None:
        """None: by default there is no cheaper path."""
        return None

    def needs_full_scan(self, unscanned: Sequence[bytes]) -> Collection[int]:
        """Empty: by default there is no cheaper path."""
        return ()

    def render(self, context: EventContext, limit: SizeLimit) -> Body:
        """One line of JSON. Text that is not a JSON object is cut like a malformed event."""
        redacted = self.redacted(bytes(context.raw))
        if not isinstance(redacted.tree, dict):
            return raw_body(redacted.text(), limit)
        output = self._output(context, redacted.tree)
        text = tree.to_json_line(output)
        return Body(text) if len(text) <= limit.max_bytes else self._trimmed(output, context, limit)

    def mapped_values(self, context: EventContext) -> Mapping[str, str]:
        """See `Format`. A value that is not text is written as JSON."""
        event = self.redacted(bytes(context.raw)).tree
        output = self._output(context, event) if isinstance(event, dict) else {}
        found = ((name, get_path(output, name)) for name in (*self._fields.renamed.values(), *self._fields.added))
        return {name: value if isinstance(value, str) else tree.encode(value) for name, value in found if value is not None}

    def _output(self, context: EventContext, redacted: Tree) -> Tree:
        """The output under the user's names."""
        event = redacted if context.is_abridged else _without_reserved_keys(redacted)
        output = self.values(context, event)
        if self._fields is NO_FIELDS:
            return output
        return apply_to_tree(output, self._fields, FieldLookup(self._redactor, context, event))

    def _trimmed(self, output: Tree, context: EventContext, limit: SizeLimit) -> Body:
        least, paths = _without(output, (*self._shed_first, *_other_containers(output, self._data), *self._shed_last))
        body = self._shed(output, paths, limit) or self._shortened(least, self._names(paths), limit)
        return body or Body(self._cut_text(tree.encode(output), context, limit), ("event",))

    def _names(self, paths: Sequence[Path]) -> list[str]:
        return [self._name(path) for path in paths if path not in self._derived]

    def _shed(self, output: Tree, paths: Sequence[Path], limit: SizeLimit) -> Body | None:
        """``output`` without the shortest prefix of ``paths`` that makes it fit, by binary search; None if all of them do not suffice."""

        def without(count: int) -> Body | None:
            return self._fitting(_without(output, paths[:count])[0], self._names(paths[:count]), limit)

        fewest = bisect_left(range(len(paths) + 1), True, lo=1, key=lambda count: without(count) is not None)
        return without(fewest) if fewest <= len(paths) else None

    def _shortened(self, output: Tree, shed: Sequence[str], limit: SizeLimit) -> Body | None:
        """``output`` with its strings shortened, the longest first."""
        trimmed = [*shed]
        for cap in CAPS:
            names: list[Path] = []
            shorter = {key: _shorten_strings(item, cap, (key,), names) for key, item in output.items()}
            trimmed += [self._name(path) for path in names]
            if names and (body := self._fitting(shorter, trimmed, limit)):
                return body
        return None

    def _fitting(self, output: Tree, trimmed: Sequence[str], limit: SizeLimit) -> Body | None:
        self._redactor.check()
        if self._list_trimmed and trimmed:
            output = self.with_trimmed_list(output, join_names(trimmed, limit.names_bytes))
        text = tree.to_json_line(output)
        return Body(text, trimmed) if len(text) <= limit.available(trimmed) else None

    def _cut_text(self, text: str, context: EventContext, limit: SizeLimit) -> bytes:
        """The last resort: the output's JSON text, cut, as one string, and what an alert needs."""
        trimmed: Tree = {TRIMMED_KEY: "event"} if self._list_trimmed else {}
        room = available = limit.available(("event",))
        kept: Tree = {ENRICHMENT_KEY: self._kept_when_cut(context, available // 2)}
        while True:
            line = tree.to_json_line({CUT_KEY: truncate_with_mark(text, room), **trimmed, **kept})
            if len(line) <= available:
                return line
            room -= max(1, (len(line) - available) // 2)

    def _kept_when_cut(self, context: EventContext, max_bytes: int) -> Tree:
        """The marks, the severity and the outcome; and the name of an actor that is only in the details, if there is room."""
        values = enrichment_values(msgspec.structs.replace(context.enrichment, compartment_path=None)) | {"severity": context.severity}
        if context.meaning.outcome:
            values["outcome"] = context.meaning.outcome
        identity = context.event.data.identity
        if "principal_name" not in context.meaning.from_details or not identity or not identity.principal_name:
            return values
        name = self._redactor.text_at(identity.principal_name, (ENRICHMENT_KEY, "principalName"))
        named = {**values, "principalName": truncate_with_mark(name, _CUT_NAME_BYTES)}
        return named if len(tree.to_json_line(named)) <= max_bytes else values

    def _data_paths(self, paths: Sequence[Path]) -> Iterator[Path]:
        """Where the output may have these members of the event's ``data``."""
        for path in paths:
            yield (*self.data_path, *path)
            if place := self.data_places.get(path[:2]):
                yield (*place, *path[2:])

    def _mapped_path(self, path: Path) -> Path:
        """``path`` under the names of the user's FIELD_MAP."""
        for end in range(len(path), 0, -1):
            if wanted := self._fields.renamed.get(".".join(path[:end])):
                return (*wanted.split("."), *path[end:])
        return path

    def _name(self, path: Path) -> str:
        """The name of a trimmed path: members of ``data`` without the path of ``data`` itself."""
        *above, data = self._data
        named = path[len(above) :] if [*path[: len(above)]] == above else path
        return ".".join(named[1:] if named[0] == data and len(named) > 1 else named)


def enrichment_tree(enrichment: Enrichment) -> Tree:
    """`enrichment_values` under ``epimetheus``, or an empty tree."""
    values = enrichment_values(enrichment)
    return {ENRICHMENT_KEY: values} if values else {}


def enrichment_values(enrichment: Enrichment) -> Tree:
    """The enrichment. The actor is sent only through FIELD_MAP."""
    values: Tree = {}
    if enrichment.compartment_path:
        values["compartmentPath"] = enrichment.compartment_path
    if enrichment.watched:
        values["tamperWatch"] = True
    if enrichment.replay:
        values["replay"] = True
    if enrichment.late:
        values["late"] = True
    return values


def _without_reserved_keys(event: Tree) -> Tree:
    """The event with reserved top-level keys renamed; the same object if it has none."""
    if not any(key in event for key in RESERVED_KEYS):
        return event
    return {f"{FOREIGN_PREFIX}{key}" if key in RESERVED_KEYS else key: item for key, item in event.items()}


def raw_body(text: str, limit: SizeLimit) -> Body:
    """Text that is not an event, cut with a mark if it is too long."""
    data = text.encode()
    return Body(data) if len(data) <= limit.max_bytes else Body(truncate_with_mark(text, limit.available(("raw",))).encode(), ("raw",))


def _other_containers(output: Tree, data_path: Path) -> list[Path]:
    """Objects and lists in ``data`` that are not removed by name: OCI adds members over time."""
    data: object = output
    for key in data_path:
        data = data.get(key) if isinstance(data, dict) else None
    members = data.items() if isinstance(data, dict) else ()
    return [(*data_path, key) for key, item in members if isinstance(item, dict | list) and key not in _KEPT]


def _without(output: Tree, paths: Sequence[Path]) -> tuple[Tree, list[Path]]:
    """A copy without the values at ``paths``, and the paths that had a value.

    Each object on the way is copied once, however many of its members are removed.
    """
    copies: dict[Path, Tree] = {(): dict(output)}
    shed: list[Path] = []
    for path in paths:
        parent = _copied_along(copies, path[:-1])
        if parent and isinstance(path[-1], _Others):
            others = [key for key in parent if key not in KEPT_MEMBERS]
            if len(others) == len(parent):
                del copies[path[:-2]][path[-2]]
                shed.append(path[:-1])
            elif others:
                shed.append(path)
                for key in others:
                    del parent[key]
        elif parent and parent.get(path[-1]):
            del parent[path[-1]]
            shed.append(path)
    return copies[()], shed


def _copied_along(copies: dict[Path, Tree], path: Path) -> Tree | None:
    """The object at ``path`` of the copy, with every object on the way copied; None if there is no object."""
    node = copies[()]
    for end, key in enumerate(path, 1):
        item = node.get(key)
        if not isinstance(item, dict):
            return None
        if copies.get(path[:end]) is not item:
            copies[path[:end]] = node[key] = dict(item)
        node = copies[path[:end]]
    return node


def _shorten_strings(value: object, cap: int, path: Path, names: list[Path]) -> object:
    """``value`` with every string in it cut to ``cap`` bytes; appends the paths of the cut ones to ``names``."""
    if isinstance(value, str):
        short = truncate_with_mark(value, cap)
        if short is not value:
            names.append(path)
        return short
    if isinstance(value, dict):
        return {key: _shorten_strings(item, cap, (*path, key), names) for key, item in value.items()}
    if isinstance(value, list):
        return [_shorten_strings(item, cap, path, names) for item in value]
    return value

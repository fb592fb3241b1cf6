"""Base class of the ``key=value`` formats (CEF, LEEF): redacts and escapes values, and fits them into length and size limits."""

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from epimetheus.render.custom_fields import NO_FIELDS, Fields, Pairs
from epimetheus.render.field_lookup import FieldLookup
from epimetheus.render.formats.base import LATE, REPLAY, TAMPER_WATCH, Body, EventContext, FastBody, SizeLimit
from epimetheus.render.formats.parts import Key, Masks, Part, PartKinds, PartTable, Slots, Template, arranged, mask_of, part_keys, template
from epimetheus.render.formats.reductions import HeaderParts, reductions, shorten
from epimetheus.render.redact.prescan import HINTS, NUL, Prescan
from epimetheus.render.redact.redactor import Redactor
from epimetheus.render.redact.text import REDACTED
from epimetheus.render.sanitize import MESSAGE_STARTS, is_visible, sanitize_value
from epimetheus.render.size import join_names, to_utf8
from epimetheus.render.typed_values import ValueType

MESSAGE = "msg"
UNKNOWN = "unknown"
CACHED = 2048  # entries for values that repeat (headers, addresses): OCI has a few thousand event types
_CONTROLS = r"\x01-\x1f\x7f"
_SURROUNDING_SPACES = r"(?:^|\x00) | (?:\x00|$)"
SCANNED_LENGTH = 16_384
"""Characters that a value is cut to before redaction, to bound its cost: several times the maximum length of any key."""
_VERSION = "2.0"  # schema version of an event that does not name one

_LONG = 256  # lengths that most values of an event do not reach: shorter ones are checked one by one


class Header(NamedTuple):
    """The header of the format: its parts, redacted, cleaned and cut, its text, and whether a part was cut."""

    parts: HeaderParts
    text: str
    is_cut: bool


class KeyValueFormat(ABC):
    """A subclass sets these constants and implements the abstract methods. Lengths are in characters, before escaping.

    ``list_trimmed``: the syslog header cannot list what was trimmed, so ``msg`` does.
    """

    keys: Sequence[str]
    """All default keys, in output order."""
    header_lengths: Sequence[int]
    """Maximum length of each part of the header."""
    lengths: Mapping[str, int]
    """Maximum length of a value, by key."""
    custom_length: int
    """Maximum length of the value of any other key."""
    value_types: Mapping[str, ValueType]
    """Keys with a type; a value of another type is not sent."""
    repeated: frozenset[str]
    """Keys whose value is sent in full under another key if it is too long: cutting it loses nothing."""
    shed_order: Sequence[str]
    """Keys that an oversized message loses, in order: first those that the header repeats, then the least important ones."""
    core: Sequence[str]
    """All other keys. Their values are cut, then they are removed, the last one first."""
    never_cut: frozenset[str]
    """Keys whose values are removed instead of cut, in addition to `value_types`."""
    tamper_watch_key: str
    """The key of the TAMPER_WATCH mark, which is never removed."""
    replay_key: str
    """The key of the mark of a replay, which is never removed."""
    late_key: str
    """The key of the mark of a late event, which is never removed."""
    separator: str
    """The character before each pair but the first."""
    escaped: str
    """Printable characters that a value cannot contain unescaped."""
    parts: PartKinds
    """The parts of an event, in the order of `part_keys`."""
    own_keys: Sequence[str]
    """All other default keys, whose values differ from event to event. `own_values` has the same layout."""

    def __init__(self, redactor: Redactor, *, list_trimmed: bool, fields: Fields = NO_FIELDS) -> None:
        self._redactor = redactor
        self._list_trimmed = list_trimmed
        self._fields = fields
        renamed, defaults = fields.renamed, {*self.shed_order, *self.core}
        marks = [name for name, path in fields.added.items() if path in map(".".join, (TAMPER_WATCH, REPLAY, LATE))]
        own_marks = (renamed.get(key, key) for key in (self.tamper_watch_key, self.replay_key, self.late_key))
        self._never_removed = frozenset((*own_marks, *marks))
        added = [name for name in fields.added if name not in defaults and name not in marks]
        self._shed_order = added + [renamed.get(key, key) for key in self.shed_order]
        self._never_cut = frozenset(renamed.get(key, key) for key in (*self.never_cut, *self.value_types)) | self.value_types.keys()
        self._message = renamed.get(MESSAGE, MESSAGE)
        self._header = lru_cache(CACHED)(self._header_uncached)
        self.needs_full_scan = Prescan(HINTS, f"[{''.join(map(re.escape, self.escaped))}{_CONTROLS}]", _SURROUNDING_SPACES, MESSAGE_STARTS)
        self._arrange()

    @abstractmethod
    def own_values(self, context: EventContext) -> Sequence[str | None]:
        """The event's own values, one for each of ``own_keys``, not yet redacted, cut or escaped."""

    @abstractmethod
    def header_parts(self, event_type: str, version: str | None, name: str | None) -> HeaderParts:
        """The parts of the header that depend on the event, except for the severity."""

    @abstractmethod
    def clean(self, value: str) -> str:
        """``value`` without characters that the format cannot contain."""

    @abstractmethod
    def header(self, parts: HeaderParts, severity: int) -> str:
        """Everything before the pairs, escaped."""

    def escape(self, value: str) -> str:
        """A value, escaped."""
        return value

    def suffix(self, key: str) -> str:
        """What follows the value of ``key``."""
        del key
        return ""

    def render_fast(self, context: EventContext) -> FastBody | None:
        """The line of an event without a value to cut, which is most events; valid if nothing in it needs redaction or escaping."""
        event = context.event
        header = self._header(event.event_type, event.event_type_version, event.data.event_name, context.severity)
        parts, own = self._parts(context, plain=True), self._own_values(context)
        unscanned = NUL.join(filter(None, own))
        if parts is None or header.is_cut or not self._fits(own, unscanned):
            return None
        call, actor, place = parts
        masks = call.mask, actor.mask, place.mask, mask_of(own)
        pick, between = self._templates.get(masks) or self._template(masks)
        text = "".join(pick((header.text, *between, *call.shown, *actor.shown, *place.shown, *own)))
        if NUL in text or not is_visible(text):
            return None
        fresh: Sequence[Part] = ()
        if call.unscanned or actor.unscanned or place.unscanned:
            fresh = [part for part in parts if part.unscanned]
            unscanned = NUL.join((unscanned, *[part.unscanned for part in fresh]))
        return FastBody(text.encode(), "[" in text and REDACTED in text, unscanned.encode(), fresh)

    def render(self, context: EventContext, limit: SizeLimit) -> Body:
        """One line. Each value that needs redaction or escaping is handled on its own: it may be JSON with an escaped secret."""
        event, pairs, cut = context.event, *self._careful_pairs(context)
        header = self._header(event.event_type, event.event_type_version, event.data.event_name, context.severity)
        cut += ["header"] * header.is_cut
        if not cut:
            text = to_utf8(header.text + self.format_pairs(pairs))
            if len(text) <= limit.max_bytes:
                return Body(text)
        return self._trimmed(header.parts, context.severity, pairs, limit, cut)

    def mapped_values(self, context: EventContext) -> Mapping[str, str]:
        """See `Format`."""
        names = {*self._fields.renamed.values(), *self._fields.added}
        return {key: value for key, value in self._careful_pairs(context)[0] if key in names}

    def format_pairs(self, pairs: Pairs) -> str:
        """The pairs, escaped."""
        return "".join([f"{self.separator}{key}={self.escape(value)}{self.suffix(key)}" for key, value in pairs])[1:]

    def _arrange(self) -> None:
        """Applies FIELD_MAP to the names, once for all events: which values are sent, under which name, in which order."""
        groups = [*[keys for keys, _ in self.parts], (*self.own_keys, *self._fields.added)]
        self._arranged = arranged(groups, self.keys, self._fields)
        names = {index: name for name, index in self._arranged}
        indexes = iter(range(sum(map(len, groups))))
        *shared, self._own = [self._slots([names.get(next(indexes)) for _ in keys]) for keys in groups]
        self._tables = [PartTable(slots, values) for slots, (_, values) in zip(shared, self.parts, strict=True)]
        self._short = [(index, length) for index, length in enumerate(self._own.lengths) if length < _LONG]
        self._long = min((length for length in self._own.lengths if length >= _LONG), default=_LONG)
        self._templates: dict[Masks, Template] = {}

    def _template(self, masks: Masks) -> Template:
        if len(self._templates) >= CACHED:
            self._templates.clear()
        made = self._templates[masks] = template(self._arranged, masks, self.separator, self.suffix)
        return made

    def _slots(self, names: Sequence[str | None]) -> Slots:
        lengths = [self.lengths.get(name or "", self.custom_length) for name in names]
        if self._fields is NO_FIELDS:  # the default values have the type of their key, which bounds their length
            lengths = [self.custom_length if name in self.value_types else length for name, length in zip(names, lengths, strict=True)]
        types = [(index, self.value_types[name]) for index, name in enumerate(names) if name and name in self.value_types]
        return Slots(names, lengths, min(lengths), [index for index, name in enumerate(names) if not name], types)

    def _parts(self, context: EventContext, *, plain: bool) -> Sequence[Part] | None:
        """The parts that events share, from their tables, or made with care; if ``plain``, as received, or None if one is too long."""
        parts = []
        for table, key in zip(self._tables, part_keys(context)):  # noqa: B905 - for every event
            part = table.get(key)
            if not part or (part.unscanned and not plain):
                part = self._made(table, key, plain=plain)
                if part is None:
                    return None
            parts.append(part)
        return parts

    def _made(self, table: PartTable, key: Key, *, plain: bool) -> Part | None:
        values = table.values(*key) if self._fields is NO_FIELDS else table.slots.sent(table.values(*key))
        part = self._plain(table.slots, values) if plain else self._careful(table.slots, values)
        if part:
            table.add(key, part)
        return part

    def _careful_pairs(self, context: EventContext) -> tuple[Pairs, list[str]]:
        """Names and values, redacted and cleaned, each cut to its length, and the names of the cut ones."""
        parts = [*(self._parts(context, plain=False) or ()), self._careful(self._own, self._own_values(context))]
        values = [value for part in parts for value in part.values]
        cut = {name for part in parts for name in part.cut}
        pairs = [(name, value) for name, index in self._arranged if (value := values[index])]
        return pairs, [name for name, _ in self._arranged if name in cut]

    def _own_values(self, context: EventContext) -> Sequence[str | None]:
        own = self.own_values(context)
        if self._fields is NO_FIELDS:
            return own
        lookup = FieldLookup(self._redactor, context).text
        return self._own.sent([*own, *map(lookup, self._fields.added.values())])

    def _plain(self, slots: Slots, values: Sequence[str | None]) -> Part | None:
        """A part as received, valid if nothing in it needs redaction or escaping; None if a value is too long."""
        joined = NUL.join(filter(None, values))
        if len(joined) > slots.shortest and max(map(len, filter(None, values))) > slots.shortest and slots.cuts(values):
            return None
        return Part(values, values, mask_of(values), (), joined)

    def _careful(self, slots: Slots, values: Sequence[str | None]) -> Part:
        """A part with each value redacted and cleaned on its own, without surrounding spaces, and cut to its length."""
        if not self._is_clean([value for value in values if value]):
            values = [value and self._redact_and_clean(value) for value in values]
        cut: list[str] = []
        kept: list[str | None] = []
        for name, value, length in zip(slots.names, values, slots.lengths, strict=True):
            text = value.strip() if value else ""
            if len(text) > length and name in self.repeated:
                text = text[:length].rstrip()
            elif name and len(text) > length:
                text = shorten(text, length)
                cut.append(name)
            kept.append(text or None)
        return Part(kept, [value and self.escape(value) for value in kept], mask_of(kept), cut)

    def _fits(self, own: Sequence[str | None], joined: str) -> bool:
        """Whether none of the event's own values is too long; ``joined``: the same."""
        for index, length in self._short:
            if len(own[index] or "") > length:
                return False
        return len(joined) <= self._long or max(map(len, joined.split(NUL))) <= self._long

    def _header_uncached(self, event_type: str, version: str | None, name: str | None, severity: int) -> Header:
        parts = self.header_parts(event_type, version, name)
        if not self._is_clean(parts):
            parts = [self._redact_and_clean(part) for part in parts]
        full = [part.strip() or UNKNOWN for part in parts]
        short = [shorten(part, length) for part, length in zip(full, self.header_lengths, strict=True)]
        return Header(short, self.header(short, severity), short != full)

    def _is_clean(self, texts: Sequence[str]) -> bool:
        """Whether no text needs redaction or escaping; one scan covers all of them."""
        joined = NUL.join(texts)
        return joined.count(NUL) < len(texts) and is_visible(" ".join(texts)) and not self.needs_full_scan((joined.encode(),))

    def _redact_and_clean(self, value: str) -> str:
        """Redacts before and after cleaning: a line end can mark the end of a secret, and a control character can split one."""
        redact = self._redactor.text
        return sanitize_value(redact(self.clean(redact(shorten(value, SCANNED_LENGTH)))))

    def _trimmed(self, parts: HeaderParts, severity: int, pairs: Pairs, limit: SizeLimit, cut: Sequence[str]) -> Body:
        trimmed = list(cut)
        text = b""
        for smaller_parts, smaller, names in reductions(parts, pairs, self._shed_order, self._never_cut, self._never_removed):
            trimmed += names
            listed = self._with_trimmed_list(smaller, trimmed, limit.names_bytes) if self._list_trimmed else smaller
            text = to_utf8(self.header(smaller_parts, severity) + self.format_pairs(listed))
            if len(text) <= limit.available(trimmed):
                break
        return Body(text, trimmed)

    def _with_trimmed_list(self, pairs: Pairs, trimmed: Sequence[str], names_bytes: int) -> Pairs:
        """The pairs with the list of trimmed names at the end of ``msg``, which is cut itself if both do not fit."""
        values, length = dict(pairs), self.lengths.get(self._message, self.custom_length)
        message, note = values.get(self._message, ""), f"[trimmed: {join_names(trimmed, names_bytes)}]"
        if len(message) + 1 + len(note) > length:
            note = f"[trimmed: {join_names([*trimmed, self._message], names_bytes)}]"
            message = shorten(message, length - 1 - len(note))
        values[self._message] = f"{message} {note}".lstrip()
        return list(values.items())


def version_and_type(event_type: str, version: str | None) -> tuple[str, str]:
    """Version and event type for a header. They may consist of spaces, which `KeyValueFormat` handles."""
    return version or _VERSION, event_type or UNKNOWN

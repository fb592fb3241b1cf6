"""Base class of the ``key=value`` formats (CEF, LEEF): redacts and escapes values, and fits them into length and size limits."""

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

from epimetheus.render.custom_fields import NO_FIELDS, Fields, Pairs, apply_to_pairs
from epimetheus.render.field_lookup import FieldLookup
from epimetheus.render.formats.base import LATE, REPLAY, TAMPER_WATCH, Body, EventContext, FastBody, SizeLimit
from epimetheus.render.redact.prescan import HINTS, NUL, Prescan
from epimetheus.render.redact.redactor import Redactor
from epimetheus.render.redact.text import REDACTED
from epimetheus.render.sanitize import MESSAGE_STARTS, is_visible, sanitize_value
from epimetheus.render.size import join_names, to_utf8, truncate
from epimetheus.render.typed_values import ValueType

CAPS = (1023, 512, 256, 128, 64, 40, 20, 16)
"""Bytes that values are cut to in turn. Numbers and IPv4 addresses are shorter than the last."""
_LEAST_PART = 12  # bytes of each part of the header if everything but the marks is removed: escaped, they double
MESSAGE = "msg"
UNKNOWN = "unknown"
CACHED = 2048  # entries for values that repeat (headers, addresses): OCI has a few thousand event types
_CONTROLS = r"\x01-\x1f\x7f"
_SURROUNDING_SPACES = r"(?:^|\x00) | (?:\x00|$)"
SCANNED_LENGTH = 16_384
"""Characters that a value is cut to before redaction, to bound its cost: several times the maximum length of any key."""
_VERSION = "2.0"  # schema version of an event that does not name one

HeaderParts = Sequence[str]


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
    escaped: str
    """Printable characters that a value cannot contain unescaped."""
    fast_length: int
    """Maximum length of every value that `format_line` does not check itself."""

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
        self._fast_header = lru_cache(CACHED)(self._header_if_clean)
        self.needs_full_scan = Prescan(HINTS, f"[{''.join(map(re.escape, self.escaped))}{_CONTROLS}]", _SURROUNDING_SPACES, MESSAGE_STARTS)

    @abstractmethod
    def values(self, context: EventContext) -> Sequence[str | None]:
        """The event's values, one for each of ``keys``, not yet redacted, cut or escaped."""

    @abstractmethod
    def format_line(self, values: Sequence[str | None]) -> str | None:
        """`format_pairs` of `values`, unescaped; None if a value is too long, or if the event lacks a value that nearly all events have."""

    @abstractmethod
    def header_parts(self, event_type: str, version: str | None, name: str | None) -> HeaderParts:
        """The parts of the header that depend on the event, except for the severity."""

    @abstractmethod
    def clean(self, value: str) -> str:
        """``value`` without characters that the format cannot contain."""

    @abstractmethod
    def header(self, parts: HeaderParts, severity: int) -> str:
        """Everything before the pairs, escaped."""

    @abstractmethod
    def format_pairs(self, pairs: Pairs) -> str:
        """The pairs, escaped."""

    def render_fast(self, context: EventContext) -> FastBody | None:
        """The line of an event without a value to cut, which is most events; valid if nothing in it needs redaction or escaping."""
        event = context.event
        header = self._fast_header(event.event_type, event.event_type_version, event.data.event_name, context.severity)
        values, line = self._fast_line(context)
        if header is None or line is None or NUL in line or not is_visible(line):
            return None
        joined = NUL.join(filter(None, values))
        if len(joined) > self.fast_length and max(map(len, joined.split(NUL))) > self.fast_length:
            return None
        redacted = "[" in line and REDACTED in line
        return FastBody(f"{header}{line}".encode(), redacted, joined.encode())

    def render(self, context: EventContext, limit: SizeLimit) -> Body:
        """One line. If anything needs redaction or escaping, each value is handled on its own: it may be JSON with an escaped secret."""
        parts, pairs, cut = self._cleaned(context)
        if not cut:
            text = to_utf8(self.header(parts, context.severity) + self.format_pairs(pairs))
            if len(text) <= limit.max_bytes:
                return Body(text)
        return self._trimmed(parts, context.severity, pairs, limit, cut)

    def mapped_values(self, context: EventContext) -> Mapping[str, str]:
        """See `Format`."""
        names = {*self._fields.renamed.values(), *self._fields.added}
        return {key: value for key, value in self._cleaned(context)[1] if key in names}

    def _cleaned(self, context: EventContext) -> tuple[HeaderParts, Pairs, list[str]]:
        """Header parts and pairs, redacted and cleaned, each cut to its length, and the names of the cut ones."""
        event, pairs = context.event, self._pairs(context)
        parts = self.header_parts(event.event_type, event.event_type_version, event.data.event_name)
        if not self._is_clean([*parts, *[value for _, value in pairs]]):
            parts = [self._redact_and_clean(part) for part in parts]
            pairs = [(key, self._redact_and_clean(value)) for key, value in pairs]
        return self._within_lengths(parts, pairs)

    def _fast_line(self, context: EventContext) -> tuple[Sequence[str | None], str | None]:
        """The event's values and their line; the line is None if a value is too long."""
        if self._fields is NO_FIELDS:
            values = self.values(context)
            return values, self.format_line(values)
        pairs = self._pairs(context)
        fit = all(len(value) <= self.lengths.get(key, self.custom_length) for key, value in pairs)
        return [value for _, value in pairs], self.format_pairs(pairs) if fit else None

    def _pairs(self, context: EventContext) -> Pairs:
        """Keys and values; none is empty."""
        pairs = [(key, value) for key, value in zip(self.keys, self.values(context), strict=True) if value]
        return pairs if self._fields is NO_FIELDS else self._mapped(pairs, context)

    def _header_if_clean(self, event_type: str, version: str | None, name: str | None, severity: int) -> str | None:
        parts = [part.strip() for part in self.header_parts(event_type, version, name)]
        fits = all(0 < len(part) <= length for part, length in zip(parts, self.header_lengths, strict=True))
        return self.header(parts, severity) if fits and self._is_clean(parts) else None

    def _is_clean(self, texts: Sequence[str]) -> bool:
        """Whether no text needs redaction or escaping; one scan covers all of them."""
        joined = NUL.join(texts)
        return joined.count(NUL) < len(texts) and is_visible(" ".join(texts)) and not self.needs_full_scan((joined.encode(),))

    def _mapped(self, pairs: Pairs, context: EventContext) -> Pairs:
        """The pairs under the user's names, without values that do not have the type of their key."""
        mapped = apply_to_pairs(pairs, self._fields, FieldLookup(self._redactor, context).text)
        typed = [(key, self.value_types[key](value.strip()) if key in self.value_types else value) for key, value in mapped]
        return [(key, value) for key, value in typed if value]

    def _redact_and_clean(self, value: str) -> str:
        """Redacts before and after cleaning: a line end can mark the end of a secret, and a control character can split one."""
        redact = self._redactor.text
        return sanitize_value(redact(self.clean(redact(shorten(value, SCANNED_LENGTH)))))

    def _within_lengths(self, parts: HeaderParts, pairs: Pairs) -> tuple[HeaderParts, Pairs, list[str]]:
        """Header parts and pairs without surrounding spaces, each cut to its length, and the names of the cut ones."""
        cut: list[str] = []
        kept: Pairs = []
        lengths, custom = self.lengths, self.custom_length
        for key, value in pairs:
            text, length = value.strip(), lengths.get(key, custom)
            if len(text) > length and key in self.repeated:
                text = text[:length].rstrip()
            elif len(text) > length:
                text = shorten(text, length)
                cut.append(key)
            if text:
                kept.append((key, text))
        full = [value.strip() or UNKNOWN for value in parts]
        short = [shorten(value, length) for value, length in zip(full, self.header_lengths, strict=True)]
        if short != full:
            cut.append("header")
        return short, kept, cut

    def _trimmed(self, parts: HeaderParts, severity: int, pairs: Pairs, limit: SizeLimit, cut: Sequence[str]) -> Body:
        trimmed = list(cut)
        text = b""
        for smaller_parts, smaller, names in self._reductions(parts, pairs):
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

    def _reductions(self, parts: HeaderParts, pairs: Pairs) -> Iterator[tuple[HeaderParts, Pairs, list[str]]]:
        """Ever smaller header parts and pairs, starting unchanged, with the names each step trims; the last always fits (see CAPS)."""
        yield parts, pairs, []
        for key in self._shed_order:
            if any(key == name for name, _ in pairs):
                pairs = [pair for pair in pairs if pair[0] != key]
                yield parts, pairs, [key]
        for cap in CAPS:
            names = [key for key, value in pairs if key not in self._never_cut and len(to_utf8(value)) > cap]
            pairs = [(key, _shorten_to_bytes(value, cap) if key in names else value) for key, value in pairs]
            if any(len(to_utf8(value)) > cap for value in parts):
                names.append("header")
            parts = [_shorten_to_bytes(value, cap) for value in parts]
            if names:
                yield parts, pairs, names
        for key in [key for key, _ in reversed(pairs) if key not in self._never_removed]:
            pairs = [pair for pair in pairs if pair[0] != key]
            yield parts, pairs, [key]
        yield [_shorten_to_bytes(value, _LEAST_PART) for value in parts], pairs, ["header"]


def version_and_type(event_type: str, version: str | None) -> tuple[str, str]:
    """Version and event type for a header. They may consist of spaces, which `KeyValueFormat` handles."""
    return version or _VERSION, event_type or UNKNOWN


def shorten(text: str, length: int) -> str:
    """``text`` in at most ``length`` characters; ``…`` marks a cut."""
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"


def _shorten_to_bytes(value: str, max_bytes: int) -> str:
    return value if len(to_utf8(value)) <= max_bytes else truncate(value, max_bytes - 3).rstrip() + "…"

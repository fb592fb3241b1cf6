"""What formats of names and values (CEF, LEEF) share: no secret, no value longer than allowed, and all of it within a size."""

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

from epimetheus.render.custom_fields import NO_FIELDS, Fields, Pairs, flat
from epimetheus.render.field_lookup import Lookup
from epimetheus.render.formats.base import TAMPER_WATCH, Body, Draft, EventContext, Limit
from epimetheus.render.redact.prescan import HINTS, NUL, Prescan
from epimetheus.render.redact.redactor import Redactor
from epimetheus.render.redact.text import REDACTED
from epimetheus.render.sanitize import STARTS, all_seen, in_values
from epimetheus.render.size import cut, joined_names, utf8
from epimetheus.render.typed_values import Kind

CAPS = (1023, 512, 256, 128, 64, 40, 20, 16)  # bytes; numbers and IPv4 addresses are shorter than the least
MESSAGE = "msg"
UNKNOWN = "unknown"
CACHED = 2048  # of what comes again and again: openings, addresses; OCI has some thousand event types
_CONTROLS = r"\x01-\x1f\x7f"
_BLANK_AROUND = r"(?:^|\x00) | (?:\x00|$)"
SEARCHED = 16_384
"""Characters of a value that are looked at, several times those that any key may have: what a value costs does not grow with it."""
_VERSION = "2.0"  # of the schema that this reads, where an event names none

Head = Sequence[str]


class Flat(ABC):
    """``note``: the header can not say what was trimmed, so ``msg`` does. A format is a class with these constants and methods."""

    keys: Sequence[str]
    """All there are by default, in the order they are written."""
    head_lengths: Sequence[int]
    """Characters that each part of the head may have."""
    lengths: Mapping[str, int]
    """Characters that a value may have, by key."""
    custom_length: int
    """Characters that the value of any other key may have."""
    kinds: Mapping[str, Kind]
    """Keys whose values must be of a type."""
    elsewhere: frozenset[str]
    """Keys whose value stands whole elsewhere where it is too long: that it was cut need not be told."""
    shed_order: Sequence[str]
    """What a message over the limit loses, first to last: what the head repeats, then what least tells who did what and how it went."""
    core: Sequence[str]
    """The other keys: their values are cut, and go last, from the last to the first."""
    exact: frozenset[str]
    """Keys whose values are left out rather than cut, beside those of a type."""
    marker: str
    """The key that tells that the event touches what is watched: it is never lost."""
    special: str
    """Printable characters that can not stand in a value as they are."""
    wide: int
    """Characters that each value may have but for those that `line` looks at itself."""

    def __init__(self, redactor: Redactor, *, note: bool, fields: Fields = NO_FIELDS) -> None:
        self._redactor = redactor
        self._note = note
        self._fields = fields
        renamed, defaults = fields.renamed, {*self.shed_order, *self.core}
        marks = [name for name, path in fields.added.items() if path == ".".join(TAMPER_WATCH)]
        self._watched = frozenset((renamed.get(self.marker, self.marker), *marks))
        added = [name for name in fields.added if name not in defaults and name not in marks]
        self._order = added + [renamed.get(key, key) for key in self.shed_order]
        self._exact = frozenset(renamed.get(key, key) for key in (*self.exact, *self.kinds)) | self.kinds.keys()
        self._message = renamed.get(MESSAGE, MESSAGE)
        self._opening = lru_cache(CACHED)(self._told_opening)
        self.doubtful = Prescan(HINTS, f"[{''.join(map(re.escape, self.special))}{_CONTROLS}]", _BLANK_AROUND, STARTS)

    @abstractmethod
    def said(self, subject: EventContext) -> Sequence[str | None]:
        """What the event says, one for each of ``keys``; not yet cut, cleaned or escaped."""

    @abstractmethod
    def line(self, said: Sequence[str | None]) -> str | None:
        """What is `said`, written as `written` does it and as it is; None where a value is too long, or an event says less than most."""

    @abstractmethod
    def head(self, event_type: str, version: str | None, name: str | None) -> Head:
        """The parts of the head, by what the event says of them."""

    @abstractmethod
    def clean(self, value: str) -> str:
        """``value`` without characters that may not leave."""

    @abstractmethod
    def opening(self, head: Head, severity: int) -> str:
        """All that stands before the pairs, escaped."""

    @abstractmethod
    def written(self, pairs: Pairs) -> str:
        """The pairs, escaped."""

    def at_once(self, subject: EventContext) -> Draft | None:
        """The line, where nothing in it need be cut, as in most events; nor hidden or escaped, if nothing is `doubtful`."""
        event = subject.event
        opening = self._opening(event.event_type, event.event_type_version, event.data.event_name, subject.severity)
        said, line = self._whole(subject)
        if opening is None or line is None or NUL in line or not all_seen(line):
            return None
        together = NUL.join(filter(None, said))
        if len(together) > self.wide and max(map(len, together.split(NUL))) > self.wide:
            return None
        redacted = "[" in line and REDACTED in line
        return Draft(f"{opening}{line}".encode(), redacted, together.encode())

    def __call__(self, subject: EventContext, limit: Limit) -> Body:
        """One line, value by value where need be: JSON in one may hide a secret in its own escapes."""
        event, pairs = subject.event, self._pairs(subject)
        head = self.head(event.event_type, event.event_type_version, event.data.event_name)
        if not self._harmless([*head, *[value for _, value in pairs]]):
            head, pairs = self._clean(head, pairs)
        head, pairs, cut = self._held(head, pairs)
        if not cut:
            text = utf8(self.opening(head, subject.severity) + self.written(pairs))
            if len(text) <= limit.whole:
                return Body(text)
        return self._trimmed(head, subject.severity, pairs, limit, cut)

    def _whole(self, subject: EventContext) -> tuple[Sequence[str | None], str | None]:
        """What the event says, and the same written, where no value is too long."""
        if self._fields is NO_FIELDS:
            said = self.said(subject)
            return said, self.line(said)
        pairs = self._pairs(subject)
        fit = all(len(value) <= self.lengths.get(key, self.custom_length) for key, value in pairs)
        return [value for _, value in pairs], self.written(pairs) if fit else None

    def _pairs(self, subject: EventContext) -> Pairs:
        """Keys and their values, of which none is empty."""
        pairs = [(key, value) for key, value in zip(self.keys, self.said(subject), strict=True) if value]
        return pairs if self._fields is NO_FIELDS else self._mapped(pairs, subject)

    def _told_opening(self, event_type: str, version: str | None, name: str | None, severity: int) -> str | None:
        head = [value.strip() for value in self.head(event_type, version, name)]
        fits = all(0 < len(value) <= most for value, most in zip(head, self.head_lengths, strict=True))
        return self.opening(head, severity) if fits and self._harmless(head) else None

    def _harmless(self, texts: Sequence[str]) -> bool:
        """Whether nothing in these need be hidden, or escaped: one look at all of them tells."""
        together = NUL.join(texts)
        return together.count(NUL) < len(texts) and all_seen(" ".join(texts)) and not self.doubtful((together.encode(),))

    def _mapped(self, pairs: Pairs, subject: EventContext) -> Pairs:
        """The pairs as the user wants them, but for values that are not of their key's type."""
        wanted = flat(pairs, self._fields, Lookup(self._redactor, subject).text)
        typed = [(key, self.kinds[key](value.strip()) if key in self.kinds else value) for key, value in wanted]
        return [(key, value) for key, value in typed if value]

    def _clean(self, head: Head, pairs: Pairs) -> tuple[Head, Pairs]:
        """Values without secrets and control characters."""
        return [self._cleaned(value) for value in head], [(key, self._cleaned(value)) for key, value in pairs]

    def _cleaned(self, value: str) -> str:
        """Masked twice: a line end may show where a secret ends, and a control character may split one."""
        mask = self._redactor.text
        return in_values(mask(self.clean(mask(ended(value, SEARCHED)))))

    def _held(self, head: Head, pairs: Pairs) -> tuple[Head, Pairs, list[str]]:
        """Head and pairs without blanks around them, each within its length, and the names of those that were not."""
        cut: list[str] = []
        kept: Pairs = []
        lengths, custom = self.lengths, self.custom_length
        for key, value in pairs:
            text, most = value.strip(), lengths.get(key, custom)
            if len(text) > most and key in self.elsewhere:
                text = text[:most].rstrip()
            elif len(text) > most:
                text = ended(text, most)
                cut.append(key)
            if text:
                kept.append((key, text))
        whole = [value.strip() or UNKNOWN for value in head]
        within = [ended(value, most) for value, most in zip(whole, self.head_lengths, strict=True)]
        if within != whole:
            cut.append("header")
        return within, kept, cut

    def _trimmed(self, head: Head, severity: int, pairs: Pairs, limit: Limit, cut: Sequence[str]) -> Body:
        trimmed = list(cut)
        text = b""
        for smaller_head, smaller, names in self._ever_smaller(head, pairs):
            trimmed += names
            noted = self._noted(smaller, trimmed, limit.names) if self._note else smaller
            text = utf8(self.opening(smaller_head, severity) + self.written(noted))
            if len(text) <= limit.left(trimmed):
                break
        return Body(text, trimmed)

    def _noted(self, pairs: Pairs, trimmed: Sequence[str], most: int) -> Pairs:
        """The pairs with ``msg`` telling what was trimmed; where both are more than it holds, it is trimmed itself."""
        said, length = dict(pairs), self.lengths.get(self._message, self.custom_length)
        message, note = said.get(self._message, ""), f"[trimmed: {joined_names(trimmed, most)}]"
        if len(message) + 1 + len(note) > length:
            note = f"[trimmed: {joined_names([*trimmed, self._message], most)}]"
            message = ended(message, length - 1 - len(note))
        said[self._message] = f"{message} {note}".lstrip()
        return list(said.items())

    def _ever_smaller(self, head: Head, pairs: Pairs) -> Iterator[tuple[Head, Pairs, list[str]]]:
        """Head and pairs, from as they are to ever smaller, and the names of what each step took; the last always fits (see CAPS)."""
        yield head, pairs, []
        for key in self._order:
            if any(key == name for name, _ in pairs):
                pairs = [pair for pair in pairs if pair[0] != key]
                yield head, pairs, [key]
        for cap in CAPS:
            names = [key for key, value in pairs if key not in self._exact and len(utf8(value)) > cap]
            pairs = [(key, _capped(value, cap) if key in names else value) for key, value in pairs]
            if any(len(utf8(value)) > cap for value in head):
                names.append("header")
            head = [_capped(value, cap) for value in head]
            if names:
                yield head, pairs, names
        for key in [key for key, _ in reversed(pairs) if key not in self._watched]:
            pairs = [pair for pair in pairs if pair[0] != key]
            yield head, pairs, [key]


def head_of(event_type: str, version: str | None) -> tuple[str, str]:
    """Version and event type for a head; they may be empty but for blanks: `Flat` sees to that."""
    return version or _VERSION, event_type or UNKNOWN


def ended(text: str, length: int) -> str:
    """``text`` in at most ``length`` characters; ``…`` marks a cut."""
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"


def _capped(value: str, cap: int) -> str:
    return value if len(utf8(value)) <= cap else cut(value, cap - 3).rstrip() + "…"

"""The event as JSON: as it came, keys in their order and unknown ones kept, but compact, on one line, and without secrets.

What was noted about it stands last, under ``epimetheus``. A top-level key of that name, or of another of ours, that the event brings itself
becomes ``event_epimetheus``. An event too large for the receiver loses the parts in `nested.DATA_SHED`
and whatever else is an object or a list in ``data``: OCI adds to its events, and identifiers are worth more than what is unknown. If
that is not enough, its longest strings are shortened, and say so; then, which takes thousands of keys, its text becomes one cut string
under ``epimetheusCut``. What was trimmed is told in the header; where that has no room (RFC 3164), under the key ``epimetheusTrimmed``.
"""

import re
from collections.abc import Collection, Sequence
from functools import lru_cache

from epimetheus.render.custom_fields import NO_FIELDS, Fields
from epimetheus.render.formats.base import Body, Draft, EventContext, Limit, Notes
from epimetheus.render.formats.json_fields import NOTES_KEY, TRIMMED_KEY, Nested, Tree, noted
from epimetheus.render.redact import json_tree as tree
from epimetheus.render.redact.prescan import JSON_HINTS, Prescan
from epimetheus.render.redact.redactor import Redactor
from epimetheus.render.redact.splice import is_utf8, splice_common_secrets
from epimetheus.render.redact.text import REDACTED
from epimetheus.render.sanitize import STARTS_IN_JSON, seen_in_json

_CACHED_NOTES = 1024
_REDACTED = REDACTED.encode()
_OURS = re.compile(rb'"epimetheus(?:Trimmed|Cut)?" *:').search
_COMPACT = re.compile(rb'\{"[^"\\]*":(?:[{\[]\S|(?:"[^"\\]*"|[\w.+\-]+)(?:,"|\}))').match  # by its first member: the others are alike


class JsonText(Nested):
    """See `Nested`."""

    notes_path = (NOTES_KEY,)
    data_path = ("data",)
    shed_order = ()

    def __init__(self, redactor: Redactor, *, note: bool, fields: Fields = NO_FIELDS) -> None:
        super().__init__(redactor, note=note, fields=fields)
        self._ending = lru_cache(_CACHED_NOTES)(_ending)
        self._look = Prescan(*JSON_HINTS, STARTS_IN_JSON, '"epimetheus(?:Trimmed|Cut)?" *:', separator=",")

    def at_once(self, subject: EventContext) -> Draft | None:
        """The text the event came as, where that is compact, without the secrets that are usual."""
        raw = bytes(subject.raw)
        if self._redactor.paths or not self._is_compact(raw):
            return None
        text, rest = splice_common_secrets(raw, self._ending(subject.notes))
        return Draft(seen_in_json(text), _REDACTED in text, rest)

    def doubtful(self, drafts: Sequence[bytes]) -> Collection[int]:
        """Those with a hint at any other secret, or at the beginning of a message."""
        return self._look(drafts)

    def __call__(self, subject: EventContext, limit: Limit) -> Body:
        """The same where what else must not leave can be told in place; else as `Nested`."""
        raw = bytes(subject.raw)
        text = self._redactor.quick_walk(raw) if self._is_compact(raw) and not _OURS(raw) else None
        line = self._ended(text, subject.notes) if text else None
        return Body(line) if line and len(line) <= limit.whole else super().__call__(subject, limit)

    def _is_compact(self, raw: bytes) -> bool:
        """Whether the text can go as it is, secrets apart."""
        return self._fields is NO_FIELDS and _COMPACT(raw) is not None and raw.endswith(b"}") and is_utf8(raw)

    def _ended(self, text: bytes, notes: Notes) -> bytes:
        return tree.escape_invisible(text[:-1] + self._ending(notes))

    def said(self, subject: EventContext, event: Tree) -> Tree:
        """All of it, and the notes."""
        return {**event, **noted(subject.notes)}

    def told(self, event: Tree, trimmed: str) -> Tree:
        """The same with ``epimetheusTrimmed``."""
        return {**event, TRIMMED_KEY: trimmed}


def _ending(notes: Notes) -> bytes:
    """What ends the event's text: its notes, behind all that is in it."""
    told = noted(notes)
    return b"," + tree.to_json_line(told)[1:] if told else b"}"

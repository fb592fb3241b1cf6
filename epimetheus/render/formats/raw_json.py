"""The event as OCI sends it: every key in its order, compact, on one line, without secrets.

The last member, ``epimetheus``, has the enrichment, the severity, and what the event means where no standard field says it: see
`epimetheus.render.derived_values`. A reserved top-level key that the event itself has becomes ``event_epimetheus``.
An event over the size limit loses the members in `json_base.DATA_SHED`, then every other object or list in ``data``: OCI adds members
over time, and identifiers matter more than unknown ones. If that is not enough, its longest strings are shortened. An event of thousands
of keys that is still too large becomes one cut string under ``epimetheusCut``. The syslog header lists what was trimmed; with RFC 3164,
which has no room for it, the key ``epimetheusTrimmed`` does.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache

from epimetheus.render.custom_fields import NO_FIELDS, NOTHING, Fields
from epimetheus.render.derived_values import derived_texts
from epimetheus.render.formats.base import Body, Enrichment, EventContext, FastBody, SizeLimit
from epimetheus.render.formats.json_base import ENRICHMENT_KEY, TRIMMED_KEY, JsonFormat, Tree, enrichment_values
from epimetheus.render.redact import json_tree as tree
from epimetheus.render.redact.prescan import JSON_BROAD_HINTS, JSON_HINTS, JSON_HINTS_APART, Prescan
from epimetheus.render.redact.redactor import Redactor
from epimetheus.render.redact.splice import is_utf8, splice_common_secrets
from epimetheus.render.sanitize import MESSAGE_STARTS_IN_JSON, escape_invisible_json

_CACHED_ENDINGS = 4096
_has_reserved_key = re.compile(rb'"epimetheus(?:Trimmed|Cut)?" *:').search
# Checks the first member only: OCI writes all of them alike.
_starts_compact = re.compile(rb'\{"[^"\\]*":(?:[{\[]\S|(?:"[^"\\]*"|[\w.+\-]+)(?:,"|\}))').match


class RawJson(JsonFormat):
    """See `JsonFormat`."""

    enrichment_path = (ENRICHMENT_KEY,)
    data_path = ("data",)
    shed_order = ()

    def __init__(self, redactor: Redactor, *, list_trimmed: bool, fields: Fields = NO_FIELDS) -> None:
        super().__init__(redactor, list_trimmed=list_trimmed, fields=fields)
        self._cached_ending = lru_cache(_CACHED_ENDINGS)(_encoded)
        self._broad, self._exact = (
            Prescan(*hints, MESSAGE_STARTS_IN_JSON, '"epimetheus(?:Trimmed|Cut)?" *:', apart=JSON_HINTS_APART, separator=",")
            for hints in (JSON_BROAD_HINTS, JSON_HINTS)
        )

    def render_fast(self, context: EventContext) -> FastBody | None:
        """The text as received, if it is compact, without the secrets that nearly every event has."""
        raw = bytes(context.raw)
        if self._redactor.paths or not self._is_compact(raw):
            return None
        texts = derived_texts(context)
        text, rest, redacted = splice_common_secrets(raw, self._ending(context, texts))
        if texts:  # decoded and encoded again, so the prescan of the original does not cover them
            rest += b"," + tree.to_json_line(list(texts.values()))
        return FastBody(escape_invisible_json(text), redacted, rest)

    def needs_full_scan(self, unscanned: Sequence[bytes]) -> Collection[int]:
        """Texts with a hint of another secret, a reserved key, or a text that imitates the start of a message."""
        broad = sorted(self._broad(unscanned))
        return {broad[index] for index in self._exact([unscanned[index] for index in broad])}

    def render(self, context: EventContext, limit: SizeLimit) -> Body:
        """The text as received with its secrets replaced, if that is possible; else as `JsonFormat`."""
        raw = bytes(context.raw)
        text = self._redactor.quick_walk(raw) if self._is_compact(raw) and not _has_reserved_key(raw) else None
        line = tree.escape_invisible(text[:-1] + self._ending(context, self._redacted_texts(context))) if text else None
        return Body(line) if line and len(line) <= limit.max_bytes else super().render(context, limit)

    def values(self, context: EventContext, event: Tree) -> Tree:
        """The whole event, and what Epimetheus adds."""
        added = _added(context.enrichment, context.severity, context.meaning.outcome, self._redacted_texts(context))
        return {**event, ENRICHMENT_KEY: added}

    def with_trimmed_list(self, output: Tree, trimmed: str) -> Tree:
        """Adds ``epimetheusTrimmed``."""
        return {**output, TRIMMED_KEY: trimmed}

    def _ending(self, context: EventContext, texts: Mapping[str, str]) -> bytes:
        known = context.enrichment, context.severity, context.meaning.outcome
        return _encoded(*known, texts) if texts else self._cached_ending(*known)

    def _redacted_texts(self, context: EventContext) -> Mapping[str, str]:
        return {name: self._redactor.text_at(text, (ENRICHMENT_KEY, name)) for name, text in derived_texts(context).items()}

    def _is_compact(self, raw: bytes) -> bool:
        """Whether the text can be sent as received, except for secrets."""
        return self._fields is NO_FIELDS and _starts_compact(raw) is not None and raw.endswith(b"}") and is_utf8(raw)


def _added(enrichment: Enrichment, severity: int, outcome: str | None, texts: Mapping[str, str]) -> Tree:
    """The object under ``epimetheus``."""
    known = {"severity": severity, "outcome": outcome} if outcome else {"severity": severity}
    return {**enrichment_values(enrichment), **known, **texts}


def _encoded(enrichment: Enrichment, severity: int, outcome: str | None, texts: Mapping[str, str] = NOTHING) -> bytes:
    """The end of the line, after the event's last member."""
    return b"," + tree.to_json_line({ENRICHMENT_KEY: _added(enrichment, severity, outcome, texts)})[1:]

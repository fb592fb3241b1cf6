"""Turns a problem into one syslog message: another set of formats, and a severity by risk."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import msgspec

from epimetheus.event_patterns import compile_patterns, matches
from epimetheus.model import AuditEvent, Fetched
from epimetheus.problem import problem_of, severity_of
from epimetheus.render.custom_fields import NO_FIELDS, Fields
from epimetheus.render.formats.base import Enrichment, EventContext, FormatFactory
from epimetheus.render.problems.cef import ProblemCef
from epimetheus.render.problems.json_forms import ProblemJson, ProblemOcsf
from epimetheus.render.problems.leef import ProblemLeef
from epimetheus.render.renderer import Rendered, Renderer, with_watched_minimum

PROBLEM_FORMATS: Mapping[str, FormatFactory] = MappingProxyType({
    "cef": ProblemCef,
    "json": ProblemJson,
    "leef": ProblemLeef,
    "ocsf": ProblemOcsf,
})  # fmt: skip
"""As `renderer.FORMATS`, for problems."""


class ProblemRenderer(Renderer):
    """See `Renderer`. The messages of problems have the MSGID ``problem``; notices are those of any run.

    ``fields``: those of problems (`FieldMap.problem_fields`), for CEF.
    """

    formats = PROBLEM_FORMATS
    msgid = "problem"

    def __init__(self, *, severities: Sequence[tuple[str, int]] = (), fields: Fields = NO_FIELDS, **options: Any) -> None:
        super().__init__(severities=severities, fields=fields, **options)
        self._patterns = [(compile_patterns([pattern]), severity) for pattern, severity in severities]
        self._notices = Renderer(severities=severities, **options)

    def render_notice(self, fetched: Fetched, sequence: int) -> Rendered:
        """See `Renderer`."""
        return self._notices.render_notice(fetched, sequence)

    def _context(
        self, raw: bytes | msgspec.Raw, event: AuditEvent, enrichment: Enrichment, abridged_from: AuditEvent | None = None
    ) -> EventContext:
        context = super()._context(raw, event, enrichment, abridged_from)
        by_pattern = (severity for pattern, severity in self._patterns if matches(pattern, event.event_type, None))
        severity = next(by_pattern, None)
        if severity is None:
            severity = severity_of(problem_of(raw))
        return msgspec.structs.replace(context, severity=with_watched_minimum(severity, enrichment))

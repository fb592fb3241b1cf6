"""The severity of an event, 0 to 10 on CEF's scale: by the user's patterns, else by what the operation does and to what."""

import re
from collections.abc import Sequence
from functools import lru_cache

from epimetheus.event_details import is_domain_event
from epimetheus.event_patterns import compile_patterns, matches
from epimetheus.model import AuditEvent
from epimetheus.render.derived_fields import FAILURE, service_name
from epimetheus.render.exposure import EXPOSURES, CompiledExposure, compile_exposure, exposure_severity
from epimetheus.render.meaning import Meaning, interpret
from epimetheus.render.operation_words import MAX_LENGTH, Operation, parse_operation
from epimetheus.render.severity_table import EVENT_IDS, LISTING, LOW, MEDIUM, OTHER, SECRET_READS, SENSITIVE_CHANGES, SEVERITY_OF

NOTICE_PREFIX = "epimetheus."
"""Start of the event type of our own notices."""
SIGN_ON_FAILED = 7
"""Minimum severity of a failed sign-on."""
_CACHED = 4096  # OCI has a few thousand event names; event names come from outside, so the cache must be bounded

_SENSITIVE_CHANGES = [
    (compile_patterns(pattern for patterns in topics.values() for pattern in patterns), severity)
    for severity, topics in SENSITIVE_CHANGES.items()
]
_LISTING = frozenset(map(str.lower, LISTING))
_SECRET_READS = compile_patterns(SECRET_READS)
_EVENT_IDS = [(compile_patterns([pattern]), severity) for pattern, severity in EVENT_IDS.items()]
_EXPOSURES = [(compile_patterns(exposure.operations), compile_exposure(exposure)) for exposure in EXPOSURES]
_OUTCOME = re.compile(r"\.(?:success|succeeded|failure|failed)\Z")
_SEPARATORS = re.compile(r"[\W_]+")


class Severity:
    """Configured once per run. ``patterns``: event patterns with a severity; the first match decides, whatever the outcome."""

    def __init__(self, patterns: Sequence[tuple[str, int]] = ()) -> None:
        self._patterns = [(compile_patterns([pattern]), severity) for pattern, severity in patterns]
        self._cached = lru_cache(_CACHED)(self._by_names)

    def __call__(self, event: AuditEvent, meaning: Meaning | None = None, whole: AuditEvent | None = None) -> int:
        """0 to 10. ``meaning``: that of `interpret`, if it is known already. ``whole``: the event before it was abridged.

        Unless a pattern matches, a failed sign-on is at least 7, and a call that exposes something is as severe as `exposure` says. No
        other outcome changes the severity.
        """
        meaning = meaning or interpret(event)[1]
        event_id = meaning.domain_event and meaning.domain_event[:MAX_LENGTH]  # bounds the cache's memory, not only its entries
        names = event.event_type, event.data.event_name, meaning.operation, meaning.action, event_id
        severity, final, exposures = self._cached(*names)
        if exposures:
            severity = max(severity, exposure_severity(whole or event, exposures))
        return severity if final or not meaning.is_sign_on or meaning.outcome != FAILURE else max(severity, SIGN_ON_FAILED)

    def _by_names(
        self, event_type: str, event_name: str | None, operation: str, action: str | None, domain_event: str | None
    ) -> tuple[int, bool, Sequence[CompiledExposure]]:
        """The severity, whether it is the final one, and what else to look for. Notices have severity 3 unless a pattern matches."""
        for pattern, severity in self._patterns:
            if matches(pattern, event_type, event_name):
                return severity, True, ()
        if event_type.startswith(NOTICE_PREFIX):
            return OTHER, True, ()
        service = service_name(event_type) or ""
        exposures = [found for names, found in _EXPOSURES if any(map(names.fullmatch, _full_names(operation, service, domain_event)))]
        known = _known_event_id(domain_event) if domain_event else None
        if known and is_domain_event(event_type):
            return known, False, exposures
        severities = [operation_severity(operation, service), known or 0]
        severities += [operation_severity(name) for name in (action, domain_event and _words_of_event_id(domain_event)) if name]
        return max(severities), False, exposures


def operation_severity(name: str, service: str = "") -> int:
    """The severity of an operation such as ``DeleteBucket`` or ``STOP``, by its most severe verb and what it affects."""
    operation = parse_operation(name)
    severity = max((SEVERITY_OF[verb] for verb in operation.verbs), default=OTHER)
    if severity == MEDIUM:
        names = operation.target, *_full_names(name, service)
        return next((number for pattern, number in _SENSITIVE_CHANGES if any(map(pattern.fullmatch, names))), MEDIUM)
    return MEDIUM if severity == LOW and _returns_secret(operation) else severity


def _full_names(name: str, service: str, domain_event: str | None = None) -> Sequence[str]:
    """The name without separators, alone and after its service, and the event ID of an identity domain."""
    plain = _SEPARATORS.sub("", name[:MAX_LENGTH])
    return plain, f"{service[:MAX_LENGTH]}.{plain}", domain_event or ""


def _known_event_id(event_id: str) -> int | None:
    return next((severity for pattern, severity in _EVENT_IDS if pattern.fullmatch(event_id)), None)


def _words_of_event_id(event_id: str) -> str:
    return _OUTCOME.sub("", event_id.lower().removeprefix("admin."))


def _returns_secret(operation: Operation) -> bool:
    return operation.verbs[0] not in _LISTING and _SECRET_READS.fullmatch(operation.target) is not None

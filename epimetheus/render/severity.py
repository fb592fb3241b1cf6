"""The severity of an event, 0 to 10 on CEF's scale: by the user's patterns, else by what the operation does and to what."""

import re
from collections.abc import Sequence
from functools import lru_cache

from epimetheus.event_patterns import compile_patterns, matches
from epimetheus.model import AuditEvent
from epimetheus.render.derived_fields import is_failure, is_sign_on_name, service_name
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
_OUTCOME = re.compile(r"\.(?:success|succeeded|failure|failed)\Z")
_SEPARATORS = re.compile(r"[\W_]+")


class Severity:
    """Configured once per run. ``patterns``: event patterns with a severity; the first match decides, whatever the outcome."""

    def __init__(self, patterns: Sequence[tuple[str, int]] = ()) -> None:
        self._patterns = [(compile_patterns([pattern]), severity) for pattern, severity in patterns]
        self._cached = lru_cache(_CACHED)(self._by_name)

    def __call__(self, event: AuditEvent) -> int:
        """0 to 10. Unless a pattern matches, a failed sign-on is at least 7; no other outcome changes the severity."""
        severity, signs_on = self._cached(event.event_type, event.data.event_name)
        return max(severity, SIGN_ON_FAILED) if signs_on and is_failure(event) else severity

    def _by_name(self, event_type: str, event_name: str | None) -> tuple[int, bool]:
        """The severity, and whether a failed outcome raises it. Notices always have severity 3."""
        for pattern, severity in self._patterns:
            if matches(pattern, event_type, event_name):
                return severity, False
        if event_type.startswith(NOTICE_PREFIX):
            return OTHER, False
        name = event_name or event_type.rpartition(".")[2]
        return operation_severity(name, service_name(event_type) or ""), is_sign_on_name(event_type, event_name)


def operation_severity(name: str, service: str = "") -> int:
    """The severity of an operation such as ``DeleteBucket`` or ``STOP``, by its most severe verb and what it affects."""
    operation = parse_operation(name)
    severity = max((SEVERITY_OF[verb] for verb in operation.verbs), default=OTHER)
    if severity == MEDIUM:
        plain = _SEPARATORS.sub("", name[:MAX_LENGTH])
        names = operation.target, plain, f"{service[:MAX_LENGTH]}.{plain}"
        return next((number for pattern, number in _SENSITIVE_CHANGES if any(map(pattern.fullmatch, names))), MEDIUM)
    return MEDIUM if severity == LOW and _returns_secret(operation) else severity


def _returns_secret(operation: Operation) -> bool:
    return operation.verbs[0] not in _LISTING and _SECRET_READS.fullmatch(operation.target) is not None


def event_id_severity(event_id: str) -> int:
    """The severity of an event of an identity domain, such as ``admin.me.locked.success``."""
    known = (severity for pattern, severity in _EVENT_IDS if pattern.fullmatch(event_id[:MAX_LENGTH]))
    return next(known, None) or operation_severity(_OUTCOME.sub("", event_id[:MAX_LENGTH].lower().removeprefix("admin.")))

"""The severity of an event, 0 to 10 on CEF's scale: by the user's patterns, else by the verb of the event name and the outcome."""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType

from epimetheus.event_patterns import compile_patterns, matches
from epimetheus.model import AuditEvent
from epimetheus.render.derived_fields import FAILURE, http_status, is_sign_on_name
from epimetheus.render.meaning import Meaning, interpret

HIGH, MEDIUM, LOW, OTHER = 8, 5, 2, 3
DENIED_STATUSES = frozenset((401, 403, 404))
DENIED_INCREMENT = 3
NOTICE_PREFIX = "epimetheus."
"""Start of the event type of our own notices."""
SIGN_ON_FAILED = 7
"""Minimum severity of a failed sign-on."""
_CACHED = 4096  # OCI has a few thousand event names; event names come from outside, so the cache must be bounded

VERBS: Mapping[int, Sequence[str]] = MappingProxyType({
    HIGH: (
        "Delete", "BulkDelete", "Schedule*Deletion", "Terminate", "Remove", "Purge", "Destroy", "Disable", "Deactivate",
        "Revoke", "Deregister", "Unregister",
    ),
    MEDIUM: (
        "Create", "Update", "Change", "Add", "Attach", "Detach", "Launch", "Modify", "Move", "Put", "Patch", "Set", "Reset",
        "Enable", "Activate", "Start", "Stop", "Restart", "Reboot", "Import", "Export", "Copy", "Upload", "Register", "Rotate",
        "Restore", "Replace", "Rename", "Generate", "Grant", "Assign", "Unassign", "Apply", "Execute", "Run", "Failover",
        "Switchover", "Upgrade", "Bulk", "Cancel", "Deploy", "Scale", "Resize", "Publish", "Approve", "Reject", "Accept",
    ),
    LOW: ("Get", "List", "Head", "Describe", "Search", "Summarize", "Query", "Fetch", "Read", "View", "Check", "Validate"),
})  # fmt: skip


class Severity:
    """Configured once per run. ``patterns``: event patterns with a severity; the first match decides, whatever the outcome.

    ``verbs``: severity → prefixes of event names (see `verb_pattern`); the first match decides. Notices always have severity 3.
    """

    def __init__(self, verbs: Mapping[int, Sequence[str]] = VERBS, patterns: Sequence[tuple[str, int]] = ()) -> None:
        self._patterns = [(compile_patterns([pattern]), severity) for pattern, severity in patterns]
        self._verbs = [(verb_pattern(prefixes), severity) for severity, prefixes in verbs.items()]
        self._cached = lru_cache(_CACHED)(self._by_name_and_status)

    def __call__(self, event: AuditEvent, meaning: Meaning | None = None) -> int:
        """0 to 10. ``meaning``: that of `interpret`, if it is known already.

        Unless a pattern matches, status 401, 403 or 404 adds 3, and a failed sign-on is at least 7.
        """
        data = event.data
        meaning = meaning or interpret(event)[1]
        severity, signs_on = self._cached(event.event_type, data.event_name, data.response.status if data.response else None)
        return max(severity, SIGN_ON_FAILED) if signs_on and meaning.outcome == FAILURE else severity

    def _by_name_and_status(self, event_type: str, event_name: str | None, status: str | int | None) -> tuple[int, bool]:
        """The severity, and whether a failed outcome raises it."""
        severity, final, signs_on = self._by_name(event_type, event_name)
        if final:
            return severity, False
        return min(severity + DENIED_INCREMENT, 10) if http_status(status) in DENIED_STATUSES else severity, signs_on

    def _by_name(self, event_type: str, event_name: str | None) -> tuple[int, bool, bool]:
        """The severity, whether it is final, and whether the event is a sign-on."""
        for pattern, severity in self._patterns:
            if matches(pattern, event_type, event_name):
                return severity, True, False
        if event_type.startswith(NOTICE_PREFIX):
            return OTHER, True, False
        name = event_name or event_type.rpartition(".")[2]
        severity = next((severity for verbs, severity in self._verbs if verbs.match(name)), OTHER)
        return severity, False, is_sign_on_name(event_type, event_name)


def verb_pattern(prefixes: Sequence[str]) -> re.Pattern[str]:
    """A pattern for event names that start with one of these words, ``*`` for any text: ``Get`` matches GetInstance, not Getaway."""
    alternatives = "|".join(re.escape(prefix).replace(r"\*", ".*") for prefix in prefixes)
    return re.compile(rf"(?i:{alternatives})(?![a-z])" if prefixes else "(?!)")

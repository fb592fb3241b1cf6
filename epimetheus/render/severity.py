"""How grave an event is, 0 to 10 as CEF counts: as the user says, else by the verb its name begins with and by how the call went."""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType

from epimetheus.event_patterns import compile_patterns, matches
from epimetheus.model import AuditEvent
from epimetheus.render.meaning import failed, names_sign_on, status

HIGH, MEDIUM, LOW, OTHER = 8, 5, 2, 3
REFUSED = frozenset((401, 403, 404))
RAISE = 3  # what a refused call adds
OWN_TYPES = "epimetheus."  # how the event types of messages of our own begin
SIGN_ON_FAILED = 7  # a failed sign-on has at least this
_CACHED = 4096  # OCI has some thousand event names; the cache must not grow with what an event calls itself

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
    """Configured once a run. ``patterns`` (see `patterns`) with their severity, 0 to 10: the first that matches says it, whatever happened.

    ``verbs`` are the severity → how such event names begin, first match wins. A beginning ends where a word does: ``Get`` is in
    GetInstance, not in Getaway nor in DetachTarget; ``*`` stands for anything. Messages of our own are no events: they have 3.
    """

    def __init__(self, verbs: Mapping[int, Sequence[str]] = VERBS, patterns: Sequence[tuple[str, int]] = ()) -> None:
        self._patterns = [(compile_patterns([pattern]), severity) for pattern, severity in patterns]
        self._verbs = [(beginning(patterns), severity) for severity, patterns in verbs.items()]
        self._known = lru_cache(_CACHED)(self._told)

    def __call__(self, event: AuditEvent) -> int:
        """0 to 10; where no pattern says it, a call refused with 401, 403 or 404 is raised by 3, a failed sign-on to 7 at least."""
        data = event.data
        severity, signs_on = self._known(event.event_type, data.event_name, data.response.status if data.response else None)
        return max(severity, SIGN_ON_FAILED) if signs_on and failed(event) else severity

    def _told(self, event_type: str, event_name: str | None, told: str | int | None) -> tuple[int, bool]:
        """The severity, and whether it is more where a sign-on failed."""
        severity, final, signs_on = self._told_by_name(event_type, event_name)
        if final:
            return severity, False
        return min(severity + RAISE, 10) if status(told) in REFUSED else severity, signs_on

    def _told_by_name(self, event_type: str, event_name: str | None) -> tuple[int, bool, bool]:
        """The severity, whether that is final, and whether somebody tried to sign on."""
        for pattern, severity in self._patterns:
            if matches(pattern, event_type, event_name):
                return severity, True, False
        if event_type.startswith(OWN_TYPES):
            return OTHER, True, False
        name = event_name or event_type.rpartition(".")[2]
        severity = next((severity for verbs, severity in self._verbs if verbs.match(name)), OTHER)
        return severity, False, names_sign_on(event_type, event_name)


def beginning(patterns: Sequence[str]) -> re.Pattern[str]:
    """What matches where an event's name begins with one of these, as `Severity` has it."""
    alternatives = "|".join(re.escape(pattern).replace(r"\*", ".*") for pattern in patterns)
    return re.compile(rf"(?i:{alternatives})(?![a-z])" if patterns else "(?!)")

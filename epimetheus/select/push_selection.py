"""Decide about the events of a push: as in a run, but what has to be counted across runs is left to the next scheduled run.

Pushes share no counts: hourly limits, and the own address in `OwnPolling`, are part of the state, which only a run may write. An event that
needs them is ``deferred``: neither sent nor recorded, so that the next run finds it new.
"""

from collections.abc import Collection, Iterator
from dataclasses import replace

from msgspec import Raw

from epimetheus.model import AuditEvent
from epimetheus.select.rate_limits import RateLimits
from epimetheus.select.rules import Reason, Rules
from epimetheus.select.selection import Selection
from epimetheus.select.tamper_watch import TamperWatch


class _AnyFunction(Collection[str]):
    """The principals of all functions. A push comes through another function than polling does, and does not know which one polls."""

    def __contains__(self, principal: object) -> bool:
        return isinstance(principal, str) and principal.startswith(("ocid1.fnfunc.", "ocid1.fnapp."))

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 1


class PushSelection(Selection):
    """Decides for one push. With OWN_EVENTS=summarize, polling calls of any function are deferred: the run knows whose they are."""

    def __init__(self, rules: Rules, watch: TamperWatch, *, summarize_own: bool) -> None:
        super().__init__(replace(rules, own=_AnyFunction() if summarize_own else ()), watch, RateLimits({}))

    def key_of_text(self, tag: bytes, raw: bytes | Raw) -> bytes | None:
        """None: almost all pushed events have the form of Logging."""
        return None

    def _own(self, event: AuditEvent, minute: int) -> Reason | None:
        return "deferred"

    def _limited(self, event: AuditEvent, minute: int, most: int) -> Reason | None:
        return "deferred"

"""Which events the user wants: pure decisions, in a fixed order, each with the reason that it is counted by.

    touches TAMPER_WATCH ▶ never_drop ▶ priority_events ▶ our own polling ▶ users ▶ services ▶ mode and its list ▶ rate_limiting

The first that speaks decides. An event that is not understood is never left out: no rule can be sure of it.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal, NamedTuple

from epimetheus.event_patterns import compiled, matches
from epimetheus.model import AuditEvent, Cache, Identity
from epimetheus.select.actors import classify_actor, is_one_of, normalized
from epimetheus.select.tamper_watch import OWN_CALLS, is_own_call

Reason = Literal["own_polling", "excluded_user", "not_included_user", "service", "excluded_event", "not_included_event", "rate_limited"]

_CACHED_NAMES = 4096  # OCI has some thousand event types; the cache must not grow with what an event calls itself
_NOBODY = Identity()


@dataclass(frozen=True)
class Rules:
    """What the rules file says, plainly; patterns as in `epimetheus.event_patterns`, users and services by name or OCID.

    ``limits``: pattern → most an hour of each event type it matches. ``own``: OCIDs of ourselves whose polling is left out.
    """

    mode: Literal["all", "include", "exclude"] = "all"
    excluded: Sequence[str] = ()
    included: Sequence[str] = ()
    priority: Sequence[str] = ()
    never_drop: Sequence[str] = ()
    limits: Mapping[str, int] = field(default_factory=dict)
    without_services: bool = False
    services: Sequence[str] = ()
    excluded_users: Sequence[str] = ()
    only_users: Sequence[str] = ()
    own: Collection[str] = ()


class Decision(NamedTuple):
    """``reason`` to leave the event out (None: send it); ``limit``: most of its type an hour, where one holds."""

    reason: Reason | None = None
    limit: int | None = None


SEND = Decision()


class _RuleNames(NamedTuple):
    """What a type and a name alone decide. ``decided``: who acted is not asked, ``verdict`` is all."""

    decided: bool
    verdict: Decision


class RuleEngine:
    """`Rules`, compiled once a run."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._never_drop, self._priority = compiled(rules.never_drop), compiled(rules.priority)
        self._excluded, self._included = compiled(rules.excluded), compiled(rules.included)
        self._limits = [(pattern, compiled([pattern]), most) for pattern, most in rules.limits.items()]
        self._excluded_users, self._only_users = normalized(rules.excluded_users), normalized(rules.only_users)
        self._services = normalized(rules.services)
        self._by_user = bool(rules.excluded_users or rules.only_users or rules.without_services)
        self._named = lru_cache(_CACHED_NAMES)(self._by_name)

    def __call__(self, event: AuditEvent) -> Decision:
        """What becomes of an event that touches nothing of ours."""
        named = self._named(event.event_type, event.data.event_name)
        reason = None if named.decided else self._by_principal(event)
        return Decision(reason) if reason else named.verdict

    def names(self) -> Cache:
        """How often a type and a name had been met before."""
        info = self._named.cache_info()
        return Cache(info.hits, info.misses, info.currsize)

    def _by_principal(self, event: AuditEvent) -> Reason | None:
        if self._rules.own and is_own_call(event, self._rules.own):
            return "own_polling"
        if not self._by_user:
            return None
        identity = event.data.identity or _NOBODY
        if is_one_of(identity, self._excluded_users):
            return "excluded_user"
        if self._only_users and not is_one_of(identity, self._only_users):
            return "not_included_user"
        return "service" if self._rules.without_services and classify_actor(identity, self._services) == "service" else None

    def _by_name(self, event_type: str, event_name: str | None) -> _RuleNames:
        if matches(self._never_drop, event_type, event_name):
            return _RuleNames(decided=True, verdict=SEND)
        if matches(self._priority, event_type, event_name):
            return _RuleNames(decided=True, verdict=_verdict(None, self._limit(event_type, event_name, own=True)))
        asks = self._by_user or (self._rules.own and event_name in OWN_CALLS)
        verdict = _verdict(self._by_list(event_type, event_name), self._limit(event_type, event_name, own=False))
        return _RuleNames(decided=not asks, verdict=verdict)

    def _by_list(self, event_type: str, event_name: str | None) -> Reason | None:
        mode = self._rules.mode
        if mode == "exclude" and matches(self._excluded, event_type, event_name):
            return "excluded_event"
        if mode == "include" and self._rules.included and not matches(self._included, event_type, event_name):
            return "not_included_event"
        return None

    def _limit(self, event_type: str, event_name: str | None, *, own: bool) -> int | None:
        """The limit that names this type, else (unless it must be its ``own``) the first whose pattern matches."""
        found = [(pattern, most) for pattern, regex, most in self._limits if matches(regex, event_type, event_name)]
        exact = [most for pattern, most in found if "*" not in pattern]
        return next(iter(exact or ([] if own else [most for _, most in found])), None)


def _verdict(reason: Reason | None, limit: int | None) -> Decision:
    if reason:
        return Decision(reason)
    return SEND if limit is None else Decision(None, limit)

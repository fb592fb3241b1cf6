"""Decide by the rules file which events are forwarded, in a fixed order, each decision with the reason it is counted under.

    TAMPER_WATCH ▶ never_drop ▶ priority_events ▶ own polling ▶ users ▶ services ▶ mode and its list ▶ rate_limiting

The first step that applies decides. A malformed event is always forwarded, because no rule can be evaluated for it.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal, NamedTuple

from epimetheus.event_details import actor_of
from epimetheus.event_patterns import compile_patterns, matches
from epimetheus.model import AuditEvent, Identity
from epimetheus.reports import Cache
from epimetheus.select.actors import classify_actor, is_one_of, normalized
from epimetheus.select.tamper_watch import OWN_CALLS, is_own_call

Reason = Literal[
    "own_polling", "excluded_user", "not_included_user", "service", "excluded_event", "not_included_event", "rate_limited", "deferred"
]
"""Why an event is not sent. ``deferred``: it is left to the next scheduled run (`epimetheus.select.push_selection`)."""

_NAME_CACHE_SIZE = 4096  # OCI has some thousand event types; a bound, because events choose their own names
_NO_IDENTITY = Identity()


@dataclass(frozen=True)
class Rules:
    """The content of the rules file. Patterns are as in `epimetheus.event_patterns`; users and services are names or OCIDs.

    ``limits``: pattern → maximum per hour of each event type that it matches. ``own``: OCIDs of this deployment, whose polling is filtered.
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
    """``reason`` to filter the event (None: forward it); ``limit``: maximum of its type per hour, if there is one."""

    reason: Reason | None = None
    limit: int | None = None


SEND = Decision()


class _NameDecision(NamedTuple):
    """The decision by event type and name alone; ``final``: the actor does not change it."""

    final: bool
    decision: Decision


class RuleEngine:
    """`Rules`, compiled once per run."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._never_drop, self._priority = compile_patterns(rules.never_drop), compile_patterns(rules.priority)
        self._excluded, self._included = compile_patterns(rules.excluded), compile_patterns(rules.included)
        self._limits = [(pattern, compile_patterns([pattern]), most) for pattern, most in rules.limits.items()]
        self._excluded_users, self._only_users = normalized(rules.excluded_users), normalized(rules.only_users)
        self._services = normalized(rules.services)
        self._by_user = bool(rules.excluded_users or rules.only_users or rules.without_services)
        self._cached_by_name = lru_cache(_NAME_CACHE_SIZE)(self._by_name)

    def __call__(self, event: AuditEvent) -> Decision:
        """The decision about an event that TAMPER_WATCH does not match."""
        by_name = self._cached_by_name(event.event_type, event.data.event_name)
        reason = None if by_name.final else self._by_actor(event)
        return Decision(reason) if reason else by_name.decision

    def name_cache(self) -> Cache:
        """Statistics of the cache of decisions by event type and name."""
        info = self._cached_by_name.cache_info()
        return Cache(info.hits, info.misses, info.currsize)

    def _by_actor(self, event: AuditEvent) -> Reason | None:
        if self._rules.own and is_own_call(event, self._rules.own):
            return "own_polling"
        if not self._by_user:
            return None
        actor = actor_of(event) or _NO_IDENTITY
        if is_one_of(actor, self._excluded_users):
            return "excluded_user"
        if self._only_users and not is_one_of(actor, self._only_users):
            return "not_included_user"
        is_service = self._rules.without_services and classify_actor(event.data.identity, self._services, actor) == "service"
        return "service" if is_service else None

    def _by_name(self, event_type: str, event_name: str | None) -> _NameDecision:
        if matches(self._never_drop, event_type, event_name):
            return _NameDecision(final=True, decision=SEND)
        if matches(self._priority, event_type, event_name):
            return _NameDecision(final=True, decision=_decision(None, self._limit(event_type, event_name, exact=True)))
        by_actor = self._by_user or (self._rules.own and event_name in OWN_CALLS)
        decision = _decision(self._by_list(event_type, event_name), self._limit(event_type, event_name, exact=False))
        return _NameDecision(final=not by_actor, decision=decision)

    def _by_list(self, event_type: str, event_name: str | None) -> Reason | None:
        mode = self._rules.mode
        if mode == "exclude" and matches(self._excluded, event_type, event_name):
            return "excluded_event"
        if mode == "include" and self._rules.included and not matches(self._included, event_type, event_name):
            return "not_included_event"
        return None

    def _limit(self, event_type: str, event_name: str | None, *, exact: bool) -> int | None:
        """The limit whose pattern has no star; without one, and unless ``exact``, the first whose pattern matches."""
        found = [(pattern, most) for pattern, regex, most in self._limits if matches(regex, event_type, event_name)]
        without_star = [most for pattern, most in found if "*" not in pattern]
        return next(iter(without_star or ([] if exact else [most for _, most in found])), None)


def _decision(reason: Reason | None, limit: int | None) -> Decision:
    if reason:
        return Decision(reason)
    return SEND if limit is None else Decision(None, limit)

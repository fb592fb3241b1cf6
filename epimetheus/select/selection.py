"""Decide about one event with the rules, the tamper watch and the hourly limits together."""

from typing import NamedTuple

from msgspec import Raw

from epimetheus.event_details import actor_of
from epimetheus.model import AuditEvent, Fetched
from epimetheus.reports import Cache
from epimetheus.select.actors import Actor, classify_actor, normalized
from epimetheus.select.dedupe import event_key, key_of_text
from epimetheus.select.own_polling import OwnPolling
from epimetheus.select.rate_limits import RateLimits, event_millis
from epimetheus.select.rules import SEND, Decision, Reason, RuleEngine, Rules
from epimetheus.select.tamper_watch import TamperWatch


class Selected(NamedTuple):
    """``reason`` to filter the event (None: forward it); ``watched``: it touches a resource of TAMPER_WATCH."""

    reason: Reason | None
    watched: bool


_FORWARD = Selected(None, watched=False)


class Selection:
    """Decides for one run. The caller confirms what `rate_limits` counted once the event's batch is confirmed."""

    def __init__(self, rules: Rules, watch: TamperWatch, rate_limits: RateLimits) -> None:
        self.rate_limits = rate_limits
        self._engine = RuleEngine(rules)
        self._watch = watch
        self._own_polling = OwnPolling(rate_limits)
        self._services = normalized(rules.services)

    def key(self, tag: bytes, fetched: Fetched) -> bytes:
        """The key by which an event is recognized; ``tag``: that of the compartment that listed it."""
        return event_key(tag, fetched)

    def key_of_text(self, tag: bytes, raw: bytes | Raw) -> bytes | None:
        """The `key` of an event that is not decoded yet. None if it has to be decoded first."""
        return key_of_text(tag, raw)

    def mentions_watched(self, page: bytes) -> bool:
        """True if a page mentions a watched resource. If not, none of its events does, and none needs a scan of its own."""
        return self._watch.mentions(page)

    def __call__(self, fetched: Fetched, minute: int, *, scan: bool = True) -> Selected:
        """Decide about an event that is not a duplicate. ``minute``: end of its window, which limits use if the event has no time.

        ``scan``: whether to scan the event for watched resources.
        """
        watched = scan and self._watch.touches(fetched.raw)
        event = fetched.event
        decision = SEND if watched or event is None else self._decide(fetched, event)
        if event is None or decision is SEND:
            return Selected(None, watched) if watched else _FORWARD
        if decision.reason == "own_polling":
            return Selected(self._own(event, minute), watched)
        if decision.reason is None and decision.limit is not None:
            return Selected(self._limited(event, minute, decision.limit), watched)
        return Selected(decision.reason, watched)

    def warnings(self) -> list[str]:
        """The report's warnings about selected events."""
        return self._own_polling.warnings()

    def name_cache(self) -> Cache:
        """Statistics of the rules' cache by event type and name."""
        return self._engine.name_cache()

    def actor(self, fetched: Fetched) -> Actor:
        """The class of the event's actor."""
        event = fetched.event
        return classify_actor(event.data.identity, self._services, actor_of(event)) if event else "unknown"

    def _decide(self, fetched: Fetched, event: AuditEvent) -> Decision:
        return self._engine(event)

    def _own(self, event: AuditEvent, minute: int) -> Reason | None:
        """The reason to filter a polling call of the deployment's principal, None to forward it."""
        return "own_polling" if self._own_polling.is_own(event, self._millis(event.event_time, minute)) else None

    def _limited(self, event: AuditEvent, minute: int, most: int) -> Reason | None:
        """The reason to filter an event of which ``most`` are forwarded per hour, None to forward it."""
        return None if self.rate_limits.admit(event.event_type, self._millis(event.event_time, minute), most) else "rate_limited"

    @staticmethod
    def _millis(text: str | None, minute: int) -> int:
        millis = event_millis(text)
        return minute * 60_000 - 1 if millis is None else millis

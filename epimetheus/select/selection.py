"""One event, one outcome: the rules, the watch over our own resources and the hourly limits together."""

from collections.abc import Mapping
from typing import NamedTuple

from epimetheus.model import Cache, Fetched, HourlyCount
from epimetheus.select.actors import Actor, classify_actor, normalized
from epimetheus.select.own_polling import OwnPolling
from epimetheus.select.rate_limits import RateLimits, event_millis
from epimetheus.select.rules import SEND, Reason, RuleEngine, Rules
from epimetheus.select.tamper_watch import TamperWatch

Spent = Mapping[tuple[str, int], HourlyCount]


class Selected(NamedTuple):
    """``reason`` to leave the event out, or None; ``watched``: it touches one of our own resources."""

    reason: Reason | None
    watched: bool


_SENT = Selected(None, watched=False)


class Selection:
    """Configured once a run. Whoever is told to leave an event out gives what it `spent` back to ``quotas`` with its batch."""

    def __init__(self, rules: Rules, watch: TamperWatch, quotas: RateLimits) -> None:
        self.quotas = quotas
        self._judge = RuleEngine(rules)
        self._watch = watch
        self._own_polling = OwnPolling(quotas)
        self._services = normalized(rules.services)

    def looks_at(self, page: bytes) -> bool:
        """Whether a page names what is watched: where it does not, none of its events does, and none need be looked at for it."""
        return self._watch.named(page)

    def __call__(self, fetched: Fetched, minute: int, *, look: bool = True) -> Selected:
        """What becomes of an event that was not met before, read in a window that ends at ``minute``: it counts there if it has no time.

        ``look``: whether it may touch what is watched.
        """
        watched = look and self._watch.touched(fetched.raw)
        event = fetched.event
        verdict = SEND if watched or event is None else self._judge(event)
        if event is None or verdict is SEND:
            return Selected(None, watched) if watched else _SENT
        if verdict.reason == "own_polling":
            ours = self._own_polling.is_ours(event, self._millis(event.event_time, minute))
            return Selected(verdict.reason if ours else None, watched)
        if verdict.reason is None and verdict.limit is not None:
            admitted = self.quotas.admits(event.event_type, self._millis(event.event_time, minute), verdict.limit)
            return Selected(None if admitted else "rate_limited", watched)
        return Selected(verdict.reason, watched)

    def warnings(self) -> list[str]:
        """What the report of a run says about what was selected."""
        return self._own_polling.warnings()

    def names(self) -> Cache:
        """How the rules' memory of event types did."""
        return self._judge.names()

    def actor(self, fetched: Fetched) -> Actor:
        """Who did it."""
        return classify_actor(fetched.event.data.identity if fetched.event else None, self._services)

    @staticmethod
    def _millis(text: str | None, minute: int) -> int:
        millis = event_millis(text)
        return minute * 60_000 - 1 if millis is None else millis

"""What ``rules try`` and ``state show`` print with ``--json``. Times are RFC 3339; an absent value is null."""

from collections.abc import Sequence
from typing import Any

from epimetheus.cli.rules_try import RulesTrial
from epimetheus.errors import EpimetheusError
from epimetheus.model import minute_text, time_text
from epimetheus.state.model import State


def trial_report(trial: RulesTrial, warnings: Sequence[str]) -> dict[str, Any]:
    """The outcomes, most frequent first; ``events`` is their sum, without duplicates."""
    rows = sorted(trial.rows.items(), key=lambda row: (-row[1], row[0]))
    return {
        "events": trial.rows.total(),
        "duplicates": trial.duplicates,
        "outcomes": [{"event_type": event_type, "outcome": outcome, "events": count} for (event_type, outcome), count in rows],
        "unread": dict(sorted(trial.unread.items())),
        "warnings": list(warnings),
    }


def state_report(name: str, region: str, state: State | None, now: float, problem: EpimetheusError | None) -> dict[str, Any]:
    """The state at the location ``name``. ``now``: seconds since the epoch. ``problem``: what prevents a run from using the state."""
    report: dict[str, Any] = {"location": name, "region": region, "exists": state is not None}
    if state is None:
        return report
    lease, adopted = state.lease, state.adopted
    return {
        **report,
        "through": minute_text(state.through),
        "lag_seconds": int(now - state.through * 60),
        "listed": minute_text(state.listed) if state.listed else None,
        "compartments": {"known": len(state.known), "polled": sum(one.polled for one in state.known.values()), "behind": len(state.behind)},
        "behind": {
            ocid: {"since": minute_text(one.since), "attempts": one.attempts, "reason": one.reason}
            for ocid, one in sorted(state.behind.items())
        },
        "lease": {"run": lease.run, "until": time_text(lease.until), "live": lease.is_live(now)} if lease else None,
        "last_run": dict(state.last) or None,
        "tenancy": state.tenancy or None,
        "receiver": state.receiver.address if state.receiver else None,
        "adopted": {"at": time_text(adopted.at), "reason": adopted.reason, "before": adopted.before} if adopted else None,
        "problem": {"what": problem.what, "do": problem.do} if problem else None,
    }

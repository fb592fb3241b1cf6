"""What commands print with ``--json``, unless it is the report of a run. Times are RFC 3339; an absent value is null."""

from collections.abc import Sequence
from typing import Any

from epimetheus.cli.rules_preview import RulesPreview
from epimetheus.cli.runs_html import Frame
from epimetheus.errors import EpimetheusError
from epimetheus.model import AuditEvent, minute_text, time_text
from epimetheus.render import Rendered
from epimetheus.state.model import Lease, State
from epimetheus.state.owner import ReceiverId


def preview_report(preview: RulesPreview, warnings: Sequence[str]) -> dict[str, Any]:
    """The outcomes, most frequent first; ``events`` is their sum, without duplicates."""
    rows = sorted(preview.rows.items(), key=lambda row: (-row[1], row[0]))
    return {
        "events": preview.rows.total(),
        "duplicates": preview.duplicates,
        "outcomes": [{"event_type": event_type, "outcome": outcome, "events": count} for (event_type, outcome), count in rows],
        "unread": dict(sorted(preview.unread.items())),
        "warnings": list(warnings),
    }


def page_report(file: str, size: int, runs: int, frame: Frame) -> dict[str, Any]:
    """The page that ``runs html`` has written: its ``size`` in bytes, and how many ``runs`` it shows."""
    period = {"since": time_text(frame.start), "until": time_text(frame.end)}
    return {"file": file, "bytes": size, "runs": runs, **period, "searched": frame.where, "warnings": list(frame.warnings)}


def event_report(
    number: int, event: AuditEvent | None, reason: str | None, messages: Sequence[tuple[str, Rendered]], *, watched: bool
) -> dict[str, Any]:
    """One event of ``render``. ``event``: None if it is malformed; ``messages``: (format, message) pairs."""
    return {
        "number": number,
        "event_id": event.event_id if event else None,
        "event_type": event.event_type if event else None,
        "malformed": event is None,
        "filtered": reason,
        "watched": watched,
        "messages": [
            {
                "format": format,
                "message": rendered.message.decode(),
                "bytes": len(rendered.message),
                "truncated": rendered.trimmed,
                "abridged": rendered.abridged,
                "redacted": rendered.redacted,
            }
            for format, rendered in messages
        ],
    }


def state_report(name: str, region: str, state: State | None, now: float, problem: EpimetheusError | None) -> dict[str, Any]:
    """The state at the location ``name``. ``now``: seconds since the epoch. ``problem``: what prevents a run from using the state."""
    report: dict[str, Any] = {"location": name, "region": region, "exists": state is not None}
    if state is None:
        return report
    adopted = state.adopted
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
        "dedupe_keys": sum(map(len, state.keys.values())) // 16,
        "lease": lease_report(state.lease, now) if state.lease else None,
        "last_run": dict(state.last) or None,
        **owner_report(state.tenancy, state.receiver),
        "adopted": {"at": time_text(adopted.at), "reason": adopted.reason, "before": adopted.before} if adopted else None,
        "problem": {"what": problem.what, "do": problem.do} if problem else None,
    }


def lease_report(lease: Lease, now: float) -> dict[str, Any]:
    """A lease. ``now``: seconds since the epoch."""
    return {"run": lease.run, "until": time_text(lease.until), "live": lease.is_live(now)}


def owner_report(tenancy: str, receiver: ReceiverId | None) -> dict[str, Any]:
    """The tenancy and the receiver of a state."""
    return {"tenancy": tenancy or None, "receiver": receiver.address if receiver else None}


def change_report(location: str, region: str, *, changed: bool, **members: object) -> dict[str, Any]:
    """What a command did to the state at ``location``. ``changed``: whether it wrote the state; ``members``: of this command."""
    return {"location": location, "region": region, "changed": changed, **members}

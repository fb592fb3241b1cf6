"""What commands print with ``--json``, unless it is the report of a run. Times are RFC 3339; an absent value is null."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from epimetheus.errors import EpimetheusError
from epimetheus.model import AuditEvent, minute_text, time_text
from epimetheus.render.renderer import Rendered
from epimetheus.state.model import Lease, State
from epimetheus.state.owner import ReceiverId
from epimetheus.state.seals import SealState

if TYPE_CHECKING:  # they import the OCI SDK, which takes long, and `render` does not use it
    from epimetheus.cli.rules_preview import RulesPreview
    from epimetheus.cli.runs_html import Frame


def preview_report(preview: "RulesPreview", warnings: Sequence[str]) -> dict[str, Any]:
    """The outcomes, most frequent first; ``events`` is their sum, without duplicates."""
    rows = sorted(preview.rows.items(), key=lambda row: (-row[1], row[0]))
    return {
        "events": preview.rows.total(),
        "duplicates": preview.duplicates,
        "outcomes": [{"event_type": event_type, "outcome": outcome, "events": count} for (event_type, outcome), count in rows],
        "unread": dict(sorted(preview.unread.items())),
        "warnings": list(warnings),
    }


def page_report(file: str, size: int, runs: int, frame: "Frame") -> dict[str, Any]:
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
        "reconciled": {
            str(after): {"through": minute_text(one.through), "behind": len(one.behind)} for after, one in sorted(state.reconciled.items())
        },
        "seal": _seal_report(state.seals),
        "lease": lease_report(state.lease, now) if state.lease else None,
        "last_run": dict(state.last) or None,
        **owner_report(state.tenancy, state.receiver),
        "adopted": {"at": time_text(adopted.at), "reason": adopted.reason, "before": adopted.before} if adopted else None,
        "problem": {"what": problem.what, "do": problem.do} if problem else None,
    }


def _seal_report(seals: SealState) -> dict[str, Any] | None:
    if (head := seals.head) is None:
        return None
    newest = {"sequence": head.sequence, "sha256": head.sha256, "run": head.run, "stored": head.stored, "pending": head.pending}
    return {**newest, "entries": len(seals.entries), "runs": list(seals.runs)}


def lease_report(lease: Lease, now: float) -> dict[str, Any]:
    """A lease. ``now``: seconds since the epoch."""
    return {"run": lease.run, "until": time_text(lease.until), "live": lease.is_live(now)}


def owner_report(tenancy: str, receiver: ReceiverId | None) -> dict[str, Any]:
    """The tenancy and the receiver of a state."""
    return {"tenancy": tenancy or None, "receiver": receiver.address if receiver else None}


def change_report(location: str, region: str, *, changed: bool, **members: object) -> dict[str, Any]:
    """What a command did to the state at ``location``. ``changed``: whether it wrote the state; ``members``: of this command."""
    return {"location": location, "region": region, "changed": changed, **members}


_CHANGE = {"location": "where the state is", "region": "its region", "changed": "whether the command wrote the state"}
_THROUGH = _CHANGE | {"through": "the cursor; the next run reads from `OVERLAP_MINUTES` before it"}
_LINE = "a list with an object for each region of each run: `when` (UTC), `run`, `region`, `status`, and the log `line`"

_REPLAYED = (
    "a list with an object for each region: `run`, `region`, `action`, `missing_only`, `dry`, `status`, `error`, `warnings`, `window`,"
    " `through`, `compartments`, `fetched`, `forwarded`, `duplicates`, `filtered`, `relisted` (events that were compared with the ledger),"
    " `missing` (up to 20 of those to send: `time`, `type`, `id`, `compartment`), `unread`"
)

JSON_SHAPES: Mapping[str, str | Mapping[str, str]] = {
    "validate": {
        "version": "1",
        "valid": "whether there are no problems",
        "problems": "a list of sentences",
        "warnings": "a list of sentences",
        "not_checked": "settings whose value is stored in OCI",
        "settings": "setting → value in effect, without secrets; null if a setting is invalid",
    },
    "health": {
        "version": "1",
        "run": "the id that marks what was written and sent",
        "verdict": "`healthy`, `degraded` or `unhealthy`",
        "started": "a time",
        "seconds": "the duration",
        "issues": "a line for each check that is degraded or failed",
        "checks": "a list: `name`, `region`, `status`, `seconds`, `what`, `do`",
    },
    "run": "a list with the [report](report.md) of each region",
    "runs": _LINE,
    "runs show": _LINE,
    "runs html": {
        "file": "the page",
        "bytes": "its size",
        "runs": "how many it shows",
        "since": "the start of the period",
        "until": "its end",
        "searched": "where the runs were logged",
        "warnings": "why runs may be missing: a list of sentences",
    },
    "rules preview": {
        "events": "the sum of the outcomes",
        "duplicates": "events that occurred more than once, which are counted once",
        "outcomes": "a list, most frequent first: `event_type`, `outcome`, `events`",
        "unread": "compartment → why it was not read",
        "warnings": "a list of sentences",
    },
    "render": {
        "events": "a list: `number`, `event_id`, `event_type`, `malformed`, `filtered` (why `RULES` filter it, or null), `watched`"
        " (it names a resource in `TAMPER_WATCH`), and `messages` with `format`, `message`, `bytes`, `truncated`, `abridged`, `redacted`",
        "malformed": "how many of them are malformed",
        "warnings": "a list of sentences",
    },
    "replay": _REPLAYED,
    "reconcile": _REPLAYED,
    "verify": {
        "version": "1",
        "verdict": "`complete`, `incomplete` (there are faults) or `unchecked` (none was found, but a part could not be checked)",
        "regions": (
            "a list with an object for each region: `region`, `window`, `seals`, `entries`, `reconciliation` (minutes of a pass → `hours`,"
            " `reconciled`, `due`), `late`, `read_through`, `behind`, `audit` (`listed`, `missing`), `warnings`"
        ),
        "export": (
            "`files`, `sealed`, `present`, `missing`, `duplicates`, `unsealed`, `unmatchable`, `number_only`, `other_number`,"
            " `seal_messages`, `other_lines`, `unreadable_lines`, `foreign_seals`; null without --siem, or if no line is recognized"
        ),
        "faults": (
            "a list of objects: `kind`, `what`, and as far as known `region`, `object`, `seals` (first and last sequence number), `run`,"
            " `messages` (first and last sequence number), `count`, `event_ids`, `id_digests`"
        ),
        "unchecked": "a list of sentences",
    },
    "state show": {
        "location": "where the state is",
        "region": "its region",
        "exists": "whether there is one; if not, the other members are missing",
        "through": "the cursor",
        "lag_seconds": "how far it is behind",
        "listed": "when compartments were last listed",
        "compartments": "`known`, `polled` and `behind`: counts",
        "behind": "compartment → `since`, `attempts`, `reason`",
        "reconciled": "minutes of a pass of reconciliation → `through`, and the number of compartments `behind`",
        "seal": "the newest: `sequence`, `sha256`, `run`, `stored`, `pending` (how many are not sent), and how many `entries` and which"
        " `runs` the next one names; null if there is none",
        "lease": "`run`, `until`, `live`; null if there is none",
        "last_run": "the summary of the last run",
        "tenancy": "the tenancy that the state belongs to",
        "receiver": "the receiver that it belongs to",
        "adopted": "`at`, `reason`, `before`; null if it was never adopted",
        "problem": "`what` prevents runs from using the state, and what to `do`; null if nothing does",
    },
    "state import": _THROUGH
    | {"stopped": "when the Go program's last poll ended", "polls": "how many it finished", "dry": "whether `--dry-run` was given"},
    "state rewind": _THROUGH,
    "state reset": _THROUGH,
    "state adopt": _CHANGE
    | {"tenancy": "the tenancy that it belongs to now", "receiver": "the receiver that it belongs to now", "before": "both, before"},
    "state unlock": _CHANGE | {"lease": "the lease that was removed: `run`, `until`, `live`; null if there was none"},
    "seal keygen": {
        "version": "1",
        "private_key": "the file with the private key",
        "public_key": "the file with the public key",
        "fingerprint": "what identifies the key in seals",
    },
    "seal public-key": {"version": "1", "fingerprint": "what identifies the key in seals", "public_key": "the key, as PEM"},
    "seal list": {
        "version": "1",
        "location": "where the seals are",
        "region": "their region",
        "seals": "a list: `name` of the object, its `sha256`, and the `seal` as it is stored",
        "problems": "seals that are damaged or missing: a list of sentences",
    },
    "seal show": {
        "version": "1",
        "location": "where the seals are",
        "region": "their region",
        "name": "the name of the object",
        "sha256": "its SHA-256",
        "seal": "the seal as it is stored",
    },
    "state own-address": _CHANGE | {"address": "the address that was set"},
}
"""Command → members of its document, or a sentence about it: the table in docs/cli.md."""

WITHOUT_JSON: Mapping[str, str] = {"demo": "it shows people how a run works; `run --json` has the reports"}
"""Commands without ``--json`` → why."""

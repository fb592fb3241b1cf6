"""Health checks of the state: whether a run may use it, how far the cursor is behind, and which compartments are behind.

No check holds the lease: a run that starts meanwhile is not affected. If no state exists, none is written, because it would set the
cursor; instead a write is tried that the store must refuse because of its condition (RFC 9110, section 13.1.1).
"""

from dataclasses import replace

from epimetheus.clock import Deadline
from epimetheus.errors import StateConflict, StateError
from epimetheus.health.context import HealthContext
from epimetheus.health.model import CheckResult, Status
from epimetheus.model import count_text, minute_text, parse_seconds, time_text
from epimetheus.oci_client.clients import ServiceFailure
from epimetheus.state.model import Lease
from epimetheus.state.store import PreconditionFailed, Store

LAG_HOURS = (2, 24)
"""Above the first the lag is degraded, above the second it is a failure."""

_MOST_NAMED = 5
_NO_ETAG = "epimetheus-health-must-be-refused"
_LAG_HELP = "Read the log of the last runs. If they fail, fix the cause. If they are missing or end early, change the schedule or timeout."
_BEHIND_HELP = "Every run tries them again. For 404, if no policy allows the call, add this statement: {policy}"


def check_state(context: HealthContext, deadline: Deadline) -> CheckResult:
    """A run may use the state, and it can be read and written. Only its writer changes. Raises StateError."""
    # A call of the store takes at most 1/27 of a run's time: here a fifth of this check's time, for up to four calls.
    limit = Deadline.after(context.clock, deadline.left() * 5)
    region, now = context.region, context.now()
    store, session = context.wiring.state.store(region, limit), context.wiring.state.session(region, context.run_id, limit)
    found = session.peek()
    if found is None:
        session.raise_if_missing()
        context.without_state.add(region)
        return _first_write(store)
    session.validate(found, now)
    context.states[region] = found
    if (lease := found.lease) and lease.is_live(now):
        until = time_text(lease.until)
        return CheckResult(f"{store.name} can be read. Run {lease.run} holds the lease until {until}, so no write was tried.")
    try:
        leased = session.commit(replace(found, lease=Lease(context.run_id, 0.0)))  # expired by any clock
        session.commit(replace(leased, lease=lease))
    except StateConflict as conflict:
        return CheckResult(f"{conflict.what} The state can be read, and conditional writes work.")
    return CheckResult(f"{store.name} can be read and written.")


def check_lag(context: HealthContext, _: Deadline) -> CheckResult:
    """How far the cursor is behind."""
    region = context.region
    if region in context.without_state:
        return CheckResult("No run has completed yet.", "degraded", context.caller.first_run_help)
    if (state := context.states.get(region)) is None:
        return CheckResult("No usable state exists.", "skipped")
    now = context.now()
    hours = (now / 60 - context.wiring.settings.settle_minutes - state.through) / 60
    ended = str(state.last.get("at") or "")
    worst = max(hours, (now - parse_seconds(ended)) / 3600 if ended else LAG_HOURS[0] + 0.1)
    most = LAG_HOURS[1] + (0 if ended else context.wiring.settings.initial_lookback_hours)  # a first run starts that far behind
    status: Status = "failed" if worst > most else "degraded" if worst > LAG_HOURS[0] else "ok"
    last = f"The last run ended at {ended}." if ended else "No run has completed yet."
    limits = f"degraded over {LAG_HOURS[0]} h, failed over {most} h"
    what = f"Read through {minute_text(state.through)}, {max(0.0, hours):.1f} h behind ({limits}). {last}"
    return CheckResult(what, status, "" if status == "ok" else _LAG_HELP if ended else context.caller.first_run_help)


def check_behind(context: HealthContext, _: Deadline) -> CheckResult:
    """Which compartments are read only up to a time before the cursor."""
    if (state := context.states.get(context.region)) is None:
        return CheckResult("No usable state exists.", "skipped")
    if not any(known.polled for known in state.known.values()):
        if not state.last.get("at"):
            return CheckResult("No run has completed yet.", "skipped")  # the lag check reports it
        return CheckResult("No compartment is known: no run has listed them yet.", "degraded", context.caller.first_run_help)
    if not state.behind:
        return CheckResult("No compartment is behind.")
    first = sorted(state.behind.items(), key=lambda item: (item[1].since, item[0]))[:_MOST_NAMED]
    help = _BEHIND_HELP.format(policy=context.wiring.oci.policies.audit_events)
    named = "; ".join(
        f"{ocid} since {minute_text(one.since)}, {count_text(one.attempts, 'attempt')}: {one.reason}" for ocid, one in first
    )
    return CheckResult(f"{count_text(len(state.behind), 'compartment is', 'compartments are')} behind: {named}", "degraded", help)


def _first_write(store: Store) -> CheckResult:
    """Whether a run may write the first state, without writing one. Raises StateError."""
    try:
        store.write(b"", _NO_ETAG)
    except PreconditionFailed:
        return CheckResult(f"No state exists in {store.name} yet; the first run writes it. A test write failed only on its condition.")
    except StateError as error:
        if isinstance(error.__cause__, ServiceFailure) and error.__cause__.code == "ObjectNotFound":
            return CheckResult(f"No state exists in {store.name} yet; the first run writes it.")
        raise
    what = f"{store.name} accepted a write whose condition did not hold: two runs could overwrite each other's state."
    return CheckResult(what, "failed", "Delete that object, which is empty. Then find what drops the If-Match header: a proxy?")

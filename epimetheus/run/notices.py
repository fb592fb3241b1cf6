"""The notices step: messages from Epimetheus to the receiver about rate-limited events, its own polling, and its runs.

A notice has the form of an audit event, so every format can render it: ``eventType`` is ``epimetheus.HeldBack``,
``epimetheus.OwnPolling``, ``epimetheus.Run`` or ``epimetheus.Probe``, ``data.message`` is a sentence, and ``data.additionalDetails``
contains the figures.
"""

from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from epimetheus.model import Fetched, HourlyCount, count_text, minute_text, plural, time_text
from epimetheus.run.context import RunContext
from epimetheus.run.tally import Tally
from epimetheus.select.own_polling import split_kind
from epimetheus.select.rate_limits import OWN, Counts
from epimetheus.source.decode import decode_event


class NoticeSource(NamedTuple):
    """The source of a notice. ``now``: seconds since the epoch."""

    run: str
    region: str
    tenancy: str
    now: float


def send_notices(ctx: RunContext) -> None:
    """Send the notices of this run, after every event is confirmed. Raises ReceiverError, DeliveryUncertain, AccountingError."""
    rate_limits, forwarder = ctx.pipeline.rate_limits, ctx.pipeline.forwarder
    source = NoticeSource(ctx.run_id, ctx.options.region, ctx.options.tenancy, ctx.time.now())
    counts = rate_limits.unreported(ctx.state.through - ctx.options.overlap_minutes, immediate=OWN)
    messages = [*rate_limited_notices(source, counts), *own_polling_notices(source, counts)]
    if ctx.options.run_message:
        messages.append(run_summary_notice(source, ctx.progress.since, ctx.state.through, len(ctx.state.behind), ctx.tally))
    for message in messages:
        forwarder.send_notice(message)
    if messages:
        forwarder.finish()
    rate_limits.mark_reported(counts)


def rate_limited_notices(source: NoticeSource, counts: Counts) -> list[Fetched]:
    """One notice for each event type and hour of rate-limited events."""
    return [_rate_limited_notice(source, kind, hour, count) for (kind, hour), count in counts.items() if not kind.startswith(OWN)]


def own_polling_notices(source: NoticeSource, counts: Counts) -> list[Fetched]:
    """One notice about all requests from Epimetheus itself, if there are any."""
    own = {key: count for key, count in counts.items() if key[0].startswith(OWN)}
    if not own:
        return []
    calls: Counter[str] = Counter()
    addresses: Counter[str] = Counter()
    for (kind, _), count in own.items():
        name, address = split_kind(kind)
        calls[name] += count.suppressed - count.reported
        addresses[address] += count.suppressed - count.reported
    span, named = _span(own), {address: count for address, count in sorted(addresses.items()) if address}
    listed = ", ".join(f"{count:,} {name}" for name, count in sorted(calls.items()))
    total = calls.total()
    came = f" {plural(total, 'It', 'They')} came from {', '.join(named)}." if named else ""
    filtered = f"{count_text(total, 'event')} from Epimetheus's own polling {plural(total, 'was', 'were')} filtered"
    what = f"{filtered}, from {span['from']} to {span['to']}: {listed}.{came}"
    figures = {"filtered": total, "calls": dict(sorted(calls.items())), "addresses": named, **span}
    return [_event(source, "OwnPolling", what, figures)]


def run_summary_notice(source: NoticeSource, since: int, through: int, behind: int, tally: Tally) -> Fetched:
    """The summary of a run. ``since`` and ``through``: minutes since the epoch. ``behind``: number of compartments."""
    filtered = {reason: count for reason, count in sorted(tally.filtered.items()) if count}
    dropped = f"{count_text(tally.duplicates, 'duplicate')} dropped"
    counts = f"{tally.fetched:,} fetched, {tally.forwarded:,} forwarded, {dropped}, {sum(filtered.values()):,} filtered"
    window = {"from": minute_text(since), "through": minute_text(through)}
    where = f"{source.region}, from {window['from']} through {window['through']}"
    what = f"Run {source.run} of {where}: {counts}; {count_text(behind, 'compartment')} behind."
    figures = {"fetched": tally.fetched, "forwarded": tally.forwarded, "duplicates": tally.duplicates, "filtered": filtered}
    return _event(source, "Run", what, {**window, **figures, "malformed": tally.malformed, "behind": behind})


def probe_notice(source: NoticeSource) -> Fetched:
    """The test message of a health check."""
    what = f"A test message from Epimetheus, sent by a health check ({source.run}). No action is needed."
    return _event(source, "Probe", what, {})


def _rate_limited_notice(source: NoticeSource, kind: str, hour: int, count: HourlyCount) -> Fetched:
    unreported, span = count.suppressed - count.reported, _span({(kind, hour): count})
    within = f"in the hour from {minute_text(hour)}, from {span['from']} to {span['to']}"
    what = f"{count_text(unreported, 'event')} {kind} {plural(unreported, 'was', 'were')} held back by rate_limiting {within};"
    what += f" {count_text(count.passed, 'was', 'were')} forwarded."
    details = {"eventType": kind, "hour": minute_text(hour), "heldBack": unreported, "forwarded": count.passed, **span}
    return _event(source, "HeldBack", what, details)


def _span(counts: Counts) -> dict[str, str]:
    """The first and the last event time."""
    first = min(count.first for count in counts.values() if count.first is not None)
    last = max(count.last for count in counts.values() if count.last is not None)
    return {"from": time_text(first / 1000), "to": time_text(last / 1000)}


def _event(source: NoticeSource, name: str, message: str, details: Mapping[str, object]) -> Fetched:
    data = {
        "eventName": name,
        "compartmentId": source.tenancy,
        "identity": {"principalName": "epimetheus", "tenantId": source.tenancy},
        "message": message,
        "additionalDetails": {"run": source.run, "region": source.region, **details},
    }
    event = {
        "eventType": f"epimetheus.{name}",
        "cloudEventsVersion": "0.1",
        "eventTypeVersion": "2.0",
        "source": "epimetheus",
        "eventTime": time_text(source.now),
        "data": data,
    }
    return decode_event(msgspec.json.encode(event))

"""The notices step: messages from Epimetheus to the receiver about rate-limited events and its own polling, and those of earlier seals."""

from collections import Counter

from epimetheus.model import Fetched, HourlyCount, count_text, minute_text, plural, time_text
from epimetheus.run.context import RunContext
from epimetheus.run.notice_event import NoticeSource, notice_event
from epimetheus.run.seal_messages import send_earlier_seals
from epimetheus.select.own_polling import split_kind
from epimetheus.select.rate_limits import OWN, Counts


def send_notices(ctx: RunContext) -> None:
    """Send the notices of this run, after every event is confirmed. Raises ReceiverError, DeliveryUncertain, AccountingError."""
    rate_limits, forwarder = ctx.pipeline.rate_limits, ctx.pipeline.forwarder
    source = ctx.notice_source()
    counts = rate_limits.unreported(ctx.state.through - ctx.options.overlap_minutes, immediate=OWN)
    messages = [*rate_limited_notices(source, counts), *own_polling_notices(source, counts)]
    for message in messages:
        forwarder.send_notice(message)
    if messages:
        forwarder.finish()
    rate_limits.mark_reported(counts)
    send_earlier_seals(ctx)


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
    return [notice_event(source, "OwnPolling", what, figures)]


def probe_notice(source: NoticeSource) -> Fetched:
    """The test message of a health check."""
    what = f"A test message from Epimetheus, sent by a health check ({source.run}). No action is needed."
    return notice_event(source, "Probe", what, {})


def _rate_limited_notice(source: NoticeSource, kind: str, hour: int, count: HourlyCount) -> Fetched:
    unreported, span = count.suppressed - count.reported, _span({(kind, hour): count})
    within = f"in the hour from {minute_text(hour)}, from {span['from']} to {span['to']}"
    what = f"{count_text(unreported, 'event')} {kind} {plural(unreported, 'was', 'were')} held back by rate_limiting {within};"
    what += f" {count_text(count.passed, 'was', 'were')} forwarded."
    details = {"eventType": kind, "hour": minute_text(hour), "heldBack": unreported, "forwarded": count.passed, **span}
    return notice_event(source, "HeldBack", what, details)


def _span(counts: Counts) -> dict[str, str]:
    """The first and the last event time."""
    first = min(count.first for count in counts.values() if count.first is not None)
    last = max(count.last for count in counts.values() if count.last is not None)
    return {"from": time_text(first / 1000), "to": time_text(last / 1000)}

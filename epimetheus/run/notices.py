"""Messages of our own to the receiver: what was held back, what our polling made, what a run sent. Each in the form of an audit event.

So every format says them as it says events: ``eventType`` is ``epimetheus.HeldBack``, ``epimetheus.OwnPolling``, ``epimetheus.Run`` or
``epimetheus.Probe``, the sentence is ``data.message``, and the figures stand in ``data.additionalDetails``.
"""

from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from epimetheus.model import Fetched, HourlyCount, minute_text, time_text
from epimetheus.run.tally import Tally
from epimetheus.select.own_polling import split_kind
from epimetheus.select.rate_limits import OWN
from epimetheus.source.decode import decode_event

Held = Mapping[tuple[str, int], HourlyCount]


class Author(NamedTuple):
    """Whose notices these are: the run, its region, the tenancy's OCID, and the time they are written, in seconds since the epoch."""

    run: str
    region: str
    tenancy: str
    now: float


def held_back(author: Author, held: Held) -> list[Fetched]:
    """One for each event type and hour that is over, of what `rate_limiting` held back."""
    return [_held_back(author, kind, hour, quota) for (kind, hour), quota in held.items() if not kind.startswith(OWN)]


def own_polling(author: Author, held: Held) -> list[Fetched]:
    """One for all calls of our own, if there were any."""
    own = {key: quota for key, quota in held.items() if key[0].startswith(OWN)}
    if not own:
        return []
    calls: Counter[str] = Counter()
    addresses: Counter[str] = Counter()
    for (kind, _), quota in own.items():
        name, address = split_kind(kind)
        calls[name] += quota.suppressed - quota.reported
        addresses[address] += quota.suppressed - quota.reported
    span, places = _span(own), {address: count for address, count in sorted(addresses.items()) if address}
    listed = ", ".join(f"{count} {name}" for name, count in sorted(calls.items()))
    came = f" They came from {', '.join(places)}." if places else ""
    what = f"{calls.total()} events of our own polling were left out, from {span['from']} to {span['to']}: {listed}.{came}"
    figures = {"leftOut": calls.total(), "calls": dict(sorted(calls.items())), "addresses": places, **span}
    return [_event(author, "OwnPolling", what, figures)]


def run_ended(author: Author, since: int, through: int, behind: int, tally: Tally) -> Fetched:
    """What a run sent, ``since`` and ``through`` in minutes since the epoch; ``behind`` counts compartments."""
    filtered = {reason: count for reason, count in sorted(tally.filtered.items()) if count}
    counts = f"{tally.fetched} fetched, {tally.forwarded} forwarded, {tally.duplicates} seen before, {sum(filtered.values())} left out"
    window = {"from": minute_text(since), "through": minute_text(through)}
    where = f"{author.region}, from {window['from']} through {window['through']}"
    what = f"Run {author.run} of {where}: {counts}; {behind} compartments behind."
    figures = {"fetched": tally.fetched, "forwarded": tally.forwarded, "duplicates": tally.duplicates, "leftOut": filtered}
    return _event(author, "Run", what, {**window, **figures, "malformed": tally.malformed, "behind": behind})


def probe(author: Author) -> Fetched:
    """A test message, asked for by ``health``: that it arrives is all it says."""
    what = f"A test message of Epimetheus, asked for by a health check ({author.run}). Nothing happened, and nothing is to be done."
    return _event(author, "Probe", what, {})


def _held_back(author: Author, kind: str, hour: int, quota: HourlyCount) -> Fetched:
    count, span = quota.suppressed - quota.reported, _span({(kind, hour): quota})
    within = f"in the hour from {minute_text(hour)}, from {span['from']} to {span['to']}"
    what = f"{count} events {kind} were held back by rate_limiting {within}; {quota.passed} were forwarded."
    details = {"eventType": kind, "hour": minute_text(hour), "heldBack": count, "forwarded": quota.passed, **span}
    return _event(author, "HeldBack", what, details)


def _span(held: Held) -> dict[str, str]:
    """From when to when, by the events' own times."""
    first = min(quota.first for quota in held.values() if quota.first is not None)
    last = max(quota.last for quota in held.values() if quota.last is not None)
    return {"from": time_text(first / 1000), "to": time_text(last / 1000)}


def _event(author: Author, name: str, message: str, details: Mapping[str, object]) -> Fetched:
    data = {
        "eventName": name,
        "compartmentId": author.tenancy,
        "identity": {"principalName": "epimetheus", "tenantId": author.tenancy},
        "message": message,
        "additionalDetails": {"run": author.run, "region": author.region, **details},
    }
    event = {
        "eventType": f"epimetheus.{name}",
        "cloudEventsVersion": "0.1",
        "eventTypeVersion": "2.0",
        "source": "epimetheus",
        "eventTime": time_text(author.now),
        "data": data,
    }
    return decode_event(msgspec.json.encode(event))

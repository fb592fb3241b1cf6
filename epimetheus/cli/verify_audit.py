"""What ``verify`` reads from OCI: the stored objects of each region, and the events that Audit lists now."""

import uuid
from functools import partial

from epimetheus.clock import SYSTEM
from epimetheus.errors import RequestError, StateError
from epimetheus.model import Fetched, RunProgress, Window, count_text, minute_text, parse_minute, plural
from epimetheus.reports import EventName, Problem, Replayed
from epimetheus.run.replay import ReplayRequest
from epimetheus.verify.chain import ChainHead
from epimetheus.verify.model import AuditResult, Fault
from epimetheus.verify.verify import Audited, RegionSource
from epimetheus.wiring.regions import replay_regions
from epimetheus.wiring.sources import all_streams
from epimetheus.wiring.wiring import Wiring

_RUN = "verify"
_MOST_NAMES = 100_000
_MINUTES_A_DAY = 24 * 60


def sources_of(wiring: Wiring) -> list[RegionSource]:
    """The streams of the settings. Raises SourceError, CredentialsError."""
    sources = []
    for region in (stream.name for stream in all_streams(wiring)):
        ledger, seals = wiring.ledger.ledger(region, wiring.deadline), wiring.ledger.seals(region, wiring.deadline)
        sources.append(RegionSource(region, seals.store, ledger.store, partial(_head, wiring, region)))
    return sources


def _head(wiring: Wiring, region: str) -> ChainHead | None:
    """The newest seal that the state of ``region`` knows. Raises StateError, CredentialsError."""
    state = wiring.state.session(region, _RUN, wiring.deadline).peek()
    head = state.seals.head if state else None
    return ChainHead(head.sequence, head.sha256, stored=head.stored, sent=head.sent) if head else None


def audit(wiring: Wiring, window: Window) -> dict[str, Audited]:
    """Region → what Audit lists now in the part of the window that all regions have read, compared with the ledger.

    Nothing is sent or written. Raises RequestError, SourceError, StateError, CredentialsError.
    """
    _check_age(wiring, window)
    states = {region: wiring.state.session(region, _RUN, wiring.deadline).peek() for region in wiring.replayed_regions}
    if missing := [region for region, state in states.items() if state is None]:
        raise StateError(f"Events cannot be compared in {', '.join(missing)}: there is no state.", do="Run `epimetheus run` first.")
    end = min([window.end, *(state.through for state in states.values() if state)])
    if end <= window.start:
        return {region: Audited(AuditResult(0, 0), [], [f"{region}: no part of the window is read yet."]) for region in states}
    request = ReplayRequest(window._replace(end=end), dry=True, missing="reconcile", names=_MOST_NAMES)
    results = replay_regions(wiring, uuid.uuid4().hex[:12], _NoObserver(), lambda _: None, request)
    return {result.region: _audited(result) for result in results}


def _check_age(wiring: Wiring, window: Window) -> None:
    """Raises RequestError if the entries of the window may be deleted: all of its events would look as if they were missing."""
    days = wiring.settings.ledger_days
    oldest = int(SYSTEM.now() // 60) - days * _MINUTES_A_DAY
    if window.start < oldest:
        raise RequestError(
            f"Events cannot be compared with OCI Audit: {minute_text(window.start)} is more than {count_text(days, 'day')} ago, and the"
            f" ledger keeps entries for LEDGER_DAYS={days}.",
            do=f"Begin at {minute_text(oldest)} or later, or verify without --audit.",
        )


def _audited(result: Replayed) -> Audited:
    region, named = result.region, result.missing
    faults = [_fault(region, event) for event in named]
    if more := result.forwarded - len(named):
        what = f"{count_text(more, 'more event')} that Audit lists {plural(more, 'is', 'are')} missing."
        faults.append(Fault(kind="event_missing", what=what, region=region, count=more))
    unchecked = [f"{region}: {ocid} could not be listed: {why}" for ocid, why in sorted(result.unread.items())]
    if result.error:
        unchecked.append(f"{region}: {result.error.what}")
    elif result.through != result.window[1]:
        unchecked.append(f"{region}: Audit was listed through {result.through} only.")
    window = Window(*map(parse_minute, result.window)) if not unchecked else Window(0, 0)
    return Audited(AuditResult(result.relisted, result.forwarded), faults, unchecked, window)


def _fault(region: str, event: EventName) -> Fault:
    named = ", ".join(part for part in (event.type or "malformed", event.time, event.compartment) if part)
    what = f"The event {event.id or 'without an ID'} ({named}) is listed by Audit, and the ledger does not have it."
    return Fault(kind="event_missing", what=what, region=region, event_ids=[event.id] if event.id else [])


class _NoObserver:
    """A `RunObserver` that shows nothing."""

    def progress(self, region: str, progress: RunProgress) -> None:
        """Ignore it."""

    def problem(self, problem: Problem, region: str) -> None:
        """Ignore it: the result has it."""

    def filtered(self, region: str, fetched: Fetched, reason: str) -> None:
        """Ignore it."""

    def counted(self, region: str, fetched: int, confirmed: int, filtered: dict[str, int]) -> None:
        """Ignore it."""

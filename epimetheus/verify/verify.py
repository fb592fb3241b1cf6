"""Verifies a window: seals, then the entries that they name, then the messages that these record, in an export of the SIEM.

    seals ─▶ entries ─▶ sealed messages ◀─ messages of the export
      ▲                                         │
      └───────── messages of the seals ◀────────┘

Only what is needed is in memory: the seals of the window, one entry, and 21 bytes for each sealed message.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from epimetheus.ledger.seal_key import PublicKey
from epimetheus.model import Window, count_text, minute_text, plural
from epimetheus.problem import STREAM
from epimetheus.verify.chain import Chain, ChainHead, Expectation, ReadHead, verify_chain
from epimetheus.verify.entry_doubts import DoubtfulEntry, EntryMessages, entry_doubt
from epimetheus.verify.export_check import Export, Observer, check_exports
from epimetheus.verify.message_faults import message_faults
from epimetheus.verify.model import (
    AuditResult,
    EntriesResult,
    Fault,
    RegionResult,
    Verdict,
    Verification,
)
from epimetheus.verify.position_check import Gap, gap_doubts, gap_faults, gaps
from epimetheus.verify.seal_messages import SealMessages, StoredChain, seal_id
from epimetheus.verify.sealed_entries import EntryCheck, Sealed
from epimetheus.verify.sealed_messages import SealedMessages
from epimetheus.verify.stored_seals import ObjectReader, StoredSeals
from epimetheus.verify.window_check import WindowReport, check_window, reconciliation

_HOUR = 60


class RegionSource(NamedTuple):
    """The stored objects of a region. ``head``: reads the newest seal that the state knows."""

    region: str
    seals: ObjectReader
    entries: ObjectReader
    head: ReadHead


class Request(NamedTuple):
    """What to verify. ``now``: the current minute. ``ledger_days``: days that entries are kept for; None: as the seals say.

    ``signed_since``: the minute from which on SEAL_KEY was set, as the auditor knows; None if this is not known. ``selected``: SOURCES of
    the settings, which select what is verified together with REGIONS; None if a folder does.
    """

    window: Window
    keys: Sequence[PublicKey]
    now: int
    ledger_days: int | None
    signed_since: int | None = None
    selected: Sequence[str] | None = None


@dataclass
class _Region:
    """What is known of a region so far."""

    source: RegionSource
    read: StoredSeals
    head: ChainHead | None
    chain: Chain
    kept_since: int
    entries: EntriesResult
    doubtful: list[DoubtfulEntry]
    gaps: list[Gap]
    faults: list[Fault]
    warnings: list[str] = field(default_factory=list)


def verify(
    request: Request, sources: Sequence[RegionSource], exports: Sequence[Export], observer: Observer, audits: Mapping[str, "Audited"]
) -> Verification:
    """Verify what is requested. ``audits``: region → what Audit lists now.

    Raises ExportError, LedgerError, StateError, CredentialsError.
    """
    messages, notices, unchecked = EntryMessages(SealedMessages(), SealedMessages()), SealMessages(), list[str]()
    regions = [_check_region(request, source, messages, observer, unchecked) for source in sources]
    unchecked += _unverified_regions(request, regions)
    matched = check_exports(exports, messages, notices, observer) if exports else None
    if isinstance(matched, str):
        unchecked.append(matched)
        matched = None
    audited = {region: audit.window for region, audit in audits.items()}
    faults = []
    for one in regions:
        region = one.source.region
        if matched:
            stored = StoredChain(region, one.read, one.chain, one.head, request.window, one.kept_since)
            one.faults += notices.faults(stored, messages.sealed)
        _check_newest(one, notices if matched else None, messages.sealed, unchecked)
        check_window(WindowReport(region, one.faults, one.warnings, unchecked), one.chain, request.window, request.now)
        unchecked += filter(None, [entry_doubt(region, one.doubtful, messages, has_export=matched is not None)])
        if not one.entries.expired:
            unchecked += gap_doubts(region, one.gaps, audited)
        if count := one.entries.unsealed:
            one.warnings.append(f"{count_text(count, 'ledger entry', 'ledger entries')} not named by a seal yet.")
        faults += one.faults
    if matched:
        faults += message_faults(messages.sealed, matched.outcome, {one.source.region: one.chain.digests for one in regions})
        unchecked += matched.unchecked
    for name in sorted(audits):
        faults += audits[name].faults
        unchecked += audits[name].unchecked
    results = [_region_result(request, one, audits.get(one.source.region)) for one in regions]
    verdict: Verdict = "incomplete" if faults else "unchecked" if unchecked else "complete"
    export = matched.result if matched else None
    return Verification(verdict=verdict, regions=results, export=export, faults=faults, unchecked=unchecked)


class Audited(NamedTuple):
    """The comparison of a region's ledger with what Audit lists now. ``unchecked``: what could not be listed, as sentences.

    ``window``: what was listed completely.
    """

    result: AuditResult
    faults: list[Fault]
    unchecked: list[str]
    window: Window = Window(0, 0)


def _check_region(
    request: Request, source: RegionSource, messages: EntryMessages, observer: Observer, unchecked: list[str]
) -> _Region:
    head = source.head()
    read = StoredSeals(source.seals, source.region, request.window)
    days = _kept_days(request, read)
    kept_since = request.now - days * 24 * _HOUR
    expectation = Expectation(request.window, request.keys, head, source.head, kept_since, request.signed_since)
    chain = verify_chain(read, source.region, expectation)
    sealed = Sealed(chain, read.runs, request.window, request.keys, request.signed_since, kept_since, request.now)
    check = EntryCheck(source.entries, source.region, sealed, messages)
    entries = check.run(lambda done, total: observer.entries(source.region, done, total))
    messages.add_hosts(source.region, chain.around)
    unchecked += chain.doubts
    if not read.newest_sequence and not chain.faults:
        unchecked.append(f"{source.region}: there are no seals in {source.seals.name}.")
    elif not chain.result.checked:
        unchecked.append(f"{source.region}: no run ended in the window, so nothing of it was checked. Choose another --from or --to.")
    if check.expired:
        count, kept = len(check.expired), f"entries are kept for {count_text(days, 'day')}"
        gone = f"{count_text(count, 'ledger entry', 'ledger entries')} no longer {plural(count, 'exists', 'exist')}"
        unchecked.append(f"{source.region}: {gone}; {kept}.")
    found = list(gaps(chain, check.read))
    faults = [*chain.faults, *gap_faults(source.region, found), *check.faults]
    return _Region(source, read, head, chain, kept_since, entries, check.doubtful, found, faults)


def _unverified_regions(request: Request, regions: Sequence[_Region]) -> list[str]:
    """A sentence about each region that was polled in the window, and whose seals were not given."""
    known = {one.source.region for one in regions}
    polled = {name for one in regions for seal in one.chain.valid for name in seal.coverage.regions.polled}
    return [f"{name}: the seals of other regions say that it was polled, and {_why_not(request, name)}" for name in sorted(polled - known)]


def _why_not(request: Request, region: str) -> str:
    """Why ``region`` is not verified, and what to do."""
    if request.selected is None:
        return "it has no seals there."
    source = "cloud_guard" if region == STREAM else "audit"
    setting, value = ("REGIONS", "it") if source in request.selected else ("SOURCES", source)
    return f"{setting} of these settings does not include {value}. Set {setting} as in the deployment, or use --function."


def _kept_days(request: Request, read: StoredSeals) -> int:
    """The shortest time in days for which entries were kept since the window began."""
    seals = [one.seal for stored in read.by_sequence.values() for one in stored if one.seal]
    newest = read.newest(read.newest_sequence)
    seals += [newest.seal] if newest and newest.seal else []
    days = [seal.ledger_days for seal in seals] + ([] if request.ledger_days is None else [request.ledger_days])
    return min(days, default=0)


def _check_newest(one: _Region, notices: SealMessages | None, messages: SealedMessages, unchecked: list[str]) -> None:
    """Whether anything but itself vouches for the newest seal: the state, its signature, or, if there is an export, its message."""
    chain, region = one.chain, one.source.region
    number = chain.newest_sequence
    if notices and notices.has_none(region) and chain.valid:
        one.warnings.append("The export has no messages of seals, so it does not vouch for the chain.")
    sha256 = chain.digests.get(number)
    if sha256 is None or chain.is_vouched or chain.result.verified:
        return
    if notices and (notices.has(region, number) or messages.has(seal_id(region, number, sha256))):
        return
    lacking = ", and the export does not have its message" if notices else ""
    if one.head:
        known = f"the state knows {one.head.sequence} as the newest one{lacking}"
        unchecked.append(f"{region}: nothing vouches for seal {number}: {known}. Download the records and the export again.")
    elif notices and not notices.has_none(region):
        one.warnings.append(f"The export does not have the message of seal {number}, the newest one, and nothing else vouches for it.")


def _region_result(request: Request, one: _Region, audited: Audited | None) -> RegionResult:
    newest, window = one.chain.newest, request.window
    return RegionResult(
        region=one.source.region,
        window=(minute_text(window.start), minute_text(window.end)),
        seals=one.chain.result,
        entries=one.entries,
        reconciliation=reconciliation(newest, one.chain, window) if newest and one.chain.result.checked else {},
        late=sum(seal.counts.late for seal in one.chain.valid),
        read_through=newest.position.after if newest else None,
        behind=newest.behind if newest else 0,
        audit=audited.result if audited else None,
        warnings=one.warnings,
    )

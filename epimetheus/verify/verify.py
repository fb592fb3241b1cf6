"""Verifies a window: seals, then the entries that they name, then the messages that these record, in an export of the SIEM.

    seals ─▶ entries ─▶ sealed messages ◀─ messages of the export
      ▲                                         │
      └───────── messages of the seals ◀────────┘

Only what is needed is in memory: the seals of the window, one entry, and 21 bytes for each sealed message.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from epimetheus.ledger.seal import Seal
from epimetheus.ledger.seal_key import PublicKey
from epimetheus.model import Window, count_text, minute_text, parse_seconds
from epimetheus.stored_form import parse_whole_minute
from epimetheus.verify.chain import Chain, ChainHead, Expectation, ReadHead, verify_chain
from epimetheus.verify.message import SiemMessage
from epimetheus.verify.message_faults import message_faults
from epimetheus.verify.model import (
    AuditResult,
    EntriesResult,
    ExportResult,
    Fault,
    ReconciledResult,
    RegionResult,
    Verdict,
    Verification,
)
from epimetheus.verify.seal_messages import SealMessages
from epimetheus.verify.sealed_entries import EntryCheck
from epimetheus.verify.sealed_messages import SealedMessages
from epimetheus.verify.stored_seals import ObjectReader, read_seals

RECENT_MINUTES = 60
"""The last minutes need not have been read yet: the schedule, SETTLE_MINUTES, and a run take their time."""
_HOUR = 60
_REPORTED_MESSAGES = 5_000


class RegionSource(NamedTuple):
    """The stored objects of a region. ``head``: reads the newest seal that the state knows."""

    region: str
    seals: ObjectReader
    entries: ObjectReader
    head: ReadHead


class Export(Protocol):
    """A file of an export. ``others``: lines without a message; ``unreadable``: lines that cannot be read, after the iteration.

    ``progress``: the bytes read so far, and the size of the file.
    """

    @property
    def name(self) -> str:
        """Its name, for the result."""
        ...

    @property
    def others(self) -> int:
        """See the class."""
        ...

    @property
    def unreadable(self) -> int:
        """See the class."""
        ...

    @property
    def progress(self) -> tuple[int, int]:
        """See the class."""
        ...

    def __iter__(self) -> Iterator[SiemMessage]:
        """Its messages. Raises ExportError."""
        ...


class Observer(Protocol):
    """Receives the progress of a verification."""

    def entries(self, region: str, done: int, total: int) -> None:
        """So many entries of a region are checked."""
        ...

    def export(self, name: str, done: int, total: int) -> None:
        """So many bytes of a file of the export are read."""
        ...


class Request(NamedTuple):
    """What to verify. ``now``: the current minute. ``ledger_days``: days that entries are kept for."""

    window: Window
    keys: Sequence[PublicKey]
    now: int
    ledger_days: int


@dataclass
class _Region:
    """What is known of a region so far."""

    source: RegionSource
    head: ChainHead | None
    chain: Chain
    entries: EntriesResult
    faults: list[Fault]
    warnings: list[str] = field(default_factory=list)


def verify(
    request: Request, sources: Sequence[RegionSource], exports: Sequence[Export], observer: Observer, audits: Mapping[str, "Audited"]
) -> Verification:
    """Verify what is requested. ``audits``: region → what Audit lists now.

    Raises ExportError, LedgerError, StateError, CredentialsError.
    """
    messages, notices, unchecked = SealedMessages(), SealMessages(), list[str]()
    regions = [_check_region(request, source, messages, observer, unchecked) for source in sources]
    export = _check_exports(exports, messages, notices, observer) if exports else None
    faults = []
    for one in regions:
        if exports:
            one.faults += notices.faults(one.source.region, one.chain, one.head, messages)
            if notices.has_none(one.source.region) and one.chain.valid:
                one.warnings.append("The export has no messages of seals, so it does not vouch for the chain.")
        _check_position(request, one)
        faults += one.faults
    if export:
        faults += message_faults(messages, {one.source.region: one.chain.digests for one in regions})
    for name in sorted(audits):
        faults += audits[name].faults
        unchecked += audits[name].unchecked
    results = [_region_result(request, one, audits.get(one.source.region)) for one in regions]
    verdict: Verdict = "incomplete" if faults else "unchecked" if unchecked else "complete"
    return Verification(verdict=verdict, regions=results, export=export, faults=faults, unchecked=unchecked)


class Audited(NamedTuple):
    """The comparison of a region's ledger with what Audit lists now. ``unchecked``: what could not be listed, as sentences."""

    result: AuditResult
    faults: list[Fault]
    unchecked: list[str]


def _check_region(
    request: Request, source: RegionSource, messages: SealedMessages, observer: Observer, unchecked: list[str]
) -> _Region:
    head = source.head()
    read = read_seals(source.seals, source.region, request.window)
    kept_since = request.now - request.ledger_days * 24 * _HOUR
    chain = verify_chain(read, source.region, Expectation(request.window, request.keys, head, source.head, kept_since))
    check = EntryCheck(source.entries, source.region, kept_since, messages)
    entries = check.run(chain, request.window, lambda done, total: observer.entries(source.region, done, total))
    messages.regions |= {source.region, *(name for seal in chain.around for name in seal.coverage.regions.polled)}
    if not read.newest_sequence and not chain.faults:
        unchecked.append(f"{source.region}: there are no seals in {source.seals.name}.")
    if check.expired:
        kept = f"entries are kept for {count_text(request.ledger_days, 'day')}"
        unchecked.append(f"{source.region}: {count_text(len(check.expired), 'ledger entry', 'ledger entries')} no longer exist; {kept}.")
    return _Region(source, head, chain, entries, [*chain.faults, *check.faults])


def _check_exports(
    exports: Sequence[Export], messages: SealedMessages, notices: SealMessages, observer: Observer
) -> ExportResult:
    for export in exports:
        for count, message in enumerate(export):
            if not count % _REPORTED_MESSAGES:
                observer.export(export.name, *export.progress)
            messages.match(message)
            if notice := message.seal:
                notices.add(notice)
    outcome = messages.outcome()
    return ExportResult(
        files=[export.name for export in exports],
        sealed=outcome.sealed,
        present=outcome.present,
        missing=outcome.sealed - outcome.present - outcome.unmatchable,
        duplicates=messages.duplicates,
        unsealed=messages.unsealed,
        unmatchable=outcome.unmatchable,
        seal_messages=notices.count,
        other_lines=sum(export.others for export in exports),
        unreadable_lines=sum(export.unreadable for export in exports),
    )


def _check_position(request: Request, one: _Region) -> None:
    """Whether the newest run has read the window to its end, in all compartments, regions and compartments that it knows."""
    newest, region = one.chain.newest, one.source.region
    if newest is None:
        return
    through, end = newest.position.after, request.window.end
    later_is_missing = any(fault.kind == "seal_missing" and fault.seals and fault.seals[0] > newest.sequence for fault in one.faults)
    if (read := parse_whole_minute(through)) < end and not later_is_missing:
        if request.now - read > RECENT_MINUTES:
            what = f"The window is not read to its end: the cursor of the newest seal, {newest.sequence}, is at {through}."
            one.faults.append(Fault(kind="not_read", what=what, region=region, seals=(newest.sequence, newest.sequence)))
        else:
            one.warnings.append(f"Read through {through}; the next runs read the rest of the window.")
    if newest.behind:
        what = f"{count_text(newest.behind, 'compartment is', 'compartments are')} behind in the newest seal, {newest.sequence}."
        one.faults.append(Fault(kind="behind", what=what, region=region, seals=(newest.sequence, newest.sequence), count=newest.behind))
    coverage = newest.coverage
    if names := coverage.regions.uncovered:
        one.warnings.append(f"Not covered and not excluded: {', '.join(names)}.")
    if count := coverage.compartments.unreadable + coverage.compartments.unlisted:
        one.warnings.append(f"{count_text(count, 'compartment')} could not be read, and {'is' if count == 1 else 'are'} not excluded.")
    if one.entries.unsealed:
        one.warnings.append(f"{count_text(one.entries.unsealed, 'ledger entry', 'ledger entries')} not named by a seal yet.")


def _region_result(request: Request, one: _Region, audited: Audited | None) -> RegionResult:
    newest, window = one.chain.newest, request.window
    return RegionResult(
        region=one.source.region,
        window=(minute_text(window.start), minute_text(window.end)),
        seals=one.chain.result,
        entries=one.entries,
        reconciliation=_reconciliation(newest, window) if newest else {},
        late=sum(seal.counts.late for seal in one.chain.valid),
        read_through=newest.position.after if newest else None,
        behind=newest.behind if newest else 0,
        audit=audited.result if audited else None,
        warnings=one.warnings,
    )


def _reconciliation(newest: Seal, window: Window) -> dict[str, ReconciledResult]:
    """Pass → how many hours of the window it has listed again."""
    ends = [min(start + _HOUR, window.end) for start in range(window.start, window.end, _HOUR)]
    results = {}
    for after, through in sorted(newest.reconciled.items(), key=lambda item: int(item[0])):
        minute, due = parse_whole_minute(through), int(parse_seconds(newest.time)) // 60 - int(after)
        results[after] = ReconciledResult(len(ends), sum(end <= minute for end in ends), sum(end <= due for end in ends))
    return results

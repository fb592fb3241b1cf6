"""What a seal says of a run: pure functions over the run and its state."""

import re
from collections.abc import Iterable, Sequence

import msgspec

from epimetheus import __version__
from epimetheus.coverage import Coverage
from epimetheus.ledger.seal import (
    MOST_REGIONS,
    MessagesOfSeals,
    PreviousSeal,
    Seal,
    SealCounts,
    SealedCompartments,
    SealedCoverage,
    SealedEntry,
    SealedMessages,
    SealedRegions,
    SealPosition,
    SealStatus,
)
from epimetheus.model import minute_text
from epimetheus.run.context import RunContext
from epimetheus.run.coverage import run_coverage
from epimetheus.run.tally import Tally
from epimetheus.state.model import State
from epimetheus.state.seals import SealableEntry

_NOT_PLAIN = re.compile("[^!-~]")
_LONGEST = 255


def run_seal(ctx: RunContext, status: SealStatus, state: State, entries: Iterable[SealableEntry]) -> Seal:
    """The seal of this run, which ends with ``state``; without a signature."""
    messages, texts = ctx.pipeline.forwarder.messages, ctx.options.seals.texts
    return msgspec.structs.replace(
        _seal(ctx, ctx.run_id, status, state, entries),
        position=SealPosition(before=minute_text(ctx.progress.since), after=minute_text(state.through)),
        counts=_counts(ctx.tally),
        messages=SealedMessages(count=messages.count, sha256=messages.sha256()),
        rules_sha256=texts.rules_sha256,
        field_map_sha256=texts.field_map_sha256,
    )


def killed_seal(ctx: RunContext, run: str, state: State, entries: Iterable[SealableEntry]) -> Seal:
    """The seal of ``run``, which was killed and left ``state``; without a signature. What the run counted and sent is not known."""
    return _seal(ctx, run, "killed", state, entries)


def _seal(ctx: RunContext, run: str, status: SealStatus, state: State, entries: Iterable[SealableEntry]) -> Seal:
    """A seal with what ``state`` says. It has no counts and no messages."""
    head, cursor, options = state.seals.head, minute_text(state.through), ctx.options
    return Seal(
        version=1,
        product_version=__version__,
        tenancy=_plain(options.tenancy),
        region=_plain(options.region),
        sequence=head.sequence + 1 if head else 1,
        run=run,
        status=status,
        time=_whole_second(ctx.time.now()),
        position=SealPosition(before=cursor, after=cursor),
        counts=_counts(Tally()),
        messages=None,
        entries=[SealedEntry(name=name, sha256=sha256) for name, sha256 in entries],
        coverage=_coverage(run_coverage(options, state, ctx.tally.unlisted)),
        reconciled={str(after): minute_text(one.through) for after, one in state.reconciled.items()},
        behind=len(state.behind),
        rules_sha256=None,
        field_map_sha256=None,
        unsealed_runs=list(state.seals.runs),
        seal_messages=MessagesOfSeals(enabled=options.seals.messages, confirmed=head.sent if head else 0),
        ledger_days=options.ledger_days,
        hostname=_plain(options.seals.hostname) if options.seals.hostname else None,
        previous=PreviousSeal(sequence=head.sequence, sha256=head.sha256) if head else None,
        signature=None,
    )


def _counts(tally: Tally) -> SealCounts:
    return SealCounts(
        fetched=tally.fetched,
        forwarded=tally.forwarded,
        duplicates=tally.duplicates,
        filtered={reason: count for reason, count in tally.filtered.items() if count},
        malformed=tally.malformed,
        late=tally.late,
        unconfirmed=tally.fetched - tally.accounted,
    )


def _coverage(coverage: Coverage) -> SealedCoverage:
    regions, compartments = coverage.regions, coverage.compartments
    return SealedCoverage(
        regions=SealedRegions(
            subscribed=_names(regions.subscribed or ()),
            polled=_names(regions.polled),
            excluded=_names(regions.excluded),
            uncovered=_names(regions.uncovered),
        ),
        home_polled=regions.home_polled,
        compartments=SealedCompartments(
            existing=compartments.existing,
            polled=compartments.polled,
            excluded=compartments.excluded,
            unreadable=len(compartments.unreadable),
            unlisted=len(compartments.unlisted),
        ),
    )


def _names(regions: Sequence[str]) -> list[str]:
    return sorted(_plain(region) for region in regions)[:MOST_REGIONS]


def _plain(text: str) -> str:
    """``text`` as a seal can have it. Tenancy and regions come from OCI or from a configuration file."""
    return _NOT_PLAIN.sub("?", text)[:_LONGEST] or "?"


def _whole_second(seconds: float) -> str:
    """``2026-11-30T06:00:04Z``."""
    minute, second = divmod(int(seconds), 60)
    return minute_text(minute).replace(":00Z", f":{second:02d}Z")

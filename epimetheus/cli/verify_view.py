"""Shows the result of ``verify``."""

from collections.abc import Sequence

from rich.console import Console

from epimetheus.cli.console import cell, print_line, print_wrapped
from epimetheus.model import count_text, plural
from epimetheus.verify.model import EntriesResult, ExportResult, Fault, ReconciledResult, RegionResult, SealsResult, Verification

MOST_SHOWN = 100
"""Maximum number of faults, and of event IDs of a fault, that are shown; with --json, all are."""
_MOST_DIGESTS = 10

EXIT_CODES = {"complete": 0, "incomplete": 1, "unchecked": 2}


def show_verification(console: Console, result: Verification) -> None:
    """Show what was checked, each fault, and the verdict."""
    for region in result.regions:
        _show_region(console, region, [fault for fault in result.faults if fault.region == region.region])
    if result.export:
        _show_export(console, result.export, sum(_lacking(region.entries) for region in result.regions))
    for region in result.regions:
        if region.audit:
            print_line(console, f"Audit now: {count_text(region.audit.listed, 'event')} listed, {region.audit.missing:,} missing")
    for fault in result.faults[:MOST_SHOWN]:
        _show_fault(console, fault)
    if more := len(result.faults) - MOST_SHOWN if len(result.faults) > MOST_SHOWN else 0:
        print_line(console, f"And {count_text(more, 'more fault')}. --json lists all of them.", "red")
    for sentence in result.unchecked:
        print_wrapped(console, cell(f"Not checked: {sentence}", "yellow"), 2)
    _show_verdict(console, result)


def _show_region(console: Console, region: RegionResult, faults: Sequence[Fault]) -> None:
    print_line(console, f"Runs that ended from {region.window[0]} to {region.window[1]}, {region.region}", "bold")
    seals, entries = region.seals, region.entries
    broken = any(fault.kind in ("seal_missing", "seal_damaged", "seal_altered", "seal_extra") for fault in faults)
    chain = "chain broken" if broken else "chain unbroken"
    if not seals.checked:
        print_line(console, "No run ended in this window", "yellow")
    else:
        print_wrapped(console, cell(f"{seals.valid:,}/{seals.checked:,} seals valid, {chain}, {_signed(seals)}"), 2)
        print_line(console, f"{entries.valid:,}/{entries.checked:,} ledger entries valid")
    passes = [
        f"{one.reconciled}/{one.hours} {'hours reconciled ' if number == 0 else ''}after {after} minutes{_due(one)}"
        for number, (after, one) in enumerate(region.reconciliation.items())
    ]
    late = f"; {count_text(region.late, 'event')} {plural(region.late, 'was', 'were')} late and sent" if region.late else ""
    if passes:
        print_line(console, f"{', '.join(passes)}{late}")
    for warning in region.warnings:
        print_wrapped(console, cell(warning, "yellow"), 2)


def _due(one: ReconciledResult) -> str:
    """How many of the hours that are not reconciled are due, or not yet."""
    parts = {"overdue": one.due - one.reconciled, "not due yet": one.hours - max(one.due, one.reconciled)}
    texts = [f"{count} {what}" for what, count in parts.items() if count > 0]
    return f" ({', '.join(texts)})" if texts else ""


def _signed(seals: SealsResult) -> str:
    if seals.rejected_keys:
        other = f"signatures by {', '.join(seals.rejected_keys)} are not accepted"
        return f"signed by {', '.join(seals.signed_by)}; {other}" if seals.signed_by else other
    if not seals.signed_by:
        return "not signed"
    by = f"signed by {', '.join(seals.signed_by)}"
    some = f"{seals.unsigned:,} not signed, others {by}" if seals.unsigned else by
    return some if seals.verified else f"{some} (not verified: --public-key is not given)"


def _lacking(entries: EntriesResult) -> int:
    """Entries that are missing or altered, so that their messages are not known."""
    return entries.checked - entries.valid - entries.expired - entries.untrusted


def _show_export(console: Console, export: ExportResult, lacking: int) -> None:
    present = f"{export.present:,} of {count_text(export.sealed, 'sealed message')} present"
    counts = f"{export.missing:,} missing, {count_text(export.duplicates, 'duplicate')}, {export.unsealed:,} unsealed"
    print_wrapped(console, cell(f"SIEM export: {present}, {counts}"), 2)
    if export.unsealed and not export.present:
        hint = "No message of the export is among the sealed ones: is it the export of this deployment, and of this time?"
        print_wrapped(console, cell(hint, "yellow"), 2)
    if lacking:
        which = f"{count_text(lacking, 'ledger entry', 'ledger entries')} that {plural(lacking, 'is', 'are')} missing or altered"
        print_wrapped(console, cell(f"Not among the sealed messages: those of {which}", "yellow"), 2)
    if export.unmatchable:
        why = "they have no event ID, and the export has no sequence numbers"
        print_wrapped(console, cell(f"{count_text(export.unmatchable, 'sealed message')} could not be matched: {why}"), 2)
    if export.other_number:
        which = f"{count_text(export.other_number, 'sealed message')} {plural(export.other_number, 'is', 'are')} present"
        print_wrapped(console, cell(f"{which} under a number that no entry has, and matched by event ID", "yellow"), 2)
    if export.foreign_seals:
        print_line(console, f"{count_text(export.foreign_seals, 'message')} of seals of other deployments", "yellow")
    if export.unreadable_lines:
        print_line(console, f"{count_text(export.unreadable_lines, 'line')} of the export could not be read", "yellow")


def _show_fault(console: Console, fault: Fault) -> None:
    print_wrapped(console, cell(fault.what, "red"), 2)
    if fault.kind != "message_missing":
        return
    named = fault.event_ids or [digest for digest in fault.id_digests if digest != "-"]
    what = plural(len(named), "Event ID", "Event IDs") if fault.event_ids else "SHA-256 of the event ID begins with"
    most = MOST_SHOWN if fault.event_ids else _MOST_DIGESTS
    more = f", and {len(named) - most:,} more" if len(named) > most else ""
    if named:
        print_wrapped(console, cell(f"  {what} {', '.join(named[:most])}{more}"), 4)


def _show_verdict(console: Console, result: Verification) -> None:
    if result.verdict == "incomplete":
        print_line(console, f"Incomplete: {count_text(len(result.faults), 'fault')}.", "bold red")
    elif result.verdict == "unchecked":
        print_line(console, "No fault was found, but a part could not be checked.", "bold yellow")
    else:
        print_line(console, "Complete.", "bold green")

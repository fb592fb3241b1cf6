"""Detects that entries of the ledger were deleted: the newest one of the state no longer exists.

What the entries had would look as if it was missing: reconciliation would send events late that have arrived.
"""

from dataclasses import replace

from epimetheus.ledger.entry_name import EntryName
from epimetheus.ledger.ledger import Ledger
from epimetheus.model import Window, minute_text
from epimetheus.run.context import RunContext
from epimetheus.run.reconcile_plan import skip_deleted_entries
from epimetheus.state.model import State

_SOME = (
    "The newest entry of the ledger {name} was deleted: {entry}. Its events may be sent again. Find out what deleted it, restore it from a"
    " copy, and check the rest with `epimetheus verify`."
)
_ALL = (
    "The ledger {name} is empty: its entries through {end} were deleted. Up to OVERLAP_MINUTES of events are sent again.{skipped} Find out"
    " what deleted the entries: only Epimetheus should have access to the ledger."
)
_SKIPPED = (
    " Reconciliation skips the time from {start} to {end}, because all of its events would look as if they were missing. To send what OCI"
    " listed late in this time, restore the entries from a copy, and then run `epimetheus reconcile --from {start} --to {end}`. Without a"
    " copy, use a replay, which sends all events of this time again."
)


def deleted_entry(state: State, ledger: Ledger, oldest: int) -> EntryName | None:
    """The newest entry of ``state`` if ``ledger`` no longer has it, unless its window ends before the minute ``oldest``.

    Raises LedgerError, CredentialsError.
    """
    newest = EntryName.parse(state.newest_entry)
    return newest if newest and newest.window.end > oldest and not ledger.contains(newest) else None


def check_for_deleted_entries(ctx: RunContext) -> None:
    """Warn if the newest entry was deleted. If no earlier entry is left, reconciliation does not list the time of the entries again.

    Raises LedgerError, OutOfTime, CredentialsError.
    """
    ledger, oldest = ctx.ports.delivered.ledger, ctx.time.minute - ctx.options.ledger_days * 24 * 60
    if (newest := deleted_entry(ctx.state, ledger, oldest)) is None:
        return
    ctx.state, end = replace(ctx.state, newest_entry=""), newest.window.end
    if ledger.has_entries(end):
        ctx.warn(_SOME.format(name=ledger.name, entry=newest.text()))
        return
    ctx.state, skipped = skip_deleted_entries(ctx.state, end)
    windows = [one.window for one in skipped]
    span = Window(min(window.start for window in windows), max(window.end for window in windows)) if windows else None
    text = _SKIPPED.format(start=minute_text(span.start), end=minute_text(span.end)) if span else ""
    ctx.warn(_ALL.format(name=ledger.name, end=minute_text(end), skipped=text))

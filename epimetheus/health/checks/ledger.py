"""Health check of the ledger: it can be listed, its newest entry exists and can be read, and its folder can be written."""

from epimetheus.clock import Deadline
from epimetheus.health.context import HealthContext
from epimetheus.health.model import CheckResult
from epimetheus.model import Window, count_text, minute_text
from epimetheus.run.commit import NOT_ENTERED
from epimetheus.run.deleted_entries import deleted_entry

_LISTED_HOURS = 24
_NOT_ENTERED_HELP = "Read its error in the log, and correct the policy of LEDGER_BUCKET or the folder. Until then, runs send nothing."
_DELETED_HELP = (
    "Find out what deleted it: only Epimetheus should have access to the ledger. Restore it from a copy before the next run. Without it,"
    " events are sent again, and reconciliation skips the time of an empty ledger."
)


def check_ledger(context: HealthContext, deadline: Deadline) -> CheckResult:
    """The ledger can be listed, and its newest entry is valid. A test write is tried in a folder only. Raises LedgerError."""
    region, now = context.region, int(context.now() // 60)
    if region not in context.states and region not in context.without_state:
        return CheckResult("No usable state exists.", "skipped")  # the state check reports it
    # A request of the reader takes at most an eighth of a run's time: here a quarter of this check's time.
    ledger = context.wiring.ledger.ledger(region, Deadline.after(context.clock, deadline.left() * 2))
    last = context.states[region].last if region in context.states else {}
    if last.get(NOT_ENTERED):
        return CheckResult(f"The last run could not write its entry to {ledger.name}.", "failed", _NOT_ENTERED_HELP)
    written = "written" if ledger.try_write() else "listed; no write was tried, because the object could not be deleted"
    oldest = now - context.wiring.settings.ledger_days * 24 * 60
    if (state := context.states.get(region)) and (deleted := deleted_entry(state, ledger, oldest)):
        return CheckResult(f"{ledger.name} lacks its newest entry, {deleted.text()}: it was deleted.", "failed", _DELETED_HELP)
    names = ledger.overlapping(Window(now - _LISTED_HOURS * 60, now))
    listed = f"{ledger.name} can be {written}. {count_text(len(names), 'entry', 'entries')} of the last {_LISTED_HOURS} hours."
    if not names:
        return CheckResult(listed)
    entry = ledger.read(names[-1])
    if entry is None:
        return CheckResult(f"{listed} The newest entry was deleted meanwhile.")
    count = count_text(sum(map(len, entry.keys.values())) // 16, "event")
    return CheckResult(f"{listed} The newest, by run {entry.run} until {minute_text(entry.window.end)} with {count}, is valid.")

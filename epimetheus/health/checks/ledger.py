"""Health check of the ledger: it can be listed, and its newest entry can be read. Nothing is written."""

from epimetheus.clock import Deadline
from epimetheus.health.context import HealthContext
from epimetheus.health.model import CheckResult
from epimetheus.model import Window, count_text, minute_text

_LISTED_HOURS = 24


def check_ledger(context: HealthContext, deadline: Deadline) -> CheckResult:
    """The ledger can be listed, and its newest entry is valid. Raises LedgerError."""
    region, now = context.region, int(context.now() // 60)
    if region not in context.states and region not in context.without_state:
        return CheckResult("No usable state exists.", "skipped")  # the state check reports it
    # A request of the reader takes at most an eighth of a run's time: here a quarter of this check's time.
    ledger = context.wiring.ledger.ledger(region, Deadline.after(context.clock, deadline.left() * 2))
    names = ledger.overlapping(Window(now - _LISTED_HOURS * 60, now))
    listed = f"{ledger.name} can be listed. {count_text(len(names), 'entry', 'entries')} of the last {_LISTED_HOURS} hours."
    if not names:
        return CheckResult(listed)
    entry = ledger.read(names[-1])
    if entry is None:
        return CheckResult(f"{listed} The newest entry was deleted meanwhile.")
    count = count_text(sum(map(len, entry.keys.values())) // 16, "event")
    return CheckResult(f"{listed} The newest, by run {entry.run} until {minute_text(entry.window.end)} with {count}, is valid.")

"""Shows the outcome of ``rules preview``."""

from collections import Counter
from collections.abc import Sequence

from rich.console import Console

from epimetheus.cli.console import cell, notes_console, print_wrapped
from epimetheus.cli.rules_preview import SENT, RulesPreview
from epimetheus.cli.tables import Column, print_table
from epimetheus.model import count_text


def show_preview(console: Console, preview: RulesPreview, warnings: Sequence[str]) -> None:
    """Show the outcome of a rules preview by event type, most frequent first, and the compartments that could not be read."""
    notes = notes_console(console)
    for warning in warnings:
        print_wrapped(notes, cell(warning, "yellow"), 2)
    rows = sorted(preview.rows.items(), key=lambda row: (-row[1], row[0]))
    columns = (Column("events", right=True), Column("event type"), Column("outcome"))
    cells = [
        (cell(f"{count:,}" if console.is_terminal else str(count)), cell(event_type), cell(outcome, _outcome_color(outcome)))
        for (event_type, outcome), count in rows
    ]
    print_table(console, columns, cells, "Outcome of the rules")
    outcomes: Counter[str] = Counter()
    for (_, outcome), count in preview.rows.items():
        outcomes[outcome] += count
    totals = "; ".join(f"{count:,} {outcome}" for outcome, count in outcomes.most_common()) or "no events"
    omitted = f" ({count_text(preview.duplicates, 'duplicate')} not counted)" if preview.duplicates else ""
    print_wrapped(notes, cell(f"{count_text(outcomes.total(), 'event')}{omitted}: {totals}."), 2)
    for ocid, why in sorted(preview.unread.items()):
        print_wrapped(notes, cell(f"Not read: {ocid}: {why}", "red"), 2)


def _outcome_color(outcome: str) -> str:
    return "green" if outcome.startswith(SENT) else "yellow"

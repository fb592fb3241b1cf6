"""``reconcile``: lists a past window again, and sends what the ledger does not have. Without ``--yes``, it counts first and asks."""

from collections.abc import Sequence
from typing import Annotated

import typer
from rich.console import Console

from epimetheus.cli import display
from epimetheus.cli.confirm import confirm, require_terminal
from epimetheus.cli.console import print_json
from epimetheus.cli.past_window import (
    Compartments,
    Consoles,
    From,
    JsonResult,
    PastWindow,
    To,
    compartment_ocids,
    given_options,
)
from epimetheus.cli.settings_source import SettingsSource, reads_settings
from epimetheus.cli.time_arguments import replay_window
from epimetheus.cli.times import Duration, Timeout
from epimetheus.clock import SYSTEM
from epimetheus.model import count_text
from epimetheus.reports import Replayed
from epimetheus.run.replay import ReplayRequest

_TIMEOUT = Duration(3600)


@reads_settings
def reconcile(
    source: SettingsSource,
    start: From,
    end: To,
    compartments: Compartments = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count and name the missing events without sending them.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Send without counting first and without confirmation.")] = False,
    as_json: JsonResult = False,
    timeout: Timeout = _TIMEOUT,
) -> None:
    """List a past time window again, and send the events that the ledger does not have.

    Runs do this on their own, RECONCILE_AFTER minutes after a window closes; windows close once an hour or less often. The messages are
    marked as late, and recorded in the ledger. The cursor does not move. The window ends at the cursor, because runs forward later events.
    """
    consoles = Consoles.of(as_json=as_json)
    options = [*source.options(), *given_options([("--dry-run", dry_run), ("--yes", yes), ("--json", as_json)])]
    options += ["--timeout", str(timeout)] if timeout != _TIMEOUT else []
    with display.errors_explained(as_json=as_json):
        request = ReplayRequest(replay_window(start, end, SYSTEM.now()), dry=dry_run, missing="reconcile")
        loaded = source.load()
        settings = loaded.read_to_send()
        request.check_age(settings.ledger_days, SYSTEM.now())
        if not (yes or dry_run):
            require_terminal("A reconciliation sends events", "--yes")
        wiring = loaded.open(settings, timeout)
        window = PastWindow(request, options, consoles).for_request(only=compartment_ocids(wiring, compartments or ()))
        results = window.send_confirmed(wiring, lambda: loaded.open(wiring.settings, timeout), _confirm_sending, yes=yes)
    if as_json:
        print_json(results)
    raise typer.Exit(max(display.EXIT_CODES[result.status] for result in results))


def _confirm_sending(console: Console, counted: Sequence[Replayed]) -> None:
    """Raises typer.Abort unless the user agrees to send the ``counted`` events."""
    total = count_text(sum(result.forwarded for result in counted), "missing event")
    confirm(f"Send {total}, marked as late?", given=False, stderr=True)

"""``reconcile``: lists a past window again, and sends what the ledger does not have."""

from typing import Annotated

import typer

from epimetheus.cli import display
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
from epimetheus.run.replay import ReplayRequest

_TIMEOUT = Duration(3600)


@reads_settings
def reconcile(
    source: SettingsSource,
    start: From,
    end: To,
    compartments: Compartments = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count and name the missing events without sending them.")] = False,
    as_json: JsonResult = False,
    timeout: Timeout = _TIMEOUT,
) -> None:
    """List a past time window again, and send the events that the ledger does not have.

    Runs do this on their own, RECONCILE_AFTER minutes after a window closes; windows close once an hour or less often. The messages are
    marked as late, and recorded in the ledger. The cursor does not move.
    """
    options = [*source.options(), *given_options([("--dry-run", dry_run), ("--json", as_json)])]
    options += ["--timeout", str(timeout)] if timeout != _TIMEOUT else []
    with display.errors_explained(as_json=as_json):
        request = ReplayRequest(replay_window(start, end, SYSTEM.now()), dry=dry_run, missing="reconcile")
        window = PastWindow(request, options, Consoles.of(as_json=as_json))
        loaded = source.load()
        wiring = loaded.open(loaded.read_to_send(), timeout)
        results = window.for_request(only=compartment_ocids(wiring, compartments or ())).send(wiring)
    if as_json:
        print_json(results)
    raise typer.Exit(max(display.EXIT_CODES[result.status] for result in results))

"""``replay``: sends a past time window again. Without ``--yes``, it counts the events first and asks for confirmation."""

from collections.abc import Sequence
from typing import Annotated

import typer
from rich.console import Console

from epimetheus.cli import display
from epimetheus.cli.confirm import confirm, require_terminal
from epimetheus.cli.console import cell, print_json, print_wrapped
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
from epimetheus.config.settings import Settings
from epimetheus.model import count_text
from epimetheus.render.formats.base import REPLAY_MARKS
from epimetheus.reports import Replayed
from epimetheus.run.replay import ReplayRequest

_TIMEOUT = Duration(3600)
_HEADER_MARKS = {"rfc5424": 'replay="true"', "rfc3164": "[replay]"}


@reads_settings
def replay(  # noqa: PLR0913, PLR0917 - one parameter per option
    source: SettingsSource,
    start: From,
    end: To,
    compartments: Compartments = None,
    missing_only: Annotated[bool, typer.Option("--missing-only", help="Send only events that the ledger does not have.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count the events without sending them.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Send without counting first and without confirmation.")] = False,
    as_json: JsonResult = False,
    timeout: Timeout = _TIMEOUT,
) -> None:
    """Send the events of a past time window again, marked as a replay.

    Changes neither the cursor nor the state. Each message is marked in the syslog header and in the body. With --missing-only, what is
    sent is recorded in the ledger.
    """
    consoles = Consoles.of(as_json=as_json)
    flags = [("--missing-only", missing_only), ("--dry-run", dry_run), ("--yes", yes), ("--json", as_json)]
    options = [*source.options(), *given_options(flags), *(["--timeout", str(timeout)] if timeout != _TIMEOUT else [])]
    with display.errors_explained(as_json=as_json):
        request = ReplayRequest(replay_window(start, end, SYSTEM.now()), dry=dry_run, missing="replay" if missing_only else None)
        loaded = source.load()
        settings = loaded.read_to_send()
        request.check_age(settings.ledger_days, SYSTEM.now())
        if not (yes or dry_run):
            require_terminal("A replay sends events again", "--yes")
        wiring = loaded.open(settings, timeout)
        window = PastWindow(request, options, consoles).for_request(only=compartment_ocids(wiring, compartments or ()))
        results = window.send_confirmed(
            wiring,
            lambda: loaded.open(wiring.settings, timeout),
            lambda console, counted: _confirm_sending(console, counted, wiring.settings),
            yes=yes,
        )
    if as_json:
        print_json(results)
    raise typer.Exit(max(display.EXIT_CODES[result.status] for result in results))


def _confirm_sending(console: Console, counted: Sequence[Replayed], settings: Settings) -> None:
    """Raises typer.Abort unless the user agrees to send the ``counted`` events."""
    missing = any(result.missing_only for result in counted)
    total = count_text(sum(result.forwarded for result in counted), "missing event" if missing else "event")
    marks = f"{_HEADER_MARKS[settings.syslog_header]} in the syslog header and {REPLAY_MARKS[settings.format]} in the body"
    print_wrapped(console, cell(f"Each message is marked as a replay: {marks}."))
    confirm(f"Send {total}{'' if missing else ' again'}?", given=False, stderr=True)

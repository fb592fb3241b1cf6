"""``rules try``: shows the effect of a rules file before it is deployed."""

from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer

from epimetheus.cli import display, rules_try
from epimetheus.cli.console import terminal_console
from epimetheus.cli.event_file import FILE_HELP
from epimetheus.cli.minutes import Minutes
from epimetheus.cli.partial_settings import read_partial_settings
from epimetheus.cli.period import parse_period
from epimetheus.clock import SYSTEM, Deadline
from epimetheus.model import Window
from epimetheus.oci_client.clients import Credentials
from epimetheus.wiring import Wiring

rules_app = typer.Typer(no_args_is_help=True, help="Test the rules that select events.")

_NO_CREDENTIALS = Credentials(None, "", "")


@rules_app.callback()
def rules() -> None:
    """Test the rules that select events."""


@rules_app.command("try")
def rules_try_command(
    since: Annotated[str, typer.Option(help="Read the events of this period up to now from OCI: 90m, 24h, 7d.")] = "24h",
    file: Annotated[Path | None, typer.Option(help=f"{FILE_HELP} Default: read the events from OCI.")] = None,
    rules: Annotated[Path | None, typer.Option(help="The rules file to test. Default: RULES.")] = None,
    minutes: Minutes = 15.0,
) -> None:
    """Show which events the rules send or filter, and why.

    Sends no events. Does not read or write the state.
    """
    with display.errors_explained():
        settings, trial = read_partial_settings({"RULES": f"file:{rules}"} if rules else None), rules_try.RulesTrial()
        deadline = Deadline.after(SYSTEM, minutes * 60)
        wiring = Wiring(settings, _NO_CREDENTIALS, SYSTEM, deadline) if file else Wiring.open(settings, SYSTEM, deadline)
        stderr = terminal_console(stderr=True)
        with display.progress_bar(stderr, "compartments") if file is None else nullcontext(display.no_progress) as progress:
            events = rules_try.events_of_file(file) if file else _events_since(wiring, since, deadline, trial, progress)
            rules_try.apply_rules(events, wiring.selection.selection(), trial)
    display.show_trial(terminal_console(), trial, wiring.selection.rules_file[1])
    raise typer.Exit(1 if trial.unread else 0)


def _events_since(
    wiring: Wiring, since: str, deadline: Deadline, trial: rules_try.RulesTrial, progress: display.SetProgress
) -> Iterator[rules_try.LocatedEvent]:
    minutes = parse_period(since) // 60
    end = int(SYSTEM.now() // 60) - wiring.settings.settle_minutes
    return rules_try.events_of_region(wiring, Window(end - minutes, end), deadline, trial, progress)

"""``health``: checks every dependency."""

import uuid
from functools import partial
from typing import Annotated

import typer

from epimetheus.cli import display
from epimetheus.cli.console import print_json, terminal_console
from epimetheus.cli.settings_source import SettingsSource, reads_settings
from epimetheus.cli.times import Duration, Timeout
from epimetheus.clock import SYSTEM, Deadline
from epimetheus.health.context import FIRST_RUN_HELP, Caller
from epimetheus.health.model import Verdict
from epimetheus.health.report import run_health_checks

EXIT_CODES: dict[Verdict, int] = {"healthy": 0, "degraded": 1, "unhealthy": 2}
_FIRST_RUN_HELP = f"Run `epimetheus run` first. For a deployed function: {FIRST_RUN_HELP[0].lower()}{FIRST_RUN_HELP[1:]}"


@reads_settings
def health(
    source: SettingsSource,
    probe: Annotated[bool, typer.Option("--probe", help="Also send one marked message to the receiver and confirm it.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON on stdout.")] = False,
    timeout: Timeout = Duration(60),
) -> None:
    """Check every dependency and show how to fix what fails.

    Sends nothing unless --probe is set. Does not change the state.
    """
    console, run_id = terminal_console(quiet=as_json), uuid.uuid4().hex[:12]
    with display.errors_explained(as_json=as_json):
        loaded, deadline = source.load(), Deadline.after(SYSTEM, timeout)
    report = run_health_checks(
        loaded.environment,
        run_id,
        SYSTEM,
        deadline,
        probe=probe,
        report=partial(display.show_check, console),
        caller=Caller(loaded.region, lambda _: loaded.read_to_send(), _FIRST_RUN_HELP),
    )
    if as_json:
        print_json(report)
    display.show_verdict(console, report)
    raise typer.Exit(EXIT_CODES[report.verdict])

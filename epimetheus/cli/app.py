"""The command line: ``python -m epimetheus``. Requires requirements-dev.txt (typer, rich)."""

import os
import uuid
from typing import Annotated

import typer

from epimetheus.cli import demo as demo_runs
from epimetheus.cli import display
from epimetheus.cli.console import print_json, terminal_console
from epimetheus.cli.health import health
from epimetheus.cli.minutes import Minutes
from epimetheus.cli.render import render
from epimetheus.cli.replay import replay
from epimetheus.cli.rules import rules_app
from epimetheus.cli.runs import runs_app
from epimetheus.cli.state import state_app
from epimetheus.cli.validate import validate
from epimetheus.clock import SYSTEM, Deadline
from epimetheus.config.settings import Settings
from epimetheus.wiring import Wiring
from epimetheus.wiring.regions import run_regions

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Forward the audit events of an OCI tenancy to a SIEM.")


def run(
    minutes: Minutes = 60.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print the reports as JSON on stdout.")] = False,
) -> None:
    """Forward new events once, as the function does.

    Settings come from the environment, OCI credentials from ~/.oci/config.
    """
    with display.errors_explained():
        wiring = Wiring.open(Settings.read(os.environ), SYSTEM, Deadline.after(SYSTEM, minutes * 60))
        with display.terminal_observer(terminal_console(stderr=True)) as observer:
            reports = run_regions(wiring, uuid.uuid4().hex[:12], observer, observer.announce)
    if as_json:
        print_json(reports)
    raise typer.Exit(max(display.EXIT_CODES[report.status] for report in reports))


def demo(
    verbose: Annotated[bool, typer.Option("--verbose", help="Also show the settings, log lines as JSON, and whole messages.")] = False,
) -> None:
    """Run the real function four times on this machine, without OCI.

    A simulated OCI API serves the events. A TLS syslog receiver fails during the third run and returns. No event is lost.
    """
    raise typer.Exit(demo_runs.play(terminal_console(), verbose=verbose))


for command in (validate, health, run, render, replay, demo):
    app.command()(command)
app.add_typer(runs_app, name="runs")
app.add_typer(rules_app, name="rules")
app.add_typer(state_app, name="state")

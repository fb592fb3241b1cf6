"""The command line: ``epimetheus`` or ``python -m epimetheus``."""

import uuid
from typing import Annotated

import typer

from epimetheus import __version__
from epimetheus.cli import demo as demo_runs
from epimetheus.cli import display
from epimetheus.cli.console import print_json, print_line, terminal_console
from epimetheus.cli.flags import HELP_NAMES, FlagsWithoutTypes
from epimetheus.cli.health import health
from epimetheus.cli.progress import terminal_observer
from epimetheus.cli.reconcile import reconcile
from epimetheus.cli.render import render
from epimetheus.cli.replay import replay
from epimetheus.cli.rules import rules_app
from epimetheus.cli.runs import runs_app
from epimetheus.cli.settings_source import SettingsSource, reads_settings
from epimetheus.cli.state import state_app
from epimetheus.cli.times import Duration, Timeout
from epimetheus.cli.validate import validate
from epimetheus.wiring.regions import run_regions

app = FlagsWithoutTypes(no_args_is_help=True, context_settings={"help_option_names": list(HELP_NAMES)})


def _print_version(asked: bool) -> None:
    if asked:
        print_line(terminal_console(), f"epimetheus {__version__}")
        raise typer.Exit


@app.callback()
def epimetheus(
    version: Annotated[
        bool, typer.Option("--version", "-V", callback=_print_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Forward the audit events of an OCI tenancy to a SIEM."""


@reads_settings
def run(
    source: SettingsSource,
    timeout: Timeout = Duration(3600),
    as_json: Annotated[bool, typer.Option("--json", help="Print the reports as JSON on stdout.")] = False,
) -> None:
    """Forward new events once, as the function does.

    OCI credentials come from ~/.oci/config unless OCI_AUTH selects others.
    """
    with display.errors_explained(as_json=as_json):
        loaded = source.load()
        wiring = loaded.open(loaded.read_to_send(), timeout)
        with terminal_observer(terminal_console(stderr=True), terminal_console(stderr=as_json)) as observer:
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


for command in (validate, health, run, render, replay, reconcile, demo):
    app.command()(command)
app.add_typer(runs_app, name="runs")
app.add_typer(rules_app, name="rules")
app.add_typer(state_app, name="state")

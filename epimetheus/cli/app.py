"""The command line: ``epimetheus`` or ``python -m epimetheus``. The module of a command is imported when the command is used."""

from typing import Annotated

import typer

from epimetheus import __version__
from epimetheus.cli.console import print_line, terminal_console
from epimetheus.cli.lazy_commands import HELP_NAMES, CommandEntry, FlagsWithoutTypes, LazyGroup

COMMANDS = (
    CommandEntry(
        "validate", "epimetheus.cli.validate:validate", "Check settings, certificates, rules, and field map without using the network."
    ),
    CommandEntry("health", "epimetheus.cli.health:health", "Check every dependency and show how to fix what fails."),
    CommandEntry("run", "epimetheus.cli.run:run", "Forward new events once, as the function does."),
    CommandEntry("render", "epimetheus.cli.render:render", "Show the messages that a run would send for the events in a file."),
    CommandEntry("replay", "epimetheus.cli.replay:replay", "Send the events of a past time window again, marked as a replay."),
    CommandEntry(
        "reconcile",
        "epimetheus.cli.reconcile:reconcile",
        "List a past time window again, and send the events that the ledger does not have.",
    ),
    CommandEntry(
        "verify",
        "epimetheus.cli.verify:verify_command",
        "Verify that no seal, ledger entry or message of a past time window is missing or altered.",
    ),
    CommandEntry("demo", "epimetheus.cli.demo:demo", "Run the real function four times on this machine, without OCI."),
    CommandEntry("runs", "epimetheus.cli.runs:runs_app", "List past runs, read from the function's log in OCI Logging."),
    CommandEntry("rules", "epimetheus.cli.rules:rules_app", "Test the rules that select events."),
    CommandEntry("state", "epimetheus.cli.state:state_app", "Show and change the state stored between runs."),
    CommandEntry("seal", "epimetheus.cli.seal:seal_app", "Create keys that sign seals, and show stored seals."),
)


class _Commands(LazyGroup):
    entries = COMMANDS


app = FlagsWithoutTypes(cls=_Commands, no_args_is_help=True, context_settings={"help_option_names": list(HELP_NAMES)})


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

"""The whole command line, for tests of its documentation. `epimetheus.cli.lazy_commands` loads a command only when it is used."""

from typing import Any

import typer

from epimetheus.cli.app import COMMANDS, app


def command_line() -> Any:
    """The group with all commands loaded."""
    group: Any = typer.main.get_command(app)
    group.commands = {entry.name: entry.load() for entry in COMMANDS}
    return group

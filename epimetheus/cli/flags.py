"""Help texts of flags: a flag takes no value, so no type follows its name."""

from typing import Any

import typer
from typer.main import get_command

HELP_NAMES = ("-h", "--help")


class FlagsWithoutTypes(typer.Typer):
    """A command line whose help shows ``--json`` for a flag. Typer 0.29 shows ``--json <bool>``, as if it took a value."""

    def __call__(self, *args: Any, **options: Any) -> Any:
        """Run the command line, as `typer.Typer` does. Errors that typer does not handle are raised as they are."""
        command: Any = get_command(self)
        _hide_types(command)
        return command(*args, **options)


def _hide_types(command: Any) -> None:
    """Empty the type of each flag of ``command`` and its subcommands, also of the one for help."""
    context = typer.Context(command, help_option_names=list(HELP_NAMES))
    for parameter in command.get_params(context):
        if getattr(parameter, "is_flag", False):
            parameter.metavar = parameter.metavar or ""
    for inner in getattr(command, "commands", {}).values():
        _hide_types(inner)

"""Commands that are imported when they are used, so that help, version and completion do not wait for the OCI SDK."""

import gc
import sys
from importlib import import_module
from types import ModuleType
from typing import Any, NamedTuple

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command, get_group

HELP_NAMES = ("-h", "--help")


class CommandEntry(NamedTuple):
    """A line of the list of commands. ``source``: ``module:name`` of the function, or of the `typer.Typer` with its subcommands.

    ``summary``: the first sentence of its help.
    """

    name: str
    source: str
    summary: str

    def load(self) -> Any:
        """The command, with its options."""
        module, _, attribute = self.source.partition(":")
        target = getattr(_import(module), attribute)
        if isinstance(target, typer.Typer):
            command: Any = get_group(target)
        else:
            alone = typer.Typer(add_completion=False)
            alone.command()(target)
            command = get_command(alone)
        command.name = self.name
        hide_types(command)
        return command


def _import(name: str) -> ModuleType:
    """Import a module without the garbage collector, which takes a seventh of the time of an import and finds nothing."""
    if name in sys.modules or not gc.isenabled():
        return import_module(name)
    gc.disable()
    try:
        return import_module(name)
    finally:
        gc.freeze()  # modules live as long as the process
        gc.enable()


class _Placeholder(TyperCommand):
    """Stands for a command in the list of commands."""

    def __init__(self, entry: CommandEntry) -> None:
        super().__init__(entry.name, help=entry.summary)
        self.entry = entry


class LazyGroup(TyperGroup):
    """A group whose commands are ``entries``, which a subclass sets. Only the command that is used is imported."""

    entries: tuple[CommandEntry, ...] = ()

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        for entry in self.entries:
            self.add_command(_Placeholder(entry))

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[Any, Any, list[str]]:
        """The name, the loaded command, and its arguments, as in typer."""
        name, command, rest = super().resolve_command(ctx, args)
        return name, command.entry.load() if isinstance(command, _Placeholder) else command, rest


class FlagsWithoutTypes(typer.Typer):
    """A command line whose help shows ``--json`` for a flag. Typer 0.29 shows ``--json <bool>``, as if it took a value."""

    def __call__(self, *args: Any, **options: Any) -> Any:
        """Run the command line, as `typer.Typer` does. Errors that typer does not handle are raised as they are."""
        command: Any = get_command(self)
        hide_types(command)
        return command(*args, **options)


def hide_types(command: Any) -> None:
    """Empty the type of each flag of ``command`` and its subcommands, also of the one for help."""
    context = typer.Context(command, help_option_names=list(HELP_NAMES))
    for parameter in command.get_params(context):
        if getattr(parameter, "is_flag", False):
            parameter.metavar = parameter.metavar or ""
    for inner in getattr(command, "commands", {}).values():
        hide_types(inner)

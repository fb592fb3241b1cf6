"""Errors in the arguments of a command: a box on a terminal, one line elsewhere."""

import sys

import typer
from typer.exceptions import TyperException

from epimetheus.cli.console import print_line, terminal_console


def run_app(app: typer.Typer) -> None:
    """Run the command line. Raises SystemExit with its exit code.

    On a terminal, typer draws a box, which is as wide as the terminal. In a pipe or a file, such a box would break sentences.
    """
    if sys.stderr.isatty():
        app()
        return
    try:
        code = app(standalone_mode=False)
    except TyperException as error:
        if message := " ".join(error.format_message().split()):  # empty: no argument at all, for which typer has printed the help
            end = "" if message.endswith((".", "?")) else "."
            print_line(terminal_console(stderr=True), f"Error: {message}{end} Add --help to list the options.")
        raise SystemExit(error.exit_code) from error
    except typer.Abort:
        print_line(terminal_console(stderr=True), "Aborted.")
        raise SystemExit(1) from None
    raise SystemExit(code if isinstance(code, int) else 0)

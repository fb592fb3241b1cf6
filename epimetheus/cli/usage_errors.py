"""Errors that a command does not explain itself: in its arguments (a box on a terminal, one line elsewhere), and bugs."""

import sys
import traceback
from pathlib import Path

import typer
from typer.exceptions import TyperException

from epimetheus.cli.console import print_line, terminal_console

_ROOT = Path(__file__).parents[2]


def run_app(app: typer.Typer) -> None:
    """Run the command line. Raises SystemExit with its exit code, which is 2 for a bug: 1 has another meaning in every command.

    Raises ModuleNotFoundError for a package that is not installed: the module of a command is imported when the command is used.
    """
    try:
        _run(app)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "epimetheus":  # `epimetheus.__main__` reports a missing package
            raise
        _report_bug(error)
        raise SystemExit(2) from error
    except Exception as error:
        _report_bug(error)
        raise SystemExit(2) from error


def _run(app: typer.Typer) -> None:
    """On a terminal, typer draws a box, which is as wide as the terminal. In a pipe or a file, such a box would break sentences."""
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


def _report_bug(error: Exception) -> None:
    """Print the type and the place of ``error``. Its message and its traceback may quote secrets, so they are printed on request only."""
    if sys.flags.dev_mode:
        sys.stderr.write("".join(traceback.format_exception(error)))
    what = f"The command failed: a bug in Epimetheus raised {type(error).__name__} in {_place(error)}."
    help = "Report it. To print the traceback, which may contain secrets, run the command again with PYTHONDEVMODE=1."
    print_line(terminal_console(stderr=True), f"{what} {help}", "red")


def _place(error: Exception) -> str:
    """The innermost line of Epimetheus in the traceback, as ``epimetheus/cli/app.py line 12``."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename).is_relative_to(_ROOT / "epimetheus")]
    return f"{Path(frames[-1].filename).relative_to(_ROOT).as_posix()} line {frames[-1].lineno}"

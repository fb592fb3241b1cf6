"""Confirmation before a command changes or sends something."""

import sys

import typer

from epimetheus.errors import RequestError
from epimetheus.render.sanitize import terminal_safe


def confirm(question: str, *, given: bool, option: str = "--yes", stderr: bool = False) -> None:
    """Request a yes on the terminal, unless the ``option`` was ``given``. ``stderr``: print there, because stdout has the result.

    Raises typer.Abort for a no, and RequestError if no person can answer.
    """
    if given:
        return
    require_terminal(question.removesuffix(" Continue?"), option)
    typer.confirm(terminal_safe(question), abort=True, err=stderr)


def require_terminal(what: str, option: str) -> None:
    """Raise RequestError if stdin is not a terminal: a script must confirm with ``option``. ``what``: what needs the confirmation."""
    if not is_answerable():
        needed = "this needs a confirmation, and stdin is not a terminal."
        raise RequestError(f"{what.rstrip('.?')}: {needed}", do=f"Add {option} to confirm it.")


def is_answerable() -> bool:
    """Whether stdin is a terminal, where a person can answer."""
    return sys.stdin.isatty()

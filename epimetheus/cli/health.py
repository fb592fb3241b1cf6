"""``health``: each dependency is asked how it is."""

import os
import uuid
from functools import partial
from typing import Annotated

import typer

from epimetheus.cli import display as terminal
from epimetheus.cli.console import print_json, terminal_console
from epimetheus.cli.minutes import Minutes
from epimetheus.clock import SYSTEM, Deadline
from epimetheus.health.model import Verdict
from epimetheus.health.report import run_health_checks

EXIT_CODES: dict[Verdict, int] = {"healthy": 0, "degraded": 1, "unhealthy": 2}


def health(
    probe: Annotated[bool, typer.Option("--probe", help="Also send one marked message to the receiver, and have it confirmed.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The result as JSON on stdout.")] = False,
    minutes: Minutes = 1.0,
) -> None:
    """Ask each dependency how it is, and what to do: exit code 0 is healthy, 1 degraded, 2 unhealthy. Nothing is sent or moved."""
    console, run_id, deadline = terminal_console(quiet=as_json), uuid.uuid4().hex[:12], Deadline.after(SYSTEM, minutes * 60)
    diagnosis = run_health_checks(os.environ, run_id, SYSTEM, deadline, probe=probe, report=partial(terminal.show_check, console))
    if as_json:
        print_json(diagnosis)
    terminal.show_diagnosis(console, diagnosis)
    raise typer.Exit(EXIT_CODES[diagnosis.verdict])

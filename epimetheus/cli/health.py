"""``health``: checks every dependency."""

import os
import uuid
from functools import partial
from typing import Annotated

import typer

from epimetheus.cli import display
from epimetheus.cli.console import print_json, terminal_console
from epimetheus.cli.minutes import Minutes
from epimetheus.clock import SYSTEM, Deadline
from epimetheus.health.model import Verdict
from epimetheus.health.report import run_health_checks

EXIT_CODES: dict[Verdict, int] = {"healthy": 0, "degraded": 1, "unhealthy": 2}


def health(
    probe: Annotated[bool, typer.Option("--probe", help="Also send one marked message to the receiver and confirm it.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON on stdout.")] = False,
    minutes: Minutes = 1.0,
) -> None:
    """Check every dependency and show how to fix what fails.

    Sends nothing unless --probe is set. Does not change the state.
    """
    console, run_id, deadline = terminal_console(quiet=as_json), uuid.uuid4().hex[:12], Deadline.after(SYSTEM, minutes * 60)
    report = run_health_checks(os.environ, run_id, SYSTEM, deadline, probe=probe, report=partial(display.show_check, console))
    if as_json:
        print_json(report)
    display.show_verdict(console, report)
    raise typer.Exit(EXIT_CODES[report.verdict])

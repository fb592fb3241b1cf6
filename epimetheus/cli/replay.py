"""``replay``: send a window again. First it counts what that would be, and asks."""

import os
import shlex
import uuid
from typing import Annotated

import msgspec
import typer
from rich.console import Console

from epimetheus.cli import display as terminal
from epimetheus.cli.console import print_json, say, terminal_console
from epimetheus.cli.minutes import Minutes
from epimetheus.clock import SYSTEM, Deadline
from epimetheus.config.settings import Settings
from epimetheus.function.invoke import replay_regions
from epimetheus.function.request import Replay
from epimetheus.model import Replayed
from epimetheus.wiring import Wiring


def replay(
    start: Annotated[str, typer.Option("--from", help="The first minute, like 2026-11-24T10:00:00Z.")],
    end: Annotated[str, typer.Option("--to", help="The minute after the last.")],
    compartments: Annotated[list[str] | None, typer.Option("--compartment", help="An OCID; may be repeated. All by default.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not count before, and do not ask.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="What came of it, as JSON on stdout.")] = False,
    minutes: Minutes = 60.0,
) -> None:
    """Send a window of processed time again, marked as a replay; the cursor and the state stay as they are."""
    asked = Replay(start, end, tuple(compartments or ()), dry=True)
    console = terminal_console(stderr=True)
    with terminal.errors_explained():
        if not yes:
            told = _play(asked, minutes, console)
            if not dry_run:
                total = sum(one.forwarded for one in told)
                typer.confirm(f"Send these {total:,} events again?", abort=True, err=True)
        if not dry_run:
            told = _play(msgspec.structs.replace(asked, dry=False), minutes, console)
    if as_json:
        print_json(told)
    raise typer.Exit(max(terminal.EXIT_CODES[one.status] for one in told))


def _play(asked: Replay, minutes: float, console: Console) -> list[Replayed]:
    workshop = Wiring.open(Settings.read(os.environ), SYSTEM, Deadline.after(SYSTEM, minutes * 60))
    with terminal.watcher(console) as watcher:
        told = replay_regions(workshop, uuid.uuid4().hex[:12], watcher, lambda one: terminal.show_replayed(console, one), asked)
    for one in told:
        if one.through != one.window[1]:
            again = ["python", "-m", "epimetheus", "replay", "--from", one.through, "--to", one.window[1]]
            again += [word for ocid in asked.compartments for word in ("--compartment", ocid)]
            say(console, f"{one.region} goes on with: {shlex.join(again)}")
    return told

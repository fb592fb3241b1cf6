"""``rules try``: what a rules file would do, before it does it."""

import os
import re
import uuid
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer

from epimetheus.cli import display as terminal
from epimetheus.cli import rules_try
from epimetheus.cli.console import terminal_console
from epimetheus.cli.minutes import Minutes
from epimetheus.clock import SYSTEM, Deadline
from epimetheus.config.settings import Settings
from epimetheus.errors import ConfigError
from epimetheus.model import Window
from epimetheus.oci_client.clients import Credentials
from epimetheus.wiring import Wiring

rules_app = typer.Typer(no_args_is_help=True, help="Which events are sent.")

_SPAN = re.compile(r"(\d{1,5})([mhd])", re.ASCII)
_MINUTES = {"m": 1, "h": 60, "d": 24 * 60}
_NOT_NEEDED = {"SYSLOG_HOST": "not-needed.invalid", "STATE_FILE": f"not-needed-{uuid.uuid4().hex}"}
_NOBODY = Credentials(None, "", "")


@rules_app.callback()
def rules() -> None:
    """Which events are sent."""


@rules_app.command("try")
def rules_try_command(
    since: Annotated[str, typer.Option(help="Of so much time up to now, read from OCI: 90m, 24h, 7d.")] = "24h",
    file: Annotated[Path | None, typer.Option(help="Of the events in this file, without OCI: a JSON list, or one event a line.")] = None,
    rules: Annotated[Path | None, typer.Option(help="The rules to try; RULES by default.")] = None,
    minutes: Minutes = 15.0,
) -> None:
    """Show what the rules would keep and leave out, and why; nothing is sent, and no state is read or written."""
    with terminal.errors_explained():
        settings, tried = _settings(rules), rules_try.RulesTrial()
        deadline = Deadline.after(SYSTEM, minutes * 60)
        workshop = Wiring(settings, _NOBODY, SYSTEM, deadline) if file else Wiring.open(settings, SYSTEM, deadline)
        with terminal.bar(terminal_console(stderr=True), "compartments") if file is None else nullcontext(terminal.no_bar) as progress:
            events = rules_try.of_file(file) if file else _since(workshop, since, deadline, tried, progress)
            rules_try.attempt(events, workshop.selection.selection(), tried)
    terminal.show_tried(terminal_console(), tried, workshop.selection.rules_file[1])
    raise typer.Exit(1 if tried.unread else 0)


def _since(
    workshop: Wiring, since: str, deadline: Deadline, tried: rules_try.RulesTrial, progress: terminal.Move
) -> Iterator[rules_try.Placed]:
    found = _SPAN.fullmatch(since)
    span = int(found[1]) * _MINUTES[found[2]] if found else 0
    if not 0 < span <= 365 * 24 * 60:
        raise ConfigError([f"--since {since[:20]}: allowed is a number with m, h or d, up to 365d"])
    end = int(SYSTEM.now() // 60) - workshop.settings.settle_minutes
    return rules_try.of_region(workshop, Window(end - span, end), deadline, tried, progress)


def _settings(rules: Path | None) -> Settings:
    """The environment's; what sending alone needs may be missing."""
    given = {key: value for key, value in os.environ.items() if value.strip()}
    lacking = {key: value for key, value in _NOT_NEEDED.items() if key != "STATE_FILE" or "STATE_BUCKET" not in given}
    return Settings.read({**lacking, **given, **({"RULES": f"file:{rules}"} if rules else {})})

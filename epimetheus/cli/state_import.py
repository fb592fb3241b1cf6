"""``state import``: creates a state that continues where the Go program stopped."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from epimetheus.cli import display
from epimetheus.cli.arguments import ArgumentError
from epimetheus.cli.go_marker import read_marker
from epimetheus.cli.settings_source import SettingsSource
from epimetheus.cli.state_target import AsJson, Dialog, Region, Target, Yes, next_start, open_target, state_from, unleased_state
from epimetheus.cli.times import Duration, parse_duration
from epimetheus.clock import SYSTEM
from epimetheus.errors import StateError
from epimetheus.model import RETENTION_DAYS, minute_text, time_text
from epimetheus.problem import STREAM
from epimetheus.run.problems import HORIZON_DAYS
from epimetheus.state.model import State

_MOST = Duration(RETENTION_DAYS * 24 * 3600)
_MAX_SHOWN = 40

Marker = Annotated[Path, typer.Option("--marker", metavar="FILE", help="The marker file of the Go program's audit events.")]
_BEGIN = "How long before the marker to begin: the Go program also moves it past events that it could not fetch."
Margin = Annotated[str, typer.Option(metavar="DURATION", help=_BEGIN)]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Check the marker and the state, and write nothing.")]
Replace = Annotated[bool, typer.Option("--replace", help="Replace a state that exists, or existed.")]


def state_import(
    source: SettingsSource,
    marker: Marker,
    margin: Margin = "1h",
    region: Region = None,
    dry_run: DryRun = False,
    replace_existing: Replace = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Create a state that continues where the Go program stopped. Events from OVERLAP_MINUTES before its cursor on are sent."""
    dialog = Dialog(yes, as_json)
    with display.errors_explained(as_json=as_json):
        name, before_marker = f"--marker {marker}", _margin(margin)
        target = open_target(source, region)
        if target.region == STREAM:
            sends = f"its first poll sends every problem of the last {HORIZON_DAYS} days"
            raise ArgumentError(f"--region {STREAM}: Cloud Guard has no cursor; {sends}")
        found = read_marker(name, marker, target.region)
        minute = found.minute(name, before_marker, SYSTEM.now())
        before = _replaced(target, given=replace_existing)
        stopped = time_text(found.stopped)
        dialog.note(f"{marker}: the Go program finished poll {found.polls:,} at {stopped}.")
        if not dry_run:
            dialog.confirm(_question(target, minute, before))
            target.session.commit(_imported(target, minute, before))
    text = f"not imported (--dry-run): {next_start(minute, target, reads='would read')}" if dry_run else next_start(minute, target)
    members = {"through": minute_text(minute), "stopped": stopped, "polls": found.polls}
    dialog.report(target, text, changed=not dry_run, dry=dry_run, **members)


def _margin(text: str) -> Duration:
    """Raises ArgumentError."""
    duration = parse_duration(text)
    if duration is None or duration > _MOST:
        raise ArgumentError(f"--margin {text[:_MAX_SHOWN]}: expected a duration from 0s to {_MOST}, such as 1h")
    return duration


def _replaced(target: Target, *, given: bool) -> State | None:
    """The state to replace, or None if there is none. ``given``: it may be replaced. Raises StateError."""
    state = target.session.peek()
    if state is None:
        if not given:
            target.session.raise_if_missing()
        return None
    if not given:
        raise StateError(
            f"{target.name}: there is a state already, with the cursor at {minute_text(state.through)}.",
            do="Import a marker before the first run. To move the cursor, run `epimetheus state rewind TIME`;"
            " to replace the state, add --replace.",
        )
    return unleased_state(target, force=False)


def _question(target: Target, minute: int, before: State | None) -> str:
    unsent = f"Events processed before {minute_text(minute - target.settings.overlap_minutes)} are not sent"
    if before is None:
        return f"{unsent}. Create the state?"
    return f"{unsent}, and later ones are sent again. Replace the state, whose cursor is at {minute_text(before.through)}?"


def _imported(target: Target, minute: int, before: State | None) -> State:
    """A state without an owner, unless it replaces one: the first run records the tenancy and the receiver once it has verified them."""
    state = state_from(target, minute, before)
    return state if before else replace(state, tenancy="", receiver=None)

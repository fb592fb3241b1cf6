"""``render``: previews the messages of events, and explains what the settings do to them. Needs neither OCI nor a receiver."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from epimetheus.cli import display
from epimetheus.cli.arguments import ArgumentError
from epimetheus.cli.console import print_json, print_line, print_message, terminal_console
from epimetheus.cli.event_file import FILE_HELP, read_events
from epimetheus.cli.json_reports import event_report
from epimetheus.cli.render_view import show_event, show_message
from epimetheus.cli.settings_source import LoadedSettings, SettingsSource, reads_settings
from epimetheus.clock import SYSTEM
from epimetheus.model import Fetched
from epimetheus.render.custom_fields import Fields
from epimetheus.render.formats.base import Enrichment
from epimetheus.render.renderer import FORMATS, Rendered, Renderer
from epimetheus.select.selection import Selection
from epimetheus.source.local_references import LocalReferences, reject_remote
from epimetheus.wiring.rendering import RenderingWiring
from epimetheus.wiring.selection import SelectionWiring

_ALL = "all"
_RUN_ID = "preview"
_UNKNOWN_REGION = "unknown-region"
_REGION = re.compile(r"[a-z]+(?:-[a-z]+)+-\d+")


@dataclass(frozen=True)
class _Preview:
    """How one format is rendered."""

    format: str
    fields: Fields
    renderer: Renderer


@dataclass(frozen=True)
class _Previews:
    """The previews of all requested formats, and how events are selected. ``actors``: whether a format includes the actor's class."""

    formats: Sequence[_Preview]
    selection: Selection
    actors: bool
    warnings: Sequence[str]


@dataclass(frozen=True)
class _Shown:
    """A rendered event. ``reason``: why RULES filter it, None if they do not; ``watched``: it names a resource in TAMPER_WATCH."""

    number: int
    fetched: Fetched
    reason: str | None
    watched: bool
    enrichment: Enrichment
    messages: Sequence[tuple[_Preview, Rendered]]


@reads_settings
def render(
    source: SettingsSource,
    file: Annotated[Path, typer.Option(help=FILE_HELP)],
    formats: Annotated[
        list[str] | None,
        typer.Option("--format", help=f"Format of the messages: {', '.join(FORMATS)}, or all; repeat for several. Default: FORMAT."),
    ] = None,
    region: Annotated[
        str, typer.Option(help=f"Region that the events come from. Default: the first one in REGIONS, otherwise {_UNKNOWN_REGION}.")
    ] = "",
    explain: Annotated[
        bool | None,
        typer.Option(
            "--explain/--no-explain",
            help="Explain on stderr what RULES, redaction, and FIELD_MAP do to each event. Default: only if stdout is a terminal.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the messages and what RULES decide as JSON on stdout.")] = False,
) -> None:
    """Show the messages that a run would send for the events in a file.

    Uses the settings, but contacts neither OCI nor a receiver. Prints each message on one line, as it is sent but without framing,
    including the messages of events that RULES would filter. Values that come from OCI, such as compartment paths, are missing, and
    the function's own polling is not recognized.
    """
    stdout, stderr = terminal_console(), terminal_console(stderr=True)
    with display.errors_explained(as_json=as_json):
        previews, events = _previews(source, _formats(formats), _checked_region(region)), read_events(file)
    for warning in previews.warnings:
        print_line(stderr, warning, "yellow")
    explain = stdout.file.isatty() and not as_json if explain is None else explain
    malformed, reports = 0, []
    for number, fetched in enumerate(events, 1):
        malformed += fetched.event is None
        shown = _render(previews, number, fetched)
        if as_json:
            reports.append(event_report(number, fetched.event, shown.reason, _messages(shown), watched=shown.watched))
        _show(shown, None if as_json else stdout, stderr, explain=explain)
    if as_json:
        print_json({"events": reports, "malformed": malformed, "warnings": previews.warnings})
    raise typer.Exit(1 if malformed else 0)


def _formats(requested: Sequence[str] | None) -> list[str]:
    """The requested formats, each once; empty for the one in FORMAT. Raises ArgumentError."""
    unknown = [name for name in requested or () if name not in (*FORMATS, _ALL)]
    if unknown:
        raise ArgumentError(*(f"--format {name}: expected {', '.join(FORMATS)}, or {_ALL}" for name in unknown))
    return [*FORMATS] if requested and _ALL in requested else [*dict.fromkeys(requested or ())]


def _checked_region(region: str) -> str:
    """Raises ArgumentError."""
    if region and not _REGION.fullmatch(region):
        raise ArgumentError(f"--region {region}: expected a region identifier like eu-frankfurt-1")
    return region


def _previews(source: SettingsSource, formats: Sequence[str], region: str) -> _Previews:
    """The previews in ``formats``, or in FORMAT if there are none. Raises ConfigError."""
    loaded = source.load()
    wirings = [_wiring(loaded, {"FORMAT": name}) for name in formats] or [_wiring(loaded, {})]
    return _Previews(
        [_preview(wiring, region) for wiring in wirings],
        wirings[0].selection.selection(),
        any(wiring.includes_actor for wiring in wirings),
        [*dict.fromkeys(warning for wiring in wirings for warning in _warnings(wiring))],
    )


def _wiring(loaded: LoadedSettings, changes: dict[str, str]) -> RenderingWiring:
    settings, references = loaded.read_partial(changes), LocalReferences()
    reject_remote({"RULES": settings.rules, "FIELD_MAP": settings.field_map})
    return RenderingWiring(settings, SYSTEM, references, SelectionWiring(settings, (), references))


def _preview(wiring: RenderingWiring, region: str) -> _Preview:
    named = [name for name in wiring.settings.regions if name != _ALL]
    region = region or next(iter(named), _UNKNOWN_REGION)
    return _Preview(wiring.settings.format, wiring.fields, wiring.renderer(region, _RUN_ID))


def _warnings(wiring: RenderingWiring) -> tuple[str, ...]:
    return (*wiring.settings.warnings, *wiring.selection.rules_file[1], *wiring.field_map[1])


def _render(previews: _Previews, number: int, fetched: Fetched) -> _Shown:
    """Render the event with this number in every format."""
    select = previews.selection
    reason, watched = select(fetched, 0)
    enrichment = Enrichment(actor=select.actor(fetched) if previews.actors else None, watched=watched)
    messages = [(preview, preview.renderer(fetched, number, enrichment)) for preview in previews.formats]
    return _Shown(number, fetched, reason, watched, enrichment, messages)


def _messages(shown: _Shown) -> list[tuple[str, Rendered]]:
    return [(preview.format, rendered) for preview, rendered in shown.messages]


def _show(shown: _Shown, stdout: Console | None, stderr: Console, *, explain: bool) -> None:
    """Print the messages of an event, unless ``stdout`` is None, and explain them."""
    explanations = [
        preview.renderer.explain(shown.fetched, shown.enrichment) if explain and not rendered.abridged else None
        for preview, rendered in shown.messages
    ]
    event = shown.fetched.event
    if explain or event is None:
        show_event(stderr, shown.number, event, explanations[0], shown.reason, watched=shown.watched)
    for (preview, rendered), explanation in zip(shown.messages, explanations, strict=True):
        if stdout:
            print_message(stdout, rendered.message)
        if explain:
            show_message(stderr, preview.format, rendered, preview.fields, explanation)

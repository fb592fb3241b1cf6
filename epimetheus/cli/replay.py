"""``replay``: sends a past time window again. Without ``--yes``, it counts the events first and asks for confirmation."""

import shlex
import uuid
from collections.abc import Sequence
from typing import Annotated, NamedTuple

import msgspec
import typer
from rich.console import Console

from epimetheus.cli import display
from epimetheus.cli.compartment_names import needs_listing, resolve_compartments
from epimetheus.cli.confirm import confirm, require_terminal
from epimetheus.cli.console import cell, print_json, print_line, print_wrapped, terminal_console
from epimetheus.cli.progress import TerminalObserver, terminal_observer
from epimetheus.cli.settings_source import SettingsSource, reads_settings
from epimetheus.cli.time_arguments import replay_window
from epimetheus.cli.times import Duration, Timeout
from epimetheus.clock import SYSTEM
from epimetheus.config.settings import Settings
from epimetheus.function.request import Replay
from epimetheus.model import Window, count_text, minute_text, parse_minute
from epimetheus.render.formats.base import REPLAY_MARKS
from epimetheus.reports import Replayed
from epimetheus.signals import Signaled
from epimetheus.source.compartments import discover
from epimetheus.wiring.regions import replay_regions
from epimetheus.wiring.wiring import Wiring

_TIMEOUT = Duration(3600)
_HEADER_MARKS = {"rfc5424": 'replay="true"', "rfc3164": "[replay]"}


class _Consoles(NamedTuple):
    """Where a replay prints: progress, questions and failures to ``notes``, the result of each region to ``results``."""

    notes: Console
    results: Console


@reads_settings
def replay(
    source: SettingsSource,
    start: Annotated[
        str,
        typer.Option("--from", metavar="TIME", help="Start of the window: a time (2026-11-24T10:00:00Z) or a duration before now (3h)."),
    ],
    end: Annotated[str, typer.Option("--to", metavar="TIME", help="End of the window (exclusive), in the same form.")],
    compartments: Annotated[
        list[str] | None,
        typer.Option("--compartment", help="Name, path (prod/app), or OCID of a compartment; repeat for several. Default: all."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count the events without sending them.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Send without counting first and without confirmation.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON on stdout.")] = False,
    timeout: Timeout = _TIMEOUT,
) -> None:
    """Send the events of a past time window again, marked as a replay.

    Changes neither the cursor nor the state. Each message is marked in the syslog header and in the body.
    """
    consoles = _Consoles(terminal_console(stderr=True), terminal_console(stderr=as_json))
    flags = (("--dry-run", dry_run), ("--yes", yes), ("--json", as_json))
    options = [*source.options(), *(name for name, given in flags if given), *(["--timeout", str(timeout)] if timeout != _TIMEOUT else [])]
    with display.errors_explained(as_json=as_json):
        window = replay_window(start, end, SYSTEM.now())
        request = Replay(minute_text(window.start), minute_text(window.end), dry=True)
        if not (yes or dry_run):
            require_terminal("A replay sends events again", "--yes")
        loaded = source.load()
        wiring = loaded.open(loaded.read_to_send(), timeout)
        request = msgspec.structs.replace(request, compartments=_ocids(wiring, compartments or ()))
        if dry_run or not yes:
            counting = consoles if dry_run else consoles._replace(results=consoles.notes)  # the count belongs to the question
            results = _replay(wiring, request, options, counting)
        if not (dry_run or yes or any(result.forwarded for result in results)):
            print_line(consoles.notes, "There is nothing to send.")
        elif not dry_run:
            if not yes:
                _confirm_sending(consoles.notes, results, wiring.settings)
            results = _replay(loaded.open(wiring.settings, timeout), msgspec.structs.replace(request, dry=False), options, consoles)
    if as_json:
        print_json(results)
    raise typer.Exit(max(display.EXIT_CODES[result.status] for result in results))


def _ocids(wiring: Wiring, names: Sequence[str]) -> tuple[str, ...]:
    """The OCIDs of ``names``; Identity lists the compartments if one is not an OCID. Raises ConfigError, SourceError, CredentialsError."""
    if not needs_listing(names):
        return tuple(names)
    listing = discover(wiring.oci.list_page(wiring.deadline.left() / 8), wiring.tenancy, wiring.deadline)
    return resolve_compartments(names, listing.compartments)


def _confirm_sending(console: Console, counted: Sequence[Replayed], settings: Settings) -> None:
    """Raises typer.Abort unless the user agrees to send the ``counted`` events."""
    total = count_text(sum(result.forwarded for result in counted), "event")
    marks = f"{_HEADER_MARKS[settings.syslog_header]} in the syslog header and {REPLAY_MARKS[settings.format]} in the body"
    print_wrapped(console, cell(f"Each message is marked as a replay: {marks}."))
    confirm(f"Send {total} again?", given=False, stderr=True)


def _replay(wiring: Wiring, request: Replay, options: Sequence[str], consoles: _Consoles) -> list[Replayed]:
    """Replay each region. ``options``: of the command, repeated in the one that continues an incomplete replay."""
    run_id, regions = uuid.uuid4().hex[:12], wiring.replayed_regions
    window = Window(parse_minute(request.start), parse_minute(request.end))
    console = consoles.notes
    with terminal_observer(console, consoles.results, replay=True) as observer:

        def announce(result: Replayed) -> None:
            observer.finish(result, lambda results: display.show_replayed(results, result))

        try:
            results = replay_regions(wiring, run_id, observer, announce, window, request.compartments, dry=request.dry)
        except Signaled:
            _show_interrupted(console, observer, regions, request, options)
            raise
    for result in results:
        if result.through != result.window[1]:
            _show_continuation(console, result.region, regions, msgspec.structs.replace(request, start=result.through), options)
    return results


def _show_interrupted(
    console: Console, observer: TerminalObserver, regions: Sequence[str], request: Replay, options: Sequence[str]
) -> None:
    """Say what an interrupted replay has sent, and how to continue. Nothing is saved: a replay has no state."""
    if request.dry:
        print_line(console, "The count was interrupted. Nothing was sent.", "yellow")
        return
    for region in (region for region in regions if region not in observer.finished):
        shown = observer.regions.get(region)
        through = minute_text(shown.latest.cursor.start) if shown else request.start
        confirmed = count_text(shown.latest.confirmed if shown else 0, "event")
        what = f"{region}: the replay was interrupted; it is complete through {through}, with {confirmed} confirmed"
        print_line(console, f"{what}. Events sent after that are sent again if you continue.", "yellow")
        _show_continuation(console, region, regions, msgspec.structs.replace(request, start=through), options)


def _show_continuation(console: Console, region: str, regions: Sequence[str], rest: Replay, options: Sequence[str]) -> None:
    """Show the command that replays the ``rest``, alone on a line, so that it can be copied."""
    command = ["epimetheus", "replay", "--from", rest.start, "--to", rest.end]
    command += [word for ocid in rest.compartments for word in ("--compartment", ocid)]
    only = f"REGIONS={region} " if len(regions) > 1 else ""
    print_line(console, f"To continue in {region}, run:")
    print_line(console, f"{only}{shlex.join([*command, *options])}")

"""``replay``: sends a past time window again. Without ``--yes``, it counts the events first and asks for confirmation."""

import shlex
import uuid
from typing import Annotated

import msgspec
import typer
from rich.console import Console

from epimetheus.cli import display
from epimetheus.cli.console import print_json, print_line, terminal_console
from epimetheus.cli.settings_source import LoadedSettings, SettingsSource, reads_settings
from epimetheus.cli.times import Duration, Timeout, absolute_time
from epimetheus.clock import SYSTEM
from epimetheus.function.request import Replay
from epimetheus.model import Replayed, count_text
from epimetheus.wiring.regions import replay_regions


@reads_settings
def replay(
    source: SettingsSource,
    start: Annotated[str, typer.Option("--from", metavar="TIME", help="Start of the window: 2026-11-24T10:00:00Z, or 3h before now: 3h.")],
    end: Annotated[
        str, typer.Option("--to", metavar="TIME", help="End of the window (exclusive), in the same form.")
    ],
    compartments: Annotated[
        list[str] | None, typer.Option("--compartment", help="OCID of a compartment; repeat for more. Default: all.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count the events without sending them.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Send without counting first and without confirmation.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON on stdout.")] = False,
    timeout: Timeout = Duration(3600),
) -> None:
    """Send the events of a past time window again, marked as a replay.

    Changes neither the cursor nor the state.
    """
    now = SYSTEM.now()
    request = Replay(absolute_time(start, now), absolute_time(end, now), tuple(compartments or ()), dry=True)
    console = terminal_console(stderr=True)
    with display.errors_explained():
        loaded = source.load()
        if not yes:
            results = _replay(loaded, request, timeout, console)
            if not dry_run:
                total = sum(result.forwarded for result in results)
                typer.confirm(f"Send {count_text(total, 'event')} again?", abort=True, err=True)
        if not dry_run:
            results = _replay(loaded, msgspec.structs.replace(request, dry=False), timeout, console)
    if as_json:
        print_json(results)
    raise typer.Exit(max(display.EXIT_CODES[result.status] for result in results))


def _replay(loaded: LoadedSettings, request: Replay, timeout: float, console: Console) -> list[Replayed]:
    wiring = loaded.open(loaded.read(), timeout)
    window, run_id = request.window(SYSTEM.now()), uuid.uuid4().hex[:12]
    with display.terminal_observer(console) as observer:
        results = replay_regions(
            wiring, run_id, observer, lambda one: display.show_replayed(console, one), window, request.compartments, dry=request.dry
        )
    for result in results:
        if result.through != result.window[1]:
            command = ["python", "-m", "epimetheus", "replay", "--from", result.through, "--to", result.window[1]]
            command += [word for ocid in request.compartments for word in ("--compartment", ocid)]
            print_line(console, f"To continue in {result.region}, run: {shlex.join(command)}")
    return results

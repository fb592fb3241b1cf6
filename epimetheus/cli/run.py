"""``run``: forwards new events once."""

import uuid
from typing import Annotated

import typer

from epimetheus.cli import display
from epimetheus.cli.console import print_json, print_line, terminal_console
from epimetheus.cli.progress import terminal_observer
from epimetheus.cli.settings_source import SettingsSource, reads_settings
from epimetheus.cli.times import Duration, Timeout
from epimetheus.wiring.regions import run_regions


@reads_settings
def run(
    source: SettingsSource,
    timeout: Timeout = Duration(3600),
    as_json: Annotated[bool, typer.Option("--json", help="Print the reports as JSON on stdout.")] = False,
) -> None:
    """Forward new events once, as the function does.

    OCI credentials come from ~/.oci/config unless OCI_AUTH selects others.
    """
    with display.errors_explained(as_json=as_json):
        loaded = source.load()
        wiring = loaded.open(loaded.read_to_send(), timeout)
        with terminal_observer(terminal_console(stderr=True), terminal_console(stderr=as_json)) as observer:
            reports = run_regions(wiring, uuid.uuid4().hex[:12], observer, observer.announce)
    if as_json:
        print_json(reports)
    elif not reports:
        minutes = wiring.settings.cloud_guard_minutes
        print_line(terminal_console(stderr=True), f"Nothing is due: Cloud Guard is polled every {minutes} minutes (CLOUD_GUARD_MINUTES).")
    raise typer.Exit(max([0, *(display.EXIT_CODES[report.status] for report in reports)]))

"""``rules preview``: shows the effect of a rules file before it is deployed."""

from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer

from epimetheus.cli import display, rules_preview
from epimetheus.cli.console import print_json, terminal_console
from epimetheus.cli.event_file import FILE_HELP
from epimetheus.cli.json_reports import preview_report
from epimetheus.cli.preview_view import show_preview
from epimetheus.cli.progress import SetProgress, no_progress, progress_bar
from epimetheus.cli.rules_review import rules_warnings
from epimetheus.cli.settings_source import SettingsSource, reads_settings
from epimetheus.cli.times import Duration, Since, Timeout, parse_since
from epimetheus.clock import SYSTEM, Deadline
from epimetheus.model import Window
from epimetheus.oci_client.clients import Credentials
from epimetheus.wiring.wiring import Wiring

rules_app = typer.Typer(no_args_is_help=True, help="Test the rules that select events.")

_NO_CREDENTIALS = Credentials(None, "", "")


@rules_app.callback()
def rules() -> None:
    """Test the rules that select events."""


@rules_app.command("preview")
@reads_settings
def rules_preview_command(
    source: SettingsSource,
    since: Since = "24h",
    file: Annotated[Path | None, typer.Option(help=f"{FILE_HELP} Default: read the events from OCI.")] = None,
    rules: Annotated[Path | None, typer.Option(help="The rules file to test. Default: RULES.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON on stdout.")] = False,
    timeout: Timeout = Duration(900),
) -> None:
    """Show which events the rules send or filter, and why.

    Sends no events. Does not read or write the state.
    """
    with display.errors_explained(as_json=as_json):
        loaded, preview, seconds = source.load(), rules_preview.RulesPreview(), timeout
        settings = loaded.read_partial({"RULES": f"file:{rules}"} if rules else None)
        unsigned = Wiring(settings, _NO_CREDENTIALS, SYSTEM, Deadline.after(SYSTEM, seconds))
        wiring = unsigned if file else loaded.open(settings, seconds)
        stderr = terminal_console(stderr=True)
        with progress_bar(stderr, "compartments") if file is None else nullcontext(no_progress) as progress:
            events = rules_preview.events_of_file(file) if file else _events_since(wiring, since, wiring.deadline, preview, progress)
            rules_preview.apply_rules(events, wiring.selection.selection(), preview)
        warnings = rules_warnings("RULES", wiring.selection.rules_text)
    if as_json:
        print_json(preview_report(preview, warnings))
    else:
        show_preview(terminal_console(), preview, warnings)
    raise typer.Exit(1 if preview.unread else 0)


def _events_since(
    wiring: Wiring, since: str, deadline: Deadline, preview: rules_preview.RulesPreview, progress: SetProgress
) -> Iterator[rules_preview.LocatedEvent]:
    now = SYSTEM.now()
    end = int(now // 60) - wiring.settings.settle_minutes
    start = min(int((now - parse_since(since, now)) // 60), end - 1)
    return rules_preview.events_of_region(wiring, Window(start, end), deadline, preview, progress)

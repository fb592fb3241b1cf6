"""``runs``: what the function did, read back from its log."""

import os
import re
from pathlib import Path
from typing import Annotated

import typer
from oci.loggingsearch import LogSearchClient

from epimetheus.cli import display as terminal
from epimetheus.cli import runs_table as runs_view
from epimetheus.cli.console import print_json, say, terminal_console
from epimetheus.cli.minutes import Minutes
from epimetheus.cli.run_log import Found, LoggedRun, read_runs, searcher
from epimetheus.cli.runs_html import Frame, page
from epimetheus.clock import SYSTEM, Deadline
from epimetheus.config.settings import Settings
from epimetheus.errors import ConfigError
from epimetheus.oci_client.clients import make_client
from epimetheus.source.compartments import discover
from epimetheus.wiring import Wiring

runs_app = typer.Typer(help="What the function did, read back from its log in OCI Logging.")

Since = Annotated[str, typer.Option(help="Of so much time up to now: 90m, 24h, 7d.")]
Log = Annotated[str | None, typer.Option(help="Where: COMPARTMENT_OCID/LOG_GROUP/LOG, or less of it; every compartment by default.")]
Region = Annotated[str | None, typer.Option(help="Where the function is; the credentials' own region by default.")]
AsJson = Annotated[bool, typer.Option("--json", help="As JSON on stdout.")]

_SPAN = re.compile(r"(\d{1,5})([mhd])", re.ASCII)
_SECONDS = {"m": 60, "h": 3600, "d": 86_400}
_LONGEST = 366 * 86_400
_PATH = re.compile(r"ocid1\.(?:compartment|tenancy)\.[\w.-]+(?:/[\w.-]+){0,2}", re.ASCII)
_NOT_NEEDED = {"SYSLOG_HOST": "not-needed.invalid", "STATE_FILE": "not-needed"}
_CALL_SECONDS = 60.0


@runs_app.callback(invoke_without_command=True)
def runs(
    context: typer.Context,
    since: Since = "24h",
    failed: Annotated[bool, typer.Option("--failed", help="Only those that failed.")] = False,
    as_json: AsJson = False,
    log: Log = None,
    region: Region = None,
    minutes: Minutes = 5.0,
) -> None:
    """List the runs, what they did over time, and why some failed.

    The exit code tells how the last run of each region ended: 0 ok or skipped, 1 partial, or no run at all, 2 failed.
    """
    if context.invoked_subcommand:
        _only_defaults(context)
        return
    with terminal.errors_explained():
        found, frame = _read(since, log, region, minutes)
    shown = [run for run in found.runs if run.status == "failed" or not failed]
    if as_json:
        _print_json(shown)
    elif shown:
        runs_view.show_runs(terminal_console(), shown, frame.start, frame.end)
    elif found.runs:
        say(terminal_console(), f"None of {len(found.runs)} runs in {since} failed.")
    raise typer.Exit(runs_view.exit_code(found.runs))


@runs_app.command("show")
def show(
    run_id: Annotated[str, typer.Argument(help="The run, or as much of its beginning as no other run shares.")],
    since: Since = "14d",
    as_json: AsJson = False,
    log: Log = None,
    region: Region = None,
    minutes: Minutes = 5.0,
) -> None:
    """Show all that one run reported, for each region."""
    with terminal.errors_explained():
        found, _ = _read(since, log, region, minutes)
        chosen = _chosen(found.runs, run_id, since)
    if as_json:
        _print_json(chosen)
    else:
        runs_view.show_run(terminal_console(), chosen)
    raise typer.Exit(runs_view.exit_code(chosen))


@runs_app.command("html")
def html(
    file: Annotated[Path, typer.Argument(help="The page to write; it needs nothing else.")],
    since: Since = "48h",
    log: Log = None,
    region: Region = None,
    minutes: Minutes = 5.0,
) -> None:
    """Write one page with plots over time and a table of runs."""
    with terminal.errors_explained():
        found, frame = _read(since, log, region, minutes)
        text = page(found.runs, frame)
        try:
            file.write_text(text, "utf-8")
        except OSError as error:
            raise ConfigError([f"{file}: {error.strerror}; allowed is a file that can be written"]) from error
    say(terminal_console(), f"{file}: {len(found.runs)} runs, {len(text) // 1024 + 1} kB.")


def _read(since: str, log: str | None, region: str | None, minutes: float) -> tuple[Found, Frame]:
    """The runs, and what they are of; what may be missing is told on stderr."""
    span = _span(since)
    if log is not None and not _PATH.fullmatch(log):
        raise ConfigError([f"--log {log[:200]}: allowed is COMPARTMENT_OCID, COMPARTMENT_OCID/LOG_GROUP or COMPARTMENT_OCID/LOG_GROUP/LOG"])
    given = {key: value for key, value in os.environ.items() if value.strip()}
    lacking = {key: value for key, value in _NOT_NEEDED.items() if key != "STATE_FILE" or "STATE_BUCKET" not in given}
    workshop = Wiring.open(Settings.read({**lacking, **given}), SYSTEM, Deadline.after(SYSTEM, minutes * 60))
    region = region or workshop.credentials.region
    scopes = [log] if log else _tree(workshop)
    endpoint = workshop.settings.oci_endpoint
    client = make_client(LogSearchClient, workshop.credentials, region=region, endpoint=endpoint, seconds=_seconds(workshop))
    end = int(SYSTEM.now()) + 1
    found = read_runs(searcher(client, region), scopes, end - span, end, workshop.deadline)
    where = log or f"{len(scopes)} compartments"
    missing = [*found.warnings, *([] if found.runs else [_NONE.format(since=since, where=where, region=region)])]
    for warning in missing:
        say(terminal_console(stderr=True), warning, "yellow")
    return found, Frame(end - span, end, f"{where} in {region}", tuple(missing))


_NONE = (
    "No run is logged in the last {since}, in {where} in {region}. Each writes a line at its end: look further back (--since 7d), where the"
    " function is (--region, --log), and whether its application has logging switched on."
)


def _tree(workshop: Wiring) -> list[str]:
    listing = discover(workshop.oci.list_page(_seconds(workshop)), workshop.tenancy, workshop.deadline)
    return sorted(ocid for ocid, compartment in listing.compartments.items() if not compartment.deleted)


def _seconds(workshop: Wiring) -> float:
    return max(1.0, min(_CALL_SECONDS, workshop.deadline.left() / 2))


def _span(since: str) -> int:
    found = _SPAN.fullmatch(since)
    span = int(found[1]) * _SECONDS[found[2]] if found else 0
    if not 0 < span <= _LONGEST:
        raise ConfigError([f"--since {since[:20]}: allowed is a number with m, h or d, up to 366d"])
    return span


def _chosen(runs: list[LoggedRun], run_id: str, since: str) -> list[LoggedRun]:
    """The lines of the one run whose id is, or begins with, ``run_id``."""
    names = sorted({run.run for run in runs if run.run.startswith(run_id)})
    if run_id in names or len(names) == 1:
        return [run for run in runs if run.run == (run_id if run_id in names else names[0])]
    if names:
        shown = ", ".join(names[:5])
        raise ConfigError([f"RUN_ID={run_id[:40]} is the beginning of {len(names)} runs ({shown}): allowed is more of one of them"])
    raise ConfigError([f"RUN_ID={run_id[:40]}: none in the last {since}; allowed is one that `runs` lists (--since 30d: further back)"])


def _print_json(runs: list[LoggedRun]) -> None:
    heads = [{"when": runs_view.when(run.when), "run": run.run, "region": run.region, "status": run.status} for run in runs]
    print_json([{**head, "line": run.line} for head, run in zip(heads, runs, strict=True)], indent=1)


def _only_defaults(context: typer.Context) -> None:
    """Options before a command would be lost without a word."""
    given = [name for name in context.params if (source := context.get_parameter_source(name)) and source.name != "DEFAULT"]
    if given:
        raise typer.BadParameter(f"options stand behind {context.invoked_subcommand}: runs {context.invoked_subcommand} … --since 7d")

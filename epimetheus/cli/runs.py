"""``runs``: shows past runs of the function, read from its log in OCI Logging."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from oci.loggingsearch import LogSearchClient

from epimetheus.cli import display, runs_table
from epimetheus.cli.arguments import ArgumentError
from epimetheus.cli.confirm import confirm
from epimetheus.cli.console import print_json, print_line, terminal_console
from epimetheus.cli.json_reports import page_report
from epimetheus.cli.run_log import LoggedRun, RunHistory, log_search, read_runs
from epimetheus.cli.runs_html import Frame, is_page, page
from epimetheus.cli.settings_source import SettingsSource, reads_settings
from epimetheus.cli.times import Duration, Since, Timeout, parse_since, since_text
from epimetheus.clock import SYSTEM
from epimetheus.model import count_text
from epimetheus.oci_client.clients import make_client
from epimetheus.source.compartments import discover
from epimetheus.wiring.wiring import Wiring

runs_app = typer.Typer()

Log = Annotated[
    str | None,
    typer.Option(help="OCIDs to search: COMPARTMENT, COMPARTMENT/GROUP, or COMPARTMENT/GROUP/LOG. Default: every compartment."),
]
Region = Annotated[str | None, typer.Option(help="Region of the function. Default: the region of the credentials.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON on stdout.")]

_LOG_PATH = re.compile(r"ocid1\.(?:compartment|tenancy)\.[\w.-]+(?:/[\w.-]+){0,2}", re.ASCII)
_CALL_SECONDS = 60.0


@runs_app.callback(invoke_without_command=True)
@reads_settings
def runs(
    context: typer.Context,
    source: SettingsSource,
    since: Since = "24h",
    failed: Annotated[bool, typer.Option("--failed", help="List failed runs only.")] = False,
    as_json: AsJson = False,
    log: Log = None,
    region: Region = None,
    timeout: Timeout = Duration(300),
) -> None:
    """List past runs, read from the function's log in OCI Logging.

    Shows a table, events and lag over time, and the reasons for failures. The exit code reflects the last run.
    """
    if context.invoked_subcommand:
        _reject_options(context)
        return
    with display.errors_explained(as_json=as_json):
        history, frame = _read(source, since, log, region, timeout)
    _show_warnings(frame.warnings)
    listed = [run for run in history.runs if run.status == "failed" or not failed]
    if as_json:
        _print_json(listed)
    elif listed:
        runs_table.show_runs(terminal_console(), listed, frame.start, frame.end)
    elif history.runs:
        print_line(terminal_console(), f"0 of {count_text(len(history.runs), 'run')} {since_text(since)} failed.")
    raise typer.Exit(runs_table.exit_code(history.runs))


@runs_app.command("show")
@reads_settings
def show(
    source: SettingsSource,
    run_id: Annotated[str, typer.Argument(metavar="RUN_ID", help="ID of the run, or a unique prefix of it.")],
    since: Since = "14d",
    as_json: AsJson = False,
    log: Log = None,
    region: Region = None,
    timeout: Timeout = Duration(300),
) -> None:
    """Show the complete report of one run, for each region."""
    with display.errors_explained(as_json=as_json):
        history, _ = _read(source, since, log, region, timeout)
        _show_warnings(history.warnings)
        selected = _select_run(history.runs, run_id, since)
    if as_json:
        _print_json(selected)
    else:
        runs_table.show_run(terminal_console(), selected)
    raise typer.Exit(runs_table.exit_code(selected))


@runs_app.command("html")
@reads_settings
def html(
    source: SettingsSource,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The HTML file to write.")],
    since: Since = "48h",
    log: Log = None,
    region: Region = None,
    timeout: Timeout = Duration(300),
    yes: Annotated[bool, typer.Option("--yes", help="Replace FILE even if it is not an earlier page of this command.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write a self-contained HTML page with plots over time and a table of runs.

    The table can be filtered and sorted, and times can be switched to local time. The page loads nothing. It is also written if no run
    is found.
    """
    with display.errors_explained(as_json=as_json):
        with _file_errors(file):
            replaces_other = file.is_file() and not is_page(file)
        if replaces_other:
            confirm(f"{file} is not a page that this command has written. Replace it?", given=yes, stderr=as_json)
        history, frame = _read(source, since, log, region, timeout)
        _show_warnings(frame.warnings)
        text = page(history.runs, frame)
        with _file_errors(file):
            file.write_text(text, "utf-8")
    if as_json:
        print_json(page_report(str(file), len(text.encode()), len(history.runs), frame))
    else:
        print_line(terminal_console(), f"{file}: {count_text(len(history.runs), 'run')}, {len(text) // 1024 + 1} kB.")
    raise typer.Exit(0 if history.runs else 1)


@contextmanager
def _file_errors(file: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ArgumentError(f"FILE={file}: {error.strerror}; use the path of a writable file on a disk with free space") from error


def _read(source: SettingsSource, since: str, log: str | None, region: str | None, timeout: float) -> tuple[RunHistory, Frame]:
    """The runs, with warnings about what may be missing. The frame also has the one that there are none."""
    seconds = parse_since(since, SYSTEM.now())
    if log is not None and not _LOG_PATH.fullmatch(log):
        raise ArgumentError(f"--log {log[:200]}: expected {_LOG_PATHS}")
    loaded = source.load()
    wiring = loaded.open(loaded.read_partial(), timeout)
    region = region or wiring.credentials.region
    scopes = [log] if log else _compartments(wiring)
    endpoint = wiring.settings.oci_endpoint
    client = make_client(LogSearchClient, wiring.credentials, region=region, endpoint=endpoint, seconds=_call_seconds(wiring))
    end = int(SYSTEM.now()) + 1
    history = read_runs(log_search(client, region), scopes, end - seconds, end, wiring.deadline)
    where = log or count_text(len(scopes), "compartment")
    warnings = [*history.warnings, *([] if history.runs else [_no_runs(f"{since_text(since)} in {where} in {region}", seconds)])]
    return history, Frame(end - seconds, end, f"{where} in {region}", tuple(warnings))


_LOG_PATHS = "COMPARTMENT_OCID, COMPARTMENT_OCID/LOG_GROUP, or COMPARTMENT_OCID/LOG_GROUP/LOG"
_LONGER = ((7 * 86_400, "7d"), (30 * 86_400, "30d"))
"""``(seconds, --since)``: what to try if a shorter period has no run."""


def _no_runs(searched: str, seconds: int) -> str:
    check = next((f"Use a longer period (--since {longer}), check" for least, longer in _LONGER if seconds < least), "Check")
    return (
        f"No run was logged {searched}. {check} --region and --log, and check that logging is enabled for the function's application."
        " Only runs of the deployed function are logged: `run` in a terminal prints its report instead."
    )


def _show_warnings(warnings: Sequence[str]) -> None:
    for warning in warnings:
        print_line(terminal_console(stderr=True), warning, "yellow")


def _compartments(wiring: Wiring) -> list[str]:
    listing = discover(wiring.oci.list_page(_call_seconds(wiring)), wiring.tenancy, wiring.deadline)
    return sorted(ocid for ocid, compartment in listing.compartments.items() if not compartment.deleted)


def _call_seconds(wiring: Wiring) -> float:
    return max(1.0, min(_CALL_SECONDS, wiring.deadline.left() / 2))


def _select_run(runs: list[LoggedRun], run_id: str, since: str) -> list[LoggedRun]:
    """The lines of the run whose ID is ``run_id``, or else starts with it. Raises ArgumentError if there is not exactly one."""
    ids = sorted({run.run for run in runs if run.run.startswith(run_id)})
    if run_id in ids or len(ids) == 1:
        return [run for run in runs if run.run == (run_id if run_id in ids else ids[0])]
    if ids:
        raise ArgumentError(f"RUN_ID={run_id[:40]}: {len(ids)} runs match ({', '.join(ids[:5])}); use a longer prefix")
    raise ArgumentError(f"RUN_ID={run_id[:40]}: no run matches {since_text(since)}; use an ID that `runs` lists, or a longer --since")


def _print_json(runs: list[LoggedRun]) -> None:
    heads = [{"when": runs_table.when(run.when), "run": run.run, "region": run.region, "status": run.status} for run in runs]
    print_json([{**head, "line": run.line} for head, run in zip(heads, runs, strict=True)], indent=1)


def _reject_options(context: typer.Context) -> None:
    """Reject options before a subcommand, which would otherwise be ignored."""
    given = [name for name in context.params if (source := context.get_parameter_source(name)) and source.name != "DEFAULT"]
    if given:
        command = context.invoked_subcommand
        raise typer.BadParameter(f"put options after the subcommand, as in: runs {command} … --since 7d")

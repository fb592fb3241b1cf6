"""How things look on a terminal: rich where there is one, plain lines where there is not."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

import msgspec
from cryptography import x509
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn
from rich.table import Table

from epimetheus.config import Settings
from epimetheus.model import Problem, Report, Status, Window, minute_text
from epimetheus.observe.log import headline
from epimetheus.state.memory import State

EXIT_CODES: dict[Status, int] = {"ok": 0, "skipped": 0, "partial": 1, "failed": 2}
_COLOURS: dict[Status, str] = {"ok": "green", "skipped": "yellow", "partial": "yellow", "failed": "red"}
_COUNTS = ("fetched", "forwarded", "duplicates", "uncertain", "malformed", "trimmed")


class TerminalWatcher:
    """Shows a run as it goes: two bars (compartments of the slice; minutes up to now) on a terminal, else only what goes wrong."""

    def __init__(self, console: Console, bars: Progress | None) -> None:
        self._console = console
        self._bars = bars
        self._tasks: dict[str, tuple[TaskID, TaskID, int]] = {}

    def wrong(self, trouble: Problem, region: str) -> None:
        """One line: what, and what to do."""
        self._console.print(f"{region}: {trouble.what} {trouble.do}", style="yellow", markup=False, highlight=False)

    def progress(self, region: str, cursor: Window, done: int, works: int) -> None:
        """Move the bars."""
        if self._bars is None:
            return
        if region not in self._tasks:
            minutes = self._bars.add_task(f"{region} minutes")
            self._tasks[region] = (self._bars.add_task(f"{region} compartments"), minutes, cursor.start)
        compartments, minutes, start = self._tasks[region]
        self._bars.update(compartments, completed=done, total=works)
        self._bars.update(minutes, completed=cursor.start - start, total=cursor.end - start)

    def announce(self, report: Report) -> None:
        """The end of a region's run."""
        show_report(self._console, report)


@contextmanager
def watcher(console: Console) -> Iterator[TerminalWatcher]:
    """A watcher for ``console``, its bars gone when it is over."""
    if not console.is_terminal:
        yield TerminalWatcher(console, None)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console, transient=True) as bars:
        yield TerminalWatcher(console, bars)


def show_report(console: Console, report: Report) -> None:
    """The headline, and the counts that must come out."""
    console.print(headline(report), style=_COLOURS[report.status], markup=False, highlight=False, soft_wrap=True)
    counts = msgspec.to_builtins(report)
    console.print("  " + "  ".join(f"{name} {counts[name]}" for name in _COUNTS), markup=False, highlight=False)
    receiver = "  ".join(f"{name} {value}" for name, value in report.receiver.items())
    requests = "  ".join(f"{name} {value}" for name, value in report.api.items())
    console.print(f"  OCI: {requests}   receiver: {receiver}   {report.seconds} s", markup=False, highlight=False, soft_wrap=True)
    for warning in report.warnings:
        console.print(f"  {warning}", style="yellow", markup=False, highlight=False, soft_wrap=True)


def show_state(console: Console, name: str, state: State, now: float) -> None:
    """The cursor, who is behind, and how much is remembered."""
    table = Table(title=name, show_header=False)
    table.add_row("region", state.region)
    table.add_row("through", f"{minute_text(state.through)} ({int(now - state.through * 60)} s ago)")
    table.add_row("compartments", f"{len(state.known)} known, {sum(k.asked for k in state.known.values())} asked")
    table.add_row("dedupe keys", str(sum(map(len, state.keys.values())) // 16))
    table.add_row("lease", f"run {state.lease.run}, {int(state.lease.until - now)} s left" if state.lease else "none")
    table.add_row("last run", " ".join(f"{key}={value}" for key, value in state.last.items()) or "none")
    for ocid, behind in sorted(state.behind.items()):
        table.add_row("behind", f"{ocid} since {minute_text(behind.since)}, {behind.tries} tries: {behind.why}")
    console.print(table, markup=False, highlight=False)


def show_settings(console: Console, settings: Settings, texts: Mapping[str, str], elsewhere: Sequence[str]) -> None:
    """What will be used; nothing secret."""
    table = Table(title="Settings", show_header=False)
    for name, value in settings.model_dump(exclude={"syslog_ca", "syslog_client_cert", "syslog_client_key", "rules", "field_map"}).items():
        table.add_row(name.upper(), "" if value is None else str(value))
    for key, text in texts.items():
        table.add_row(key, "a private key" if key == "SYSLOG_CLIENT_KEY" else _certificates(text))
    for key in elsewhere:
        table.add_row(key, "not looked at: it has to be fetched from OCI")
    console.print(table, markup=False, highlight=False)
    for warning in settings.warnings:
        console.print(warning, style="yellow", markup=False)
    console.print("Settings are valid.", style="green")


def _certificates(text: str) -> str:
    found = x509.load_pem_x509_certificates(text.encode())
    return "; ".join(f"{c.subject.rfc4514_string()}, {(c.not_valid_after_utc - datetime.now(UTC)).days} days left" for c in found)

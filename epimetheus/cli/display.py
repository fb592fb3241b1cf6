"""Terminal output of the commands: progress bars and colors on a terminal, plain lines otherwise."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn
from rich.table import Table

from epimetheus.cli.console import cell, print_line, terminal_console
from epimetheus.cli.rules_try import SENT, RulesTrial
from epimetheus.config.settings import Settings
from epimetheus.errors import ConfigError, EpimetheusError
from epimetheus.health.model import HealthReport, ReportedCheck
from epimetheus.model import Fetched, Problem, Replayed, Report, Status, Window, count_text, minute_text, plural, time_text
from epimetheus.observe.log import headline
from epimetheus.pem import read_certificates
from epimetheus.render.sanitize import terminal_safe
from epimetheus.state.model import Lease, State

EXIT_CODES: dict[Status, int] = {"ok": 0, "skipped": 0, "partial": 1, "failed": 2}
SetProgress = Callable[[int, int], None]
"""``(done, total)``: updates a progress bar."""

STATUS_COLORS: dict[Status, str] = {"ok": "green", "skipped": "yellow", "partial": "yellow", "failed": "red"}
_CHECK_COLORS = {"ok": "green", "degraded": "yellow", "failed": "red", "skipped": "dim"}
_VERDICT_COLORS = {"healthy": "green", "degraded": "yellow", "unhealthy": "red"}
_TEXT_SETTINGS = {"SYSLOG_CA", "SYSLOG_CLIENT_CERT", "SYSLOG_CLIENT_KEY", "RULES", "FIELD_MAP"}


class TerminalObserver:
    """Shows the progress of a run. On a terminal, each region has two bars: compartments of the slice, and minutes until now.

    Without a terminal, it prints one line per slice.
    """

    def __init__(self, console: Console, bars: Progress | None) -> None:
        self._console = console
        self._bars = bars
        self._tasks: dict[str, tuple[TaskID, TaskID, int]] = {}

    def problem(self, problem: Problem, region: str) -> None:
        """Print one line: the problem and its remedy."""
        print_line(self._console, f"{region}: {problem.what} {problem.do}", "yellow")

    def filtered(self, region: str, fetched: Fetched, reason: str) -> None:
        """Print one line: type and id of a filtered event, and the reason."""
        event = fetched.event
        name = f"{event.event_type} {event.event_id}" if event else "a malformed event"
        print_line(self._console, f"{region}: filtered {name}: {reason}")

    def counted(self, region: str, fetched: int, confirmed: int, filtered: dict[str, int]) -> None:
        """Print one line with the counts so far."""
        counts = f"{count_text(fetched, 'event')} fetched, {confirmed:,} confirmed, {sum(filtered.values()):,} filtered"
        print_line(self._console, f"{region}: {counts}")

    def progress(self, region: str, cursor: Window, done: int, total: int) -> None:
        """Update the bars. Without a terminal, print one line when a slice is complete."""
        if self._bars is None:
            if done == total:
                start, end = minute_text(cursor.start), minute_text(cursor.end)
                what = f"read a slice of {count_text(total, 'compartment')} from {start}; the run ends at {end}"
                print_line(self._console, f"{region}: {what}")
            return
        if region not in self._tasks:
            minutes = self._bars.add_task(terminal_safe(f"{region} minutes"))
            self._tasks[region] = (self._bars.add_task(terminal_safe(f"{region} compartments")), minutes, cursor.start)
        compartments, minutes, start_minute = self._tasks[region]
        self._bars.update(compartments, completed=done, total=total)
        self._bars.update(minutes, completed=cursor.start - start_minute, total=cursor.end - start_minute)

    def announce(self, report: Report) -> None:
        """Print the report of a region."""
        show_report(self._console, report)


@contextmanager
def terminal_observer(console: Console) -> Iterator[TerminalObserver]:
    """An observer for ``console``. Its bars disappear on exit."""
    if not console.is_terminal:
        yield TerminalObserver(console, None)
        return
    with _progress_bars(console) as bars:
        yield TerminalObserver(console, bars)


@contextmanager
def progress_bar(console: Console, description: str) -> Iterator[SetProgress]:
    """A progress bar on ``console`` if it is a terminal. The bar disappears on exit."""
    if not console.is_terminal:
        yield no_progress
        return
    with _progress_bars(console) as bars:
        task = bars.add_task(description)
        yield lambda done, total: bars.update(task, completed=done, total=total)


def no_progress(done: int, total: int) -> None:
    """Show nothing."""


def _progress_bars(console: Console) -> Progress:
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn())
    return Progress(*columns, console=console, transient=True)


@contextmanager
def errors_explained() -> Iterator[None]:
    """Print an EpimetheusError to stderr, one problem per line, and exit with code 2."""
    try:
        yield
    except EpimetheusError as error:
        show_problems(terminal_console(stderr=True), error)
        raise SystemExit(2) from error


def show_problems(console: Console, error: EpimetheusError, warnings: Sequence[str] = ()) -> None:
    """Show each problem and warning on a line, then what to do."""
    for problem in error.problems if isinstance(error, ConfigError) else (error.what,):
        print_line(console, problem, "red")
    for warning in warnings:
        print_line(console, warning, "yellow")
    print_line(console, error.do)


def show_replayed(console: Console, replayed: Replayed) -> None:
    """Show what a replay sent, or what a dry run would send."""
    what = f"{count_text(replayed.forwarded, 'event')} {'would be sent again' if replayed.dry else 'sent again'}"
    line = f"{replayed.region} replay {replayed.status}: {what}, from {replayed.window[0]} through {replayed.through}"
    print_line(console, line, STATUS_COLORS[replayed.status])
    counts = f"fetched {replayed.fetched}  duplicates {replayed.duplicates}  filtered {sum(replayed.filtered.values())}"
    print_line(console, f"  {counts}")
    if replayed.error:
        print_line(console, f"  {replayed.error.what} {replayed.error.do}", "red")
    for ocid, why in replayed.unread.items():
        print_line(console, f"  Not read: {ocid}: {why}", "yellow")


def show_trial(console: Console, trial: RulesTrial, warnings: Sequence[str]) -> None:
    """Show the outcome of a rules trial by event type, most frequent first, and the compartments that could not be read."""
    for warning in warnings:
        print_line(console, warning, "yellow")
    table = Table(title="Outcome of the rules")
    table.add_column("events", justify="right", overflow="fold")
    table.add_column("event type", overflow="fold")
    table.add_column("outcome", overflow="fold")
    for (event_type, outcome), count in sorted(trial.rows.items(), key=lambda row: (-row[1], row[0])):
        table.add_row(f"{count:,}", cell(event_type), cell(outcome, "green" if outcome.startswith(SENT) else "yellow"))
    console.print(table)
    outcomes: Counter[str] = Counter()
    for (_, outcome), count in trial.rows.items():
        outcomes[outcome] += count
    totals = "; ".join(f"{count:,} {outcome}" for outcome, count in outcomes.most_common()) or "no events"
    omitted = f" ({count_text(trial.duplicates, 'duplicate')} not counted)" if trial.duplicates else ""
    print_line(console, f"{count_text(outcomes.total(), 'event')}{omitted}: {totals}.")
    for ocid, why in sorted(trial.unread.items()):
        print_line(console, f"Not read: {ocid}: {why}", "red")


def show_report(console: Console, report: Report) -> None:
    """Show the headline and the counts: ``fetched`` is the sum of the four counts after it."""
    print_line(console, headline(report), STATUS_COLORS[report.status])
    counts = f"fetched {report.fetched}  forwarded {report.forwarded}  unconfirmed {report.unconfirmed}  duplicates {report.duplicates}"
    details = f"filtered {sum(report.filtered.values())}   malformed {report.malformed}  truncated {report.truncated}"
    details += f"  abridged {report.abridged}  redacted {report.redacted}"
    print_line(console, f"  {counts}  {details}")
    receiver = "connections {connections}  confirmations {confirmations}  confirmed by {confirmation}".format_map(report.receiver)
    requests = ", ".join(f"{service} {_request_counts(counts)}" for service, counts in report.api.items())
    print_line(console, f"  OCI: {requests}   receiver: {receiver}   {report.seconds} s")
    for warning in report.warnings:
        print_line(console, f"  {warning}", "yellow")


def _request_counts(counts: Mapping[str, int]) -> str:
    others = ", ".join(f"{value} {name}" for name, value in counts.items() if value and name != "requests")
    return f"{count_text(counts['requests'], 'request')}{f' ({others})' if others else ''}"


def show_check(console: Console, check: ReportedCheck) -> None:
    """Show one health check: a line for the result and a line for the remedy."""
    head = cell(f"{check.status:<9}", _CHECK_COLORS[check.status])
    result = cell(f"{check.what} ({check.seconds:.2f} s)", "default")
    console.print(head.append(cell(f"{check.title}: ", "bold")).append(result), soft_wrap=True)
    if check.do:
        print_line(console, f"         {check.do}")


def show_verdict(console: Console, health: HealthReport) -> None:
    """Show the verdict of the health checks."""
    issues, total = len(health.issues), len(health.checks)
    need = f"{issues} of {count_text(total, 'check')} {plural(issues, 'needs', 'need')} attention"
    what = f"{health.verdict}: {need}, {health.seconds:.1f} s"
    print_line(console, what, _VERDICT_COLORS[health.verdict])


def show_state(console: Console, name: str, state: State, now: float, problem: EpimetheusError | None = None) -> None:
    """Show the stored state, and the ``problem`` that prevents a run from using it. ``now`` is in seconds since the epoch."""
    table = Table(title=cell(name), show_header=False)
    listed = f", listed {minute_text(state.listed)}" if state.listed else ""
    rows = [
        ("region", state.region),
        ("through", f"{minute_text(state.through)} ({int(now - state.through * 60)} s ago)"),
        ("compartments", f"{len(state.known)} known, {sum(k.polled for k in state.known.values())} polled{listed}"),
        ("dedupe keys", str(sum(map(len, state.keys.values())) // 16)),
        ("lease", _lease(state.lease, now)),
        ("last run", " ".join(f"{key}={value}" for key, value in state.last.items()) or "none"),
        ("tenancy", state.tenancy or "not recorded yet"),
        ("receiver", state.receiver.address if state.receiver else "not recorded yet"),
    ]
    if adopted := state.adopted:
        rows.append(("adopted", f"{time_text(adopted.at)}, previously {adopted.before}. Reason: {adopted.reason}"))
    rows += [
        ("behind", f"{ocid} since {minute_text(behind.since)}, {count_text(behind.attempts, 'attempt')}: {behind.reason}")
        for ocid, behind in sorted(state.behind.items())
    ]
    for title, text in rows:
        table.add_row(title, cell(text))
    console.print(table)
    if problem:
        print_line(console, f"{problem.what} {problem.do}", "red")


def show_settings(console: Console, settings: Settings, texts: Mapping[str, str], remote: Sequence[str], warnings: Sequence[str]) -> None:
    """Show `effective_settings` and the ``warnings``."""
    table = Table(title="Settings", show_header=False)
    for key, value in effective_settings(settings, texts, remote).items():
        table.add_row(key, cell(value))
    console.print(table)
    for warning in warnings:
        print_line(console, warning, "yellow")
    console.print("Settings are valid.", style="green")


def effective_settings(settings: Settings, texts: Mapping[str, str], remote: Sequence[str]) -> dict[str, str]:
    """The settings in effect, without secrets. ``texts``: local texts by key; ``remote``: keys of values stored in OCI.

    Raises ConfigError if a PEM text has no readable certificate.
    """
    shown: dict[str, str] = {}
    for name, value in settings.model_dump().items():
        key = name.upper()
        if key in remote:
            shown[key] = "not checked: the value is stored in OCI"
        elif key in texts and key.startswith("SYSLOG_"):
            shown[key] = "private key" if key == "SYSLOG_CLIENT_KEY" else _certificates(key, texts[key])
        elif key in _TEXT_SETTINGS and value:
            shown[key] = value if value.startswith("file:") else "set as text"
        elif (effective := _effective(settings, name, value)) or key not in _TEXT_SETTINGS:
            shown[key] = effective
    return shown


def _effective(settings: Settings, name: str, value: object) -> str:
    """The value as it is written in the environment; for a setting that is not set, what applies instead."""
    if isinstance(value, bool):
        return str(value).lower()
    if value not in (None, ()):
        return ", ".join(value) if isinstance(value, tuple) else str(value)
    tls = settings.syslog_transport != "tcp"
    if name == "syslog_server_name":
        return settings.syslog_host if tls else ""
    if name == "state_bucket" or (name == "syslog_ca" and not tls) or value != Settings.model_fields[name].default:
        return ""
    default = Settings.reference(name).default
    return "" if default == "none" else default


def _lease(lease: Lease | None, now: float) -> str:
    if lease is None:
        return "none"
    return f"run {lease.run}, expires in {int(lease.until - now)} s" if lease.is_live(now) else f"run {lease.run}, expired"


def _certificates(key: str, text: str) -> str:
    return "; ".join(f"{one.subject.rfc4514_string()}, {_days_left(one.not_valid_after_utc)}" for one in read_certificates(key, text))


def _days_left(end: datetime) -> str:
    days = (end - datetime.now(UTC)).days
    return f"{count_text(days, 'day')} left" if days >= 0 else "expired"

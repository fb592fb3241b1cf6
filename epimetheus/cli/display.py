"""How things look on a terminal: rich where there is one, plain lines where there is not."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

from cryptography import x509
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn
from rich.table import Table

from epimetheus.cli.console import cell, say, terminal_console
from epimetheus.cli.rules_try import SENT, RulesTrial
from epimetheus.config.settings import Settings
from epimetheus.errors import ConfigError, EpimetheusError
from epimetheus.health.model import CheckResult, HealthReport
from epimetheus.model import Fetched, Problem, Replayed, Report, Status, Window, minute_text, time_text
from epimetheus.observe.log import headline
from epimetheus.render.sanitize import terminal_safe
from epimetheus.state.model import Lease, State

EXIT_CODES: dict[Status, int] = {"ok": 0, "skipped": 0, "partial": 1, "failed": 2}
Move = Callable[[int, int], None]
"""Moves a bar: so many are done, of so many."""

_COLOURS: dict[Status, str] = {"ok": "green", "skipped": "yellow", "partial": "yellow", "failed": "red"}
_CHECK_COLOURS = {"ok": "green", "degraded": "yellow", "failed": "red", "skipped": "dim"}
_VERDICT_COLOURS = {"healthy": "green", "degraded": "yellow", "unhealthy": "red"}
_NOT_SHOWN = {"syslog_ca", "syslog_client_cert", "syslog_client_key", "rules", "field_map"}


class TerminalObserver:
    """Shows a run as it goes: two bars (compartments of the slice; minutes up to now) on a terminal, else a line a slice."""

    def __init__(self, console: Console, bars: Progress | None) -> None:
        self._console = console
        self._bars = bars
        self._tasks: dict[str, tuple[TaskID, TaskID, int]] = {}

    def problem(self, problem: Problem, region: str) -> None:
        """One line: what, and what to do."""
        say(self._console, f"{region}: {problem.what} {problem.do}", "yellow")

    def filtered(self, region: str, fetched: Fetched, reason: str) -> None:
        """One line for an event: its type and id, and why."""
        event = fetched.event
        name = f"{event.event_type} {event.event_id}" if event else "an event that is not understood"
        say(self._console, f"{region}: left out {name}: {reason}")

    def counted(self, region: str, fetched: int, confirmed: int, filtered: dict[str, int]) -> None:
        """One line every so many events."""
        line = f"{region}: {fetched} events so far, {confirmed} confirmed, {sum(filtered.values())} left out"
        say(self._console, line)

    def progress(self, region: str, cursor: Window, done: int, works: int) -> None:
        """Move the bars; without any, say what a slice has come to."""
        if self._bars is None:
            if done == works:
                line = f"{region}: a slice of {works} compartments, from {minute_text(cursor.start)} on; at last {minute_text(cursor.end)}"
                say(self._console, line)
            return
        if region not in self._tasks:
            minutes = self._bars.add_task(terminal_safe(f"{region} minutes"))
            self._tasks[region] = (self._bars.add_task(terminal_safe(f"{region} compartments")), minutes, cursor.start)
        compartments, minutes, start = self._tasks[region]
        self._bars.update(compartments, completed=done, total=works)
        self._bars.update(minutes, completed=cursor.start - start, total=cursor.end - start)

    def announce(self, report: Report) -> None:
        """The end of a region's run."""
        show_report(self._console, report)


@contextmanager
def watcher(console: Console) -> Iterator[TerminalObserver]:
    """A watcher for ``console``, its bars gone when it is over."""
    if not console.is_terminal:
        yield TerminalObserver(console, None)
        return
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console, transient=True) as bars:
        yield TerminalObserver(console, bars)


@contextmanager
def bar(console: Console, what: str) -> Iterator[Move]:
    """A bar on ``console``, if that is a terminal; gone when it is over."""
    if not console.is_terminal:
        yield no_bar
        return
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console, transient=True) as bars:
        task = bars.add_task(what)
        yield lambda done, total: bars.update(task, completed=done, total=total)


def no_bar(done: int, total: int) -> None:
    """Shows nothing."""


@contextmanager
def errors_explained() -> Iterator[None]:
    """Show our errors as what they are, one mistake a line, and end with exit code 2."""
    try:
        yield
    except EpimetheusError as error:
        console = terminal_console(stderr=True)
        for problem in error.problems if isinstance(error, ConfigError) else (error.what,):
            say(console, problem, "red")
        say(console, error.do)
        raise SystemExit(2) from error


def _counted(counts: Mapping[str, int]) -> str:
    more = ", ".join(f"{value} {name}" for name, value in counts.items() if value and name != "requests")
    return f"{counts['requests']} requests{f' ({more})' if more else ''}"


def show_replayed(console: Console, replayed: Replayed) -> None:
    """What was sent again, or would be."""
    what = f"{replayed.forwarded:,} {'would be sent again' if replayed.dry else 'sent again'}"
    line = f"{replayed.region} replay {replayed.status}: {what}, from {replayed.window[0]} through {replayed.through}"
    say(console, line, _COLOURS[replayed.status])
    counts = f"fetched {replayed.fetched}  duplicates {replayed.duplicates}  left out {sum(replayed.filtered.values())}"
    say(console, f"  {counts}")
    if replayed.error:
        say(console, f"  {replayed.error.what} {replayed.error.do}", "red")
    for ocid, why in replayed.unread.items():
        say(console, f"  Not read: {ocid}: {why}", "yellow")


def show_tried(console: Console, tried: RulesTrial, warnings: Sequence[str]) -> None:
    """What the rules would do: by event type and by reason, most first; and who could not be read."""
    for warning in warnings:
        say(console, warning, "yellow")
    table = Table(title="What the rules would do")
    for heading, justify in (("events", "right"), ("event type", "left"), ("outcome", "left")):
        table.add_column(heading, justify="right" if justify == "right" else "left", overflow="fold")
    for (kind, outcome), count in sorted(tried.rows.items(), key=lambda row: (-row[1], row[0])):
        table.add_row(f"{count:,}", cell(kind), cell(outcome, "green" if outcome.startswith(SENT) else "yellow"))
    console.print(table)
    outcomes: Counter[str] = Counter()
    for (_, outcome), count in tried.rows.items():
        outcomes[outcome] += count
    told = "; ".join(f"{count:,} {outcome}" for outcome, count in outcomes.most_common()) or "no events"
    say(console, f"{outcomes.total():,} events, {tried.repeats:,} repeats aside: {told}.")
    for ocid, why in sorted(tried.unread.items()):
        say(console, f"Not read: {ocid}: {why}", "red")


def show_report(console: Console, report: Report) -> None:
    """The headline, and the counts that must come out: fetched is the sum of the four behind it."""
    say(console, headline(report), _COLOURS[report.status])
    counts = f"fetched {report.fetched}  forwarded {report.forwarded}  uncertain {report.unconfirmed}  duplicates {report.duplicates}"
    more = f"left out {sum(report.filtered.values())}   malformed {report.malformed}  trimmed {report.truncated}"
    more += f"  abridged {report.abridged}  redacted {report.redacted}"
    say(console, f"  {counts}  {more}")
    receiver = "connections {connections}  confirmations {confirmations}  confirmed by {confirmation}".format_map(report.receiver)
    requests = ", ".join(f"{service} {_counted(counts)}" for service, counts in report.api.items())
    say(console, f"  OCI: {requests}   receiver: {receiver}   {report.seconds} s")
    for warning in report.warnings:
        say(console, f"  {warning}", "yellow")


def show_check(console: Console, check: CheckResult) -> None:
    """A line for a check, and one for what to do."""
    head = cell(f"{check.status:<9}", _CHECK_COLOURS[check.status])
    said = cell(f"{check.what} ({check.seconds:.2f} s)", "default")
    console.print(head.append(cell(f"{check.title}: ", "bold")).append(said), soft_wrap=True)
    if check.do:
        say(console, f"         {check.do}")


def show_diagnosis(console: Console, diagnosis: HealthReport) -> None:
    """What the checks come to, after they were shown."""
    count = len(diagnosis.issues)
    what = f"{diagnosis.verdict}: {count} of {len(diagnosis.checks)} checks to look at, {diagnosis.seconds:.1f} s"
    say(console, what, _VERDICT_COLOURS[diagnosis.verdict])


def show_state(console: Console, name: str, state: State, now: float, problem: EpimetheusError | None = None) -> None:
    """The cursor, the compartments behind, how much is remembered, and for which receiver; and the ``problem`` a run has with it."""
    table = Table(title=cell(name), show_header=False)
    listed = f", listed {minute_text(state.listed)}" if state.listed else ""
    rows = [
        ("region", state.region),
        ("through", f"{minute_text(state.through)} ({int(now - state.through * 60)} s ago)"),
        ("compartments", f"{len(state.known)} known, {sum(k.polled for k in state.known.values())} asked{listed}"),
        ("dedupe keys", str(sum(map(len, state.keys.values())) // 16)),
        ("lease", _lease(state.lease, now)),
        ("last run", " ".join(f"{key}={value}" for key, value in state.last.items()) or "none"),
        ("tenancy", state.tenancy or "not recorded yet"),
        ("receiver", state.receiver.address if state.receiver else "not recorded yet"),
    ]
    if adopted := state.adopted:
        rows.append(("adopted", f"{time_text(adopted.at)}, before: {adopted.before}. Reason: {adopted.reason}"))
    rows += [
        ("behind", f"{ocid} since {minute_text(behind.since)}, {behind.attempts} tries: {behind.reason}")
        for ocid, behind in sorted(state.behind.items())
    ]
    for title, text in rows:
        table.add_row(title, cell(text))
    console.print(table)
    if problem:
        say(console, f"{problem.what} {problem.do}", "red")


def show_settings(
    console: Console, settings: Settings, texts: Mapping[str, str], elsewhere: Sequence[str], warnings: Sequence[str]
) -> None:
    """What will be used; nothing secret. ``texts`` are the PEM texts at hand, by key; ``elsewhere`` the keys of the others.

    Raises ConfigError where a text holds no certificates.
    """
    table = Table(title="Settings", show_header=False)
    for name, value in settings.model_dump(exclude=_NOT_SHOWN).items():
        table.add_row(name.upper(), cell(", ".join(value) if isinstance(value, tuple) else "" if value is None else str(value)))
    for key, text in texts.items():
        table.add_row(cell(key), cell("a private key" if key == "SYSLOG_CLIENT_KEY" else _certificates(key, text)))
    for key in elsewhere:
        table.add_row(cell(key), cell("not looked at: it has to be fetched from OCI"))
    console.print(table)
    for warning in warnings:
        say(console, warning, "yellow")
    console.print("Settings are valid.", style="green")


def _lease(lease: Lease | None, now: float) -> str:
    if lease is None:
        return "none"
    return f"run {lease.run}, {int(lease.until - now)} s left" if lease.is_live(now) else f"run {lease.run}, expired"


def _certificates(key: str, text: str) -> str:
    try:
        found = x509.load_pem_x509_certificates(text.encode())
    except ValueError as error:
        raise ConfigError([f"{key} holds a certificate that can not be read: allowed is a PEM text of certificates"]) from error
    return "; ".join(f"{one.subject.rfc4514_string()}, {_left(one.not_valid_after_utc)}" for one in found)


def _left(end: datetime) -> str:
    days = (end - datetime.now(UTC)).days
    return f"{days} days left" if days >= 0 else "expired"

"""Terminal output of the commands: colors and tables on a terminal, plain lines and tab-separated values otherwise."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING

from rich.console import Console

from epimetheus.cli.console import cell, notes_console, print_json, print_line, print_wrapped, terminal_console
from epimetheus.cli.durations import ago_text, period_text
from epimetheus.cli.tables import print_fields
from epimetheus.clock import SYSTEM
from epimetheus.config.settings import Settings
from epimetheus.errors import ConfigError, EpimetheusError
from epimetheus.model import count_text, minute_text, parse_seconds, plural, time_text
from epimetheus.observe.log import headline
from epimetheus.pem import full_days_left, read_certificates
from epimetheus.reports import Replayed, Report, Status
from epimetheus.run.tally import to_problem
from epimetheus.state.model import Lease, Reconciled, State, Summary
from epimetheus.state.seals import SealState

if TYPE_CHECKING:  # imports the OCI SDK, which takes long
    from epimetheus.health.model import HealthReport, ReportedCheck

EXIT_CODES: dict[Status, int] = {"ok": 0, "skipped": 0, "partial": 1, "failed": 2}
STATUS_COLORS: dict[Status, str] = {"ok": "green", "skipped": "yellow", "partial": "yellow", "failed": "red"}
_CHECK_COLORS = {"ok": "green", "degraded": "yellow", "failed": "red", "skipped": "dim"}
_VERDICT_COLORS = {"healthy": "green", "degraded": "yellow", "unhealthy": "red"}
_CHECK_INDENT = 9
_LAG_HINT = "`epimetheus runs` lists the last runs; `epimetheus run` reads what is missing now."
_TEXT_SETTINGS = {"SYSLOG_CA", "SYSLOG_CLIENT_CERT", "SYSLOG_CLIENT_KEY", "SEAL_KEY", "RULES", "FIELD_MAP"}


@contextmanager
def errors_explained(*, as_json: bool = False) -> Iterator[None]:
    """Print an EpimetheusError to stderr, one problem per line, and exit with code 2. ``as_json``: stdout gets it, too, as in a report."""
    try:
        yield
    except EpimetheusError as error:
        if as_json:
            print_json({"error": to_problem(error)})
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
    """Show what a replay or a reconciliation sent, or what a dry run would send."""
    missing, dry = replayed.missing_only, replayed.dry
    if replayed.error and not (replayed.relisted or replayed.fetched or replayed.through != replayed.window[0]):
        what = f"{replayed.region} {replayed.action} failed: {replayed.error.what} {replayed.error.do}"
        print_line(console, what, STATUS_COLORS[replayed.status])
        return
    done = f"{'would be ' if dry else ''}sent{'' if missing else ' again'}"
    what = f"{count_text(replayed.forwarded, 'missing event' if missing else 'event')} {done}"
    minutes = (parse_seconds(replayed.through) - parse_seconds(replayed.window[0])) // 60
    size = f"{count_text(int(minutes), 'minute')} of {count_text(replayed.compartments, 'compartment')}"
    line = f"{replayed.region} {replayed.action} {replayed.status}: {what}, {size}, from {replayed.window[0]} through {replayed.through}"
    print_line(console, line, STATUS_COLORS[replayed.status])
    known = replayed.relisted - replayed.fetched
    listed = f"listed {replayed.relisted:,}  in the ledger {known:,}  missing" if missing else "fetched"
    counts = f"{listed} {replayed.fetched:,}  duplicates {replayed.duplicates:,}  filtered {sum(replayed.filtered.values()):,}"
    print_line(console, f"  {counts}")
    _show_missing(console, replayed)
    if replayed.error:
        print_line(console, f"  {replayed.error.what} {replayed.error.do}", "red")
    for warning in replayed.warnings:
        print_line(console, f"  {warning}", "yellow")
    for ocid, why in replayed.unread.items():
        print_line(console, f"  Not read: {ocid}: {why}", "yellow")


def _show_missing(console: Console, replayed: Replayed) -> None:
    label = "Missing" if replayed.dry or replayed.error else "Sent"
    for one in replayed.missing:
        parts = [one.time, one.type or "a malformed event", one.id, one.compartment]
        print_line(console, f"  {label}: {'  '.join(filter(None, parts))}")
    if more := replayed.forwarded - len(replayed.missing) if replayed.missing else 0:
        print_line(console, f"  And {more:,} more.")


def show_report(console: Console, report: Report) -> None:
    """Show the headline and the counts: ``fetched`` is the sum of the four counts after it."""
    print_line(console, headline(report), STATUS_COLORS[report.status])
    counts = f"fetched {report.fetched:,}  forwarded {report.forwarded:,}  unconfirmed {report.unconfirmed:,}"
    counts += f"  duplicates {report.duplicates:,}  filtered {sum(report.filtered.values()):,}"
    details = f"malformed {report.malformed:,}  truncated {report.truncated:,}  abridged {report.abridged:,}  redacted {report.redacted:,}"
    print_wrapped(console, cell(f"  {counts}   {details}"), 2)
    receiver = "connections {connections}  confirmations {confirmations}  ".format_map(report.receiver) + _confirmation(report.receiver)
    requests = ", ".join(f"{service} {_request_counts(counts)}" for service, counts in report.api.items())
    print_wrapped(console, cell(f"  OCI: {requests}   receiver: {receiver}   {report.seconds} s"), 2)
    for warning in report.warnings if report.status != "skipped" else ():  # the headline has those of a skipped run
        print_wrapped(console, cell(f"  {warning}", "yellow"), 2)


def _confirmation(receiver: Mapping[str, object]) -> str:
    if receiver["confirmation"] != "none":
        return f"confirmed by {receiver['confirmation']}"
    return "nothing confirmed" if receiver["connections"] else "nothing to confirm"


def _request_counts(counts: Mapping[str, int]) -> str:
    others = ", ".join(f"{value} {name}" for name, value in counts.items() if value and name != "requests")
    return f"{count_text(counts['requests'], 'request')}{f' ({others})' if others else ''}"


def show_check(console: Console, check: "ReportedCheck") -> None:
    """Show one health check: a line for the result and a line for the remedy."""
    head = cell(f"{check.status:<9}", _CHECK_COLORS[check.status])
    result = cell(f"{check.what} ({check.seconds:.2f} s)", "default")
    print_wrapped(console, head.append(cell(f"{check.title}: ", "bold")).append(result), _CHECK_INDENT)
    late = check.name == "lag" and check.status in ("degraded", "failed")
    hint = _LAG_HINT if late and "`epimetheus run`" not in check.do else ""
    if remedy := f"{check.do} {hint}".strip():
        print_wrapped(console, cell(f"{' ' * _CHECK_INDENT}{remedy}"), _CHECK_INDENT)


def show_verdict(console: Console, health: "HealthReport") -> None:
    """Show the verdict of the health checks."""
    issues, total = len(health.issues), len(health.checks)
    need = f"{issues} of {count_text(total, 'check')} {plural(issues, 'needs', 'need')} attention"
    what = f"{health.verdict}: {need}, {health.seconds:.1f} s"
    print_line(console, what, _VERDICT_COLORS[health.verdict])


def show_state(console: Console, name: str, state: State, now: float, problem: EpimetheusError | None = None) -> None:
    """Show the stored state, and the ``problem`` that prevents a run from using it. ``now`` is in seconds since the epoch."""
    listed = f", listed {minute_text(state.listed)}" if state.listed else ""
    rows = [
        ("state", name),
        ("region", state.region),
        ("through", f"{minute_text(state.through)} ({ago_text(now - state.through * 60)})"),
        ("compartments", f"{len(state.known):,} known, {sum(k.polled for k in state.known.values()):,} polled{listed}"),
        ("seal", _seal(state.seals)),
        ("lease", _lease(state.lease, now)),
        ("last run", _last_run(state.last, now)),
        ("tenancy", state.tenancy or "not recorded yet"),
        ("receiver", state.receiver.address if state.receiver else "not recorded yet"),
    ]
    if adopted := state.adopted:
        rows.append(("adopted", f"{time_text(adopted.at)}, previously {adopted.before}. Reason: {adopted.reason}"))
    rows += [("reconciliation", _reconciled(after, one, now)) for after, one in sorted(state.reconciled.items())]
    rows += [
        ("behind", f"{ocid} since {minute_text(behind.since)}, {count_text(behind.attempts, 'attempt')}: {behind.reason}")
        for ocid, behind in sorted(state.behind.items())
    ]
    print_fields(console, "State", rows)
    if problem:
        print_line(notes_console(console), f"{problem.what} {problem.do}", "red")


def _seal(seals: SealState) -> str:
    if (head := seals.head) is None:
        return "none yet"
    stored = "" if head.stored else ", not stored yet"
    return f"{head.sequence:,} of run {head.run}{stored}; {head.pending:,} not sent"


def show_settings(console: Console, settings: Settings, texts: Mapping[str, str], remote: Sequence[str], warnings: Sequence[str]) -> None:
    """Show `effective_settings` and the ``warnings``. Without a terminal, stdout gets only the settings."""
    print_fields(console, "Settings", list(effective_settings(settings, texts, remote).items()))
    notes = notes_console(console)
    for warning in warnings:
        print_line(notes, warning, "yellow")
    print_line(notes, "Settings are valid.", "green")


def effective_settings(settings: Settings, texts: Mapping[str, str], remote: Sequence[str]) -> dict[str, str]:
    """The settings in effect, without secrets. ``texts``: local texts by key; ``remote``: keys of values stored in OCI.

    Raises ConfigError if a PEM text has no readable certificate.
    """
    shown: dict[str, str] = {}
    for name, value in settings.model_dump().items():
        key = name.upper()
        if key in remote:
            shown[key] = "not checked: the value is stored in OCI"
        elif key in texts and key.startswith(("SYSLOG_", "SEAL_")):
            shown[key] = "private key" if key in ("SYSLOG_CLIENT_KEY", "SEAL_KEY") else _certificates(key, texts[key])
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
        return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
    tls = settings.syslog_transport != "tcp"
    if name == "syslog_server_name":
        return settings.syslog_host if tls else ""
    if name == "state_bucket" or (name == "syslog_ca" and not tls) or value != Settings.model_fields[name].default:
        return ""
    default = Settings.reference(name).default
    return "" if default == "none" else default


def _reconciled(after: int, one: Reconciled, now: float) -> str:
    behind = f", {count_text(len(one.behind), 'compartment')} behind" if one.behind else ""
    begins = f"the next window begins at {minute_text(one.through)} ({ago_text(now - one.through * 60)})"
    return f"after {count_text(after, 'minute')}: {begins}{behind}"


def _lease(lease: Lease | None, now: float) -> str:
    if lease is None:
        return "none"
    return f"run {lease.run}, expires in {period_text(lease.until - now)}" if lease.is_live(now) else f"run {lease.run}, expired"


def _last_run(last: Summary, now: float) -> str:
    """The summary of the last run as a sentence. Fields that this version does not know follow as they are."""
    ended = str(last.get("at") or "")
    ago = f" ({ago_text(now - parse_seconds(ended))})" if ended and parse_seconds(ended) else ""
    parts = [f"{last['run']}"] if "run" in last else []
    parts += [f"ended {ended}{ago}"] if ended else []
    parts += [f"{count_text(forwarded, 'event')} forwarded"] if isinstance(forwarded := last.get("forwarded"), int) else []
    parts += ["caught up" if last["caught_up"] else "not caught up"] if "caught_up" in last else []
    parts += [f"{key} {value}" for key, value in last.items() if key not in ("run", "at", "forwarded", "caught_up")]
    return ", ".join(parts) or "none"


def _certificates(key: str, text: str) -> str:
    return "; ".join(f"{one.subject.rfc4514_string()}, {_days_left(one.not_valid_after_utc)}" for one in read_certificates(key, text))


def _days_left(end: datetime) -> str:
    days = full_days_left(end.timestamp(), SYSTEM.now())
    return f"{count_text(days, 'day')} left" if days >= 0 else "expired"

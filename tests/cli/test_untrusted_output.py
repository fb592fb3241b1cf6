"""Untrusted text in any field never controls the terminal: every display function and every command."""

import ast
import dataclasses
import io
import json
import typing
from pathlib import Path
from types import NoneType, UnionType

import msgspec
import pytest
from rich.console import Console

from epimetheus.cli import console as console_module
from epimetheus.cli import display
from epimetheus.cli.preview_view import show_preview
from epimetheus.cli.progress import terminal_observer
from epimetheus.cli.rules_preview import RulesPreview
from epimetheus.cli.run_log import LoggedRun
from epimetheus.cli.runs_table import show_run, show_runs
from epimetheus.clock import SYSTEM
from epimetheus.config.settings import Settings
from epimetheus.health.model import HealthReport, ReportedCheck
from epimetheus.model import AuditEvent, Fetched, RunProgress, Window
from epimetheus.reports import Problem, Replayed, Report
from epimetheus.state.file import FileStore
from epimetheus.state.model import BehindCompartment, KnownCompartment, Lease, State
from epimetheus.state.session import StateSession
from tests.cli.test_app import terminal  # noqa: F401 - a fixture
from tests.cli.test_runs_table import log_run
from tests.render.helpers import event, is_invisible

CONTROLS = "\t\x1b[2J\x1b]0;x\x07\x9b31m\r\x08\n\x85\u202e\u200b\u2028\U000e0041"
HOSTILE = f"a{CONTROLS}:100:[red]z[/red]"
PACKAGE = Path(__file__).parents[2] / "epimetheus"


def creates_console(node):
    """Whether ``node`` creates a rich console."""
    return isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in ("Console", "_SanitizingConsole")


def assert_safe(output, *, shown=True):
    """The output is text, line ends, and tabs between values only, and shows the hostile text escaped."""
    assert [character for character in output if is_invisible(character) and character not in "\n\t"] == []
    assert "a\t" not in output
    assert "\\u001b" in output or not shown
    assert ":100:" in output or not shown
    assert "💯" not in output
    assert output.count("a\\u0009\\u001b") == 0 or "[red]z[/red]" in output


def filled(kind):
    """A value of type ``kind`` with HOSTILE in every string."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if kind is str or kind is object or kind is typing.Any:
        return HOSTILE
    if kind in (int, float, bool):
        return kind(3)
    if kind is bytes or kind is msgspec.Raw:
        return b"{}"
    if origin is typing.Literal:
        return arguments[0]
    if origin in (typing.Union, UnionType):
        return filled(next(one for one in arguments if one is not NoneType))
    if isinstance(origin, type) and issubclass(origin, dict):
        return {filled(arguments[0]): filled(arguments[1])}
    if origin is not None and issubclass(origin, typing.Mapping):
        return {filled(arguments[0]): filled(arguments[1])}
    if origin is not None:
        return [filled(arguments[0])] * 2
    return kind(**{name: filled(hint) for name, hint in typing.get_type_hints(kind).items()})


def report_of(**changes):
    whole = filled(Report)
    counts = {"requests": 3, "retries": 3, "throttled": 3, HOSTILE: 3}
    receiver = {"connections": 3, "confirmations": 3, "confirmation": HOSTILE}
    return msgspec.structs.replace(whole, api={HOSTILE: counts}, receiver=receiver, **changes)


def state():
    last = {"run": HOSTILE, "at": HOSTILE, "forwarded": 1, "caught_up": True}
    behind = {HOSTILE: BehindCompartment(29454480, HOSTILE, 3)}
    known = {HOSTILE: KnownCompartment(HOSTILE, HOSTILE, polled=True)}
    return State(HOSTILE, 29454480, behind=behind, known=known, lease=Lease(HOSTILE, 2e9), last=last)


def preview():
    filled = RulesPreview(duplicates=1, unread={HOSTILE: HOSTILE})
    filled.rows[HOSTILE, HOSTILE] = 2
    return filled


def observed(console):
    with terminal_observer(console) as observer:
        observer.problem(filled(Problem), HOSTILE)
        observer.filtered(HOSTILE, Fetched(b"{}", filled(AuditEvent)), HOSTILE)
        observer.counted(HOSTILE, 3, 2, {HOSTILE: 1})
        observer.progress(HOSTILE, PROGRESS)
        observer.announce(report_of(status="failed"))


PROGRESS = RunProgress(Window(100, 220), 7, 7, ended=True, fetched=3, confirmed=2)
SETTINGS = Settings.read({"SYSLOG_HOST": "siem", "STATE_BUCKET": "audit"})
SHOWN = {
    "report": lambda console: display.show_report(console, report_of()),
    "failed report": lambda console: display.show_report(console, report_of(status="failed")),
    "skipped report": lambda console: display.show_report(console, report_of(status="skipped")),
    "replayed": lambda console: display.show_replayed(console, filled(Replayed)),
    "check": lambda console: display.show_check(console, filled(ReportedCheck)),
    "state": lambda console: display.show_state(console, HOSTILE, state(), 1_767_268_800.0),
    "preview": lambda console: show_preview(console, preview(), [HOSTILE]),
    "settings": lambda console: display.show_settings(
        console, SETTINGS.model_copy(update={"state_prefix": HOSTILE, "regions": (HOSTILE,)}), {}, [HOSTILE], [HOSTILE]
    ),
    "runs": lambda console: show_runs(console, [filled(LoggedRun)], 0, 86_400),
    "run": lambda console: show_run(console, [filled(LoggedRun)]),
    "observer": observed,
}


@pytest.mark.parametrize("name", SHOWN)
def test_hostile_text_in_every_field_is_escaped(name, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "400")
    SHOWN[name](console_module.terminal_console())
    printed = capsys.readouterr()
    assert_safe(printed.out + printed.err)
    plain = Console(file=io.StringIO(), width=400)  # the texts are already safe without the sanitizing console
    SHOWN[name](plain)
    assert_safe(plain.file.getvalue())
    tty = Console(file=io.StringIO(), width=400, force_terminal=True, color_system=None, legacy_windows=False)
    if name != "observer":  # redrawn lines move the cursor
        SHOWN[name](tty)
        assert_safe(tty.file.getvalue())


def test_the_health_verdict_is_safe(capsys):
    display.show_verdict(console_module.terminal_console(), filled(HealthReport))
    assert_safe(capsys.readouterr().out, shown=False)


def test_the_console_escapes_all_text(capsys):
    console = console_module.terminal_console()
    console.print(f"x\x1b[2J\u202e :100: [bold]y[/bold] {chr(0x9B)}")
    assert capsys.readouterr().out == "x\\u001b[2J\\u202e :100: [bold]y[/bold] \\u009b\n"


def test_progress_bars_escape_a_hostile_region(monkeypatch):
    stream = io.StringIO()
    console = Console(file=stream, width=400, force_terminal=True, color_system=None, legacy_windows=False)
    with terminal_observer(console) as observer:
        observer.progress(HOSTILE, PROGRESS)
    text = stream.getvalue()
    assert "\\u001b[2J" in text
    assert "[red]z[/red]" in text
    assert [character for character in text if character in "\x07\x9b\x85\u202e\u200b\u2028"] == []
    assert "\x1b[2J" not in text


def test_only_one_module_creates_consoles():
    texts = {path.name: path.read_text("utf-8") for path in PACKAGE.rglob("*.py")}
    creating = [name for name, text in texts.items() for call in ast.walk(ast.parse(text)) if creates_console(call)]
    assert creating == ["console.py"]
    printing = [path.name for path in (PACKAGE / "cli").glob("*.py") if "sys.stdout" in path.read_text("utf-8")]
    assert printing == ["console.py"]


def test_rules_preview_escapes_a_hostile_event_type(terminal, tmp_path):  # noqa: F811
    _, run_cli = terminal
    (tmp_path / "events").write_text(json.dumps([event("GetX", HOSTILE), event(HOSTILE, f"com.oraclecloud.{HOSTILE}")]))
    result = run_cli("rules", "preview", "--file", str(tmp_path / "events"))
    assert result.exit_code == 0
    assert_safe(result.output)
    missing = run_cli("rules", "preview", "--file", f"no-such-file{CONTROLS.strip()}")
    assert_safe(missing.output, shown=False)


def test_render_escapes_a_hostile_event(terminal, tmp_path):  # noqa: F811
    _, run_cli = terminal
    hostile = event(HOSTILE, f"com.oraclecloud.{HOSTILE}", **{f"password{HOSTILE}": {HOSTILE: "x"}}, additionalDetails={"x": HOSTILE})
    (tmp_path / "events").write_text(json.dumps([hostile]))
    field_map = json.dumps({"formats": {name: {"add": {"x": "data.additionalDetails.x"}} for name in ("cef", "json", "leef", "ocsf")}})
    result = run_cli("render", "--file", str(tmp_path / "events"), "--format", "all", "--explain", FIELD_MAP=field_map)
    assert result.exit_code == 0
    assert_safe(result.output)
    (tmp_path / "events").write_text(json.dumps([hostile, HOSTILE]))
    rejected = run_cli("render", "--file", str(tmp_path / "events"))
    assert (rejected.exit_code, rejected.stdout) == (2, "")
    assert_safe(rejected.output, shown=False)
    missing = run_cli("render", "--file", f"no-such-file{CONTROLS.strip()}", "--format", HOSTILE)
    assert_safe(missing.output, shown=False)


def test_state_show_escapes_a_hostile_state(terminal):  # noqa: F811
    stage, run_cli = terminal
    store = FileStore(Path(stage.environment["STATE_FILE"]))
    session = StateSession(store, "r1", "us-ashburn-1")
    session.open(lambda: dataclasses.replace(state(), region="us-ashburn-1", lease=None), now=SYSTEM.now(), until=SYSTEM.now() + 60)
    for arguments in (("state", "show"), ("state", "show", "--raw")):
        result = run_cli(*arguments)
        assert result.exit_code == 0
        assert_safe(result.output)


def test_health_run_replay_and_rules_preview_escape_hostile_answers_of_oci(terminal):  # noqa: F811
    stage, run_cli = terminal
    stage.emit(stage.world.tenancy, 3, 20)
    window = ("--from", "2026-01-01T10:00:00Z", "--to", "2026-01-01T10:10:00Z", "--yes")
    answer = {"status": 400, "code": HOSTILE, "message": HOSTILE, "times": None}
    for arguments in (("health",), ("run",), ("replay", *window), ("rules", "preview")):
        for operation in ("ListEvents", "ListCompartments"):
            fault = stage.world.faults.add("status", operation=operation, **answer)
            assert_safe(run_cli(*arguments).output, shown=False)
            if arguments != ("rules", "preview"):
                assert_safe(run_cli(*arguments, "--json").output, shown=False)
            stage.world.faults.remove(fault)


def test_runs_escapes_hostile_lines(terminal, tmp_path):  # noqa: F811
    stage, run_cli = terminal
    one_line = HOSTILE.replace("\x85", "").replace("\u2028", "").replace("\n", "")  # the log is read line by line
    error = Problem(one_line, one_line, one_line, one_line)
    log_run(stage, 60, run=one_line, region=one_line, status="failed", error=error, warnings=[one_line])
    for arguments in (("runs",), ("runs", "show", one_line), ("runs", "--json"), ("runs", "show", "--json", one_line)):
        assert_safe(run_cli(*arguments).output)
    assert_safe(run_cli("runs", "html", str(tmp_path / "x.html")).output, shown=False)
    assert not any(is_invisible(character) for character in (tmp_path / "x.html").read_text("utf-8") if character != "\n")


def test_invalid_settings_are_escaped(terminal):  # noqa: F811
    _, run_cli = terminal
    result = run_cli("run", SYSLOG_PORT=HOSTILE, REGIONS=HOSTILE, STATE_PREFIX=HOSTILE)
    assert result.exit_code == 2
    assert_safe(result.output, shown=False)
    result = run_cli("validate", SYSLOG_APP_NAME="a:100:[red]z[/red]")
    assert_safe(result.output, shown=False)
    result = run_cli("state", "rewind", HOSTILE)
    assert_safe(result.output, shown=False)

"""``runs``: the table, sparklines, one full report, JSON, exit codes, and messages if no run is found."""

import io
import json
import re

import pytest
from rich.console import Console

from epimetheus.cli.run_log import parse_run
from epimetheus.cli.runs_table import exit_code, flatten, show_runs, sparkline
from epimetheus.cli.tables import plain_text
from epimetheus.model import time_text
from epimetheus.reports import ReconciledNow
from tests.cli.test_app import terminal  # noqa: F401 - a fixture
from tests.support.reports import REFUSED, behind, report
from tests.support.run_lines import END, START, failure, log_lines, sample, search_result, with_time

LAGS = {"60": ReconciledNow("2026-01-01T11:00:00Z", 0, 0), "1440": ReconciledNow("2026-01-01T00:00:00Z", 7200, 0)}


def log_run(stage, ago, **fields):
    """Log a run that started ``ago`` seconds ago. Returns its line."""
    (line,) = log_lines(report(started=time_text(stage.hand.time - ago), **fields))
    stage.world.add_log(with_time(line, stage.hand.time - ago + 2), stage.hand.time - ago + 2)
    return line


HEADINGS = [
    "started", "status", "region", "forwarded", "filtered", "late", "lag_seconds", "reconcile_lag_seconds", "behind", "seconds", "run",
]  # fmt: skip


def rows(output):
    """The rows of tab-separated values, without the headings of `runs`."""
    lines = [line.split("\t") for line in output.splitlines()]
    return lines[1:] if lines[:1] == [HEADINGS] else lines


def test_runs_of_a_day_are_listed_newest_last(terminal):  # noqa: F811
    stage, run_cli = terminal
    log_run(stage, 120, run="b2", region="us-ashburn-1")
    log_run(stage, 600, run="a1", status="partial", position=behind(3), forwarded=12345, late=40, reconciliation=LAGS)
    log_run(stage, 25 * 3600, run="old")
    result = run_cli("runs")
    assert [row[1:] for row in rows(result.stdout)] == [
        ["partial", "eu-paris-1", "12345", "6", "40", "3600", "7200", "3", "1.5", "a1"],
        ["ok", "us-ashburn-1", "9", "6", "0", "120", "", "0", "1.5", "b2"],
    ]
    assert rows(result.stdout)[1][0] == time_text(stage.hand.time - 120)
    assert result.stderr.startswith("partial: 1 of 2 runs, the last ")
    assert result.stderr.endswith("run a1. Behind: ocid1.compartment.oc1..0, since 2026-01-01T00:00:00Z: 429\n")
    assert (result.exit_code, len(result.stderr.splitlines())) == (1, 1)
    assert "old" in run_cli("runs", "--since", "2d").stdout


def test_failed_runs_are_listed_alone_with_their_error(terminal):  # noqa: F811
    stage, run_cli = terminal
    log_run(stage, 600, run="bad", status="failed", error=REFUSED)
    log_run(stage, 500, run="worse", status="failed", error=REFUSED)
    log_run(stage, 60, run="good")
    result = run_cli("runs", "--failed")
    assert [row[-1] for row in rows(result.stdout)] == ["bad", "worse"]
    assert "failed (receiver): 2 of 2 runs, the last " in result.stderr
    assert ", run worse. Nothing listens on siem:6514. Start the receiver." in result.stderr
    assert result.exit_code == 0
    log_run(stage, 30, run="last", status="failed", error=REFUSED)
    assert run_cli("runs").exit_code == 2


def test_a_call_without_a_report_is_listed_and_counts_only_as_the_last_one(terminal):  # noqa: F811
    stage, run_cli = terminal
    stage.world.add_log(with_time(failure(), stage.hand.time - 60), stage.hand.time - 60)
    result = run_cli("runs")
    assert rows(result.stdout)[0][1:] == ["failed", "", "", "", "", "", "", "", "", "f1"]
    assert "failed (configuration): 1 of 1 run, " in result.stderr
    assert "TENANCY_OCID=x is not an OCID. Correct it." in result.stderr
    assert result.exit_code == 2
    log_run(stage, 30, run="after")
    assert run_cli("runs").exit_code == 0


@pytest.mark.parametrize(
    ("width", "hidden"),
    [
        (121, []),
        (120, ["reconcile lag"]),
        (106, ["reconcile lag"]),
        (105, ["late", "reconcile lag"]),
        (99, ["late", "reconcile lag", "duration"]),
        (80, ["filtered", "late", "reconcile lag", "duration"]),
        (72, ["filtered", "late", "reconcile lag", "behind", "duration"]),
        (60, ["region", "filtered", "late", "reconcile lag", "behind", "duration"]),
    ],
)
def test_a_narrow_terminal_shows_the_most_important_columns_whole(width, hidden):
    stream = io.StringIO()
    show_runs(Console(file=stream, width=width, force_terminal=True, color_system=None), sample()[-3:], START, END)
    lines = [line.strip() for line in stream.getvalue().splitlines() if line.strip()]
    names = ["started (UTC)", "status", "region", "forwarded", "filtered", "late", "lag", "reconcile lag", "behind", "duration", "run"]
    values = ["01-03 11:55:00", "ok", "us-ashburn-1", "299", "157", "0", "124 s", "0 s", "0", "4.8 s", "33ef9a75f01e"]
    shown = [number for number, name in enumerate(names) if name not in hidden]
    assert re.split(" {2,}", lines[1]) == [names[number] for number in shown]
    assert re.split(" {2,}", lines[5]) == [values[number] for number in shown]
    assert max(map(len, lines)) <= width
    named = " ".join(lines).partition("Not shown, because the terminal is too narrow: ")[2].partition(".")[0]
    assert named == ", ".join(hidden)


@pytest.mark.parametrize(
    ("statuses", "code"), [(["ok"], 0), (["skipped"], 0), (["partial"], 1), (["paused"], 1), (["failed"], 2), (["failed", "ok"], 0)]
)
def test_the_exit_code_is_that_of_the_last_run(statuses, code):
    lines = [search_result({"event": "run", "report": {"status": status, "region": "eu-paris-1"}}) for status in statuses]
    assert exit_code(list(map(parse_run, lines))) == code


def test_a_message_says_that_no_run_failed_or_was_found(terminal):  # noqa: F811
    stage, run_cli = terminal
    result = run_cli("runs", "--failed")
    assert result.exit_code == 1
    assert result.stderr == (
        "No run was logged in the last 24h in 1 compartment in us-ashburn-1. Use a longer period (--since 7d), check --region and --log,"
        " and check that logging is enabled for the function's application. Only runs of the deployed function are logged: `run` in a"
        " terminal prints its report instead.\n"
    )
    log_run(stage, 60)
    result = run_cli("runs", "--failed")
    assert (result.exit_code, result.stdout) == (0, "0 of 1 run in the last 24h failed.\n")


def test_runs_are_printed_as_json(terminal):  # noqa: F811
    stage, run_cli = terminal
    assert json.loads(run_cli("runs", "--json").stdout) == []
    line = log_run(stage, 60)
    (entry,) = json.loads(run_cli("runs", "--json").stdout)
    assert (entry["run"], entry["region"], entry["status"]) == ("r1", "eu-paris-1", "ok")
    assert entry["line"]["report"] == line["report"]


def test_show_prints_a_run_in_each_region_by_a_unique_prefix(terminal):  # noqa: F811
    stage, run_cli = terminal
    for region in ("eu-paris-1", "us-ashburn-1"):
        log_run(stage, 9 * 86_400, run="abc1", region=region, position=behind(1))
    log_run(stage, 60, run="abd2")
    result = run_cli("runs", "show", "abc")
    assert [value for name, value in rows(result.stdout) if name == "report.region"] == ["eu-paris-1", "us-ashburn-1"]
    assert {value for name, value in rows(result.stdout) if name == "report.run"} == {"abc1"}
    shown = dict(rows(result.stdout))
    assert shown["report.filtered.excluded_event"] == "5"
    assert shown["report.position.behind.ocid1.compartment.oc1..0.reason"] == "429"
    assert [entry["region"] for entry in json.loads(run_cli("runs", "show", "abc1", "--json").stdout)] == ["eu-paris-1", "us-ashburn-1"]
    result = run_cli("runs", "show", "ab")
    assert (result.exit_code, "RUN_ID=ab: 2 runs match (abc1, abd2); use a longer prefix" in result.stderr) == (2, True)
    result = run_cli("runs", "show", "abc", "--since", "7d")
    says = "RUN_ID=abc: no run matches in the last 7d; use an ID that `runs` lists, or a longer --since"
    assert (result.exit_code, says in result.stderr) == (2, True)


def test_show_without_any_run_is_one_error(terminal):  # noqa: F811
    _, run_cli = terminal
    result = run_cli("runs", "show", "abc")
    says = "RUN_ID=abc: no run matches in the last 14d; use an ID that `runs` lists, or a longer --since"
    assert (result.exit_code, result.stderr) == (2, f"{says}\nCorrect the command and run it again.\n")


@pytest.mark.parametrize(
    ("since", "says"),
    [("7d", "Use a longer period (--since 30d), check --region"), ("30d", "in us-ashburn-1. Check --region and --log, and")],
)
def test_the_suggested_period_is_longer_than_the_one_searched(terminal, since, says):  # noqa: F811
    _, run_cli = terminal
    assert says in run_cli("runs", "--since", since).stderr


def test_an_id_that_is_a_prefix_of_another_selects_its_own_run(terminal):  # noqa: F811
    stage, run_cli = terminal
    log_run(stage, 60, run="a")
    log_run(stage, 50, run="ab")
    assert [entry["run"] for entry in json.loads(run_cli("runs", "show", "a", "--json").stdout)] == ["a"]


def test_html_writes_a_page(terminal, tmp_path):  # noqa: F811
    stage, run_cli = terminal
    log_run(stage, 30 * 3600)
    file = tmp_path / "runs.html"
    result = run_cli("runs", "html", str(file))
    assert (result.exit_code, result.stdout) == (0, f"{file}: 1 run, {file.stat().st_size // 1024 + 1} kB.\n")
    assert file.read_text().startswith("<!doctype html>")
    first = file.read_text()
    log_run(stage, 3600)
    assert run_cli("runs", "html", str(file)).exit_code == 0
    assert file.read_text() != first
    result = run_cli("runs", "html", str(tmp_path / "none" / "runs.html"))
    assert (result.exit_code, "No such file or directory; use the path of a writable file" in result.stderr) == (2, True)


def test_html_replaces_another_file_only_if_confirmed(terminal, tmp_path):  # noqa: F811
    stage, run_cli = terminal
    file = tmp_path / "index.html"
    for content in ("<!doctype html>\n<title>Ours</title>\n", "notes\n", ""):
        file.write_text(content)
        result = run_cli("runs", "html", str(file))
        assert result.exit_code == 2
        assert f"{file} is not a page that this command has written. Replace it: this requires confirmation" in result.stderr
        assert file.read_text() == content
    assert stage.world.requests == []
    assert run_cli("runs", "html", str(file), "--yes").exit_code == 1  # no run was found
    assert "<title>Epimetheus runs</title>" in file.read_text()


def test_log_and_region_select_where_to_search(terminal):  # noqa: F811
    stage, run_cli = terminal
    stage.world.regions.append("eu-paris-1")
    prod = stage.world.add_compartment("prod")
    log_run(stage, 60)
    result = run_cli("runs", "--log", f"{prod}/group/log", "--region", "eu-paris-1")
    assert f"No run was logged in the last 24h in {prod}/group/log in eu-paris-1." in result.stderr
    assert [(asked.operation, asked.region) for asked in stage.world.requests] == [("SearchLogs", "eu-paris-1")]
    stage.world.forbid(prod)
    result = run_cli("runs", "--log", prod)
    assert (result.exit_code, "404 NotAuthorizedOrNotFound" in result.stderr, "Check --log" in result.stderr) == (2, True, True)


def test_a_deleted_compartment_is_not_searched(terminal):  # noqa: F811
    stage, run_cli = terminal
    log_run(stage, 60)
    gone = stage.world.add_compartment("vanished")
    stage.world.delete(gone)
    stage.world.forbid(gone)
    result = run_cli("runs")
    assert (result.exit_code, result.stderr) == (0, "")


@pytest.mark.parametrize(
    "log", ["ocid1.log.oc1..x", "ocid1.loggroup.oc1..x/y", "x", 'ocid1.tenancy.oc1..x" | count', "ocid1.tenancy.oc1..x/a/b/c", ""]
)
def test_an_invalid_log_path_is_rejected(terminal, log):  # noqa: F811
    stage, run_cli = terminal
    result = run_cli("runs", f"--log={log}")
    assert (result.exit_code, "expected COMPARTMENT_OCID, COMPARTMENT_OCID/LOG_GROUP, or" in result.stderr) == (2, True)
    assert stage.world.requests == []


@pytest.mark.parametrize("since", ["24", "0h", "h", "-1h", "366d", "²h"])
def test_an_invalid_duration_is_rejected(terminal, since):  # noqa: F811
    _, run_cli = terminal
    result = run_cli("runs", f"--since={since}")
    assert result.exit_code == 2
    assert f"--since {since}: expected a duration before now from 1m to 365d, such as 24h, or a time in this period" in result.stderr


@pytest.mark.parametrize("command", [(), ("show",), ("html",)])
def test_help_names_the_options(terminal, command):  # noqa: F811
    _, run_cli = terminal
    result = run_cli("runs", *command, "--help")
    assert (result.exit_code, "--since" in result.stdout, "COMPARTMENT/GROUP/LOG" in result.stdout) == (0, True, True)


def test_options_before_a_subcommand_are_rejected(terminal):  # noqa: F811
    stage, run_cli = terminal
    result = run_cli("runs", "--since", "7d", "show", "a")
    assert (result.exit_code, "put options after the subcommand, as in: runs show" in result.stderr) == (2, True)
    assert stage.world.requests == []


def test_log_content_controls_no_terminal(terminal):  # noqa: F811
    stage, run_cli = terminal
    log_run(stage, 60, run="r\x1b[2J", region="[red]x[/red]\r", status="failed", error=REFUSED)
    for arguments in (("runs",), ("runs", "show", "r")):
        output = run_cli(*arguments).output
        assert ("\x1b" in output, "\r" in output, "[red]x[/red]" in output) == (False, False, True)


def test_text_from_the_log_is_no_formula_in_a_spreadsheet(terminal):  # noqa: F811
    stage, run_cli = terminal
    log_run(stage, 60, run="=HYPERLINK(1)", region="@SUM(A1)")
    (row,) = [line.split("\t") for line in run_cli("runs").stdout.splitlines()[1:]]
    assert (row[1], row[2], row[-1]) == ("ok", "'@SUM(A1)", "'=HYPERLINK(1)")
    shown = dict(line.split("\t") for line in run_cli("runs", "show", "=HYPER").stdout.splitlines())
    assert (shown["report.region"], shown["report.run"]) == ("'@SUM(A1)", "'=HYPERLINK(1)")


@pytest.mark.parametrize(("text", "cell"), [("-3", "-3"), ("-0.5", "-0.5"), ("-3+1", "'-3+1"), ("a=b", "a=b"), ("", ""), ("@", "'@")])
def test_numbers_stay_numbers(text, cell):
    assert plain_text(text) == cell


def test_sparklines_show_the_maximum_and_gaps():
    assert sparkline([0, 1, None, 8, 16]) == "▁▁ ▅█"
    assert sparkline([None, 0]) == " ▁"
    stream = io.StringIO()
    show_runs(Console(file=stream, width=200, force_terminal=True, color_system=None), sample(), START, END)
    lines = stream.getvalue().splitlines()
    events, lag = (next(line for line in lines if line.startswith(name)) for name in ("events", "lag"))
    assert events == "events ▅▅▅▅▅▅▅▄▄▃▃▂▂▂▂▂▂▂▂▃▂▂▆█▅▅▅▅▅▅▄▄▄▃▃▂▂▂▂▂▂▂▂▃▃▄▄▅ maximum 11,996 per 60 min"
    assert lag == f"lag    {'▁' * 20}▄▇█▄{'▁' * 24} maximum 152 min"


def test_flatten_gives_the_path_of_every_value():
    nested = {"a": {"b": [1, {"c": None}], "d": {}}, "e": False, "f": 0, "g": "", "h": []}
    assert list(flatten(nested)) == [
        ("a.b[0]", "1"), ("a.b[1].c", "none"), ("a.d", "none"), ("e", "false"), ("f", "0"), ("g", ""), ("h", "none"),
    ]  # fmt: skip

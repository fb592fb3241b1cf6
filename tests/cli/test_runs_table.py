"""``runs`` as it is typed: the table, the sparklines, one run whole, JSON, exit codes, and what is said where nothing is found."""

import io
import json

import pytest
from rich.console import Console

from epimetheus.cli.run_log import understood
from epimetheus.cli.runs_table import exit_code, flat, show_runs, sparkline
from epimetheus.model import time_text
from tests.cli.test_app import terminal  # noqa: F401 - a fixture
from tests.support.reports import REFUSED, behind, report
from tests.support.run_lines import END, START, failure, found, logged, sample, stamped


def put(stage, ago, **told):
    """A run that began so many seconds ago; its line."""
    (line,) = logged(report(started=time_text(stage.hand.time - ago), **told))
    stage.world.add_log(stamped(line, stage.hand.time - ago + 2), stage.hand.time - ago + 2)
    return line


def rows(output):
    return [[cell.strip() for cell in line.split("│")[1:-1]] for line in output.splitlines() if line.startswith("│")]


def test_the_runs_of_a_day_are_listed_the_newest_last(terminal):  # noqa: F811
    stage, type_in = terminal
    put(stage, 120, run="b2", region="us-ashburn-1")
    put(stage, 600, run="a1", status="partial", position=behind(3), forwarded=12345)
    put(stage, 25 * 3600, run="old")
    done = type_in("runs")
    assert [row[1:] for row in rows(done.stdout)] == [
        ["partial", "eu-paris-1", "12,345", "6", "60 min", "3", "1.5 s", "a1"],
        ["ok", "us-ashburn-1", "9", "6", "120 s", "0", "1.5 s", "b2"],
    ]
    assert rows(done.stdout)[1][0] == time_text(stage.hand.time - 120)[5:19].replace("T", " ")
    assert "partial: 1 of 2 runs, the last " in done.stdout
    assert "run a1. Behind: ocid1.compartment.oc1..0, since 2026-01-01T00:00:00Z: 429" in done.stdout
    assert "events " in done.stdout
    assert "at most 60 min" in done.stdout
    assert (done.exit_code, done.stderr) == (1, "")
    assert "old" in type_in("runs", "--since", "2d").stdout


def test_failed_ones_say_why_and_alone_where_asked_for(terminal):  # noqa: F811
    stage, type_in = terminal
    put(stage, 600, run="bad", status="failed", error=REFUSED)
    put(stage, 500, run="worse", status="failed", error=REFUSED)
    put(stage, 60, run="good")
    done = type_in("runs", "--failed")
    assert [row[-1] for row in rows(done.stdout)] == ["bad", "worse"]
    assert "failed (receiver): 2 of 2 runs, the last " in done.stdout
    assert ", run worse. Nobody listens on siem:6514. Start it." in done.stdout
    assert done.exit_code == 0
    put(stage, 30, run="last", status="failed", error=REFUSED)
    assert type_in("runs").exit_code == 2


def test_a_call_that_failed_before_its_report_is_listed_and_counts_while_it_is_the_last(terminal):  # noqa: F811
    stage, type_in = terminal
    stage.world.add_log(stamped(failure(), stage.hand.time - 60), stage.hand.time - 60)
    done = type_in("runs")
    assert rows(done.stdout)[0][1:] == ["failed", "", "", "", "", "", "", "f1"]
    assert "failed (configuration): 1 of 1 runs" in done.stdout
    assert "TENANCY_OCID=x is no OCID. Correct it." in done.stdout
    assert done.exit_code == 2
    put(stage, 30, run="after")
    assert type_in("runs").exit_code == 0


@pytest.mark.parametrize(
    ("statuses", "code"), [(["ok"], 0), (["skipped"], 0), (["partial"], 1), (["paused"], 1), (["failed"], 2), (["failed", "ok"], 0)]
)
def test_the_exit_code_is_how_the_last_run_ended(statuses, code):
    lines = [found({"event": "run", "report": {"status": status, "region": "eu-paris-1"}}) for status in statuses]
    assert exit_code(list(map(understood, lines))) == code


def test_no_failed_run_is_said_and_so_is_none_at_all(terminal):  # noqa: F811
    stage, type_in = terminal
    done = type_in("runs", "--failed")
    assert done.exit_code == 1
    assert done.stderr.startswith("No run is logged in the last 24h, in 1 compartments in us-ashburn-1.")
    assert "(--since 7d)" in done.stderr
    put(stage, 60)
    done = type_in("runs", "--failed")
    assert (done.exit_code, done.stdout) == (0, "None of 1 runs in 24h failed.\n")


def test_json_is_for_other_programs(terminal):  # noqa: F811
    stage, type_in = terminal
    assert json.loads(type_in("runs", "--json").stdout) == []
    line = put(stage, 60)
    (told,) = json.loads(type_in("runs", "--json").stdout)
    assert (told["run"], told["region"], told["status"]) == ("r1", "eu-paris-1", "ok")
    assert told["line"]["report"] == line["report"]


def test_one_run_is_shown_whole_for_each_region_by_as_much_of_its_id_as_is_enough(terminal):  # noqa: F811
    stage, type_in = terminal
    for region in ("eu-paris-1", "us-ashburn-1"):
        put(stage, 9 * 86_400, run="abc1", region=region, position=behind(1))
    put(stage, 60, run="abd2")
    done = type_in("runs", "show", "abc")
    assert ("abc1 eu-paris-1 ok" in done.stdout, "abc1 us-ashburn-1 ok" in done.stdout, "abd2" in done.stdout) == (True, True, False)
    shown = dict(rows(done.stdout))
    assert shown["report.filtered.excluded_event"] == "5"
    assert shown["report.position.behind.ocid1.compartment.oc1..0.why"] == "429"
    assert [told["region"] for told in json.loads(type_in("runs", "show", "abc1", "--json").stdout)] == ["eu-paris-1", "us-ashburn-1"]
    done = type_in("runs", "show", "ab")
    assert (done.exit_code, "RUN_ID=ab is the beginning of 2 runs (abc1, abd2)" in done.stderr) == (2, True)
    done = type_in("runs", "show", "abc", "--since", "7d")
    assert (done.exit_code, "RUN_ID=abc: none in the last 7d" in done.stderr) == (2, True)


def test_an_id_that_is_the_beginning_of_another_is_still_itself(terminal):  # noqa: F811
    stage, type_in = terminal
    put(stage, 60, run="a")
    put(stage, 50, run="ab")
    assert [told["run"] for told in json.loads(type_in("runs", "show", "a", "--json").stdout)] == ["a"]


def test_a_page_is_written(terminal, tmp_path):  # noqa: F811
    stage, type_in = terminal
    put(stage, 30 * 3600)
    file = tmp_path / "runs.html"
    done = type_in("runs", "html", str(file))
    assert (done.exit_code, done.stdout) == (0, f"{file}: 1 runs, {file.stat().st_size // 1024 + 1} kB.\n")
    assert file.read_text().startswith("<!doctype html>")
    done = type_in("runs", "html", str(tmp_path / "none" / "runs.html"))
    assert (done.exit_code, "No such file or directory; allowed is a file that can be written" in done.stderr) == (2, True)


def test_a_log_and_a_region_can_be_named(terminal):  # noqa: F811
    stage, type_in = terminal
    stage.world.regions.append("eu-paris-1")
    prod = stage.world.add_compartment("prod")
    put(stage, 60)
    done = type_in("runs", "--log", f"{prod}/group/log", "--region", "eu-paris-1")
    assert f"No run is logged in the last 24h, in {prod}/group/log in eu-paris-1." in done.stderr
    assert [(asked.operation, asked.region) for asked in stage.world.requests] == [("SearchLogs", "eu-paris-1")]
    stage.world.forbid(prod)
    done = type_in("runs", "--log", prod)
    assert (done.exit_code, "404 NotAuthorizedOrNotFound" in done.stderr, "Check --log" in done.stderr) == (2, True, True)


def test_a_compartment_that_was_deleted_is_not_searched(terminal):  # noqa: F811
    stage, type_in = terminal
    put(stage, 60)
    gone = stage.world.add_compartment("vanished")
    stage.world.delete(gone)
    stage.world.forbid(gone)
    done = type_in("runs")
    assert (done.exit_code, done.stderr) == (0, "")


@pytest.mark.parametrize(
    "log", ["ocid1.log.oc1..x", "ocid1.loggroup.oc1..x/y", "x", 'ocid1.tenancy.oc1..x" | count', "ocid1.tenancy.oc1..x/a/b/c", ""]
)
def test_a_path_that_is_none_is_refused(terminal, log):  # noqa: F811
    stage, type_in = terminal
    done = type_in("runs", f"--log={log}")
    assert (done.exit_code, "allowed is COMPARTMENT_OCID, COMPARTMENT_OCID/LOG_GROUP or" in done.stderr) == (2, True)
    assert stage.world.requests == []


@pytest.mark.parametrize("since", ["24", "0h", "h", "-1h", "367d", "²h"])
def test_a_time_that_is_none_is_refused(terminal, since):  # noqa: F811
    _, type_in = terminal
    done = type_in("runs", f"--since={since}")
    assert (done.exit_code, f"--since {since}: allowed is a number with m, h or d, up to 366d" in done.stderr) == (2, True)


@pytest.mark.parametrize("words", [(), ("show",), ("html",)])
def test_help_names_the_options(terminal, words):  # noqa: F811
    _, type_in = terminal
    done = type_in("runs", *words, "--help")
    assert (done.exit_code, "--since" in done.stdout, "COMPARTMENT_OCID/LOG_GROUP/LOG" in done.stdout) == (0, True, True)


def test_options_before_a_command_are_not_lost_without_a_word(terminal):  # noqa: F811
    stage, type_in = terminal
    done = type_in("runs", "--since", "7d", "show", "a")
    assert (done.exit_code, "options stand behind show" in done.stderr) == (2, True)
    assert stage.world.requests == []


def test_what_a_line_holds_moves_no_cursor_and_sets_no_colour(terminal):  # noqa: F811
    stage, type_in = terminal
    put(stage, 60, run="r\x1b[2J", region="[red]x[/red]\r", status="failed", error=REFUSED)
    for words in (("runs",), ("runs", "show", "r")):
        output = type_in(*words).output
        assert ("\x1b" in output, "\r" in output, "[red]x[/red]" in output) == (False, False, True)


def test_sparklines_show_the_most_and_gaps():
    assert sparkline([0, 1, None, 8, 16]) == "▁▁ ▅█"
    assert sparkline([None, 0]) == " ▁"
    stream = io.StringIO()
    show_runs(Console(file=stream, width=200), sample(), START, END)
    lines = stream.getvalue().splitlines()
    events, lag = (next(line for line in lines if line.startswith(name)) for name in ("events", "lag"))
    assert events == "events ▅▅▅▅▅▅▅▄▄▃▃▂▂▂▂▂▂▂▂▃▂▂▆█▅▅▅▅▅▅▄▄▄▃▃▂▂▂▂▂▂▂▂▃▃▄▄▅ at most 11,996 in 60 min"
    assert lag == f"lag    {'▁' * 20}▄▇█▄{'▁' * 24} at most 152 min"


def test_every_value_has_its_way():
    told = {"a": {"b": [1, {"c": None}], "d": {}}, "e": False, "f": 0, "g": "", "h": []}
    assert list(flat(told)) == [
        ("a.b[0]", "1"), ("a.b[1].c", "none"), ("a.d", "none"), ("e", "false"), ("f", "0"), ("g", ""), ("h", "none"),
    ]  # fmt: skip

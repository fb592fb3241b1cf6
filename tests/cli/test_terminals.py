"""The real commands in real terminals: 80 and 200 columns, without colors, a dumb one, and a pipe."""

import json
import os
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest

from epimetheus.model import minute_text, time_text
from epimetheus.testing.syslog import parse_message
from tests.state.test_lease import scene  # noqa: F401 - a fixture
from tests.support.harness import event_id
from tests.support.pseudo_terminal import PseudoTerminal
from tests.support.reports import REFUSED, behind, report
from tests.support.run_lines import log_lines, with_time
from tests.support.warm import command_words

ROOT = Path(__file__).parents[2]
COLOR = re.compile(r"\x1b\[[\d;]*\d[\d;]*m")


def in_terminal(scene, *words, columns=80, **environment):  # noqa: F811
    """Start a command in a terminal."""
    settings = {**scene.environment, "PATH": os.defpath, "PYTHONPATH": str(ROOT), "HOME": scene.environment["TMPDIR"], **environment}
    return PseudoTerminal(command_words(*words), settings, columns, cwd=str(ROOT))


def piped(scene, *words):  # noqa: F811
    """Run a command with pipes for all streams. Returns exit code, stdout and stderr."""
    process = scene.start(*words, stdin=subprocess.DEVNULL)
    stdout, stderr = process.communicate(timeout=60)
    return process.returncode, stdout, stderr


def log_runs(scene):  # noqa: F811
    now = time.time()
    for run, ago, more in (
        ("aaaaaaaaaaa1", 300, {"forwarded": 12_345}),
        ("aaaaaaaaaaa2", 200, {"status": "failed", "error": REFUSED}),
        ("aaaaaaaaaaa3", 100, {"status": "partial", "position": behind(3)}),
    ):
        (line,) = log_lines(report(started=time_text(now - ago), run=run, region="us-ashburn-1", **more))
        scene.world.add_log(with_time(line, now - ago), now - ago)


def widest(text):
    return max(len(line.rstrip()) for line in text.splitlines())


def window(scene):  # noqa: F811
    """The hour of the scene's events, and the minutes that it has."""
    now = int(time.time() // 60)
    return minute_text(now - 90), minute_text(now - 10)


@pytest.mark.parametrize(
    ("columns", "headings"),
    [
        (80, ["started (UTC)", "status", "region", "forwarded", "lag", "behind", "run"]),
        (200, ["started (UTC)", "status", "region", "forwarded", "filtered", "late", "lag", "reconcile lag", "behind", "duration", "run"]),
    ],
)
def test_runs_fits_a_terminal(scene, columns, headings):  # noqa: F811
    log_runs(scene)
    shown = in_terminal(scene, "runs", columns=columns)
    assert shown.finish() == 1
    assert headings in [re.split(" {2,}", line.strip()) for line in shown.text.splitlines()]
    assert re.search(r"failed +us-ashburn-1 +9 .* aaaaaaaaaaa2 *\n", shown.text)
    assert "12,345" in shown.text
    dropped = "Not shown, because the terminal is too narrow: filtered, late, reconcile lag, duration."
    assert (dropped in " ".join(shown.text.split())) == (columns == 80)
    assert widest(shown.text) <= columns
    assert "failed (receiver): 1 of 3 runs, the last " in shown.text
    assert COLOR.search(shown.raw)


@pytest.mark.parametrize("environment", [{"NO_COLOR": "1"}, {"TERM": "dumb"}], ids=["NO_COLOR", "dumb"])
def test_without_colors_the_text_is_the_same(scene, environment):  # noqa: F811
    log_runs(scene)
    shown = in_terminal(scene, "runs", **environment)
    assert shown.finish() == 1
    assert re.search(r"failed +us-ashburn-1 +9 .* aaaaaaaaaaa2 *\n", shown.text)
    assert re.findall(r"\x1b\[3\d", shown.raw) == []
    assert environment.get("TERM") != "dumb" or "\x1b" not in shown.raw


def test_in_a_pipe_runs_are_tab_separated_and_problems_are_one_line_each(scene):  # noqa: F811
    log_runs(scene)
    code, stdout, stderr = piped(scene, "runs")
    rows = [line.split("\t") for line in stdout.splitlines()]
    assert rows[0] == [
        "started", "status", "region", "forwarded", "filtered", "late", "lag_seconds", "reconcile_lag_seconds", "behind", "seconds", "run",
    ]  # fmt: skip
    assert [row[1:] for row in rows[1:]] == [
        ["ok", "us-ashburn-1", "12345", "6", "0", "120", "", "0", "1.5", "aaaaaaaaaaa1"],
        ["failed", "us-ashburn-1", "9", "6", "0", "120", "", "0", "1.5", "aaaaaaaaaaa2"],
        ["partial", "us-ashburn-1", "9", "6", "0", "3600", "", "3", "1.5", "aaaaaaaaaaa3"],
    ]
    assert (code, len(stderr.splitlines())) == (1, 2)


def test_a_run_and_its_state_fit_80_columns_and_are_whole_lines_in_a_pipe(scene):  # noqa: F811
    ran = in_terminal(scene, "run")
    assert ran.finish() == 0
    assert re.search(r"us-ashburn-1 [━╸╺]* +lag ", ran.text)
    assert re.search(r" {2}\d of 1 compartment, [\d,]+ events?", ran.text)
    assert "fetched 2,000  forwarded 2,000" in ran.text
    shown = in_terminal(scene, "state", "show")
    assert shown.finish() == 0
    assert widest(shown.text) <= 80
    assert "2,000 events forwarded, caught up" in " ".join(shown.text.split())
    code, stdout, _ = piped(scene, "state", "show")
    fields = dict(line.split("\t") for line in stdout.splitlines())
    assert (code, fields["state"]) == (0, "oci://b@axexample/epimetheus/us-ashburn-1.state")
    assert fields["compartments"].startswith("1 known, 1 polled, listed 20")
    assert re.fullmatch(r"20\S+Z \(\d+ (?:seconds|minutes) ago\)", fields["through"])


def test_health_wraps_between_words_and_says_what_to_do_first(scene):  # noqa: F811
    shown = in_terminal(scene, "health")
    assert shown.finish() == 1
    lines = shown.text.splitlines()
    index = next(number for number, line in enumerate(lines) if line.startswith("degraded lag us-ashburn-1: No run has completed yet."))
    assert lines[index + 1].startswith("         Run `epimetheus run` first. For a deployed function: check that")
    assert widest(shown.text) <= 80
    _, stdout, _ = piped(scene, "health")
    assert [line for line in stdout.splitlines() if not re.match(r"(?:ok|degraded|failed|skipped|healthy|         )", line)] == []


def test_rules_preview_fits_a_terminal(scene):  # noqa: F811
    shown = in_terminal(scene, "rules", "preview", "--since", "2h")
    assert shown.finish() == 0
    assert widest(shown.text) <= 80
    assert "events  event type" in shown.text
    code, stdout, stderr = piped(scene, "rules", "preview", "--since", "2h")
    assert (code, stdout.splitlines()[0]) == (0, "events\tevent type\toutcome")
    assert stderr == "2,000 events: 2,000 sent.\n"


def test_ctrl_c_says_what_a_run_saved(scene):  # noqa: F811
    scene.world.faults.add("delay", operation="ListEvents", seconds=60, after=3, times=None)
    running = in_terminal(scene, "run")
    running.wait_for("400 events")
    running.type("\x03")
    assert running.finish() == 128 + signal.SIGINT
    words = " ".join(running.text.split())
    assert re.search(r"us-ashburn-1: Interrupted by SIGINT: the state is saved through 20\S+Z, and the lease is returned\.", words)
    assert re.search(r"events sent since the last save are sent again\. [\d,]+ events were confirmed in this run\.", words)


def test_a_replay_shows_its_size_and_its_marks_and_asks(scene):  # noqa: F811
    start, end = window(scene)
    asking = in_terminal(scene, "replay", "--from", start, "--to", end, "--compartment", "root", columns=200)
    asking.wait_for("Send 2,000 events again? [y/N]:")
    assert f"2,000 events would be sent again, 80 minutes of 1 compartment, from {start} through {end}" in asking.text
    assert 'replay="true" in the syslog header and OracleOCIAuditReplay=true in the body.' in asking.text
    assert scene.receiver.messages == []
    asking.type("y\n")
    assert asking.finish() == 0
    assert "2,000 events sent again, 80 minutes of 1 compartment" in asking.text
    assert {parse_message(message).structured["epimetheus@32473"]["replay"] for message in scene.receiver.messages} == {"true"}
    assert {b" OracleOCIAuditReplay=true " in b" " + message.replace(b"|", b" ") for message in scene.receiver.messages} == {True}


def test_ctrl_c_says_where_a_replay_continues(scene):  # noqa: F811
    start, end = window(scene)
    scene.world.faults.add("delay", operation="ListEvents", seconds=60, after=4, times=None)
    running = in_terminal(scene, "replay", "--from", start, "--to", end, "--yes", columns=200, SLICE_MINUTES="10")
    running.wait_for("30 of 80 minutes")
    running.wait_for("400 events")
    running.type("\x03")
    assert running.finish() == 128 + signal.SIGINT
    found = re.search(r"the replay was interrupted; it is complete through (\S+), with \d+ events confirmed", running.text)
    assert start < found[1] < end
    lines = [line.rstrip() for line in running.text.splitlines()]
    assert "To continue in us-ashburn-1, run:" in lines
    assert f"epimetheus replay --from {found[1]} --to {end} --yes" in lines  # alone on its line


@pytest.mark.parametrize("words", [("reconcile",), ("replay", "--missing-only")])
def test_what_is_confirmed_before_ctrl_c_is_recorded(scene, words):  # noqa: F811
    start, end = window(scene)
    assert in_terminal(scene, "run", INITIAL_LOOKBACK_HOURS="0").finish() == 0
    scene.world.faults.add("delay", operation="ListEvents", seconds=60, after=4, times=None)
    running = in_terminal(scene, *words, "--from", start, "--to", end, "--yes", columns=200)
    running.wait_for("800 events")
    running.type("\x03")
    assert running.finish() == 128 + signal.SIGINT
    sent = len(scene.arrived())
    assert 800 <= sent < 2000
    scene.world.faults.clear()
    again = in_terminal(scene, *words, "--from", start, "--to", end, "--yes", columns=200)
    assert again.finish() == 0
    assert f"{2000 - sent:,} missing events sent" in " ".join(again.text.split())
    arrived = [event for event in map(event_id, scene.receiver.messages) if not event.startswith("seal-")]
    assert (len(arrived), set(arrived)) == (2000, scene.expected)


@pytest.mark.parametrize("words", [("run",), ("state", "rewind")])
def test_the_help_shows_no_type_after_a_flag(scene, words):  # noqa: F811
    code, stdout, _ = piped(scene, *words, "-h")
    assert (code, "<bool>" in stdout, bool(re.search(r"--help +-h +Show this", stdout))) == (0, False, True)


def test_nothing_is_sent_again_from_a_script_without_yes(scene):  # noqa: F811
    start, end = window(scene)
    code, stdout, stderr = piped(scene, "replay", "--from", start, "--to", end)
    assert (code, stdout, stderr) == (
        2, "", "A replay sends events again: this requires confirmation, but stdin is not a terminal.\nAdd --yes to confirm.\n",
    )  # fmt: skip
    assert scene.world.requests == []
    code, stdout, _ = piped(scene, "replay", "--from", start, "--to", end, "--yes", "--json")
    assert (code, json.loads(stdout)[0]["forwarded"]) == (0, 2000)


def test_an_error_in_the_arguments_is_one_line_in_a_pipe_and_a_box_on_a_terminal(scene):  # noqa: F811
    assert piped(scene, "run", "--timeou", "5m") == (
        2, "", "Error: No such option: --timeou (Possible options: --timeout). Add --help to list the options.\n",
    )  # fmt: skip
    assert piped(scene, "rum") == (2, "", "Error: No such command 'rum'. Did you mean 'run'? Add --help to list the options.\n")
    assert piped(scene, "replay") == (2, "", "Error: Missing option '--from'. Add --help to list the options.\n")
    code, stdout, stderr = piped(scene, "state")
    assert (code, stderr, "Commands" in stdout) == (2, "", True)
    boxed = in_terminal(scene, "replay")
    assert (boxed.finish(), "╭─ Error" in boxed.text) == (2, True)

"""``demo``: it fits a terminal of 80 columns and 24 lines, and its verdict is the last thing shown."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest
from typer.testing import CliRunner

from epimetheus.cli.app import app
from epimetheus.cli.demo import wrap_message

ROOT = Path(__file__).parents[2]
COLUMNS, LINES = 80, 24
CLEAR = "\x1b[2J"
CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
MESSAGE = (
    '<133>1 2026-11-29T12:31:11.030Z us-ashburn-1 epimetheus - audit [epimetheus@32473 run="f9de" seq="1"]'
    " CEF:0|Oracle|OCI Audit|2.0|com.oraclecloud.virtualNetwork.CreateVcn|CreateVcn|5|"
    "rt=1795955471030 outcome=success c6a2Label=Source IPv6 Address suser=erin@example.com act=CreateVcn msg=a|b x"
)


def play(*options, columns=COLUMNS, lines=LINES):
    """Run the demo in a pseudo terminal. Returns the exit code and the text after the last clear."""
    reading_end, terminal_end = pty.openpty()
    fcntl.ioctl(terminal_end, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
    environment = {key: value for key, value in os.environ.items() if key not in ("COLUMNS", "LINES")} | {"TERM": "xterm-256color"}
    command = [sys.executable, "-m", "epimetheus", "demo", *options]
    with subprocess.Popen(command, stdin=terminal_end, stdout=terminal_end, stderr=terminal_end, cwd=ROOT, env=environment) as process:
        os.close(terminal_end)
        output = b""
        while True:
            try:
                part = os.read(reading_end, 65_536)
            except OSError:  # Linux reports EIO once the process has closed the terminal
                break
            if not part:
                break
            output += part
    os.close(reading_end)
    return process.returncode, CONTROL.sub("", output.decode().rpartition(CLEAR)[2]).replace("\r\n", "\n")


def test_the_demo_fits_the_screen_and_ends_with_the_verdict():
    code, text = play()
    lines = text.splitlines()
    assert code == 0
    assert len(lines) < LINES  # the prompt needs a line, too
    assert max(map(len, lines)) <= COLUMNS
    assert lines[0] == "Act 1: the real function, a simulated OCI API, and a TLS receiver that fails."
    assert lines[-7] == "Complete: 17,400 of 17,400 events arrived."
    assert re.fullmatch(r"[\d,]+ arrived twice: the receiver failed in run 3 before it confirmed them\.", lines[-6])
    assert lines[-5] == "verify: the receiver's file, against the seals and the ledger."
    assert re.fullmatch(r"  4/4 seals, (\d+)/\1 ledger entries, (17,40\d) of \2 sealed messages\. Complete\.", lines[-4])
    assert lines[-3] == "  These are 17,400 events and 1 message with a seal, which run 4 sent for run 3."
    assert lines[-2] == "verify: the same, after one message is removed from the file."
    assert re.fullmatch(r"  Message \d+ of run [0-9a-f]{12} is missing in the export\. Incomplete\.", lines[-1])
    statuses = [line.split(":")[0].strip() for line in lines if " (HTTP " in line]
    assert statuses == ["ok (HTTP 200)", "ok (HTTP 200)", "failed (HTTP 502)", "ok (HTTP 200)"]
    assert [line.split(":")[0] for line in lines if line.startswith("Run ")] == ["Run 1", "Run 2", "Run 3", "Run 4"]
    assert "  ok (HTTP 200): 2,400 forwarded, 0 duplicates dropped" in lines
    assert sum(line.startswith("    <") for line in lines) == 1
    assert '"event"' not in text


def test_the_second_act_pushes_and_fills_the_gap():
    code, text = play("--push")
    lines = text.splitlines()
    assert (code, len(lines), max(map(len, lines)) <= COLUMNS) == (0, 6, True)  # short: after the first act, only its start scrolls away
    assert lines[0] == "Act 2: Connector Hub pushes events to the function, and fails for 30 hours."
    assert lines[1] == "  Before: 600 events are pushed to the function, which forwards them."
    assert lines[2] == "  For 30 hours: 6,000 more, none pushed. Each can be pushed for 24 hours only."
    pushed, expired = (int(number.replace(",", "")) for number in re.findall(r"[\d,]{2,}", lines[3]))
    assert 1000 < expired < 1500
    assert lines[3] == f"  Then: {pushed:,} are pushed. {expired:,} are too old, and are never pushed."
    assert pushed + expired == 6000
    assert lines[4] == f"  Scheduled run (ok): lists everything, and sends the {expired:,} not pushed."
    assert lines[5] == "Complete: 6,600 of 6,600 events arrived."  # each once


def test_what_a_verbose_demo_shows_and_what_it_keeps_is_verified_with_the_commands(tmp_path):
    """The steps of docs/verify.md."""
    page = (ROOT / "docs" / "verify.md").read_text("utf-8")
    demo, *commands = re.findall(r"^    (.*demo-data.*)$", page, re.MULTILINE)[:4]
    assert demo == "epimetheus demo --keep demo-data"
    code, text = play("--verbose", "--keep", str(tmp_path / "demo-data"), columns=200)
    assert (code, "STATE_BUCKET=audit-state" in text, text.count('"event": "run"'), text.count("CEF:0|")) == (0, True, 4, 2)
    assert "Complete: 17,400 of 17,400 events arrived." in text.splitlines()
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "COLUMNS": "200", "PYTHONPATH": str(ROOT)}
    results = []
    for command in commands:
        done = subprocess.run(
            ["sh", "-c", command.replace("epimetheus ", "python -m epimetheus ", 1) if command.startswith("epimetheus") else command],
            cwd=tmp_path, env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        results.append((done.returncode, done.stdout.splitlines()[-1:] or [done.stderr]))
    assert [code for code, _ in results] == [0, 0, 1]
    assert [last for _, [last] in results[::2]] == ["Complete.", "Incomplete: 1 fault."]
    again = [sys.executable, "-m", "epimetheus", *demo.split()[1:]]
    twice = subprocess.run(again, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert (twice.returncode, "demo-data: it exists already. Give a new folder." in twice.stderr) == (2, True)


@pytest.mark.parametrize(
    ("folder", "more", "expected"),
    [
        ("file.pem/x", [], "file.pem/x: Not a directory. Give a new folder in one that is writable."),
        ("/proc/x", [], "/proc/x: No such file or directory. Give a new folder in one that is writable."),
        ("file.pem", [], "file.pem: it exists already. Give a new folder."),
        ("new", ["--push"], "--push does not store a folder: remove --keep or --push."),
    ],
)
def test_a_folder_that_cannot_be_kept_is_rejected_before_the_demo_starts(tmp_path, monkeypatch, folder, more, expected):
    (tmp_path / "file.pem").touch()
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["demo", "--keep", folder, *more], env={"COLUMNS": "200"}, catch_exceptions=False)
    assert (done.exit_code, done.stdout, expected in done.stderr, (tmp_path / "new").exists()) == (2, "", True, False), done.stderr


@pytest.mark.parametrize(
    ("width", "max_lines", "expected"),
    [
        (
            76, 8,
            [
                "<133>1 2026-11-29T12:31:11.030Z us-ashburn-1 epimetheus - audit",
                '[epimetheus@32473 run="f9de" seq="1"]',
                "CEF:0|Oracle|OCI Audit|2.0|com.oraclecloud.virtualNetwork.CreateVcn|",
                "CreateVcn|5|",
                "rt=1795955471030 outcome=success c6a2Label=Source IPv6 Address",
                "suser=erin@example.com act=CreateVcn msg=a|b x",
            ],
        ),
        (
            76, 3,
            [
                "<133>1 2026-11-29T12:31:11.030Z us-ashburn-1 epimetheus - audit",
                '[epimetheus@32473 run="f9de" seq="1"]',
                "… 188 more characters; --verbose shows the whole message",
            ],
        ),
    ],
)  # fmt: skip
def test_a_message_is_wrapped_at_its_parts(width, max_lines, expected):
    assert wrap_message(MESSAGE, width, max_lines) == expected


def test_a_word_longer_than_a_line_is_broken():
    assert wrap_message("a" * 25, 10, 8) == ["a" * 10, "a" * 10, "a" * 5]


def test_control_characters_in_a_message_are_escaped():
    assert wrap_message("a\x1b[2J", 40, 8) == ["a\\u001b[2J"]

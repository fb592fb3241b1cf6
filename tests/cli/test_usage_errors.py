"""A bug in a command: the exit code, and what is printed about it."""

import os
import re
import subprocess
import sys

from tests.support.command import ROOT
from tests.support.pseudo_terminal import PseudoTerminal

COMMAND = [
    sys.executable,
    "-c",
    """
import importlib, sys
from epimetheus.__main__ import main
def broken(*_):
    password = "hunter2" + "local"
    raise KeyError("hunter2message")
importlib.import_module("epimetheus.cli.validate").find_problems = broken
sys.argv = ["epimetheus", "validate"]
main()
""",
]
ENVIRONMENT = {"PATH": os.defpath, "PYTHONPATH": str(ROOT), "COLUMNS": "200"}
REPORT = (
    r"The command failed: a bug in Epimetheus raised KeyError in epimetheus/cli/validate\.py line \d+\. Report it\."
    r" To print the traceback, which may contain secrets, run the command again with PYTHONDEVMODE=1\.\n"
)


def test_a_bug_ends_with_exit_code_2_and_one_line_without_its_message():
    done = subprocess.run(COMMAND, env=ENVIRONMENT, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert re.fullmatch(REPORT, done.stderr), done.stderr


def test_a_bug_on_a_terminal_shows_no_local_variables():
    terminal = PseudoTerminal(COMMAND, ENVIRONMENT, 200, cwd=str(ROOT))
    assert terminal.finish() == 2
    assert re.fullmatch(REPORT, terminal.text), terminal.text


def test_the_traceback_of_a_bug_is_printed_on_request():
    done = subprocess.run(COMMAND, env={**ENVIRONMENT, "PYTHONDEVMODE": "1"}, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "KeyError: 'hunter2message'\n" in done.stderr
    assert re.search(REPORT, done.stderr)
    assert "hunter2local" not in done.stderr

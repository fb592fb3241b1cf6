"""The module of a command is imported when the command is used, and the OCI SDK only by commands that use OCI."""

import os
import subprocess
import sys

import pytest

from epimetheus.cli.app import COMMANDS
from tests.support.command import ROOT

PROGRAM = """
import atexit, sys
sys.argv[0] = "epimetheus"
from epimetheus.__main__ import main
atexit.register(lambda: print(*sorted(sys.modules), file=sys.__stderr__))
main()
"""
HEAVY = ("oci", "cryptography", "re2", "responses", "epimetheus.cli.run", "epimetheus.wiring.wiring", "epimetheus.testing")


def run(*words, **settings):
    """The process, and which of HEAVY it has imported."""
    environment = {"PATH": os.defpath, "PYTHONPATH": str(ROOT), "HOME": "/nonexistent", **settings}
    done = subprocess.run([sys.executable, "-c", PROGRAM, *words], env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
    return done, set(HEAVY).intersection(done.stderr.splitlines()[-1].split())


@pytest.mark.parametrize("words", [("--version",), ("--help",), ("--show-completion",), ("rnu",), ("--unknown",)], ids=" ".join)
def test_what_needs_no_command_imports_none(words):
    assert run(*words, _TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION="1")[1] == set()


def test_completing_the_name_of_a_command_imports_none():
    done, imported = run(_EPIMETHEUS_COMPLETE="complete_bash", COMP_WORDS="epimetheus re", COMP_CWORD="1")
    assert (done.returncode, done.stdout.split(), imported) == (0, ["render", "replay"], set())


@pytest.mark.parametrize("words", [("validate",), ("render", "--file", "tests/golden/events/launch_by_api_key.json")], ids=" ".join)
def test_a_command_that_does_not_use_oci_does_not_import_its_sdk(words):
    done, imported = run(*words, SYSLOG_HOST="siem.example.com", STATE_BUCKET="audit-state")
    assert (done.returncode, imported) == (0, {"cryptography", "re2"})


@pytest.mark.parametrize("entry", COMMANDS, ids=lambda entry: entry.name)
def test_the_list_of_commands_shows_the_first_sentence_of_their_help(entry):
    assert entry.summary == entry.load().help.partition("\n\n")[0]

"""The module of a command is imported when the command is used, and the OCI SDK only by commands that use OCI."""

import gc
import os
import subprocess
import sys

import pytest
import typer

from epimetheus.cli.app import COMMANDS
from epimetheus.cli.lazy_commands import CommandEntry
from epimetheus.cli.usage_errors import run_app
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
    assert (done.returncode, done.stdout.split(), imported) == (0, ["render", "replay", "reconcile"], set())


@pytest.mark.parametrize("words", [("validate",), ("render", "--file", "tests/golden/events/launch_by_api_key.json")], ids=" ".join)
def test_a_command_that_does_not_use_oci_does_not_import_its_sdk(words):
    done, imported = run(*words, SYSLOG_HOST="siem.example.com", STATE_BUCKET="audit-state")
    assert (done.returncode, imported) == (0, {"cryptography", "re2"})


@pytest.mark.parametrize("entry", COMMANDS, ids=lambda entry: entry.name)
def test_the_list_of_commands_shows_the_first_sentence_of_their_help(entry):
    assert entry.summary == entry.load().help.partition("\n\n")[0]


def test_the_garbage_collector_pauses_while_a_command_is_imported(monkeypatch, tmp_path):
    (tmp_path / "pausing_command.py").write_text("import gc\n\nENABLED = gc.isenabled()\n\ndef command():\n    'Show it.'\n")
    monkeypatch.syspath_prepend(tmp_path)
    try:
        command = CommandEntry("show", "pausing_command:command", "Show it.").load()
    finally:
        gc.unfreeze()
    assert (command.name, command.help, sys.modules.pop("pausing_command").ENABLED, gc.isenabled()) == ("show", "Show it.", False, True)


def test_a_missing_package_is_raised_and_a_missing_module_of_epimetheus_is_a_bug(monkeypatch, capsys):
    app = typer.Typer()
    monkeypatch.setattr(sys, "argv", ["epimetheus"])

    @app.command()
    def missing() -> None:
        raise ModuleNotFoundError(name=names.pop())

    names = ["epimetheus.gone", "oci"]
    with pytest.raises(ModuleNotFoundError):
        run_app(app)
    with pytest.raises(SystemExit) as ended:
        run_app(app)
    assert (ended.value.code, "a bug in Epimetheus raised ModuleNotFoundError" in capsys.readouterr().err) == (2, True)

"""``python -m epimetheus`` on a Python that is too old, and without the packages of the command line."""

import subprocess
import sys

import pytest

from epimetheus import __main__ as program


def test_missing_packages_are_reported_in_one_line():
    done = subprocess.run([sys.executable, "-S", "-m", "epimetheus", "validate"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "The command line needs its packages: run `pipx install .`, or `make setup` and `. .venv/bin/activate`.\n"


@pytest.mark.parametrize(
    ("package", "command"),
    [
        *((package, "validate") for package in ("typer", "rich", "dotenv")),
        *((package, "demo") for package in ("responses", "trustme")),
        ("oci", "run"),
    ],
)
def test_a_single_missing_package_is_reported_in_one_line(package, command):
    """As in the image of the function, which has only what the function needs (docs/decisions/0015-one-installation.md)."""
    code = f"import runpy, sys; sys.modules[{package!r}] = None; sys.argv[0:] = ['epimetheus', {command!r}]; "
    code += "runpy.run_module('epimetheus', run_name='__main__', alter_sys=True)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "The command line needs its packages: run `pipx install .`, or `make setup` and `. .venv/bin/activate`.\n"


def test_an_old_python_is_reported_in_one_line(monkeypatch, capsys):
    monkeypatch.setattr(sys, "version_info", (3, 8, 1))
    monkeypatch.setattr(sys, "version", "3.8.1 (default, Jan  1 2020)")
    with pytest.raises(SystemExit) as caught:
        program.main()
    assert (caught.value.code, capsys.readouterr().err) == (2, "Epimetheus needs Python 3.11 or newer; this is 3.8.1.\n")


def test_a_missing_module_of_epimetheus_is_not_reported_as_a_missing_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "epimetheus.cli.app", None)
    with pytest.raises(ModuleNotFoundError, match=r"epimetheus\.cli\.app"):
        program.main()

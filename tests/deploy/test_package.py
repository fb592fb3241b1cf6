"""The package: what is in the wheel, and the installed command in an environment of its own. Builds without a network."""

import ast
import os
import re
import subprocess
import sys
import tomllib
import venv
from importlib.metadata import packages_distributions
from pathlib import Path
from zipfile import ZipFile

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import epimetheus

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
IN_ADDITION = {"python-dotenv", "requests", "responses", "rich", "trustme", "typer"}

pytestmark = pytest.mark.xdist_group("package")


def pinned(text: str) -> dict[str, str]:
    """Package → version of ``name==version`` lines."""
    return {canonicalize_name(name): version for name, version in re.findall(r"^([\w.-]+)==([\w.]+)$", text, re.MULTILINE)}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    offline = ["--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([sys.executable, "-m", "pip", "wheel", *offline, "-w", str(folder), str(ROOT)], check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command, installed into a new environment. The dependencies come from the environment of the tests."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, symlinks=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", str(packages), str(wheel)]
    subprocess.run(install, check=True, capture_output=True)
    dependencies = [path for path in sys.path if path.endswith("site-packages")]
    (packages / "dependencies.pth").write_text("\n".join(dependencies) + "\n")
    script = folder / "bin" / "epimetheus"
    group, name = PROJECT["scripts"]["epimetheus"].split(":")
    script.write_text(f"#!{folder}/bin/python\nimport sys\nfrom {group} import {name}\nsys.exit({name}())\n")
    script.chmod(0o755)
    return script


def run(script: Path, *arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.defpath, "HOME": str(folder), "COLUMNS": "100"}
    return subprocess.run(
        [script, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=110
    )


def test_the_wheel_contains_the_package_and_the_entry_point_of_the_function(wheel):
    with ZipFile(wheel) as archive:
        names = archive.namelist()
        assert archive.read("epimetheus/function/entry_point/func.py") == (ROOT / "func.py").read_bytes()
    tops = {name.split("/")[0] for name in names}
    assert tops == {"epimetheus", f"epimetheus-{epimetheus.__version__}.dist-info"}
    modules = {str(path.relative_to(ROOT)) for path in (ROOT / "epimetheus").rglob("*.py")}
    assert {name for name in names if name.endswith(".py")} - modules == {"epimetheus/function/entry_point/func.py"}
    assert modules - set(names) == set()


def test_the_installed_command_works_in_an_empty_folder(installed, tmp_path):
    done = run(installed, "--version", folder=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"epimetheus {epimetheus.__version__}\n", "")
    done = run(installed, "-h", folder=tmp_path)
    assert (done.returncode, "Usage: epimetheus [OPTIONS] COMMAND" in done.stdout) == (0, True)
    assert list(tmp_path.iterdir()) == []


def test_the_installed_demo_runs_the_function_in_the_package(installed, tmp_path):
    done = run(installed, "demo", folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Complete: 17,400 of 17,400 events arrived." in done.stdout


def test_bash_completes_commands_options_and_words(installed, tmp_path):
    """In a real bash, with the script that --show-completion prints there."""
    lines = (
        f'export PATH="{installed.parent}:$PATH"',
        'eval "$(epimetheus --show-completion)"',
        'press_tab() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _epimetheus_completion "$1"; echo "${COMPREPLY[@]}"; }',
        "press_tab epimetheus va",
        "press_tab epimetheus state re",
        "press_tab epimetheus run --env",
    )
    script = tmp_path / "complete.sh"
    script.write_text("\n".join(lines) + "\n")
    environment = {"PATH": os.defpath, "HOME": str(tmp_path)}
    done = subprocess.run(["bash", str(script)], env=environment, capture_output=True, text=True, check=False, timeout=110)
    assert done.stdout.splitlines() == ["validate", "rewind reset", "--env-file"], done.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_installed_for_each_shell(installed, tmp_path, shell):
    code = f"from typer.completion import install; print(*install(shell={shell!r}, prog_name='epimetheus'))"
    environment = {"PATH": os.defpath, "HOME": str(tmp_path)}
    done = subprocess.run([installed.parent / "python", "-c", code], env=environment, capture_output=True, text=True, check=True)
    name, path = done.stdout.split()
    assert name == shell
    assert "_EPIMETHEUS_COMPLETE=complete_" + shell in Path(path).read_text().replace("source_", "complete_").replace("\\\n", "")


def test_one_version_everywhere(wheel):
    assert wheel.name == f"epimetheus-{epimetheus.__version__}-py3-none-any.whl"
    assert yaml.safe_load((ROOT / "func.yaml").read_text("utf-8"))["version"] == epimetheus.__version__
    assert "epimetheus:$(shell sed -n 's/^version: //p' func.yaml)" in (ROOT / "Makefile").read_text("utf-8")
    assert re.search(r"^## (\d+\.\d+\.\d+)", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)[1] == epimetheus.__version__


def test_the_dependencies_accept_the_pinned_versions():
    requirements = [Requirement(text) for text in PROJECT["dependencies"]]
    declared = {canonicalize_name(one.name): one.specifier for one in requirements}
    needed_by_the_function, _, _ = (ROOT / "requirements.txt").read_text("utf-8").partition("\n\n")
    development = pinned((ROOT / "requirements-dev.txt").read_text("utf-8"))
    versions = pinned(needed_by_the_function) | {name: development[name] for name in IN_ADDITION}
    assert declared.keys() == versions.keys()
    assert [name for name, version in versions.items() if version not in declared[name]] == []


def test_every_import_is_a_declared_dependency():
    distributions = packages_distributions()
    declared = {canonicalize_name(Requirement(text).name) for text in PROJECT["dependencies"]}
    through = {"cryptography": "oci", "urllib3": "oci", "pydantic-core": "pydantic"}
    missing = set()
    for path in (ROOT / "epimetheus").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) and node.module and not node.level else []
            for name in {name.split(".")[0] for name in names} - sys.stdlib_module_names - {"epimetheus"}:
                found = {canonicalize_name(one) for one in distributions[name]}
                missing |= set() if found & declared or {through.get(one) for one in found} & declared else found
    assert missing == set()

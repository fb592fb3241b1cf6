"""Import directions: base modules ← stages ← run ← wiring ← function and CLI. A stage imports no other stage; the stand-ins import
nothing of the rest."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "epimetheus"
BASE = {
    "errors", "coverage", "model", "reports", "clock", "event_patterns", "event_details", "problem", "signals", "pem", "files",
    "stored_form",
}  # fmt: skip
STAGES = {"source", "select", "render", "deliver", "state", "ledger", "observe"}
MAY_IMPORT = {
    "errors": set(),
    "coverage": set(),
    "model": {"errors"},
    "reports": {"coverage"},
    "clock": {"errors"},
    "event_patterns": set(),
    "event_details": {"model"},
    "problem": {"model"},
    "signals": set(),
    "pem": {"errors"},
    "stored_form": {"model"},
    "files": set(),
    "safe_text": {"render"},  # redaction of error texts
    "oci_client": {"errors", "files", "pem", "safe_text"},
    "source": BASE | {"oci_client", "safe_text"},
    "select": BASE,
    "render": BASE,
    "deliver": BASE | {"safe_text"},
    "state": BASE | {"oci_client"},
    "ledger": BASE | {"oci_client"},
    "observe": BASE | {"oci_client", "safe_text"},
    "config": {"errors", "event_patterns", "pem", "render", "safe_text"},
    "run": BASE | {"oci_client", "safe_text", "source", "select", "render", "state", "ledger"},
    "wiring": BASE | STAGES | {"oci_client", "safe_text", "config", "run"},
    "verify": BASE | {"ledger"},
    "health": BASE | STAGES | {"oci_client", "config", "run", "wiring"},
    "function": BASE | {"safe_text", "observe", "config", "run", "wiring", "health"},
    "cli": BASE | STAGES | {"oci_client", "safe_text", "config", "run", "wiring", "verify", "health", "function", "testing"},
    "__main__": {"cli", "signals"},
}


def imported(path):
    """The modules and packages directly below epimetheus that a file imports."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        found |= {name.split(".")[1] for name in names if name.startswith("epimetheus.")}
    return found - {"__version__"}


def package_of(path):
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_imports_only_what_its_package_may(path):
    if package_of(path) in ("testing", "__init__"):
        own = path.relative_to(PACKAGE).parts[:2]
        assert imported(path) <= {"testing"}, own
        return
    assert imported(path) - {package_of(path)} <= MAY_IMPORT[package_of(path)]


@pytest.mark.parametrize("name", ["oci", "syslog"])
def test_a_stand_in_imports_nothing_of_the_package(name):
    for path in (PACKAGE / "testing" / name).rglob("*.py"):
        text = path.read_text("utf-8")
        lines = [line for line in text.splitlines() if line.startswith(("from epimetheus", "import epimetheus"))]
        assert [line for line in lines if not line.startswith(f"from epimetheus.testing.{name}")] == []


def test_modules_have_no_mutable_state():
    """A warm container must not remember anything: module-level assignments are constants."""
    mutable = (ast.List, ast.Dict, ast.Set, ast.ListComp, ast.DictComp, ast.SetComp)
    found = []
    for path in [*PACKAGE.rglob("*.py"), ROOT / "func.py"]:
        for node in ast.parse(path.read_text("utf-8")).body:
            value = getattr(node, "value", None)
            target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
            name = target.id if isinstance(target, ast.Name) else ""
            if isinstance(value, mutable) and not name.strip("_").isupper() and name != "__all__":
                found.append(f"{path.name}:{node.lineno}")
    assert found == []


def test_modules_have_at_most_300_lines():
    assert [path.name for path in PACKAGE.rglob("*.py") if path.read_text("utf-8").count("\n") > 300] == []
    assert (ROOT / "func.py").read_text("utf-8").count("\n") <= 30

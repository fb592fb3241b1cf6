"""The directions of imports: model and errors ← stages ← run ← doors; stages know no other stage, the stand-ins nothing of the rest."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "epimetheus"
BASE = {"errors", "model", "clock", "patterns", "signals"}
STAGES = {"source", "select", "render", "deliver", "state", "observe"}
# The one place that puts each stage together with what it needs, and the order of a run: these know all of them.
ORDER = {"run", "replay", "plan", "forward", "parts", "report", "notices", "discovery", "known_compartments", "slice_reader", "lease"}
DOORS = {"assemble", "run_setup", "request", "invoke", "config", "config_forms", "files", "health", "health_questions"}
TERMINAL = {"cli", "terminal", "__main__"}
MAY_IMPORT = {
    "errors": set(),
    "model": {"errors"},
    "clock": {"errors"},
    "patterns": set(),
    "signals": set(),
    "http_limits": set(),
    "clock_offset": {"errors"},
    "foreign_text": {"render"},  # the one redaction there is
    "cloud": BASE | {"http_limits", "clock_offset", "foreign_text"},
    **dict.fromkeys(STAGES, BASE),
    "source": BASE | {"cloud", "http_limits", "foreign_text"},
    "deliver": BASE | {"foreign_text"},
    "state": BASE | {"cloud"},
    "observe": BASE | {"cloud", "foreign_text"},
    **{name: BASE | {"source", "select", "render", "state"} | ORDER | {"cloud", "clock_offset", "foreign_text"} for name in ORDER},
    "config": {"errors", "render", "config_forms", "files", "foreign_text"},
    "config_forms": {"errors", "render"},
    "files": {"errors", "patterns", "render", "foreign_text"},
    "run_setup": {"config", "discovery", "files", "parts", "select"},
    "assemble": BASE | STAGES | ORDER | {"cloud", "clock_offset", "foreign_text", "config", "files", "run_setup"},
    "request": {"errors", "model", "foreign_text"},
    **dict.fromkeys(
        ("health", "health_questions"), BASE | STAGES | ORDER | {"cloud", "clock_offset", "config", "assemble", "health_questions"}
    ),
    "invoke": BASE | {"observe", "cloud"} | ORDER | {"assemble", "config", "request", "health"},
    **{name: BASE | STAGES | ORDER | DOORS | TERMINAL | {"cloud", "testing"} for name in TERMINAL},
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


def room(path):
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_file_imports_only_what_lies_before_it(path):
    if room(path) in ("testing", "__init__"):
        own = path.relative_to(PACKAGE).parts[:2]
        assert imported(path) <= {"testing"}, own
        return
    assert imported(path) - {room(path)} <= MAY_IMPORT[room(path)]


@pytest.mark.parametrize("name", ["oci", "syslog"])
def test_a_stand_in_knows_nothing_of_the_rest(name):
    for path in (PACKAGE / "testing" / name).rglob("*.py"):
        text = path.read_text("utf-8")
        lines = [line for line in text.splitlines() if line.startswith(("from epimetheus", "import epimetheus"))]
        assert [line for line in lines if not line.startswith(f"from epimetheus.testing.{name}")] == []


def test_nothing_is_remembered_at_module_level():
    """A warm container must not remember: what is assigned at the top of a module is a constant, in form."""
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


def test_files_are_short_enough_to_be_read():
    assert [path.name for path in PACKAGE.rglob("*.py") if path.read_text("utf-8").count("\n") > 300] == []
    assert (ROOT / "func.py").read_text("utf-8").count("\n") <= 25

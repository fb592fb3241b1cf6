"""Reads Terraform files without Terraform."""

import re
from functools import cache
from pathlib import Path
from typing import Any

import hcl2

ROOT = Path(__file__).parents[2]
MODULE = ROOT / "terraform"
STACK = MODULE / "stack"
"""The root module, which passes its variables to MODULE."""
Body = dict[str, Any]
_VARIABLE = re.compile(r'^variable "(\w+)" \{$', re.MULTILINE)


@cache
def load(path: Path) -> Body:
    """Returns a file as block type → blocks; names and literal strings without quotes, expressions as ``${…}``."""
    return _clean(hcl2.loads(path.read_text("utf-8")))


@cache
def variables(folder: Path = MODULE) -> dict[str, Body]:
    """Returns the variables of a module by name."""
    return _named(folder, "variable")


def variable_names(folder: Path = MODULE) -> list[str]:
    """Returns the sorted names of the variables. Parsing takes about a second, so tests are named by this."""
    return sorted(name for path in folder.glob("*.tf") for name in _VARIABLE.findall(path.read_text("utf-8")))


@cache
def outputs(folder: Path = MODULE) -> dict[str, Body]:
    """Returns the outputs of a module by name."""
    return _named(folder, "output")


def module_locals(path: Path) -> Body:
    """Returns the locals of one file."""
    return {name: value for block in load(path).get("locals", []) for name, value in block.items()}


def _named(folder: Path, kind: str) -> dict[str, Body]:
    blocks = [block for path in sorted(folder.glob("*.tf")) for block in load(path).get(kind, [])]
    return {name: body for block in blocks for name, body in block.items()}


def _clean(value: Any) -> Any:
    if isinstance(value, dict):
        return {_unquoted(key): _clean(item) for key, item in value.items() if not key.startswith("__")}
    if isinstance(value, list):
        return [_clean(item) for item in value]
    return _unquoted(value) if isinstance(value, str) else value


def _unquoted(text: str) -> str:
    quoted = len(text) > 1 and text[0] == text[-1] == '"'
    return text[1:-1].replace('\\"', '"').replace("\\\\", "\\") if quoted else text

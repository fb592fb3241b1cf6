"""Runs a command of Epimetheus as a process, as a person does."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests.support.warm import command_words

ROOT = Path(__file__).parents[2]


def run_command(
    *arguments: str, environment: Mapping[str, str] | None = None, folder: Path, answer: str = ""
) -> subprocess.CompletedProcess[str]:
    """Runs ``python -m epimetheus`` in ``folder`` with no other variables than ``environment``."""
    variables = {"PATH": os.defpath, "HOME": str(folder), "PYTHONPATH": str(ROOT), "COLUMNS": "200", **(environment or {})}
    return subprocess.run(
        command_words(*arguments), cwd=folder, env=variables, input=answer, capture_output=True, text=True, check=False, timeout=100
    )

"""The function of an earlier commit, to measure it in turns with this one: its code and packages, in the environment of this one."""

import os
import subprocess
from pathlib import Path
from typing import NamedTuple

from benchmarks.helper import ROOT
from tests.support.image import Image, lay_out_packages, prune_and_compile

_CODE = ("func.py", "epimetheus")
_PRUNE = "scripts/prune-sdk"


class Base(NamedTuple):
    """``image``: the earlier function. ``name``: its commit."""

    image: Image
    name: str


def last_commit() -> str | None:
    """The commit to compare with: BENCH_BASE; HEAD if the function's code has changes that are not committed; else the commit before it."""
    if chosen := os.environ.get("BENCH_BASE"):
        return chosen
    changed = _git("diff", "--quiet", "HEAD", "--", *_CODE).returncode == 1
    name = "HEAD" if changed else "HEAD~1"
    found = _git("rev-parse", "--short", "--verify", f"{name}^{{commit}}")
    return found.stdout.decode().strip() if found.returncode == 0 else None


def lay_out_base(folder: Path, commit: str) -> Base:
    """The image of ``commit`` in ``folder``. Raises CalledProcessError if git has no such commit."""
    code = folder / "function"
    code.mkdir(parents=True)
    archive = _git("archive", commit, *_CODE)
    archive.check_returncode()
    subprocess.run(["tar", "-x", "-C", code], input=archive.stdout, check=True)
    requirements = _git("show", f"{commit}:requirements.txt")
    lay_out_packages(folder / "python", requirements.stdout.decode())
    prune = folder / "prune-sdk"
    prune.write_bytes(_git("show", f"{commit}:{_PRUNE}").stdout)  # its code imports what it keeps
    prune_and_compile(folder, prune)
    return Base(Image(folder, 0), commit)


def _git(*arguments: str) -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run(["git", "-C", ROOT, *arguments], capture_output=True, check=False)

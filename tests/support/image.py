"""The contents of the image without docker: laid out as the Dockerfile says, pruned, and the function run from exactly that."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from fnmatch import fnmatch
from importlib.metadata import distribution
from pathlib import Path
from typing import NamedTuple

from epimetheus.testing.function import Function

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")
PRUNE, COMPILE = ROOT / "scripts" / "prune-sdk", ROOT / "scripts" / "compile-packages"
PYTHON = str(Path(sys.executable).resolve())  # not the virtual environment's: that one would find its packages


def instructions(name):
    """The arguments of every instruction of that name, continued lines joined."""
    lines = DOCKERFILE.replace("\\\n", " ").splitlines()
    return [line.removeprefix(name + " ").strip() for line in lines if line.startswith(name + " ")]


def sent_to_the_builder():
    """The files of the project that .dockerignore lets through; of several patterns the last one rules."""
    patterns = [line for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines() if line and not line.startswith("#")]
    tops = {pattern[1:].split("/")[0] for pattern in patterns if pattern.startswith("!")}
    files = [file for top in sorted(tops) for file in ([ROOT / top] if (ROOT / top).is_file() else (ROOT / top).rglob("*"))]
    return [file.relative_to(ROOT) for file in files if file.is_file() and passes(file, patterns)]


def passes(file, patterns):
    relative = file.relative_to(ROOT)
    ignored = False
    for pattern in patterns:
        plain = pattern.removeprefix("!")
        if any(fnmatch(str(part), plain) or plain == f"**/{part.name}" for part in (relative, *relative.parents[:-1])):
            ignored = not pattern.startswith("!")
    return not ignored


def lay_out_code(image):
    """COPY of the build stage, for what the function is made of."""
    sent = sent_to_the_builder()
    for line in instructions("COPY"):
        *sources, target = line.split()
        if not target.startswith("/function"):
            continue
        for source in sources:
            for file in sent:
                if file == Path(source) or Path(source) in file.parents:
                    below = file.relative_to(source) if file != Path(source) else file.name
                    placed = image / target.lstrip("/") / below
                    placed.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(ROOT / file, placed)


def lay_out_packages(folder, requirements=None):
    """What `pip install --no-deps --no-compile --target` makes of requirements.txt, as links to what is installed already."""
    requirements = (ROOT / "requirements.txt").read_text("utf-8") if requirements is None else requirements
    for line in requirements.splitlines():
        name, pinned, version = line.partition("==")
        if not pinned:
            continue
        package = distribution(name)
        assert package.version == version
        for file in package.files:
            placed = folder / "bin" / file.name if ".." in file.parts else folder / file
            if file.suffix != ".pyc":
                placed.parent.mkdir(parents=True, exist_ok=True)
                link(package.locate_file(file), placed)


def link(file, placed):
    """A hard link, which costs a tenth of a symbolic one; a symbolic one if the file is on another device, or belongs to another user."""
    try:
        placed.hardlink_to(file)
    except OSError:
        placed.symlink_to(file)


def size(folder):
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


class Image(NamedTuple):
    """A folder with /python and /function, and their bytes before they were pruned and compiled."""

    folder: Path
    bytes_before: int


def lay_out(image):
    """/python and /function as the image has them. Takes seconds: all who need it share one."""
    lay_out_packages(image / "python")
    lay_out_code(image)
    before = size(image)
    prune_and_compile(image)
    return Image(image, before)


def prune_and_compile(image, prune=PRUNE):
    """RUN of the build stage, after the packages and the code. ``prune``: the script that removes what the function does not import."""
    subprocess.run([PYTHON, prune, image / "python"], check=True, capture_output=True)
    subprocess.run([PYTHON, COMPILE, image / "python", image / "function"], check=True)


def within(image, text):
    """A path or a list of paths of the image, where they lie here."""
    return re.sub(r"/(?=(?:python|function)\b(?!\.))", f"{image}/", text)


def environment(image):
    """ENV, and nothing else but a PATH."""
    pairs = dict(pair.split("=", 1) for line in instructions("ENV") for pair in line.split())
    return {"PATH": os.defpath, **{key: within(image, value) for key, value in pairs.items()}}


@contextmanager
def serving(image, folder, settings):
    """ENTRYPOINT in a process of its own, without any packages but the image's (-S), and called as the platform does."""
    listener, stderr = folder / "lsnr.sock", folder / "stderr"
    listening = {"FN_FORMAT": "http-stream", "FN_LISTENER": f"unix:{listener}", "HOME": str(folder)}
    (entrypoint,) = instructions("ENTRYPOINT")
    command = [PYTHON, "-S", *(re.sub(r"^/", f"{image}/", part) for part in json.loads(entrypoint))]
    with stderr.open("wb") as log:
        process = subprocess.Popen(command, env={**environment(image), **settings, **listening}, cwd=folder, stdout=log, stderr=log)
    try:
        while not listener.exists():
            assert process.poll() is None, stderr.read_text("utf-8")
            time.sleep(0.01)
        yield Function(process, listener, stderr)
    finally:
        process.kill()
        process.wait()

"""Plays seeds and scenes with a changed line of the package. Each runs in a fork of a process that has imported all libraries.

A process of its own takes three times as long, because it imports the libraries again. The parts of this project are imported in the fork,
so that the change takes effect also where a module copies a name or a constant of another one.
"""

import contextlib
import gc
import importlib
import importlib.abc
import importlib.machinery
import json
import os
import subprocess
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]
_OWN = ("epimetheus", "tests")

SCENES = ("tests.run.test_fault_costs", "tests.run.test_ledger_faults")
"""Modules whose tests are scenes that detect a mutation."""


class Mutants:
    """The process. `play` runs a mutant in a fork."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def play(self, file: Path, text: str, words: Sequence[str], output: Path) -> int:
        """Play the seeds of `tests.simulation` with the options ``words``, or the scene in ``words`` if it is one word. Its exit code.

        The module in ``file`` has ``text`` instead of its own. ``output`` gets what is printed.
        """
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps([str(file), text, list(words), str(output)]) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())


@contextmanager
def mutants() -> Iterator[Mutants]:
    """A `Mutants` whose process ends afterwards."""
    command = [sys.executable, "-m", "tests.simulation.mutants"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, text=True, **pipes) as process:
        try:
            yield Mutants(process)
        finally:
            process.kill()


class _Mutation(importlib.machinery.SourceFileLoader, importlib.abc.MetaPathFinder):
    """Finds and loads the changed module."""

    def __init__(self, file: str, text: str) -> None:
        super().__init__(".".join(Path(file).relative_to(ROOT).with_suffix("").parts), file)
        self._text = text

    def find_spec(self, name, path=None, target=None):
        return importlib.util.spec_from_file_location(name, self.path, loader=self) if name == self.name else None

    def get_code(self, fullname):
        return compile(self._text, self.path, "exec")


def _play(file: str, text: str, words: Sequence[str]) -> int:
    """What the fork does."""
    sys.meta_path.insert(0, _Mutation(file, text))
    if len(words) == 1:
        exec(words[0], {name: value for scenes in SCENES for name, value in vars(importlib.import_module(scenes)).items()})
        return 0
    sys.argv = ["tests.simulation", *words]
    return int(importlib.import_module("tests.simulation.__main__").main())


def _fork(file: str, text: str, words: Sequence[str], output: str) -> int:
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    code = 1
    try:
        with open(output, "w", encoding="utf-8") as printed, contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            try:
                code = _play(file, text, words)
            except BaseException:  # noqa: BLE001 - printed; the exit code says so
                traceback.print_exc()
    finally:
        os._exit(code)


def main() -> None:
    """Answer each request on stdin with an exit code."""
    for name in ("tests.simulation.__main__", *SCENES):
        importlib.import_module(name)
    for name in [name for name in sys.modules if name.partition(".")[0] in _OWN]:
        del sys.modules[name]
    gc.freeze()
    for line in sys.stdin:
        print(_fork(*json.loads(line)), flush=True)


if __name__ == "__main__":
    main()

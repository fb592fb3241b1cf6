"""Executes the commands that a page shows, and compares what they print with what the page shows.

A command is a line that starts with ``    $ ``; the indented lines below it, up to the next command or the end of the block, are its
output. A line ``…`` in it stands for any lines, and ``…`` at the end of a line for any text.
"""

import os
import re
import shlex
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.support.warm import command_words

ROOT = Path(__file__).parents[2]
INDENT, PROMPT, ELLIPSIS = "    ", "    $ ", "…"
_SEPARATOR = "--- end of output ---"
_VARIABLE = (
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?Z?"), "TIME"),
    (re.compile(r"\d\d-\d\d \d\d:\d\d:\d\d"), "TIME"),
    (re.compile(r"\b[0-9a-f]{12}\b"), "RUN"),
    (re.compile(r"localhost:\d+"), "localhost:PORT"),
    (re.compile(r"127\.0\.0\.1:\d+"), "127.0.0.1:PORT"),
    (re.compile(r"SYSLOG_PORT\W+\d+"), "SYSLOG_PORT PORT"),
    (re.compile(r"Testing CA #[\w-]+"), "Testing CA"),
    (re.compile(r"[\d,.]+ (s|min|hours?|days?|requests?|kB)\b"), "COUNT \\1"),
    (re.compile(r"connections \d+  confirmations \d+"), "CONNECTIONS"),
    (re.compile(r"[─━┄│┃┌┐└┘├┤┼┬┴┏┓┡┩╇┳╈═█▁-▇ ]+"), " "),  # tables: their widths depend on the values
)


@dataclass
class Step:
    """A ``command`` and the ``shown`` lines of its output. ``line``: where the command is, from 1."""

    command: str
    shown: list[str]
    line: int


def steps(page: str) -> list[Step]:
    """The commands of a page, in order."""
    found: list[Step] = []
    block = False
    for number, line in enumerate(page.splitlines(), 1):
        if line.startswith(PROMPT):
            found.append(Step(line.removeprefix(PROMPT), [], number))
            block = True
        elif line.startswith(INDENT) and block:
            found[-1].shown.append(line.removeprefix(INDENT))
        else:
            block = False
    return found


class Shell:
    """A bash in ``folder``, in which ``python`` is the Python of the tests. `close` it."""

    def __init__(self, folder: Path) -> None:
        activate = folder / ".venv" / "bin" / "activate"
        activate.parent.mkdir(parents=True, exist_ok=True)
        activate.write_text("")  # the environment already has it
        command = activate.with_name("epimetheus")  # of the sources, whatever is installed
        command.write_text(f'#!/bin/sh\nexec {shlex.join(command_words())} "$@"\n')
        command.chmod(0o755)
        kept = {name: os.environ[name] for name in ("HOME", "LANG", "LC_ALL") if name in os.environ}
        path = f"{command.parent}:{Path(sys.executable).parent}:{os.environ['PATH']}"
        python = {"PYTHONPATH": str(ROOT), "PYTHONUTF8": "1", "PYTHONUNBUFFERED": "1"}
        environment = {**kept, **python, "PATH": path, "COLUMNS": "100"}
        self.process = subprocess.Popen(
            ["bash", "--norc"], cwd=folder, env=environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip

    def run(self, command: str) -> list[str]:
        """The lines that the command prints to stdout and stderr, without empty lines. It cannot read stdin, which has the next command."""
        self.send(f"{{ {command}\n}} </dev/null\necho; echo '{_SEPARATOR}'")
        lines = iter(self.line, _SEPARATOR)
        return [line.rstrip() for line in lines if line.strip()]

    def send(self, text: str) -> None:
        """Write a line to the shell."""
        self.process.stdin.write(f"{text}\n")
        self.process.stdin.flush()

    def line(self) -> str:
        """The next line of output. Raises EOFError if the shell has ended."""
        line = self.process.stdout.readline()
        if not line:
            raise EOFError("the shell has ended")
        return line.removesuffix("\n")

    def close(self) -> None:
        """End the shell, and what it started, as Ctrl-C does."""
        os.killpg(self.process.pid, signal.SIGINT)
        self.process.stdin.close()
        self.process.wait(20)
        self.process.stdout.close()


def same(shown: list[str], printed: list[str]) -> bool:
    """Whether a page shows what a command prints."""
    pattern = "".join(".*" if line == ELLIPSIS else _line_pattern(line) for line in shown)
    return re.fullmatch(pattern, "".join(f"{masked(line)}\n" for line in printed), re.DOTALL) is not None


def masked(line: str) -> str:
    """The line without what differs each time."""
    for pattern, replacement in _VARIABLE:
        line = pattern.sub(replacement, line)
    return line.strip()


def _line_pattern(line: str) -> str:
    text = masked(line)
    return re.escape(text.removesuffix(ELLIPSIS)) + ("[^\n]*\n" if text.endswith(ELLIPSIS) else "\n")


def with_outputs(page: str, printed: dict[int, list[str]]) -> str:
    """The page with the output of the commands in these lines."""
    lines = page.splitlines()
    for step in reversed(steps(page)):
        if step.line in printed:
            lines[step.line : step.line + len(step.shown)] = [f"{INDENT}{line}".rstrip() for line in printed[step.line]]
    return "\n".join(lines) + "\n"

"""Processes beside the function: each answers words on its standard input with JSON lines, and ends when that is closed."""

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.process import cpu_seconds

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Helper:
    """A process that was started. ``port``: where it listens."""

    process: subprocess.Popen[str]
    port: int

    def hear(self) -> Any:
        """What it says next."""
        line = self.process.stdout.readline() if self.process.stdout else ""
        if not line:
            raise RuntimeError(f"{self.process.args!r} has ended")
        return json.loads(line)

    def ask(self, word: str) -> Any:
        """Its answer."""
        self.say(word)
        return self.hear()

    def say(self, word: str) -> None:
        """Without an answer."""
        if self.process.stdin:
            self.process.stdin.write(f"{word}\n")
            self.process.stdin.flush()

    def cpu(self) -> float:
        """Seconds of CPU it has taken."""
        return cpu_seconds(self.process.pid)


@contextmanager
def helping(module: str, told: Mapping[str, object]) -> Iterator[Helper]:
    """Start ``module`` of this package, which is told how it should be."""
    command = [sys.executable, "-m", f"benchmarks.{module}", json.dumps(told)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            starting = Helper(process, 0)
            yield Helper(process, starting.hear()["port"])
        finally:
            process.kill()


@dataclass(frozen=True)
class Voice:
    """The other side: standard output, from any thread."""

    lock: threading.Lock = field(default_factory=threading.Lock)

    def say(self, value: object) -> None:
        """One JSON line."""
        with self.lock:
            sys.stdout.write(json.dumps(value) + "\n")
            sys.stdout.flush()

    def answer(self, words: Mapping[str, Callable[[], object]]) -> None:
        """Answer each word until no more come; None says nothing."""
        for line in sys.stdin:
            if (value := words[line.strip()]()) is not None:
                self.say(value)

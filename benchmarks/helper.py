"""Helper processes: each answers commands on its standard input with JSON lines, and ends when the input is closed."""

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
class HelperProcess:
    """A running helper process. ``port``: the port that it listens on."""

    process: subprocess.Popen[str]
    port: int

    def receive(self) -> Any:
        """Returns the next value from the process. Raises RuntimeError if the process has ended."""
        line = self.process.stdout.readline() if self.process.stdout else ""
        if not line:
            raise RuntimeError(f"The helper process {self.process.args!r} has ended.")
        return json.loads(line)

    def request(self, command: str) -> Any:
        """Sends a command, and returns the response."""
        self.send(command)
        return self.receive()

    def send(self, command: str) -> None:
        """Sends a command without a response."""
        if self.process.stdin:
            self.process.stdin.write(f"{command}\n")
            self.process.stdin.flush()

    def cpu(self) -> float:
        """Returns the CPU seconds that the process has used."""
        return cpu_seconds(self.process.pid)


@contextmanager
def start_helper(module: str, options: Mapping[str, object]) -> Iterator[HelperProcess]:
    """Runs a module of this package with options."""
    command = [sys.executable, "-m", f"benchmarks.{module}", json.dumps(options)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            starting = HelperProcess(process, 0)
            yield HelperProcess(process, starting.receive()["port"])
        finally:
            process.kill()


@dataclass(frozen=True)
class Responder:
    """The helper's side of the pipes. Thread-safe."""

    lock: threading.Lock = field(default_factory=threading.Lock)

    def send(self, value: object) -> None:
        """Writes one JSON line."""
        with self.lock:
            sys.stdout.write(json.dumps(value) + "\n")
            sys.stdout.flush()

    def run(self, commands: Mapping[str, Callable[[], object]]) -> None:
        """Executes commands until the input ends. Sends their results, except None."""
        for line in sys.stdin:
            if (value := commands[line.strip()]()) is not None:
                self.send(value)

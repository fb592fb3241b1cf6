"""Runs the function in its own process with the real ``fdk``, and calls it over its Unix socket, as OCI Functions does.

https://github.com/fnproject/docs/blob/master/fn/develop/function_format.md (http-stream)
"""

import http.client
import os
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

START_SECONDS = 20.0
_FDK = "from fdk.scripts.fdk import main; main()"  # what the script fdk does, wherever it is installed


class InvocationResult(NamedTuple):
    """HTTP status and body of a call. The status is 200, or 502 if the function raised an exception."""

    status: int
    body: bytes


@dataclass(frozen=True)
class Function:
    """A running function. ``stderr`` is the file that its log lines are written to."""

    process: subprocess.Popen[bytes]
    listener: Path
    stderr: Path

    def call(self, body: bytes = b"", *, seconds: float = 300.0) -> InvocationResult:
        """Invokes the function with a deadline ``seconds`` from now."""
        deadline = (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")
        headers = {"Fn-Call-Id": uuid.uuid4().hex, "Fn-Deadline": deadline, "Content-Type": "application/json"}
        connection = _UnixSocketConnection(self.listener, seconds + 10)
        try:
            connection.request("POST", "/call", body, headers)
            response = connection.getresponse()
            return InvocationResult(response.status, response.read())
        finally:
            connection.close()

    def log_lines(self) -> list[str]:
        """Returns the lines that the function has logged so far."""
        return self.stderr.read_text("utf-8").splitlines()


@contextmanager
def serve_function(func: Path, environment: Mapping[str, str]) -> Iterator[Function]:
    """Serves ``func`` (a func.py) with the configuration ``environment``, and kills it at the end.

    The process inherits no environment variables. Raises RuntimeError if fdk exits, or does not start within START_SECONDS.
    """
    with tempfile.TemporaryDirectory(prefix="fn-") as folder:
        listener, stderr = Path(folder) / "lsnr.sock", Path(folder) / "stderr"
        settings = {
            **environment,
            "FN_FORMAT": "http-stream",
            "FN_LISTENER": f"unix:{listener}",
            "PATH": os.defpath,
            "HOME": folder,
        }
        command = [sys.executable, "-c", _FDK, str(func), "handler"]
        with stderr.open("wb") as log:
            process = subprocess.Popen(command, env=settings, cwd=folder, stdout=log, stderr=log)  # noqa: S603 - the command contains no user input
        try:
            _wait_for(listener, process)
            yield Function(process, listener, stderr)
        finally:
            process.kill()
            process.wait()


def _wait_for(listener: Path, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + START_SECONDS
    while not listener.exists():
        if process.poll() is not None:
            raise RuntimeError(f"fdk did not start: it exited with code {process.poll()}")
        if time.monotonic() > end:
            raise RuntimeError(f"fdk did not start: no socket after {START_SECONDS:g} seconds")
        time.sleep(0.01)


class _UnixSocketConnection(http.client.HTTPConnection):
    def __init__(self, path: Path, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))

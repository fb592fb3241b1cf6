"""The function in a process of its own, served by the real ``fdk`` and called over its unix socket, as the platform does it.

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


class Answered(NamedTuple):
    """What the platform would see: 200, or 502 where the function raised; and the body."""

    status: int
    body: bytes


@dataclass(frozen=True)
class Function:
    """A function being served. ``stderr`` is the file its log lines go to."""

    process: subprocess.Popen[bytes]
    listener: Path
    stderr: Path

    def call(self, body: bytes = b"", *, seconds: float = 300.0) -> Answered:
        """Invoke it, with a deadline so many seconds from now."""
        deadline = (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")
        headers = {"Fn-Call-Id": uuid.uuid4().hex, "Fn-Deadline": deadline, "Content-Type": "application/json"}
        connection = _OverUnixSocket(self.listener, seconds + 10)
        try:
            connection.request("POST", "/call", body, headers)
            answer = connection.getresponse()
            return Answered(answer.status, answer.read())
        finally:
            connection.close()

    def lines(self) -> list[str]:
        """What it has logged so far."""
        return self.stderr.read_text("utf-8").splitlines()


@contextmanager
def serve_function(func: Path, environment: Mapping[str, str]) -> Iterator[Function]:
    """Serve ``func`` (a func.py) with nothing but ``environment`` for its configuration, and a PATH; killed at the end."""
    with tempfile.TemporaryDirectory(prefix="fn-") as folder:
        listener, stderr = Path(folder) / "lsnr.sock", Path(folder) / "stderr"
        settings = {
            **environment,
            "FN_FORMAT": "http-stream",
            "FN_LISTENER": f"unix:{listener}",
            "PATH": os.defpath,
            "HOME": folder,
        }
        command = [str(Path(sys.executable).with_name("fdk")), str(func), "handler"]
        with stderr.open("wb") as log:
            process = subprocess.Popen(command, env=settings, cwd=folder, stdout=log, stderr=log)  # noqa: S603 - all of it is ours
        try:
            _wait_for(listener, process)
            yield Function(process, listener, stderr)
        finally:
            process.kill()
            process.wait()


def _wait_for(listener: Path, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + START_SECONDS
    while not listener.exists():
        if process.poll() is not None or time.monotonic() > end:
            raise RuntimeError(f"fdk did not start: exit code {process.poll()}")
        time.sleep(0.01)


class _OverUnixSocket(http.client.HTTPConnection):
    def __init__(self, path: Path, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))

"""Runs a command in a real (pseudo) terminal of a given size, and types into it."""

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time
from collections.abc import Mapping, Sequence

_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_SHOWN = 2000  # characters of a failed test's output
_SECONDS = 60.0


class PseudoTerminal:
    """A command whose stdin, stdout and stderr are a terminal of ``columns``."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], columns: int, *, cwd: str, lines: int = 45) -> None:
        self._reading_end, terminal_end = pty.openpty()
        fcntl.ioctl(terminal_end, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        sizes = ("COLUMNS", "LINES")
        environment = {key: value for key, value in environment.items() if key not in sizes}
        # With its own session and controlling terminal, a typed Ctrl-C is a signal.
        streams = dict.fromkeys(("stdin", "stdout", "stderr"), terminal_end)
        self._process = subprocess.Popen(
            ["setsid", "--ctty", *command], env={"TERM": "xterm-256color", **environment}, cwd=cwd, **streams
        )
        os.close(terminal_end)
        self._printed = b""

    @property
    def raw(self) -> str:
        """Everything that it has printed so far."""
        return self._printed.decode("utf-8", "replace")

    @property
    def text(self) -> str:
        """What it has printed, without control sequences; each time a line is redrawn, it is another line."""
        return _CONTROL.sub("", self.raw).replace("\r\n", "\n").replace("\r", "\n")

    def wait_for(self, text: str) -> None:
        """Read until ``text`` was printed."""
        end = time.monotonic() + _SECONDS
        while text not in self.text:
            assert self._read(end), f"{text!r} was not printed:\n{self.text[-_SHOWN:]}"

    def type(self, text: str) -> None:
        """Type ``text``; ``\\x03`` is Ctrl-C."""
        os.write(self._reading_end, text.encode())

    def finish(self) -> int:
        """Read to the end. Returns the exit code.

        The terminal stays open until then: closing it hangs up on a process that still runs, such as a launcher of `tests.support.warm`,
        whose own streams are closed before it has the exit code.
        """
        end = time.monotonic() + _SECONDS
        try:
            while self._read(end):
                pass
            return self._process.wait(_SECONDS)
        finally:
            os.close(self._reading_end)

    def _read(self, end: float) -> bool:
        """Read a part. Returns False at the end of the output, or at the time ``end``."""
        ready, _, _ = select.select([self._reading_end], [], [], max(0.0, end - time.monotonic()))
        try:
            part = os.read(self._reading_end, 65_536) if ready else b""
        except OSError:  # Linux reports EIO once the process has closed the terminal
            return False
        self._printed += part
        return bool(part)

"""Standard streams that tolerate write errors: a closed pipe or a full disk neither ends a run nor changes its exit code.

A character that the encoding of the terminal lacks is written as an escape sequence.
"""

import io
import os
from typing import Any, TextIO


class DroppingStream:
    """A text stream that drops what it cannot write. After the first failure, all output goes to /dev/null.

    ``failure`` is why output was lost, other than that the reader has closed the pipe; None if none was.
    """

    def __init__(self, stream: TextIO | None) -> None:
        self.failure: str | None = None
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
        self._stream = stream if stream is not None else open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - open until exit

    def write(self, text: str) -> int:
        """Write or drop ``text``. Returns its length in both cases."""
        try:
            self._stream.write(text)
        except OSError as error:
            self._redirect(error)
        return len(text)

    def writelines(self, lines: list[str]) -> None:
        """Write or drop ``lines``."""
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        """Flush the buffer, or drop it."""
        try:
            self._stream.flush()
        except OSError as error:
            self._redirect(error)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def _redirect(self, error: OSError) -> None:
        if not isinstance(error, BrokenPipeError):
            self.failure = self.failure or error.strerror or "it cannot be written"
        null = os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(null, self._stream.fileno())
        except OSError:  # the stream has no file descriptor: each write fails and is dropped
            return
        finally:
            os.close(null)

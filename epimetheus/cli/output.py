"""Standard streams that tolerate write errors: a closed pipe or a full disk neither ends a run nor changes its exit code."""

import os
from typing import Any, TextIO


class DroppingStream:
    """A text stream that drops what it cannot write. After the first failure, all output goes to /dev/null."""

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream if stream is not None else open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - open until exit

    def write(self, text: str) -> int:
        """Write or drop ``text``. Returns its length in both cases."""
        try:
            self._stream.write(text)
        except OSError:
            self._redirect()
        return len(text)

    def writelines(self, lines: list[str]) -> None:
        """Write or drop ``lines``."""
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        """Flush the buffer, or drop it."""
        try:
            self._stream.flush()
        except OSError:
            self._redirect()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def _redirect(self) -> None:
        null = os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(null, self._stream.fileno())
        except OSError:  # the stream has no file descriptor: each write fails and is dropped
            return
        finally:
            os.close(null)

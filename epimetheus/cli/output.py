"""Output that may break: a closed pipe or a full disk behind stdout or stderr ends no run, and changes no exit code."""

import os
from typing import Any, TextIO


class DroppingStream:
    """A text stream that drops what cannot be written. After the first failure everything behind it goes to /dev/null."""

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream if stream is not None else open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - as long as the process

    def write(self, text: str) -> int:
        """Write ``text``, or drop it; its length."""
        try:
            self._stream.write(text)
        except OSError:
            self._drop()
        return len(text)

    def writelines(self, lines: list[str]) -> None:
        """Write ``lines``, or drop them."""
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        """Flush, or drop what was waiting."""
        try:
            self._stream.flush()
        except OSError:
            self._drop()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def _drop(self) -> None:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(nowhere, self._stream.fileno())
        except OSError:  # a stream without a file: each write fails, and is dropped
            return
        finally:
            os.close(nowhere)

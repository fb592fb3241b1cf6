"""Reads files that a person names: bounded in size and time, whatever the name refers to.

A pipe (``<(sops -d prod.env)``) and a device (``/dev/null``) are accepted, but neither is read for ever.
"""

import errno
import io
import os
import select
import stat
import time
from pathlib import Path

_PIPE_SECONDS = 60.0
_CHUNK = 1 << 16


def read_bounded(path: Path | str, most: int) -> bytes:
    """The content of a file, and of a larger one its first ``most`` + 1 bytes.

    Raises OSError with a reason in ``strerror``, and ValueError for a NUL in the name.
    """
    with open(path, "rb", buffering=0, opener=_open_at_once) as file:
        mode = os.fstat(file.fileno()).st_mode
        if stat.S_ISREG(mode):
            return io.BufferedReader(file).read(most + 1)
        data = _read_stream(file.fileno(), most + 1)
    if not data and stat.S_ISFIFO(mode):
        raise OSError(errno.ENODATA, "it is a pipe to which nothing was written")
    return data


def is_regular_or_absent(path: Path | str) -> bool:
    """Whether ``path`` is a regular file, or names nothing. A file that is replaced must not be a folder, a pipe or a device."""
    try:
        return stat.S_ISREG(os.stat(path).st_mode)
    except FileNotFoundError:
        return True


def _open_at_once(path: str, flags: int) -> int:
    """Open a file. A pipe without a writer would otherwise block forever. Raises OSError."""
    return os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC)


def _read_stream(descriptor: int, most: int) -> bytes:
    """Up to ``most`` bytes of a pipe or a device, which may come later. Raises OSError."""
    data, end = bytearray(), time.monotonic() + _PIPE_SECONDS  # in all: a byte now and then must not prolong it
    while len(data) < most:
        try:  # before waiting: a pipe that no writer has opened is never ready, and at its end
            part = os.read(descriptor, min(most - len(data), _CHUNK))
        except BlockingIOError:
            if not select.select([descriptor], [], [], max(0.0, end - time.monotonic()))[0]:
                raise TimeoutError(errno.ETIMEDOUT, f"it did not end within {_PIPE_SECONDS:g} s") from None
            continue
        if not part:
            break
        data += part
    return bytes(data)

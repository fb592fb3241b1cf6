"""The state in a local file, for the command line: replaced atomically, under a lock, and only if it is unchanged."""

import errno
import fcntl
import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from epimetheus.errors import StateError
from epimetheus.files import is_regular_or_absent, read_bounded
from epimetheus.state.store import PreconditionFailed, Stored

_HELP = "Set STATE_FILE to a file in an existing, writable folder."
MAX_BYTES = 256 << 20
"""The largest state that is read, as in Object Storage."""

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_FULL_HELP = "Free space on its disk, or move it to another disk and change STATE_FILE. The stored state is unchanged."


class FileStore:
    """A `Store` in one file. Its ETag is the SHA-256 of the content; a symbolic link is followed, and stays.

    ``<path>.lock`` beside the file serializes writers.
    """

    def __init__(self, path: Path) -> None:
        self._path = path.resolve()
        self.name = str(path)

    def read(self) -> Stored | None:
        """The stored bytes, or None if there is no such file. Raises StateError."""
        with _errors_translated(self._path, "read"):
            return self._stored()

    def write(self, data: bytes, etag: str | None) -> str:
        """Durably replace the bytes that have ``etag`` (None: create them); the new ETag. Raises PreconditionFailed, StateError."""
        with _errors_translated(self._path, "written"), self._locked():
            current = self._stored()
            if (current.etag if current else None) != etag:
                raise PreconditionFailed
            self._replace(data)
        return _digest(data)

    def _stored(self) -> Stored | None:
        if not (is_regular_or_absent(self._path) or self._path.is_dir()):  # a device or a pipe may have no end
            raise OSError(errno.EINVAL, "it is a pipe or a device")
        try:
            data = read_bounded(self._path, MAX_BYTES)
        except FileNotFoundError:
            return None
        if len(data) > MAX_BYTES:
            raise OSError(errno.EFBIG, f"it has more than {MAX_BYTES:,} bytes, so it is no state")
        return Stored(data, _digest(data))

    def _replace(self, data: bytes) -> None:
        folder = self._path.parent
        with tempfile.NamedTemporaryFile(dir=folder, prefix=self._path.name, delete=False) as new:
            try:
                new.write(data)
                new.flush()
                os.fsync(new.fileno())
                os.replace(new.name, self._path)
            except BaseException:
                with suppress(FileNotFoundError):  # interrupted just after the rename
                    os.unlink(new.name)
                raise
        _sync_folder(folder)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with open(self._path.with_name(self._path.name + ".lock"), "w", opener=_open_at_once) as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise PreconditionFailed from error
            yield


def _open_at_once(path: str, flags: int) -> int:
    """Open a file without waiting for a reader, if it is a pipe. Raises OSError."""
    return os.open(path, flags | os.O_NONBLOCK, 0o666)


def _sync_folder(folder: Path) -> None:
    """Make a rename durable: fsync(2) of a file does not cover its directory entry."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@contextmanager
def _errors_translated(path: Path, participle: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StateError(
            f"The state file {path} could not be {participle}: {error.strerror}.",
            do=_FULL_HELP if participle == "written" and error.errno in _FULL else _HELP,
        ) from error

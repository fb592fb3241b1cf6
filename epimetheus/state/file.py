"""The state in a file, for a terminal: replaced as a whole, under a lock, and only if it is still what was read."""

import fcntl
import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from epimetheus.errors import StateError
from epimetheus.state.store import Changed, Stored


class FileStore:
    """A `Store` in one file, or where a link of that name leads; its ETag is the digest of what it holds.

    ``path.lock`` beside it serialises writers.
    """

    def __init__(self, path: Path) -> None:
        self._path = path.resolve()
        self.name = str(path)

    def read(self) -> Stored | None:
        """What is stored, or None where there is no such file."""
        with _explained(self._path, "read"):
            return self._stored()

    def write(self, data: bytes, etag: str | None) -> str:
        """Replace what had ``etag`` (None: nothing was there), durably; the new ETag. Raises Changed, StateError."""
        with _explained(self._path, "written"), self._locked():
            now = self._stored()
            if (now.etag if now else None) != etag:
                raise Changed
            self._replace(data)
        return _digest(data)

    def _stored(self) -> Stored | None:
        try:
            data = self._path.read_bytes()
        except FileNotFoundError:
            return None
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
                with suppress(FileNotFoundError):  # interrupted just after it was renamed
                    os.unlink(new.name)
                raise
        _sync_folder(folder)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with self._path.with_name(self._path.name + ".lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise Changed from error
            yield


def _sync_folder(folder: Path) -> None:
    """A new name is on the disk only once its folder is (fsync(2))."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@contextmanager
def _explained(path: Path, participle: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StateError(
            f"The state file {path} could not be {participle}: {error.strerror}.",
            do="Point STATE_FILE to a file in a folder that exists and that you may write in.",
        ) from error

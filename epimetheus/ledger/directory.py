"""The ledger or the seals in a folder, for the command line: one file for each, in folders by year, month and day.

Files are created completely or not at all, and never replaced. Anything else in the folder, such as a symbolic link or a pipe, is not
followed or opened.
"""

import errno
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from epimetheus.errors import LedgerError
from epimetheus.ledger.entry_name import name_bound
from epimetheus.ledger.store import WHOLES, Noun, exists_otherwise

MOST_BYTES = 256 << 20
"""Maximum size of a file that is read, as for an object."""
_MOST_SEAL_BYTES = 16 << 20  # as for the response of OCI

_DIGITS = (4, 2, 2)  # folders of years, months and days
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_FULL_HELP = (
    "Free space on its disk, or move the state, its ledger and its seals to another disk and change STATE_FILE. What is stored stays."
)
_NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS)  # vfat, exFAT, some network file systems
_HELP = "Set STATE_FILE to a file in an existing, writable folder. The ledger and the seals are in folders beside it."
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # a pipe is opened without waiting for a writer


class DirectoryEntryStore:
    """An `EntryStore` in the folder ``path``, which is created with the first entry. ``noun``: for errors."""

    def __init__(self, path: Path, noun: Noun = "ledger entry") -> None:
        self._path = path.resolve()
        self._noun = noun
        self.name = f"{path}/"

    def create(self, key: str, data: bytes) -> None:
        """See `EntryStore`."""
        target = self._path / key
        with _errors_translated(self._noun, target, "created"):
            self._make_folders(target.parent)
            if not _link_new(target, data) and self.read(key) != data:
                raise exists_otherwise(str(target), self._noun)

    def read(self, key: str) -> bytes | None:
        """See `EntryStore`. A file that is not regular, or larger than `MOST_BYTES`, is a LedgerError."""
        target = self._path / key
        with _errors_translated(self._noun, target, "read"):
            try:
                descriptor = os.open(target, _READ)
            except FileNotFoundError:
                return None
            try:
                return _content(descriptor, target, self._noun)
            finally:
                os.close(descriptor)

    def names(self, start: str, end: str) -> Iterator[str]:
        """See `EntryStore`. Files that are not regular are skipped."""
        with _errors_translated(self._noun, self._path, "listed"):
            for day in self._days():
                if start[: len(day)] <= day <= end[: len(day)]:
                    names = (f"{day}/{name}" for name in _files(self._path / day))
                    yield from (name for name in names if start <= name < end)

    def try_write(self) -> bool:
        """See `EntryStore`. A folder that does not exist yet is created with the first entry, in the one above it."""
        folder = self._path if os.path.lexists(self._path) else self._path.parent
        with _errors_translated(self._noun, self._path, "written"), tempfile.NamedTemporaryFile(dir=folder, prefix=".new-") as test:
            test.write(b"\n")
        return True

    def prune(self, before: int) -> None:
        """Remove the files last modified before the minute ``before`` from the folders of days before it. Raises LedgerError.

        An old window may have been read only now: its entry is new. A folder that is empty then is removed, too.
        """
        first_kept = name_bound(before).rpartition("/")[0]
        with _errors_translated(self._noun, self._path, "pruned"):
            for day in list(self._days()):
                if day < first_kept:
                    _remove_files(self._path / day, before * 60)

    def _days(self, above: str = "", digits: tuple[int, ...] = _DIGITS) -> Iterator[str]:
        """The folders of days, such as ``2026/11/30``, in order."""
        for name in _folders(self._path / above, digits[0]):
            if digits[1:]:
                yield from self._days(f"{above}{name}/", digits[1:])
            else:
                yield above + name

    def _make_folders(self, folder: Path) -> None:
        """Durably create ``folder`` and those above it, up to the folder of the ledger."""
        if folder.is_dir():
            return
        if folder != self._path:
            self._make_folders(folder.parent)
        with suppress(FileExistsError):  # another run creates it at the same time
            folder.mkdir()
        _sync_folder(folder.parent)


def _remove_files(folder: Path, before: float) -> None:
    """Remove the files in the folder of a day that were last modified before the time ``before``, and the folders that are empty then."""
    with os.scandir(folder) as found:
        for entry in found:
            with suppress(FileNotFoundError):  # another run removes it at the same time
                if not entry.is_dir(follow_symlinks=False) and entry.stat(follow_symlinks=False).st_mtime < before:
                    os.unlink(entry.path)
    with suppress(OSError):  # it is not empty
        for emptied in (folder, folder.parent, folder.parent.parent):
            emptied.rmdir()


def _link_new(target: Path, data: bytes) -> bool:
    """Durably create ``target`` with ``data``, at once (link(2)); False if it exists already."""
    with tempfile.NamedTemporaryFile(dir=target.parent, prefix=".new-", delete=False) as new:
        try:
            new.write(data)
            new.flush()
            os.fsync(new.fileno())
            _link(new.name, target)
        except FileExistsError:
            return False
        finally:
            os.unlink(new.name)
    _sync_folder(target.parent)
    return True


def _link(source: str, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        raise LedgerError(
            f"The file {target} could not be created: the file system does not support hard links.",
            do="Move the state, its ledger and its seals to another file system, such as ext4 or xfs, and change STATE_FILE.",
        ) from error


def _content(descriptor: int, target: Path, noun: Noun) -> bytes:
    """The whole file. Raises LedgerError if it is not a regular file, or too large."""
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        raise _not_an_entry(noun, target, "it is not a regular file")
    most = _MOST_SEAL_BYTES if noun == "seal" else MOST_BYTES
    if status.st_size > most:
        raise _not_an_entry(noun, target, f"it has {status.st_size:,} bytes; the maximum is {most:,}")
    with open(descriptor, "rb", closefd=False) as file:
        return file.read(most)


def _not_an_entry(noun: Noun, target: Path, why: str) -> LedgerError:
    return LedgerError(
        f"The {noun} {target} could not be read: {why}.", do="Remove it: only Epimetheus should write to this folder."
    )


def _folders(folder: Path, digits: int) -> list[str]:
    """The names of the folders in ``folder`` that consist of so many digits, in order; none if it does not exist."""
    try:
        with os.scandir(folder) as found:
            names = [entry.name for entry in found if entry.is_dir(follow_symlinks=False)]
    except FileNotFoundError:
        return []
    return sorted(name for name in names if len(name) == digits and name.isascii() and name.isdigit())


def _files(folder: Path) -> list[str]:
    """The names of the regular files in ``folder``, in order, without hidden ones; none if it was removed."""
    try:
        with os.scandir(folder) as found:
            return sorted(entry.name for entry in found if entry.is_file(follow_symlinks=False) and not entry.name.startswith("."))
    except FileNotFoundError:
        return []


def _sync_folder(folder: Path) -> None:
    """Make a new name durable: fsync(2) of a file does not cover its directory entry."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _errors_translated(noun: Noun, path: Path, participle: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        full = error.errno in _FULL
        whole = WHOLES[noun].removeprefix("the ")
        raise LedgerError(f"The {whole} {path} could not be {participle}: {error.strerror}.", do=_FULL_HELP if full else _HELP) from error

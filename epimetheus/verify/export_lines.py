"""The lines of an exported file, plain or gzip: bounded in memory, whatever the file is.

A line that is too long is counted and skipped. A file that decompresses to far more than logs do is an error.
"""

import os
import stat
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from epimetheus.errors import ExportError

LONGEST_LINE = 4 << 20
"""Maximum length of a line in bytes. Messages are far shorter, but CSV and JSON escape, and an export adds fields."""

_CHUNK = 1 << 18
_GZIP = b"\x1f\x8b"
_FREE_BYTES, _MOST_RATIO = 64 << 20, 200  # logs compress to a tenth to a fiftieth, and empty data to a thousandth
_BOM = b"\xef\xbb\xbf"
_NOT_LINES = {
    b"\xff\xfe": "it is UTF-16",
    b"\xfe\xff": "it is UTF-16",
    b"PK\x03\x04": "it is a ZIP archive",
    b"BZh": "it is compressed with bzip2",
    b"\xfd7zXZ": "it is compressed with xz",
    b"\x28\xb5\x2f\xfd": "it is compressed with zstd",
    b"SQLite": "it is a database",
}
_CONVERT = "Export it as text in UTF-8, plain or compressed with gzip, one message in a line."


class ExportLines:
    """The lines of the file ``path``, without their ends and without a byte order mark. ``too_long``: lines that were skipped.

    ``read``: bytes of the file, which has ``size``, that were read so far.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.too_long = self.read = self.size = 0

    def __iter__(self) -> Iterator[bytes]:
        """Raises ExportError."""
        try:
            with open(self.path, "rb", buffering=0, opener=_open_at_once) as file:
                status = os.fstat(file.fileno())
                if not stat.S_ISREG(status.st_mode):
                    raise _unreadable(self.path, "it is not a regular file")
                self.size = status.st_size
                yield from self._lines(self._chunks(file))
        except OSError as error:
            raise _unreadable(self.path, error.strerror or "it cannot be read") from error

    def _chunks(self, file: BinaryIO) -> Iterator[bytes]:
        first = self._read(file)
        for magic, what in _NOT_LINES.items():
            if first.startswith(magic):
                raise _unreadable(self.path, what)
        if first.startswith(_GZIP):
            yield from self._decompressed(file, first)
            return
        while first:
            yield first
            first = self._read(file)

    def _read(self, file: BinaryIO) -> bytes:
        data = file.read(_CHUNK)
        self.read += len(data)
        return data

    def _decompressed(self, file: BinaryIO, data: bytes) -> Iterator[bytes]:
        """The content of the gzip members, one after the other, as `gzip` and log rotation write them."""
        decompressor, total = zlib.decompressobj(zlib.MAX_WBITS | 16), 0
        while data:
            try:
                part = decompressor.decompress(data, _CHUNK)
            except zlib.error as error:
                raise _unreadable(self.path, "its gzip data is damaged") from error
            total += len(part)
            if total > _FREE_BYTES + _MOST_RATIO * self.read:
                raise _unreadable(self.path, f"it decompresses to more than {_MOST_RATIO} times its size, which no log does")
            if part:
                yield part
            data = decompressor.unconsumed_tail or decompressor.unused_data.lstrip(b"\0")  # padding follows a member
            if not data:
                data = self._read(file)
            if decompressor.eof:
                data = data.lstrip(b"\0")
                decompressor = zlib.decompressobj(zlib.MAX_WBITS | 16)
            elif not data:
                raise _unreadable(self.path, "its gzip data is truncated")

    def _lines(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        rest, skipping, is_first = b"", False, True
        for chunk in chunks:
            lines = (rest + chunk).split(b"\n")
            rest = lines.pop()
            for line in lines:
                if skipping or len(line) > LONGEST_LINE:
                    self.too_long += 1
                    skipping = False
                    continue
                yield (line.removeprefix(_BOM) if is_first else line).removesuffix(b"\r")
                is_first = False
            if len(rest) > LONGEST_LINE:
                rest, skipping = b"", True
        if skipping:
            self.too_long += 1
        elif rest:
            yield (rest.removeprefix(_BOM) if is_first else rest).removesuffix(b"\r")


def _open_at_once(path: str, flags: int) -> int:
    """Open a file. A pipe without a writer would otherwise block forever."""
    return os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC)


def _unreadable(path: Path, why: str) -> ExportError:
    return ExportError(f"The export {path} could not be read: {why}.", do=_CONVERT)

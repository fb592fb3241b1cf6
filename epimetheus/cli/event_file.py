"""Reads the audit events of a file: its size, compression and encoding. `epimetheus.cli.event_forms` finds the events in it."""

import codecs
import gzip
import io
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path

from epimetheus.cli.arguments import ArgumentError
from epimetheus.cli.event_forms import ACCEPTED, NotAnEvent, find_events
from epimetheus.files import read_bounded
from epimetheus.model import Fetched
from epimetheus.source.decode import decode_event

FILE_HELP = (
    "File with events, as JSON from the Audit API, the OCI CLI or an SDK, Logging search, the Console, or Connector Hub; - reads stdin."
)
MAX_BYTES = 256 << 20
"""The largest file, after decompression."""

_STDIN = Path("-")
_GZIP, _ZIP = b"\x1f\x8b", b"PK\x03\x04"
# The mark of UTF-32 begins with that of UTF-16. Without a mark, the first character is ASCII.
_ENCODINGS = (
    (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"),
)  # fmt: skip


def read_events(path: Path) -> Iterator[Fetched]:
    """The events of a file, or of stdin for ``-``, at least one, each in the form of the Audit API and decoded when it is needed.

    Raises ArgumentError if the file cannot be read, is larger than MAX_BYTES, or contains anything that is not an audit event.
    """
    try:
        text = _to_utf8(_decompressed(_read(path)))
        events = list(find_events(text))
    except OSError as error:
        raise _error(path, f"{error.strerror}; use the path of a readable file") from error
    except _Unusable as error:
        raise _error(path, str(error)) from None
    except NotAnEvent as error:
        raise _error(path, str(error)) from None
    if not text.strip():
        raise _error(path, f"the file is empty, as the OCI CLI leaves it if it finds no events; {ACCEPTED}")
    if not events:
        raise _error(path, f"the file contains no events; {ACCEPTED}")
    return map(decode_event, events)


class _Unusable(Exception):
    """The file is not text. The text of the error says why, and what to do."""


def _error(path: Path, problem: str) -> ArgumentError:
    return ArgumentError(f"--file {path}: {problem}")


def _read(path: Path) -> bytes:
    if path != _STDIN:
        return _within_limit(read_bounded(path, MAX_BYTES))
    return _within_limit(sys.stdin.buffer.read(MAX_BYTES + 1)) if sys.stdin else b""


def _within_limit(data: bytes) -> bytes:
    if len(data) > MAX_BYTES:
        raise _Unusable(f"the file has more than {MAX_BYTES:,} bytes; split it")
    return data


def _decompressed(data: bytes) -> bytes:
    """The content of a file compressed with gzip, as Connector Hub writes them to Object Storage; any other file as it is."""
    if data.startswith(_ZIP):
        raise _Unusable("the file is a ZIP archive; extract it, and use a file in it")
    if not data.startswith(_GZIP):
        return data
    try:
        with gzip.open(io.BytesIO(data)) as file:
            return _within_limit(file.read(MAX_BYTES + 1))
    except (EOFError, gzip.BadGzipFile, zlib.error):
        raise _Unusable("the file is compressed with gzip, and damaged or truncated; copy it again") from None


def _to_utf8(data: bytes) -> bytes:
    """The text in UTF-8, without a byte order mark. ``>`` of Windows PowerShell 5 writes UTF-16."""
    if data.startswith(codecs.BOM_UTF8):
        return data.removeprefix(codecs.BOM_UTF8)
    encoding = next((encoding for mark, encoding in _ENCODINGS if data.startswith(mark)), "")
    if not encoding and b"\0" in data[:2]:
        encoding = "utf-16-be" if data.startswith(b"\0") else "utf-16-le"
    return data.decode(encoding, "replace").encode() if encoding else data

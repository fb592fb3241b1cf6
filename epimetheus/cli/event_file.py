"""Reads the audit events of a file."""

import sys
from collections.abc import Sequence
from pathlib import Path

from epimetheus.cli.arguments import ArgumentError
from epimetheus.model import Fetched
from epimetheus.source.decode import decode_event, decode_page

_STDIN = Path("-")
_BOM = b"\xef\xbb\xbf"


def read_events(path: Path) -> Sequence[Fetched]:
    """The events of a file, or of stdin for ``-``, as returned by the Audit API, Logging, or Logging search.

    The file is a JSON list, one event, or one event per line. Raises ArgumentError if it cannot be read or is empty.
    """
    try:
        text = _read(path).removeprefix(_BOM).strip()
    except OSError as error:
        raise ArgumentError(f"--file {path}: {error.strerror}; use the path of a readable file") from error
    if not text:
        raise ArgumentError(f"--file {path}: the file is empty; use a JSON list of events, or one event per line")
    return _parse(text)


def _read(path: Path) -> bytes:
    if path != _STDIN:
        return path.read_bytes()
    return sys.stdin.buffer.read() if sys.stdin else b""


def _parse(text: bytes) -> Sequence[Fetched]:
    try:
        return decode_page(text)
    except ValueError:
        whole = decode_event(text)
    return [whole] if whole.event else [decode_event(line) for line in text.splitlines() if line.strip()]

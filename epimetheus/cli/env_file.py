"""``--env-file``: settings as ``NAME=value`` lines, as docker, systemd and shells write them.

Quotes, comments, ``export`` and values of several lines in quotes follow python-dotenv. ``$NAME`` in a value is not replaced.
"""

import codecs
import io
import re
from pathlib import Path

from dotenv.parser import parse_stream

from epimetheus.cli.arguments import ArgumentError
from epimetheus.errors import ConfigError
from epimetheus.files import read_bounded
from epimetheus.safe_text import HIDDEN, safe_value

_MAX_BYTES = 1 << 16  # python-dotenv takes a second for as many short lines
_SPACES = re.compile(r"[^\S\n]{1000}")  # python-dotenv takes quadratic time for spaces in a row
_NAME = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def read_env_file(path: Path) -> dict[str, str]:
    """Variable → value. Raises ConfigError, which never quotes a line of the file, also for a name that is set twice."""
    return parse_env(read_text("--env-file", path, _MAX_BYTES), str(path))


def parse_env(text: str, name: str) -> dict[str, str]:
    """As `read_env_file`, for the ``text`` of the file ``name``."""
    if spaces := _SPACES.search(text):
        line = text.count("\n", 0, spaces.start()) + 1
        raise ConfigError([f"{name} line {line}: expected fewer than 1,000 spaces in a row"])
    values, lines, repeated = {}, dict[str, int](), []
    for binding in parse_stream(io.StringIO(text)):
        line = binding.original.line + _blank_lines(binding.original.string)
        if binding.error or (binding.key is not None and (binding.value is None or not _NAME.fullmatch(binding.key))):
            # Only the first: a value without quotes causes an error in each of its lines.
            raise ConfigError([f"{name} line {line}: expected NAME=value, with a value of several lines in double quotes"])
        if binding.key is None or binding.value is None:
            continue
        if (first := lines.setdefault(binding.key, line)) != line:
            shown = safe_value(binding.key) or HIDDEN
            repeated.append(f"{name} line {line}: {shown} is set twice, first in line {first}; keep one of them")
        values[binding.key] = binding.value
    if repeated:
        raise ConfigError(repeated)
    return values


def read_text(option: str, path: Path, most: int) -> str:
    """The text of a file of at ``most`` that many bytes: UTF-8, or UTF-16 with a byte order mark. Raises ConfigError."""
    try:
        data = read_bounded(path, most)
    except OSError as error:
        raise ArgumentError(f"{option} {path}: {error.strerror}; use the path of a readable file") from error
    if len(data) > most:
        raise ConfigError([f"{option} {path}: the file is larger than {most:,} bytes; use a file that contains only settings"])
    try:
        return data.decode("utf-16" if data.startswith(_UTF16) else "utf-8-sig")
    except UnicodeDecodeError:  # its text quotes the file
        raise ConfigError([f"{option} {path}: the file is not UTF-8; save it as UTF-8 text"]) from None


def _blank_lines(text: str) -> int:
    """The number of line ends before the first character that is not white space: a binding begins after the previous one."""
    return (text[: len(text) - len(text.lstrip())]).count("\n")

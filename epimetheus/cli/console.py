"""The only output path to a terminal. Text from OCI, the state, logs, and settings is printed as text and never interpreted.

`terminal_safe` (`epimetheus.render.sanitize`) escapes control characters, line ends, and invisible characters. `print_line` and `cell`
apply it to each value. A console from this module applies it again to everything it prints, except to line ends.
"""

import json
import sys
from collections.abc import Iterable
from io import TextIOWrapper
from typing import cast

import msgspec
from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from epimetheus.render.sanitize import terminal_safe


class _SanitizingConsole(Console):
    """Prints no control characters except line ends and those of rich."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text="\n".join(map(terminal_safe, segment.text.split("\n"))))


def terminal_console(*, stderr: bool = False, quiet: bool = False) -> Console:
    """A console for stdout, or for ``stderr``, without markup (``[x]``) and emoji codes (``:100:``)."""
    return _SanitizingConsole(stderr=stderr, quiet=quiet, emoji=False, markup=False)


def print_line(console: Console, text: str, style: str = "") -> None:
    """Print ``text`` as one escaped line, not wrapped at the width of the terminal."""
    console.print(terminal_safe(text), style=style, markup=False, emoji=False, highlight=False, soft_wrap=True)


def print_message(console: Console, message: bytes) -> None:
    """Print a syslog message on stdout as one line: escaped on a terminal, otherwise byte for byte. ``console`` writes to stdout."""
    if console.file.isatty():
        print_line(console, message.decode())
        return
    cast(TextIOWrapper, sys.stdout).reconfigure(encoding="utf-8", newline="\n")  # whatever the locale
    sys.stdout.write(message.decode() + "\n")
    sys.stdout.flush()


def cell(text: str, style: str = "") -> Text:
    """Escaped text for a table cell or a part of a line."""
    return Text(terminal_safe(text), style=style)


def print_json(value: object, indent: int | None = None) -> None:
    """Write a value as JSON in printable ASCII to stdout."""
    text = json.dumps(msgspec.to_builtins(value), indent=indent, separators=None if indent else (",", ":"))
    sys.stdout.write(text.replace("\x7f", "\\u007f") + "\n")

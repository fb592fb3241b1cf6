"""The only output path to a terminal. Text from OCI, the state, logs, and settings is printed as text and never interpreted.

`terminal_safe` (`epimetheus.render.sanitize`) escapes control characters, line ends, and invisible characters. `print_line` and `cell`
apply it to each value. A console from this module applies it again to everything it prints, except to line ends.
"""

import json
import sys
from collections.abc import Iterable, Sequence
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


def notes_console(console: Console) -> Console:
    """Where remarks about the output of ``console`` go: to itself if it is a terminal, else to stderr, apart from the values."""
    return console if console.is_terminal else terminal_console(stderr=True)


def print_line(console: Console, text: str, style: str = "") -> None:
    """Print ``text`` as one escaped line, not wrapped at the width of the terminal."""
    console.print(terminal_safe(text), style=style, markup=False, emoji=False, highlight=False, soft_wrap=True)


def print_wrapped(console: Console, text: Text, indent: int = 0) -> None:
    """Print ``text``, which must be escaped, wrapped between words on a terminal, with ``indent`` spaces before all but the first line.

    Without a terminal, it is one line.
    """
    if not is_interactive(console) or console.width <= 2 * indent:
        console.print(text, soft_wrap=True)
        return
    first, *others = text.wrap(console, console.width)
    console.print(first, soft_wrap=True)
    if others:
        start = len(text.plain) - len(text.plain[len(first.plain) :].lstrip())
        for line in text[start:].wrap(console, console.width - indent):
            console.print(Text(" " * indent).append_text(line), soft_wrap=True)


def print_row(console: Console, values: Sequence[str]) -> None:
    """Print values as one line, separated by tabs: output for other programs. Tabs and line ends in a value are escaped."""
    if not console.quiet:
        console.file.write("\t".join(map(terminal_safe, values)) + "\n")


def is_interactive(console: Console) -> bool:
    """Whether ``console`` is a terminal that can move its cursor, so that bars can be drawn. A dumb terminal cannot."""
    return console.is_terminal and not console.is_dumb_terminal


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

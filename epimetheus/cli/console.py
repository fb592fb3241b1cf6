"""The one way to a terminal: whatever comes from OCI, a state, a log or a setting reaches it as text, and as nothing else.

`terminal_safe` (in `epimetheus.render.sanitize`) makes foreign text safe: control characters, also line ends, and characters that are not
seen are shown as escapes. `say` and `cell` apply it; a console from here applies it to all it prints once more, but for line ends.
"""

import json
import sys
from collections.abc import Iterable

import msgspec
from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from epimetheus.render.sanitize import terminal_safe


class _Guarded(Console):
    """Prints no control characters but line ends, and its own."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text="\n".join(map(terminal_safe, segment.text.split("\n"))))


def terminal_console(*, stderr: bool = False, quiet: bool = False) -> Console:
    """Standard output, or ``stderr``; text is printed as it is: ``[x]`` is no markup, and ``:100:`` no emoji."""
    return _Guarded(stderr=stderr, quiet=quiet, emoji=False, markup=False)


def say(console: Console, text: str, style: str = "") -> None:
    """Print one line, whatever ``text`` holds, not broken at the width of the terminal."""
    console.print(terminal_safe(text), style=style, markup=False, emoji=False, highlight=False, soft_wrap=True)


def cell(text: str, style: str = "") -> Text:
    """Text for a table, or part of a line."""
    return Text(terminal_safe(text), style=style)


def print_json(value: object, indent: int | None = None) -> None:
    """Write a value as JSON to standard output, in printable ASCII."""
    text = json.dumps(msgspec.to_builtins(value), indent=indent, separators=None if indent else (",", ":"))
    sys.stdout.write(text.replace("\x7f", "\\u007f") + "\n")

"""Tables that fit the terminal. Output that is not a terminal gets tab-separated values, which other programs can read."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from rich import box
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from epimetheus.cli.console import cell, print_row, print_wrapped

_UNLIMITED = 100_000
_FORMULA = ("=", "+", "-", "@")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?", re.ASCII)


def plain_text(text: str) -> str:
    """Text from outside as a cell of tab-separated values: after ``=``, ``+``, ``-`` and ``@``, a spreadsheet would run a formula.

    An apostrophe before it makes it text: https://owasp.org/www-community/attacks/CSV_Injection. A number stays as it is.
    """
    return f"'{text}" if text.startswith(_FORMULA) and not _NUMBER.fullmatch(text) else text


class Column(NamedTuple):
    """A column. ``right``: align to the right, for numbers.

    ``drop``: if the terminal is too narrow, the column with the highest number is dropped first; 0: never.
    """

    heading: str
    right: bool = False
    drop: int = 0


def print_table(console: Console, columns: Sequence[Column], rows: Sequence[Sequence[Text]], title: str = "") -> None:
    """Print ``rows``, one cell per column. On a terminal, columns that do not fit are dropped by priority and named below the table.

    Without a terminal: a line of headings and a line per row, both separated by tabs, without the title; see `plain_text`.
    """
    if not console.is_terminal:
        print_row(console, [column.heading for column in columns])
        for row in rows:
            print_row(console, [plain_text(text.plain) for text in row])
        return
    shown = _fitting(console, columns, rows)
    console.print(_table(columns, rows, shown, title))
    if hidden := [column.heading for number, column in enumerate(columns) if number not in shown]:
        print_wrapped(console, cell(f"Not shown, because the terminal is too narrow: {', '.join(hidden)}.", "dim"))


def print_fields(console: Console, title: str, fields: Sequence[tuple[str, str]]) -> None:
    """Print names and values. Without a terminal: one line per field, separated by a tab, without the title.

    On a terminal, long values are wrapped. Names are wrapped only if they would take more than half of the width.
    """
    if not console.is_terminal:
        for name, value in fields:
            print_row(console, (name, value))
        return
    table = Table(title=cell(title), title_justify="left", show_header=False, box=box.SIMPLE, pad_edge=False)
    longest = max((len(name) for name, _ in fields), default=0)
    table.add_column(no_wrap=2 * longest <= console.width, overflow="fold", style="bold")
    table.add_column(overflow="fold", ratio=1)
    for name, value in fields:
        table.add_row(cell(name), cell(value))
    console.print(table)


def _fitting(console: Console, columns: Sequence[Column], rows: Sequence[Sequence[Text]]) -> list[int]:
    """The numbers of the columns to show: as many as fit, and those that are never dropped."""
    shown = list(range(len(columns)))
    while _width(console, _table(columns, rows, shown)) > console.width:
        droppable = [number for number in shown if columns[number].drop]
        if not droppable:
            break
        shown.remove(max(droppable, key=lambda number: columns[number].drop))
    return shown


def _width(console: Console, table: Table) -> int:
    return Measurement.get(console, console.options.update(max_width=_UNLIMITED), table).maximum


def _table(columns: Sequence[Column], rows: Sequence[Sequence[Text]], shown: Sequence[int], title: str = "") -> Table:
    table = Table(title=cell(title) if title else None, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for column in (columns[number] for number in shown):
        table.add_column(column.heading, justify="right" if column.right else "left", overflow="fold", no_wrap=bool(column.right))
    for row in rows:
        table.add_row(*(row[number] for number in shown))
    return table

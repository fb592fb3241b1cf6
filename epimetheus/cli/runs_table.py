"""Runs on a terminal: a table and two sparklines, or the whole of one. What stands in a log line is shown as text, whatever it holds."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from epimetheus.cli.console import cell, say
from epimetheus.cli.run_log import LoggedRun
from epimetheus.cli.svg_plot import Axis, count, span
from epimetheus.model import time_text

_COLOURS = {"ok": "green", "skipped": "yellow", "partial": "yellow", "failed": "red"}
_CODES = {"ok": 0, "skipped": 0, "partial": 1, "failed": 2}
_BARS = "▁▂▃▄▅▆▇█"
_WIDTH = 60
_COLUMNS = ("when (UTC)", "status", "region", "forwarded", "left out", "lag", "behind", "took", "run")
_RIGHT = {"forwarded", "left out", "lag", "behind", "took"}


def exit_code(runs: Sequence[LoggedRun]) -> int:
    """How the last run of each region ended, the worst of them: 0 ok or skipped, 1 partial, 2 failed; 1 where there is none.

    A call that failed before it had a region counts while it is the last of all.
    """
    last = {run.region: run for run in runs}
    if runs and runs[-1].region:
        last.pop("", None)
    return max((_CODES.get(run.status, 1) for run in last.values()), default=1)


def show_runs(console: Console, runs: Sequence[LoggedRun], start: int, end: int) -> None:
    """The runs between two times (seconds since the epoch), the newest last, what they did over time, and what was wrong."""
    table = Table(title=f"Runs from {when(start)} to {when(end)} UTC")
    for heading in _COLUMNS:
        table.add_column(heading, justify="right" if heading in _RIGHT else "left", overflow="fold", no_wrap=heading != "region")
    for run in runs:
        table.add_row(*_cells(run))
    console.print(table)
    axis = Axis.over(start, end, _WIDTH)
    events = axis.put(((run.when, run.forwarded) for run in runs), sum)
    lag = axis.put(((run.when, run.lag) for run in runs), max)
    say(console, f"events {sparkline(events)} at most {count(_most(events))} in {span(axis.width)}")
    say(console, f"lag    {sparkline(lag)} at most {span(_most(lag))}")
    for status, line in _troubles(runs):
        say(console, line, style=_COLOURS.get(status, ""))


def show_run(console: Console, runs: Sequence[LoggedRun]) -> None:
    """All that the lines of a run tell, one table for each region."""
    for run in runs:
        table = Table(title=cell(f"{run.run} {run.region} {run.status}"), show_header=False)
        for name, value in flat(run.line):
            table.add_row(cell(name), cell(value))
        console.print(table)


def sparkline(values: Sequence[float | None]) -> str:
    """A bar for each value, the tallest for the most; a blank for None."""
    top = _most(values) or 1.0
    return "".join(" " if value is None else _BARS[round(value / top * (len(_BARS) - 1))] for value in values)


def flat(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """The values in an object with the way to each, ``position.through``; an empty object or list is ``none``."""
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from flat(inner, f"{name}.{key}" if name else str(key))
    elif isinstance(value, list) and value:
        for number, inner in enumerate(value):
            yield from flat(inner, f"{name}[{number}]")
    else:
        yield name, value if isinstance(value, str) else json.dumps(value) if value or value in (0, False) else "none"


def when(seconds: float | None) -> str:
    """``2026-11-24 10:05:00``, UTC."""
    return "?" if seconds is None else time_text(seconds)[:19].replace("T", " ")


def _cells(run: LoggedRun) -> tuple[Text, ...]:
    filtered = sum(run.filtered.values()) if run.forwarded is not None else None
    told = (run.region, count(run.forwarded), count(filtered), span(run.lag), count(run.behind), span(run.seconds), run.run)
    status = cell(run.status, _COLOURS.get(run.status, ""))
    return Text(when(run.when)[-14:]), status, *map(cell, told)


def _troubles(runs: Sequence[LoggedRun]) -> Iterator[tuple[str, str]]:
    """One line for each kind of trouble, with its status: how often, when last, and what to do."""
    kinds: dict[tuple[str, str], list[LoggedRun]] = {}
    for run in runs:
        if run.status not in ("ok", "skipped"):
            kinds.setdefault((run.status, run.kind), []).append(run)
    for (status, kind), met in kinds.items():
        last = met[-1]
        name = f"{status} ({kind})" if kind else status
        yield status, f"{name}: {len(met)} of {len(runs)} runs, the last {when(last.when)}, run {last.run}. {last.what} {last.do}"


def _most(values: Sequence[float | None]) -> float:
    return max((value for value in values if value is not None), default=0.0)

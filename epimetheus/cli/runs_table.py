"""Runs on a terminal: a table with two sparklines, or the full report of one run. Log content is shown as escaped text."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from epimetheus.cli.console import cell, print_line
from epimetheus.cli.run_log import LoggedRun
from epimetheus.cli.svg_plot import Axis, count, span
from epimetheus.model import count_text, time_text

_COLORS = {"ok": "green", "skipped": "yellow", "partial": "yellow", "failed": "red"}
EXIT_CODES = {"ok": 0, "skipped": 0, "partial": 1, "failed": 2}
_BARS = "▁▂▃▄▅▆▇█"
_WIDTH = 60
_COLUMNS = ("started (UTC)", "status", "region", "forwarded", "filtered", "lag", "behind", "duration", "run")
_RIGHT = {"forwarded", "filtered", "lag", "behind", "duration"}


def exit_code(runs: Sequence[LoggedRun]) -> int:
    """The exit code for the last run of each region, the worst one: 0 ok or skipped, 1 partial or no run at all, 2 failed.

    A call that failed before it had a region counts only if it is the last one.
    """
    last = {run.region: run for run in runs}
    if runs and runs[-1].region:
        last.pop("", None)
    return max((EXIT_CODES.get(run.status, 1) for run in last.values()), default=1)


def show_runs(console: Console, runs: Sequence[LoggedRun], start: int, end: int) -> None:
    """Show the runs from ``start`` to ``end`` (seconds since the epoch), newest last, sparklines, and one line per problem."""
    table = Table(title=f"Runs from {when(start)} to {when(end)} UTC")
    for heading in _COLUMNS:
        table.add_column(heading, justify="right" if heading in _RIGHT else "left", overflow="fold", no_wrap=heading != "region")
    for run in runs:
        table.add_row(*_cells(run))
    console.print(table)
    axis = Axis.over(start, end, _WIDTH)
    events = axis.merge(((run.when, run.forwarded) for run in runs), sum)
    lag = axis.merge(((run.when, run.lag) for run in runs), max)
    print_line(console, f"events {sparkline(events)} maximum {count(_max(events))} per {span(axis.width)}")
    print_line(console, f"lag    {sparkline(lag)} maximum {span(_max(lag))}")
    for status, line in _problems(runs):
        print_line(console, line, style=_COLORS.get(status, ""))


def show_run(console: Console, runs: Sequence[LoggedRun]) -> None:
    """Show every field of a run's log lines, one table per region."""
    for run in runs:
        table = Table(title=cell(f"{run.run} {run.region} {run.status}"), show_header=False)
        for name, value in flatten(run.line):
            table.add_row(cell(name), cell(value))
        console.print(table)


def sparkline(values: Sequence[float | None]) -> str:
    """One bar per value, scaled to the maximum; a space for None."""
    top = _max(values) or 1.0
    return "".join(" " if value is None else _BARS[round(value / top * (len(_BARS) - 1))] for value in values)


def flatten(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """The values of an object with their paths, such as ``position.through``. An empty object or list is ``none``."""
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from flatten(inner, f"{name}.{key}" if name else str(key))
    elif isinstance(value, list) and value:
        for index, inner in enumerate(value):
            yield from flatten(inner, f"{name}[{index}]")
    else:
        yield name, value if isinstance(value, str) else json.dumps(value) if value or value in (0, False) else "none"


def when(seconds: float | None) -> str:
    """``2026-11-24 10:05:00`` in UTC; ``?`` for None."""
    return "?" if seconds is None else time_text(seconds)[:19].replace("T", " ")


def _cells(run: LoggedRun) -> tuple[Text, ...]:
    filtered = sum(run.filtered.values()) if run.forwarded is not None else None
    texts = (run.region, count(run.forwarded), count(filtered), span(run.lag), count(run.behind), span(run.seconds), run.run)
    status = cell(run.status, _COLORS.get(run.status, ""))
    return Text(when(run.when)[-14:]), status, *map(cell, texts)


def _problems(runs: Sequence[LoggedRun]) -> Iterator[tuple[str, str]]:
    """``(status, line)`` for each kind of problem: how many runs, the latest one, and its remedy."""
    kinds: dict[tuple[str, str], list[LoggedRun]] = {}
    for run in runs:
        if run.status not in ("ok", "skipped"):
            kinds.setdefault((run.status, run.kind), []).append(run)
    for (status, kind), affected in kinds.items():
        last = affected[-1]
        name = f"{status} ({kind})" if kind else status
        runs_text = f"{len(affected)} of {count_text(len(runs), 'run')}"
        yield status, f"{name}: {runs_text}, the last {when(last.when)}, run {last.run}. {last.what} {last.do}"


def _max(values: Sequence[float | None]) -> float:
    return max((value for value in values if value is not None), default=0.0)

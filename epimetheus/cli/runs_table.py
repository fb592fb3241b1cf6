"""Past runs: a table with two sparklines on a terminal, tab-separated values elsewhere, or the full report of one run.

Log content is shown as escaped text.
"""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from rich.console import Console
from rich.text import Text

from epimetheus.cli.console import cell, notes_console, print_line, print_row, print_wrapped
from epimetheus.cli.run_log import LoggedRun
from epimetheus.cli.svg_plot import Axis, count, span
from epimetheus.cli.tables import Column, plain_text, print_fields, print_table
from epimetheus.model import count_text, time_text

_COLORS = {"ok": "green", "skipped": "yellow", "partial": "yellow", "failed": "red"}
EXIT_CODES = {"ok": 0, "skipped": 0, "partial": 1, "failed": 2}
_BARS = "▁▂▃▄▅▆▇█"
_WIDTHS = (12, 60)  # least and most buckets of a sparkline
_LABELS = 36  # characters around it
_COLUMNS = (
    Column("started (UTC)"),
    Column("status"),
    Column("region", drop=2),
    Column("forwarded", right=True),
    Column("filtered", right=True, drop=4),
    Column("late", right=True, drop=6),
    Column("lag", right=True, drop=1),
    Column("reconcile lag", right=True, drop=7),
    Column("behind", right=True, drop=3),
    Column("duration", right=True, drop=5),
    Column("run"),
)
_FIELDS = (
    "started", "status", "region", "forwarded", "filtered", "late", "lag_seconds", "reconcile_lag_seconds", "behind", "seconds", "run",
)  # fmt: skip


def exit_code(runs: Sequence[LoggedRun]) -> int:
    """The exit code for the last run of each region, the worst one: 0 ok or skipped, 1 partial or no run at all, 2 failed.

    A call that failed before it had a region counts only if it is the last one.
    """
    last = {run.region: run for run in runs}
    if runs and runs[-1].region:
        last.pop("", None)
    return max((EXIT_CODES.get(run.status, 1) for run in last.values()), default=1)


def show_runs(console: Console, runs: Sequence[LoggedRun], start: int, end: int) -> None:
    """Show the runs from ``start`` to ``end`` (seconds since the epoch), newest last, sparklines, and one line per problem.

    Without a terminal, stdout gets one line of tab-separated values per run, with numbers in the units of the report, and stderr the
    problems.
    """
    if console.is_terminal:
        print_table(console, _COLUMNS, list(map(_cells, runs)), f"Runs from {when(start)} to {when(end)} UTC")
        _show_sparklines(console, runs, Axis.over(start, end, max(_WIDTHS[0], min(_WIDTHS[1], console.width - _LABELS))))
    else:
        print_row(console, _FIELDS)
        for run in runs:
            print_row(console, _values(run))
    for status, line in _problems(runs):
        print_wrapped(notes_console(console), cell(line, _COLORS.get(status, "")), 2)


def _show_sparklines(console: Console, runs: Sequence[LoggedRun], axis: Axis) -> None:
    events = axis.merge(((run.when, run.forwarded) for run in runs), sum)
    lag = axis.merge(((run.when, run.lag) for run in runs), max)
    print_line(console, f"events {sparkline(events)} maximum {count(_max(events))} per {span(axis.width)}")
    print_line(console, f"lag    {sparkline(lag)} maximum {span(_max(lag))}")


def show_run(console: Console, runs: Sequence[LoggedRun]) -> None:
    """Show every field of a run's log lines, one table per region."""
    for run in runs:
        fields = list(flatten(run.line))
        if not console.is_terminal:
            fields = [(plain_text(name), plain_text(value)) for name, value in fields]
        print_fields(console, f"{run.run} {run.region} {run.status}", fields)


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


def _values(run: LoggedRun) -> Sequence[str]:
    """The fields of a run for other programs, one for each of _FIELDS; empty if a value is not known."""
    filtered = sum(run.filtered.values()) if run.forwarded is not None else None
    started = "" if run.when is None else time_text(run.when)
    values = (run.forwarded, filtered, run.late, run.lag, run.reconcile_lag, run.behind, run.seconds)
    numbers = ["" if value is None else f"{value:.15g}" for value in values]
    return started, plain_text(run.status), plain_text(run.region), *numbers, plain_text(run.run)


def _cells(run: LoggedRun) -> tuple[Text, ...]:
    filtered = sum(run.filtered.values()) if run.forwarded is not None else None
    counts = (count(run.forwarded), count(filtered), count(run.late), span(run.lag), span(run.reconcile_lag), count(run.behind))
    texts = (run.region, *counts, span(run.seconds), run.run)
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
        yield status, f"{name}: {runs_text}, the last at {when(last.when)}, run {last.run}. {last.what} {last.do}".rstrip()


def _max(values: Sequence[float | None]) -> float:
    return max((value for value in values if value is not None), default=0.0)

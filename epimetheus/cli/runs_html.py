"""A self-contained HTML page of runs: inline styles, SVG and one script, and a policy that blocks everything else.

Log content is untrusted; all of it passes through `safe`. The policy names the hashes of the style sheet and the script, so a browser
applies and runs no other, and loads nothing. Without the script the page shows everything but the oldest runs of a long table, in UTC.
"""

from base64 import b64encode
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from epimetheus.cli.run_log import LoggedRun
from epimetheus.cli.runs_plots import STATUSES, figures, rank
from epimetheus.cli.runs_script import SCRIPT
from epimetheus.cli.runs_style import style
from epimetheus.cli.runs_table import when
from epimetheus.cli.svg_plot import count, safe, span
from epimetheus.model import count_text

_TITLE = "<title>Epimetheus runs</title>"
_MAX_HEAD = 2000  # bytes; the title comes before the style sheet
_MAX_NOTE = 300  # characters
_MAX_ROWS = 20_000  # in the file, about 10 MB
_STEP = 500  # rows in the document; the script adds as many on request
_HEADINGS = ("Started", "Status", "Region", "Forwarded", "Filtered", "Late", "Lag", "Behind", "Duration", "Run", "Message")
_IN_CARDS = ("", "", "", "Forwarded", "Filtered", "Late", "Lag", "Behind", "Duration", "Run", "")


@dataclass(frozen=True)
class Frame:
    """The period from ``start`` to ``end`` (seconds since the epoch), ``where`` the runs were logged, and warnings about missing runs."""

    start: int
    end: int
    where: str
    warnings: tuple[str, ...] = ()


def page(runs: Sequence[LoggedRun], frame: Frame) -> str:
    """The complete HTML document. ``runs`` are sorted, oldest first."""
    styles = style(_IN_CARDS)
    body = [
        _header(frame),
        *(f'<p class="warning">{safe(warning)}</p>' for warning in frame.warnings),
        _tiles(runs),
        figures(runs, frame.start, frame.end),
        _table(runs),
    ]
    policy = f"default-src 'none'; style-src {_hash(styles)}; script-src {_hash(SCRIPT)}; base-uri 'none'; form-action 'none'"
    head = (
        f'<meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{policy}">'
        f'<meta name="viewport" content="width=device-width">{_TITLE}<style>{styles}</style>'
    )
    whole = f'<html lang="en"><head>{head}</head>\n<body><main>{"".join(body)}</main><script>{SCRIPT}</script></body></html>'
    return f"<!doctype html>\n{whole}\n"


def is_page(file: Path) -> bool:
    """Whether ``file`` is a page that `page` has written. Raises OSError."""
    with file.open("rb") as opened:
        start = opened.read(_MAX_HEAD)
    return start.startswith(b"<!doctype html>") and _TITLE.encode() in start


def _hash(text: str) -> str:
    """The source expression of the policy for inline ``text``."""
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


def _header(frame: Frame) -> str:
    period = f'{_time(frame.start, 16)} to {_time(frame.end, 16)} <span class="zone-name">UTC</span>'
    switch = '<label id="zone" hidden><input type="checkbox" id="local"> Local time</label>'
    return f"<header><h1>Epimetheus runs</h1>{switch}<p>{period}, {safe(frame.where)}</p></header>"


def _time(seconds: float | None, length: int = 19) -> str:
    """A time in UTC, of which the first ``length`` characters of ``YYYY-MM-DD hh:mm:ss`` are shown; ``?`` for None."""
    text = when(seconds)
    return text if seconds is None else f'<time datetime="{text.replace(" ", "T")}Z">{text[:length]}</time>'


def _tiles(runs: Sequence[LoggedRun]) -> str:
    """The key numbers."""
    statuses = Counter(run.status for run in runs)
    problems = ", ".join(f"{statuses[name]} {name}" for name in reversed(STATUSES[1:]) if statuses[name])
    last = runs[-1] if runs else None
    latest = list({run.region: run for run in runs if run.lag is not None}.values())
    tiles = [
        ("Last run", _status(last.status) if last else "<b>none</b>", _time(last.when, 16) if last else ""),
        ("Runs", _bold(count(len(runs))), problems or "all ok" if runs else ""),
        ("Events forwarded", _bold(count(sum(run.forwarded or 0 for run in runs))), ""),
        ("Events filtered", _bold(count(sum(sum(run.filtered.values()) for run in runs))), "by rules and limits"),
        ("Lag", _bold(span(max((run.lag or 0 for run in latest), default=None)) or "?"), "in the last run"),
        ("Behind", _bold(count(sum(run.behind or 0 for run in latest)) if latest else "?"), "compartments"),
    ]
    return f'<div class="tiles">{"".join(f"<div><h3>{name}</h3>{value}<p>{note}</p></div>" for name, value, note in tiles)}</div>'


def _bold(text: str) -> str:
    return f"<b>{text}</b>"


def _status(status: str) -> str:
    known = f' class="{status}"' if status in STATUSES else ""
    return f"<b{known}>{safe(status)}</b>"


def _table(runs: Sequence[LoggedRun]) -> str:
    if not runs:
        return '<p class="empty">No runs found.</p>'
    rows = [_row(run) for run in reversed(runs[-_MAX_ROWS:])]
    head = "".join(f"<th>{heading}</th>" for heading in _HEADINGS).replace("Started", 'Started (<span class="zone">UTC</span>)')
    controls = (
        '<label data-control hidden>Filter <input type="search" id="filter" placeholder="text in any column"></label>'
        '<label data-control hidden><input type="checkbox" id="failed"> Failed only</label>'
    )
    omitted = f"<p>The table contains the newest {count(_MAX_ROWS)} of {count_text(len(runs), 'run')}; the plots contain all.</p>"
    return (
        f'<section>{controls}<p id="count" role="status">{_counted(len(rows))}</p>{omitted if len(runs) > _MAX_ROWS else ""}'
        f'<div id="scroll"><table data-step="{_STEP}"><thead><tr>{head}</tr></thead><tbody>{"".join(rows[:_STEP])}</tbody></table></div>'
        f'<template id="older">{"".join(rows[_STEP:])}</template><button type="button" id="more" hidden>Show more</button></section>'
    )


def _counted(rows: int) -> str:
    if rows > _STEP:
        return f"The newest {_STEP} of {count_text(rows, 'run')}; JavaScript is required to show the others."
    return f"{count_text(rows, 'run')}, newest first"


def _row(run: LoggedRun) -> str:
    filtered = None if run.forwarded is None else sum(run.filtered.values())
    message = f"{run.what} {run.do}".strip()
    note = message if len(message) <= _MAX_NOTE else f"{message[:_MAX_NOTE]} …"
    numbers = (
        (run.forwarded, count(run.forwarded)),
        (filtered, count(filtered)),
        (run.late, count(run.late)),
        (run.lag, span(run.lag)),
        (run.behind, count(run.behind)),
        (run.seconds, span(run.seconds)),
    )
    cells = "".join("<td></td>" if value is None else f'<td data-v="{value:.15g}">{text}</td>' for value, text in numbers)
    texts = f'<td>{_time(run.when)}</td><td data-v="{rank(run.status)}">{_status(run.status)}</td><td>{safe(run.region)}</td>'
    return f"<tr>{texts}{cells}<td><code>{safe(run.run)}</code></td><td>{safe(note)}</td></tr>\n"

"""A self-contained HTML page of runs: inline styles and SVG, no script, and a policy that blocks external resources.

Log content is untrusted; all of it passes through `safe`.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from epimetheus.cli.run_log import LoggedRun
from epimetheus.cli.runs_table import when
from epimetheus.cli.svg_plot import Axis, Values, count, plot, safe, span, strip, unit_of

_BUCKETS = 100
_WIDE, _HALF = (952, 190), (464, 180)
_COLORS = 6
_MAX_NOTE = 300  # characters
_STATUSES = ("ok", "skipped", "partial", "failed")  # from best to worst
_HEADINGS = ("Started (UTC)", "Status", "Region", "Forwarded", "Filtered", "Lag", "Behind", "Duration", "Run", "Message")
Field = Callable[[LoggedRun], float | None]


@dataclass(frozen=True)
class Frame:
    """The period from ``start`` to ``end`` (seconds since the epoch), ``where`` the runs were logged, and warnings about missing runs."""

    start: int
    end: int
    where: str
    warnings: tuple[str, ...] = ()


def page(runs: Sequence[LoggedRun], frame: Frame) -> str:
    """The complete HTML document. ``runs`` are sorted, oldest first."""
    axis = Axis.over(frame.start, frame.end, _BUCKETS)
    body = [
        f"<header><h1>Epimetheus runs</h1><p>{when(frame.start)[:16]} to {when(frame.end)[:16]} UTC, {safe(frame.where)}</p></header>",
        *(f'<p class="warning">{safe(warning)}</p>' for warning in frame.warnings),
        _tiles(runs),
        _figure("Status of runs", _strip(axis, runs), _legend(dict.fromkeys(_STATUSES, ""))),
        *_plots(axis, runs),
        _table(runs),
    ]
    policy = "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
    head = f'<meta charset="utf-8">{policy}<meta name="viewport" content="width=device-width"><title>Epimetheus runs</title>'
    whole = f'<html lang="en"><head>{head}<style>{_STYLE}</style></head>\n<body><main>{"".join(body)}</main></body></html>'
    return f"<!doctype html>\n{whole}\n"


def _tiles(runs: Sequence[LoggedRun]) -> str:
    """The key numbers."""
    statuses = Counter(run.status for run in runs)
    problems = ", ".join(f"{statuses[name]} {name}" for name in reversed(_STATUSES[1:]) if statuses[name])
    last = runs[-1] if runs else None
    latest = list({run.region: run for run in runs if run.lag is not None}.values())
    tiles = [
        ("Last run", last.status if last else "none", when(last.when)[:16] if last else "", last.status if last else ""),
        ("Runs", count(len(runs)), problems or "all ok" if runs else "", ""),
        ("Events forwarded", count(sum(run.forwarded or 0 for run in runs)), "", ""),
        ("Events filtered", count(sum(sum(run.filtered.values()) for run in runs)), "by rules and limits", ""),
        ("Lag", span(max((run.lag or 0 for run in latest), default=None)) or "?", "in the last run", ""),
        ("Behind", count(sum(run.behind or 0 for run in latest)) if latest else "?", "compartments", ""),
    ]
    return f'<div class="tiles">{"".join(_tile(*tile) for tile in tiles)}</div>'


def _tile(name: str, value: str, note: str, status: str) -> str:
    return f'<div><h3>{name}</h3><b class="{safe(status)}">{safe(value)}</b><p>{safe(note)}</p></div>'


def _plots(axis: Axis, runs: Sequence[LoggedRun]) -> Iterable[str]:
    """The figures below the status strip."""
    per = span(axis.width)
    forwarded, filtered = _by_region(axis, runs, lambda run: run.forwarded, sum), _by_reason(axis, runs)
    behind = _by_region(axis, runs, lambda run: run.behind, max)
    yield _figure("Events forwarded", plot(axis, forwarded, size=_WIDE, unit=f"events per {per}", bars=True), _totals(forwarded), wide=True)
    yield _duration_figure("Lag", axis, _by_region(axis, runs, lambda run: run.lag, max))
    yield _figure("Compartments behind", plot(axis, behind, size=_HALF, unit="compartments", bars=True), _regions(behind))
    yield _figure("Events filtered, by reason", plot(axis, filtered, size=_HALF, unit=f"events per {per}", bars=True), _totals(filtered))
    yield _duration_figure("Duration of runs", axis, _by_region(axis, runs, lambda run: run.seconds, max))


def _duration_figure(title: str, axis: Axis, series: Mapping[str, Values]) -> str:
    top = max((value for values in series.values() for value in values if value is not None), default=0)
    name, seconds = unit_of(top)
    scaled = {region: [None if value is None else value / seconds for value in values] for region, values in series.items()}
    return _figure(title, plot(axis, scaled, size=_HALF, unit=f"{name}, maximum per {span(axis.width)}", bars=False), _regions(series))


def _by_region(axis: Axis, runs: Sequence[LoggedRun], field: Field, combine: Callable[[list[float]], float]) -> dict[str, Values]:
    regions = sorted({run.region for run in runs if field(run) is not None})
    named: dict[str, Values] = {}
    named |= {r: axis.merge(((run.when, field(run)) for run in runs if run.region == r), combine) for r in regions[: _COLORS - 1]}
    others = set(regions[_COLORS - 1 :])
    rest = axis.merge(((run.when, field(run)) for run in runs if run.region in others), combine)
    return {**named, f"{len(others)} more": rest} if others else named


def _by_reason(axis: Axis, runs: Sequence[LoggedRun]) -> dict[str, Values]:
    totals: Counter[str] = Counter()
    for run in runs:
        totals.update({reason: int(number) for reason, number in run.filtered.items()})
    reasons = [reason for reason, number in totals.most_common() if number]
    named: dict[str, Values] = {}
    named |= {r: axis.merge(((run.when, run.filtered.get(r)) for run in runs), sum) for r in reasons[: _COLORS - 1]}
    others = reasons[_COLORS - 1 :]
    rest = axis.merge(((run.when, sum(run.filtered.get(r, 0) for r in others)) for run in runs), sum)
    return {**named, f"{len(others)} more": rest} if others else named


def _strip(axis: Axis, runs: Sequence[LoggedRun]) -> str:
    """The worst status of each region in each bucket. Calls that failed before they had a region have their own row."""
    rows = {}
    for region in sorted({run.region for run in runs}):
        ranked = axis.merge(((run.when, _rank(run)) for run in runs if run.region == region), max)
        rows[region or "no region"] = [None if rank is None else _STATUSES[int(rank)] for rank in ranked]
    return strip(axis, rows or {"no run": [None] * len(axis)}, width=_WIDE[0], label=118)


def _rank(run: LoggedRun) -> int:
    """The rank of the status; an unknown status ranks as partial."""
    return _STATUSES.index(run.status if run.status in _STATUSES else "partial")


def _table(runs: Sequence[LoggedRun]) -> str:
    if not runs:
        return '<p class="empty">No runs found.</p>'
    head = "".join(f"<th>{heading}</th>" for heading in _HEADINGS)
    return f'<table><thead><tr>{head}</tr></thead><tbody>{"".join(map(_row, reversed(runs)))}</tbody></table>'


def _row(run: LoggedRun) -> str:
    filtered = None if run.forwarded is None else sum(run.filtered.values())
    message = f"{run.what} {run.do}".strip()
    note = message if len(message) <= _MAX_NOTE else f"{message[:_MAX_NOTE]} …"
    numbers = (count(run.forwarded), count(filtered), span(run.lag), count(run.behind), span(run.seconds))
    texts = f'<td>{when(run.when)}</td><td><b class="{safe(run.status)}">{safe(run.status)}</b></td><td>{safe(run.region)}</td>'
    cells = "".join(f"<td>{number}</td>" for number in numbers)
    return f"<tr>{texts}{cells}<td><code>{safe(run.run)}</code></td><td>{safe(note)}</td></tr>\n"


def _figure(title: str, drawing: str, legend: str, *, wide: bool = False) -> str:
    attribute = ' class="wide"' if wide or title.startswith("Status") else ""
    return f"<figure{attribute}><figcaption><h2>{title}</h2>{legend}</figcaption>{drawing}</figure>"


def _totals(series: Mapping[str, Values]) -> str:
    return _legend({name: count(sum(value or 0 for value in values)) for name, values in series.items()}, numbered=True)


def _regions(series: Mapping[str, Values]) -> str:
    return _legend(dict.fromkeys(series, ""), numbered=True) if len(series) > 1 else ""


def _legend(names: Mapping[str, str], *, numbered: bool = False) -> str:
    """A legend. ``numbered``: the names are series with a color each; otherwise the names are CSS classes."""
    shown = (
        f'<li><i class="{f"s{n}" if numbered else name}"></i>{safe(name)} {number}</li>' for n, (name, number) in enumerate(names.items())
    )
    return f"<ul>{''.join(shown)}</ul>"


_STYLE = """
:root { color-scheme: light dark; --ground: #f5f6f8; --paper: #fff; --ink: #1c2430; --soft: #5d6878; --line: #dfe3e9; --ok: #2f9e63;
  --skipped: #9aa5b4; --partial: #e0a100; --failed: #d03b3b; --none: #e9ecf0; --warning: #fff4d6;
  --c0: #2f6fd0; --c1: #e07b28; --c2: #159a8c; --c3: #8a56c9; --c4: #c94f7c; --c5: #7a8594; }
@media (prefers-color-scheme: dark) { :root { --ground: #12161c; --paper: #1a2029; --ink: #e4e8ee; --soft: #98a4b5; --line: #2c3542;
  --ok: #3fb778; --skipped: #6b7788; --partial: #e3b341; --failed: #f0655f; --none: #252d38; --warning: #3a3013;
  --c0: #6aa5ff; --c1: #f0a058; --c2: #4bc9b9; --c3: #b58bf0; --c4: #ee86ad; --c5: #95a1b1; } }
* { box-sizing: border-box; margin: 0; padding: 0; }
body { background: var(--ground); color: var(--ink); font: 14px/1.45 system-ui, "Segoe UI", "DejaVu Sans", sans-serif; }
main { max-width: 1160px; margin: 0 auto; padding: 20px; display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 14px; }
main > * { grid-column: 1 / -1; } main > figure { grid-column: auto; } main > figure.wide { grid-column: 1 / -1; }
h1 { font-size: 21px; font-weight: 650; } h2 { font-size: 14px; font-weight: 650; } header p, .tiles p, .empty { color: var(--soft); }
.warning { background: var(--warning); border-left: 3px solid var(--partial); padding: 8px 12px; overflow-wrap: anywhere; }
.tiles { display: grid; grid-template-columns: repeat(6, minmax(0, 1fr)); gap: 14px; }
.tiles div, figure { background: var(--paper); border: 1px solid var(--line); border-radius: 8px; padding: 12px 14px; }
h3, .tiles p { font-size: 12px; font-weight: 400; color: var(--soft); } .tiles b { font-size: 21px; font-weight: 600; }
.tiles p { min-height: 1.45em; }
figure { display: flex; flex-direction: column; } figure svg { margin-top: auto; }
figcaption { display: flex; flex-wrap: wrap; gap: 2px 16px; align-items: baseline; margin-bottom: 8px; }
ul { list-style: none; display: flex; flex-wrap: wrap; gap: 0 12px; font-size: 12px; color: var(--soft); overflow-wrap: anywhere; }
li i { display: inline-block; width: 9px; height: 9px; border-radius: 2px; margin-right: 5px; }
svg { display: block; width: 100%; height: auto; } svg text { font-size: 11px; fill: var(--soft); font-variant-numeric: tabular-nums; }
svg .day { font-weight: 650; fill: var(--ink); } .grid { stroke: var(--line); } .axis { stroke: var(--soft); }
rect.none { fill: var(--none); } .line { fill: none; stroke-width: 2; stroke-linejoin: round; stroke-linecap: round; }
table { border-collapse: collapse; background: var(--paper); border: 1px solid var(--line); font-size: 12.5px; width: 100%; }
th, td { padding: 5px 9px; text-align: left; border-bottom: 1px solid var(--line); vertical-align: top; white-space: nowrap; }
th { color: var(--soft); font-weight: 600; } td { font-variant-numeric: tabular-nums; }
:is(th, td):is(:nth-child(4), :nth-child(5), :nth-child(6), :nth-child(7), :nth-child(8)) { text-align: right; }
td:last-child { white-space: normal; overflow-wrap: anywhere; min-width: 14em; }
code { font: 12px ui-monospace, "DejaVu Sans Mono", monospace; }
@media (max-width: 700px) { main, .tiles { grid-template-columns: 1fr; } table { display: block; overflow-x: auto; } }
""" + "\n".join(
    [f".s{n} {{ fill: var(--c{n}); background: var(--c{n}); }} .t{n} {{ stroke: var(--c{n}); }}" for n in range(_COLORS)]
    + [f"rect.{s} {{ fill: var(--{s}); }} i.{s} {{ background: var(--{s}); }} b.{s} {{ color: var(--{s}); }}" for s in _STATUSES]
)

"""The figures of the HTML page of runs. Each is drawn twice, for wide and for narrow screens; the style sheet shows the one that fits.

A region has the same color in every figure. Filtered events have one color, and a row for each reason.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from epimetheus.cli.run_log import LoggedRun
from epimetheus.cli.runs_style import REGION_COLORS
from epimetheus.cli.svg_plot import Axis, Values, count, plot, safe, small_bars, span, strip, unit_of

STATUSES = ("ok", "skipped", "partial", "failed")
"""From best to worst."""

_REASONS = 6
_MIN_BUCKETS = 12
Field = Callable[[LoggedRun], float | None]
Groups = Mapping[str, Sequence[LoggedRun]]
"""The runs of each region by its name. Regions beyond the colors share the last entry."""


@dataclass(frozen=True)
class _Layout:
    """How a figure is drawn for one width of the screen: the CSS class, and the sizes in pixels (width, height)."""

    name: str
    buckets: int
    full: tuple[int, int]
    half: tuple[int, int]


_LAYOUTS = (_Layout("wide", 100, (952, 190), (464, 180)), _Layout("narrow", 48, (374, 170), (374, 170)))


def figures(runs: Sequence[LoggedRun], start: int, end: int) -> str:
    """All figures as HTML. ``start`` and ``end`` are in seconds since the epoch."""
    groups, reasons, spacing = _groups(runs), _reasons(runs), _spacing(runs)
    drawn: dict[str, list[str]] = {}
    for layout in _LAYOUTS:
        # A bucket that is shorter than the time between two runs would be empty without any run missing.
        most = min(layout.buckets, max(_MIN_BUCKETS, int((end - start) / spacing) + 1)) if spacing else layout.buckets
        axis = Axis.over(start, end, most)
        for title, drawing in _drawings(layout, axis, runs, groups, reasons):
            drawn.setdefault(title, []).append(f'<div class="{layout.name}">{drawing}</div>')
    forwarded = {name: sum(run.forwarded or 0 for run in some) for name, some in groups.items()}
    legends = {
        "Status of runs": _status_legend(),
        "Events forwarded": _legend({name: count(total) for name, total in forwarded.items()}),
        "Events filtered, by reason": "",
    }
    by_region = _legend(dict.fromkeys(groups, "")) if len(groups) > 1 else ""
    return "".join(_figure(title, "".join(parts), legends.get(title, by_region)) for title, parts in drawn.items())


def rank(status: str) -> int:
    """The index in `STATUSES`; an unknown status ranks as partial."""
    return STATUSES.index(status if status in STATUSES else "partial")


def _drawings(layout: _Layout, axis: Axis, runs: Sequence[LoggedRun], groups: Groups, reasons: Sequence[str]) -> Iterator[tuple[str, str]]:
    """``(title, SVG)`` of each figure."""
    per = span(axis.width)
    title = "Status of runs"
    yield title, strip(axis, _statuses(axis, runs), width=layout.full[0], title=title)
    title = "Events forwarded"
    forwarded = _by_region(axis, groups, lambda run: run.forwarded, sum)
    yield title, plot(axis, forwarded, size=layout.full, unit=f"events per {per}", bars=True, title=title)
    yield "Lag", _durations(layout, axis, _by_region(axis, groups, lambda run: run.lag, max), "Lag")
    title = "Late events"
    late = _by_region(axis, groups, lambda run: run.late, sum)
    yield title, plot(axis, late, size=layout.half, unit=f"events per {per}", bars=True, title=title)
    title = "Reconciliation lag"
    yield title, _durations(layout, axis, _by_region(axis, groups, lambda run: run.reconcile_lag, max), title)
    title = "Compartments behind"
    behind = _by_region(axis, groups, lambda run: run.behind, max)
    yield title, plot(axis, behind, size=layout.half, unit="compartments", bars=True, title=title)
    title = "Duration of runs"
    yield title, _durations(layout, axis, _by_region(axis, groups, lambda run: run.seconds, max), title)
    title = "Events filtered, by reason"
    yield title, small_bars(axis, _by_reason(axis, runs, reasons), width=layout.half[0], unit=f"per {per}", title=title)


def _durations(layout: _Layout, axis: Axis, series: Mapping[str, Values], title: str) -> str:
    top = max((value for values in series.values() for value in values if value is not None), default=0)
    name, seconds = unit_of(top)
    scaled = {region: [None if value is None else value / seconds for value in values] for region, values in series.items()}
    return plot(axis, scaled, size=layout.half, unit=f"{name}, maximum per {span(axis.width)}", bars=False, title=title)


def _groups(runs: Sequence[LoggedRun]) -> dict[str, list[LoggedRun]]:
    """Runs without any value, such as calls that failed before they had a region, are in no group."""
    by_region: dict[str, list[LoggedRun]] = {}
    for run in runs:
        if any(value is not None for value in (run.forwarded, run.lag, run.behind, run.seconds)):
            by_region.setdefault(run.region, []).append(run)
    names = sorted(by_region)
    named = {name or "no region": by_region[name] for name in names[: REGION_COLORS - 1]}
    others = names[REGION_COLORS - 1 :]
    return {**named, f"{len(others)} more": [run for name in others for run in by_region[name]]} if others else named


def _reasons(runs: Sequence[LoggedRun]) -> list[str]:
    """The reasons for filtering, the most frequent first."""
    totals: Counter[str] = Counter()
    for run in runs:
        totals.update({reason: int(number) for reason, number in run.filtered.items()})
    return [reason for reason, number in totals.most_common() if number]


def _spacing(runs: Sequence[LoggedRun]) -> float:
    """The typical time between two runs of a region in seconds; 0 if no region has two."""
    times: dict[str, list[float]] = {}
    for run in runs:
        if run.when is not None:
            times.setdefault(run.region, []).append(run.when)
    return median([after - before for one in times.values() for before, after in pairwise(one)] or [0.0])


def _by_region(axis: Axis, groups: Groups, field: Field, combine: Callable[[list[float]], float]) -> dict[str, Values]:
    return {name: axis.merge(((run.when, field(run)) for run in runs), combine) for name, runs in groups.items()}


def _by_reason(axis: Axis, runs: Sequence[LoggedRun], reasons: Sequence[str]) -> dict[str, Values]:
    named: dict[str, Values] = {}
    named |= {r: axis.merge(((run.when, run.filtered.get(r)) for run in runs), sum) for r in reasons[: _REASONS - 1]}
    others = reasons[_REASONS - 1 :]
    rest = axis.merge(((run.when, sum(run.filtered.get(r, 0) for r in others)) for run in runs), sum)
    return {**named, f"{len(others)} more": rest} if others else named


def _statuses(axis: Axis, runs: Sequence[LoggedRun]) -> dict[str, list[str | None]]:
    """The worst status of each region in each bucket. Calls that failed before they had a region have their own row."""
    rows = {}
    for region in sorted({run.region for run in runs}):
        ranks = axis.merge(((run.when, rank(run.status)) for run in runs if run.region == region), max)
        rows[region or "no region"] = [None if one is None else STATUSES[int(one)] for one in ranks]
    return rows or {"no region": [None] * len(axis)}


def _figure(title: str, drawings: str, legend: str) -> str:
    full = ' class="full"' if title in ("Status of runs", "Events forwarded") else ""
    return f"<figure{full}><figcaption><h2>{title}</h2>{legend}</figcaption>{drawings}</figure>"


def _status_legend() -> str:
    shown = (f'<li><i class="{name}"></i>{text}</li>' for name, text in zip((*STATUSES, "none"), (*STATUSES, "no run"), strict=True))
    return f"<ul>{''.join(shown)}</ul>"


def _legend(regions: Mapping[str, str]) -> str:
    shown = (f'<li><i class="s{n}"></i>{safe(name)} {number}</li>' for n, (name, number) in enumerate(regions.items()))
    return f"<ul>{''.join(shown)}</ul>"

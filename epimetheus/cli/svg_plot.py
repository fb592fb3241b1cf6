"""Time plots as SVG without colors (the page styles their classes), with the buckets, ticks, and units they use.

Texts are in UTC. A text that starts with a time has it in ``data-t`` as well, in seconds since the epoch, so that a script can replace it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from itertools import pairwise
from math import ceil, floor, log10
from statistics import median

from epimetheus.render.sanitize import terminal_safe

Values = Sequence[float | None]
"""One value per bucket of an `Axis`; None for an empty bucket."""

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
_WIDTHS = (60, 120, 300, 600, 900, 1800, _HOUR, 2 * _HOUR, 3 * _HOUR, 6 * _HOUR, 12 * _HOUR, _DAY, 7 * _DAY)
_STEPS = (300, 600, 1800, _HOUR, 2 * _HOUR, 3 * _HOUR, 6 * _HOUR, 12 * _HOUR, _DAY, 2 * _DAY, 7 * _DAY, 28 * _DAY, 91 * _DAY)
_UNITS = (("s", 1, 180), ("min", _MINUTE, 180 * _MINUTE), ("h", _HOUR, 72 * _HOUR), ("d", _DAY, float("inf")))
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 14, 24, 24
_BAR_SHARE = 0.87  # of the bucket's width; the rest is a gap
_ROW, _ROW_BAR = 42, 18  # heights of a row in `strip` and `small_bars`, and of its bars
_MAX_LABEL = 32  # characters
_CELL_HEIGHTS = {"skipped": 5, "ok": 10, "partial": 14}  # the status is visible without its color


@dataclass(frozen=True)
class Axis:
    """Time in buckets of ``width`` seconds. ``start`` and ``end`` are multiples of it, in seconds since the epoch."""

    start: int
    end: int
    width: int

    @classmethod
    def over(cls, start: int, end: int, max_buckets: int) -> "Axis":
        """The axis that covers a period in at most ``max_buckets`` buckets of a round width (or in weeks, if those are more)."""
        width = next((one for one in _WIDTHS if -(-end // one) - start // one <= max_buckets), _WIDTHS[-1])
        return cls(start // width * width, -(-end // width) * width, width)

    def __len__(self) -> int:
        return (self.end - self.start) // self.width

    def merge(self, points: Iterable[tuple[float | None, float | None]], combine: Callable[[list[float]], float]) -> list[float | None]:
        """The result of ``combine`` for the values in each bucket. ``points`` are (time, value); points with a None are ignored."""
        buckets: list[list[float]] = [[] for _ in range(len(self))]
        for time, value in points:
            if time is not None and value is not None and self.start <= time < self.end:
                buckets[int(time - self.start) // self.width].append(value)
        return [combine(bucket) if bucket else None for bucket in buckets]

    def ticks(self, max_ticks: int) -> list[int]:
        """At most ``max_ticks`` round times on the axis, without its ends."""
        step = next((one for one in _STEPS if (self.end - self.start) / one <= max_ticks), _STEPS[-1])
        return list(range(-(-(self.start + 1) // step) * step, self.end, step))


def plot(axis: Axis, series: Mapping[str, Values], *, size: tuple[int, int], unit: str, bars: bool, title: str) -> str:
    """A plot of ``series`` as stacked bars or as lines. ``size`` is (width, height) in pixels; ``unit`` labels the value axis."""
    width, height = size
    top = max([0.0, *(_tops(series.values()) if bars else _known(series.values()))])
    steps = value_ticks(top, whole=bars)
    scale = (height - _TOP - _BOTTOM) / steps[-1]
    across = (width - _LEFT - _RIGHT) / len(axis)
    parts = [_frame(axis, steps, size, scale, unit)]
    if bars:
        parts += _stacks(axis, series, across, height - _BOTTOM, scale)
    else:
        parts += [_line(axis, n, name, values, across, height - _BOTTOM, scale) for n, (name, values) in enumerate(series.items())]
    if not list(_known(series.values())):
        parts.append(f'<text x="{(width + _LEFT) / 2:.0f}" y="{height / 2:.0f}" text-anchor="middle">no data</text>')
    return _svg(size, parts, title)


def strip(axis: Axis, rows: Mapping[str, Sequence[str | None]], *, width: int, title: str) -> str:
    """A row per name with a cell per bucket; the class of a cell is its status, or ``none``."""
    across = (width - _RIGHT) / len(axis)
    parts = []
    for row, (name, cells) in enumerate(rows.items()):
        parts.append(f'<text x="0" y="{row * _ROW + 12}">{_label(name)}</text>')
        for n, cell in enumerate(cells):
            height = _CELL_HEIGHTS.get(cell or "ok", _ROW_BAR)
            parts.append(_cell(n, row, across, height, f'class="{safe(cell or "none")}"', _moment(axis, n, f"{name}: {cell or 'no run'}")))
    return _rows(axis, parts, len(rows), width, title)


def small_bars(axis: Axis, series: Mapping[str, Values], *, width: int, unit: str, title: str) -> str:
    """A row of bars per name, all on one scale. ``unit`` labels the total and the maximum of each row."""
    across = (width - _RIGHT) / len(axis)
    top = max(_known(series.values()), default=0) or 1
    parts = []
    for row, (name, values) in enumerate(series.items()):
        known = [value for value in values if value is not None]
        total = f"{count(sum(known))}, at most {count(max(known, default=0))} {unit}"
        parts.append(f'<text x="0" y="{row * _ROW + 12}"><tspan class="day">{_label(name)}</tspan> {safe(total)}</text>')
        for n, value in enumerate(values):
            if value:
                height = max(1.0, value / top * _ROW_BAR)
                parts.append(_cell(n, row, across, height, 'class="filtered"', _moment(axis, n, f"{count(value)} {name}")))
    if not series:
        parts.append(f'<text x="{width / 2:.0f}" y="20" text-anchor="middle">no data</text>')
    return _rows(axis, parts, max(1, len(series)), width, title)


def value_ticks(top: float, *, whole: bool = True) -> list[float]:
    """Round values from 0 to at least ``top``, in at most four steps. ``whole``: integers only, for counts."""
    rough = top / 4 if top > 0.001 else 0.25
    power = 10.0 ** floor(log10(rough))
    step = next(n * power for n in (1, 2, 5, 10) if n * power >= rough)
    step = max(step, 1.0) if whole else step
    return [round(n * step, 6) for n in range(max(1, ceil(top / step)) + 1)]


def unit_of(top: float) -> tuple[str, int]:
    """The unit that suits ``top`` seconds, and its length in seconds."""
    return next((name, seconds) for name, seconds, below in _UNITS if top < below)


def span(seconds: float | None) -> str:
    """``1.5 s``, ``12 min``, ``3.5 h``, ``2.0 d``; empty for None."""
    if seconds is None:
        return ""
    name, unit = unit_of(seconds)
    value = seconds / unit
    return f"{value:.1f} {name}" if value != int(value) and value < 10 else f"{value:.0f} {name}"


def count(value: float | None) -> str:
    """``12,345``; empty for None."""
    return "" if value is None else f"{value:,.0f}" if value == int(value) else f"{value:,.1f}"


def at(time: float) -> str:
    """``24 Nov 10:05``, UTC."""
    moment = datetime.fromtimestamp(time, UTC)
    return f"{moment.day} {moment:%b %H:%M}"


def safe(text: str) -> str:
    """Untrusted text, escaped for an element or a double-quoted attribute."""
    return escape(terminal_safe(text))


def _frame(axis: Axis, steps: Sequence[float], size: tuple[int, int], scale: float, unit: str) -> str:
    """Grid lines and labels of both axes."""
    width, height = size
    parts = []
    for step in steps:
        y = height - _BOTTOM - step * scale
        parts.append(f'<line class="{"axis" if step == 0 else "grid"}" x1="{_LEFT}" y1="{y:.1f}" x2="{width - _RIGHT}" y2="{y:.1f}"/>')
        parts.append(f'<text x="{_LEFT - 7}" y="{y + 4:.1f}" text-anchor="end">{_short(step)}</text>')
    across = (width - _LEFT - _RIGHT) / len(axis)
    parts += [_time_tick(axis, tick, _LEFT, across, height - _BOTTOM) for tick in axis.ticks(width // 90)]
    labels = f'<text class="unit" x="4" y="11">{safe(unit)}</text><text class="zone" x="4" y="{height - 8}">UTC</text>'
    return "".join(parts) + labels


def _time_tick(axis: Axis, tick: int, left: float, across: float, bottom: float) -> str:
    x = left + (tick - axis.start) / axis.width * across
    label = at(tick)[:-6] if tick % _DAY == 0 else at(tick)[-5:]
    kind = ' class="day"' if tick % _DAY == 0 else ""
    time = f' data-t="{tick}"'
    mark = f'<line class="axis" x1="{x:.1f}" y1="{bottom:.1f}" x2="{x:.1f}" y2="{bottom + 4:.1f}"/>'
    return f'{mark}<text{kind}{time} x="{x:.1f}" y="{bottom + 16:.1f}" text-anchor="middle">{label}</text>'


def _stacks(axis: Axis, series: Mapping[str, Values], across: float, bottom: float, scale: float) -> list[str]:
    parts = []
    for n in range(len(axis)):
        here = [(number, name, values[n] or 0) for number, (name, values) in enumerate(series.items()) if values[n]]
        title = ", ".join(f"{count(value)} {name}".strip() for _, name, value in here)
        y, rects = bottom, []
        for number, _, value in here:
            y -= value * scale
            position = f'x="{_LEFT + n * across:.1f}" y="{y:.1f}" width="{across * _BAR_SHARE:.1f}" height="{value * scale:.1f}"'
            rects.append(f'<rect class="s{number}" {position}/>')
        if rects:
            parts.append(f"<g>{_moment(axis, n, title)}{''.join(rects)}</g>")
    return parts


def _line(axis: Axis, number: int, name: str, values: Values, across: float, bottom: float, scale: float) -> str:
    """A line through the values, broken at gaps longer than three times the median gap."""
    points = [(n, value) for n, value in enumerate(values) if value is not None]
    typical = median([after[0] - before[0] for before, after in pairwise(points)] or [1])
    drawn = ""
    for n, (index, value) in enumerate(points):
        far = n == 0 or index - points[n - 1][0] > 3 * typical
        drawn += f"{'M' if far else 'L'}{_LEFT + (index + 0.5) * across:.1f} {bottom - value * scale:.1f}" + ("h0.1" if far else "")
    return f'<path class="line t{number}" d="{drawn}"><title>{safe(name)}</title></path>' if drawn else ""


def _tops(series: Iterable[Values]) -> Iterable[float]:
    return (sum(value or 0 for value in column) for column in zip(*series, strict=True))


def _known(series: Iterable[Values]) -> Iterable[float]:
    return (value for values in series for value in values if value is not None)


def _short(value: float) -> str:
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= 10 * size or (value >= size and value % (size / 10) == 0):
            return f"{value / size:g}{letter}"
    return f"{value:g}"


def _label(name: str) -> str:
    """The name of a row, short enough for a narrow drawing."""
    return safe(name if len(name) <= _MAX_LABEL else f"{name[: _MAX_LABEL - 1]}…")


def _cell(n: int, row: int, across: float, height: float, attributes: str, title: str) -> str:
    """A bar of the ``n``-th bucket that stands on the base of its row."""
    y = row * _ROW + _ROW - 2 - height
    position = f'x="{n * across:.1f}" y="{y:.1f}" width="{across * _BAR_SHARE:.1f}" height="{height:.1f}"'
    return f"<rect {attributes} {position}>{title}</rect>"


def _rows(axis: Axis, parts: list[str], rows: int, width: int, title: str) -> str:
    """The drawing of ``rows`` rows with the time axis below them."""
    across, bottom = (width - _RIGHT) / len(axis), rows * _ROW + 2
    ticks = [_time_tick(axis, tick, 0, across, bottom) for tick in axis.ticks(width // 90)]
    return _svg((width, bottom + 20), [*parts, *ticks], title)


def _moment(axis: Axis, n: int, text: str) -> str:
    """The tooltip of the ``n``-th bucket."""
    start = axis.start + n * axis.width
    return f'<title data-t="{start}">{at(start)} UTC: {safe(text)}</title>'


def _svg(size: tuple[int, int], parts: Iterable[str], title: str) -> str:
    return f'<svg viewBox="0 0 {size[0]} {size[1]}" role="img" aria-label="{safe(title)}">{"".join(parts)}</svg>'

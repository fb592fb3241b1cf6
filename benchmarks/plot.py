"""Renders growth as SVG: CPU and memory over the number of events or compartments, with fitted lines. No I/O.

The axes of the number and of CPU are logarithmic. The axis of memory is linear, because most memory is used from the start.
"""

from collections.abc import Callable, Sequence
from math import ceil, floor, log10

from benchmarks.growth import Line, Points, line
from epimetheus.cli.svg_plot import value_ticks

_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 440, 300, 58, 36, 34, 42
_STEPS = 60  # of a fitted line, which is a curve on logarithmic axes
_STYLE = (
    "text{font:12px system-ui,sans-serif;fill:#57606a}.title{font-weight:600;fill:#1f2328}.grid{stroke:#d8dee4}.axis{stroke:#8c959f}"
    ".fit{fill:none;stroke:#8c959f;stroke-width:1.5;stroke-dasharray:5 4}.point{fill:#0969da}"
)


def growth(points: Points, what: str) -> str:
    """Returns two plots side by side: CPU and peak memory of a call over the number of ``what``."""
    numbers = [float(number) for number, _, _ in points]
    cpu, peak = [cpu for _, cpu, _ in points], [bytes_ / 1e6 for _, _, bytes_ in points]
    label = f"{what} in one call"
    panels = [
        _Panel(numbers, cpu, 0, label, _Logarithmic(cpu)).render("CPU, s", lambda fit: f"{fit.base:.2f} s + {fit.each * 1e6:,.1f} µs × n"),
        _Panel(numbers, peak, _WIDTH, label, _Linear(peak)).render("peak memory, MB", _bytes),
    ]
    size = f'viewBox="0 0 {2 * _WIDTH} {_HEIGHT}" width="{2 * _WIDTH}" height="{_HEIGHT}"'
    background = f'<style>{_STYLE}</style><rect width="{2 * _WIDTH}" height="{_HEIGHT}" fill="#fff"/>'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">{background}{"".join(panels)}</svg>\n'


def _bytes(fit: Line) -> str:
    return f"{fit.base:.0f} MB + {fit.each * 1e6:,.0f} bytes × n"


class _Logarithmic:
    """A scale with powers of ten around its values, from 0.01."""

    def __init__(self, values: Sequence[float]) -> None:
        self._low = floor(log10(max(min(values), 0.01)))
        self._high = max(ceil(log10(max(*values, 0.01))), self._low + 1)
        self.ticks: list[float] = [10.0**power for power in range(self._low, self._high + 1)]

    def part(self, value: float) -> float:
        """Returns the position of a value, from 0 to 1."""
        return (log10(max(value, self.ticks[0])) - self._low) / (self._high - self._low)


class _Linear:
    """A linear scale from 0."""

    def __init__(self, values: Sequence[float]) -> None:
        self.ticks = value_ticks(max(values))

    def part(self, value: float) -> float:
        """Returns the position of a value, from 0 to 1."""
        return value / self.ticks[-1]


class _Panel:
    """One plot, ``left`` pixels from the left edge. ``y_scale``: the scale of its values."""

    def __init__(
        self, numbers: Sequence[float], values: Sequence[float], left: float, label: str, y_scale: _Logarithmic | _Linear
    ) -> None:
        self._numbers, self._values, self._label = numbers, values, label
        self._left = left
        self._x_scale, self._y_scale = _Logarithmic(numbers), y_scale

    def render(self, title: str, equation: Callable[[Line], str]) -> str:
        """Returns axes, points, and the fitted line with its equation."""
        fit = line(self._numbers, self._values)
        dots = "".join(self._dot(number, value) for number, value in zip(self._numbers, self._values, strict=True))
        heading = f'<text class="title" x="{self._left + _LEFT}" y="18">{title}</text>'
        fitted = f'<text x="{self._left + _WIDTH - _RIGHT}" y="18" text-anchor="end">{equation(fit)}</text>'
        return f"{self._axes()}{heading}{fitted}{self._curve(fit)}{dots}"

    def _dot(self, number: float, value: float) -> str:
        place = f'cx="{self._x(number):.1f}" cy="{self._y(value):.1f}"'
        return f'<circle class="point" {place} r="4"><title>{number:,.0f}: {value:,.2f}</title></circle>'

    def _axes(self) -> str:
        left, right, bottom = self._left + _LEFT, self._left + _WIDTH - _RIGHT, _HEIGHT - _BOTTOM
        parts = [f'<text x="{(left + right) / 2:.0f}" y="{_HEIGHT - 6}" text-anchor="middle">{self._label}</text>']
        for tick in self._x_scale.ticks:
            x = self._x(tick)
            parts.append(f'<line class="grid" x1="{x:.1f}" y1="{_TOP}" x2="{x:.1f}" y2="{bottom}"/>')
            parts.append(f'<text x="{x:.1f}" y="{bottom + 17}" text-anchor="middle">{tick:,.0f}</text>')
        for tick in self._y_scale.ticks:
            y = self._y(tick)
            parts.append(f'<line class="grid" x1="{left}" y1="{y:.1f}" x2="{right}" y2="{y:.1f}"/>')
            parts.append(f'<text x="{left - 7}" y="{y + 4:.1f}" text-anchor="end">{tick:,g}</text>')
        return "".join(parts) + f'<path class="axis" fill="none" d="M{left} {_TOP}V{bottom}H{right}"/>'

    def _curve(self, fit: Line) -> str:
        low, high = log10(self._numbers[0]), log10(self._numbers[-1])
        numbers = [10 ** (low + (high - low) * step / _STEPS) for step in range(_STEPS + 1)]
        points = [f"{self._x(number):.1f} {self._y(value):.1f}" for number in numbers if (value := fit.at(number)) > 0]
        return f'<path class="fit" d="M{"L".join(points)}"/>'

    def _x(self, number: float) -> float:
        return self._left + _LEFT + self._x_scale.part(number) * (_WIDTH - _LEFT - _RIGHT)

    def _y(self, value: float) -> float:
        return _HEIGHT - _BOTTOM - self._y_scale.part(value) * (_HEIGHT - _TOP - _BOTTOM)

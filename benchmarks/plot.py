"""Growth as SVG: CPU and memory against how many, each with the straight line nearest to its points. Pure.

How many is told on a logarithmic axis, and so is CPU; memory, of which most is there from the start, on a plain one.
"""

from collections.abc import Callable, Sequence
from math import ceil, floor, log10

from benchmarks.growth import Line, Points, line
from epimetheus.cli.svg_plot import value_ticks

_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 440, 300, 58, 36, 34, 42
_STEPS = 60  # of a drawn line, which is a curve on these axes
_STYLE = (
    "text{font:12px system-ui,sans-serif;fill:#57606a}.title{font-weight:600;fill:#1f2328}.grid{stroke:#d8dee4}.axis{stroke:#8c959f}"
    ".fit{fill:none;stroke:#8c959f;stroke-width:1.5;stroke-dasharray:5 4}.point{fill:#0969da}"
)


def growth(points: Points, what: str) -> str:
    """Two plots side by side: CPU of a call, and the most memory its process had, against the number of ``what``."""
    numbers = [float(number) for number, _, _ in points]
    cpu, peak = [cpu for _, cpu, _ in points], [bytes_ / 1e6 for _, _, bytes_ in points]
    below = f"{what} in one call"
    panels = [
        _Panel(numbers, cpu, 0, below, _Logarithmic(cpu)).drawn("CPU, s", lambda fit: f"{fit.base:.2f} s + {fit.each * 1e6:,.1f} µs × n"),
        _Panel(numbers, peak, _WIDTH, below, _Plain(peak)).drawn("peak memory, MB", _bytes),
    ]
    size = f'viewBox="0 0 {2 * _WIDTH} {_HEIGHT}" width="{2 * _WIDTH}" height="{_HEIGHT}"'
    ground = f'<style>{_STYLE}</style><rect width="{2 * _WIDTH}" height="{_HEIGHT}" fill="#fff"/>'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">{ground}{"".join(panels)}</svg>\n'


def _bytes(fit: Line) -> str:
    return f"{fit.base:.0f} MB + {fit.each * 1e6:,.0f} bytes × n"


class _Logarithmic:
    """A scale in powers of ten, from the one before its values to the one after; nothing is less than a hundredth."""

    def __init__(self, values: Sequence[float]) -> None:
        self._low = floor(log10(max(min(values), 0.01)))
        self._high = max(ceil(log10(max(*values, 0.01))), self._low + 1)
        self.ticks: list[float] = [10.0**power for power in range(self._low, self._high + 1)]

    def part(self, value: float) -> float:
        """Where it is, from 0 to 1."""
        return (log10(max(value, self.ticks[0])) - self._low) / (self._high - self._low)


class _Plain:
    """A scale from 0 on."""

    def __init__(self, values: Sequence[float]) -> None:
        self.ticks = value_ticks(max(values))

    def part(self, value: float) -> float:
        """As of `_Logarithmic`."""
        return value / self.ticks[-1]


class _Panel:
    """One plot, ``left`` pixels from the left edge; ``upwards`` is the scale of its values."""

    def __init__(
        self, numbers: Sequence[float], values: Sequence[float], left: float, below: str, upwards: _Logarithmic | _Plain
    ) -> None:
        self._numbers, self._values, self._below = numbers, values, below
        self._left = left
        self._along, self._upwards = _Logarithmic(numbers), upwards

    def drawn(self, title: str, told: Callable[[Line], str]) -> str:
        """Axes, points, and the line with what it is."""
        fit = line(self._numbers, self._values)
        dots = "".join(self._dot(number, value) for number, value in zip(self._numbers, self._values, strict=True))
        heading = f'<text class="title" x="{self._left + _LEFT}" y="18">{title}</text>'
        fitted = f'<text x="{self._left + _WIDTH - _RIGHT}" y="18" text-anchor="end">{told(fit)}</text>'
        return f"{self._axes()}{heading}{fitted}{self._curve(fit)}{dots}"

    def _dot(self, number: float, value: float) -> str:
        place = f'cx="{self._x(number):.1f}" cy="{self._y(value):.1f}"'
        return f'<circle class="point" {place} r="4"><title>{number:,.0f}: {value:,.2f}</title></circle>'

    def _axes(self) -> str:
        left, right, bottom = self._left + _LEFT, self._left + _WIDTH - _RIGHT, _HEIGHT - _BOTTOM
        parts = [f'<text x="{(left + right) / 2:.0f}" y="{_HEIGHT - 6}" text-anchor="middle">{self._below}</text>']
        for tick in self._along.ticks:
            x = self._x(tick)
            parts.append(f'<line class="grid" x1="{x:.1f}" y1="{_TOP}" x2="{x:.1f}" y2="{bottom}"/>')
            parts.append(f'<text x="{x:.1f}" y="{bottom + 17}" text-anchor="middle">{tick:,.0f}</text>')
        for tick in self._upwards.ticks:
            y = self._y(tick)
            parts.append(f'<line class="grid" x1="{left}" y1="{y:.1f}" x2="{right}" y2="{y:.1f}"/>')
            parts.append(f'<text x="{left - 7}" y="{y + 4:.1f}" text-anchor="end">{tick:,g}</text>')
        return "".join(parts) + f'<path class="axis" fill="none" d="M{left} {_TOP}V{bottom}H{right}"/>'

    def _curve(self, fit: Line) -> str:
        low, high = log10(self._numbers[0]), log10(self._numbers[-1])
        along = [10 ** (low + (high - low) * step / _STEPS) for step in range(_STEPS + 1)]
        places = [f"{self._x(number):.1f} {self._y(value):.1f}" for number in along if (value := fit.at(number)) > 0]
        return f'<path class="fit" d="M{"L".join(places)}"/>'

    def _x(self, number: float) -> float:
        return self._left + _LEFT + self._along.part(number) * (_WIDTH - _LEFT - _RIGHT)

    def _y(self, value: float) -> float:
        return _HEIGHT - _BOTTOM - self._upwards.part(value) * (_HEIGHT - _TOP - _BOTTOM)

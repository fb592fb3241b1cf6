"""How a call grows with events, and with compartments that have none: CPU and memory of the function's process."""

from collections.abc import Sequence
from typing import NamedTuple

from benchmarks.bench import Bench
from benchmarks.figures import Figure

Points = list[tuple[int, float, int]]
"""How many, seconds of CPU, bytes at the peak."""


class Line(NamedTuple):
    """``base + each × n``."""

    base: float
    each: float

    def at(self, number: float) -> float:
        """The value there."""
        return self.base + self.each * number


def events(bench: Bench) -> Points:
    """Calls over ever more events of some compartments, of as many hours."""
    return [(count, *_taken(bench, count, bench.sizes.places, bench.sizes.hours)) for count in bench.sizes.growth_events]


def compartments(bench: Bench) -> Points:
    """Calls over ever more compartments."""
    return [(count, *_taken(bench, 0, count, 1)) for count in bench.sizes.growth_compartments]


def line(numbers: Sequence[float], values: Sequence[float]) -> Line:
    """The straight line nearest to the points, each weighed by its own size: small ones count as much as large ones."""
    weights = [1 / value**2 if value else 0.0 for value in values]
    total = sum(weights) or 1.0
    mean_n = sum(w * n for w, n in zip(weights, numbers, strict=True)) / total
    mean_v = sum(w * v for w, v in zip(weights, values, strict=True)) / total
    spread = sum(w * (n - mean_n) ** 2 for w, n in zip(weights, numbers, strict=True))
    each = sum(w * (n - mean_n) * (v - mean_v) for w, n, v in zip(weights, numbers, values, strict=True)) / (spread or 1.0)
    return Line(mean_v - each * mean_n, each)


def figures(what: str, points: Points) -> list[Figure]:
    """What one more costs, and how far the points are from a straight line."""
    numbers = [float(number) for number, _, _ in points]
    cpu, peak = [cpu for _, cpu, _ in points], [float(peak) for _, _, peak in points]
    return [
        *_told(what, "CPU", numbers, cpu, scale=1e6, unit="µs"),
        *_told(what, "memory", numbers, peak, scale=1.0, unit="bytes"),
    ]


def _told(what: str, kind: str, numbers: Sequence[float], values: Sequence[float], *, scale: float, unit: str) -> list[Figure]:
    fitted = line(numbers, values)
    off = max(abs(value / fitted.at(number) - 1) for number, value in zip(numbers, values, strict=True)) * 100
    name = f"growth: {kind} for one more {what}"
    return [Figure("growth", name, fitted.each * scale, unit, note=f"the points deviate by at most {off:.0f}% from the straight line")]


def _taken(bench: Bench, events: int, compartments: int, hours: int) -> tuple[float, int]:
    called, _ = bench.once(events, compartments, hours)
    return called.cpu, called.peak

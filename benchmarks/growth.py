"""CPU and memory of a call as functions of the number of events, and of the number of compartments without events."""

from collections.abc import Sequence
from typing import NamedTuple

from benchmarks.bench import Bench
from benchmarks.figures import Figure

Points = list[tuple[int, float, int]]
"""Points: number, CPU seconds, peak bytes."""


class Line(NamedTuple):
    """The line ``base + each × n``."""

    base: float
    each: float

    def at(self, number: float) -> float:
        """Returns the value at ``number``."""
        return self.base + self.each * number


def events(bench: Bench) -> Points:
    """Measures calls with increasing numbers of events."""
    return [(count, *_costs(bench, count, bench.sizes.places, bench.sizes.hours)) for count in bench.sizes.growth_events]


def compartments(bench: Bench) -> Points:
    """Measures calls with increasing numbers of compartments."""
    return [(count, *_costs(bench, 0, count, 1)) for count in bench.sizes.growth_compartments]


def line(numbers: Sequence[float], values: Sequence[float]) -> Line:
    """Fits a line by weighted least squares of the relative errors, so that small and large values count equally."""
    weights = [1 / value**2 if value else 0.0 for value in values]
    total = sum(weights) or 1.0
    mean_n = sum(w * n for w, n in zip(weights, numbers, strict=True)) / total
    mean_v = sum(w * v for w, v in zip(weights, values, strict=True)) / total
    spread = sum(w * (n - mean_n) ** 2 for w, n in zip(weights, numbers, strict=True))
    each = sum(w * (n - mean_n) * (v - mean_v) for w, n, v in zip(weights, numbers, values, strict=True)) / (spread or 1.0)
    return Line(mean_v - each * mean_n, each)


def figures(what: str, points: Points) -> list[Figure]:
    """Returns the cost of an additional event or compartment, and the maximum deviation from the line."""
    numbers = [float(number) for number, _, _ in points]
    cpu, peak = [cpu for _, cpu, _ in points], [float(peak) for _, _, peak in points]
    return [
        *_figure(what, "CPU", numbers, cpu, scale=1e6, unit="µs"),
        *_figure(what, "memory", numbers, peak, scale=1.0, unit="bytes"),
    ]


def _figure(what: str, kind: str, numbers: Sequence[float], values: Sequence[float], *, scale: float, unit: str) -> list[Figure]:
    fitted = line(numbers, values)
    deviation = max(abs(value / fitted.at(number) - 1) for number, value in zip(numbers, values, strict=True)) * 100
    name = f"growth: {kind} per additional {what}"
    return [Figure("growth", name, fitted.each * scale, unit, note=f"the points deviate from the line by at most {deviation:.0f} %")]


def _costs(bench: Bench, events: int, compartments: int, hours: int) -> tuple[float, int]:
    call, _ = bench.cached_call(events, compartments, hours)
    return call.cpu, call.peak

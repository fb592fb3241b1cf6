"""Measured figures with their goals, as a table and in JSON."""

import json
import os
import platform
import ssl
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

FILE = Path(__file__).parents[1] / "build" / "bench.json"


@dataclass(frozen=True)
class Figure:
    """One measured value. ``goal``: the maximum, with ``least`` the minimum, or None."""

    row: str
    what: str
    value: float
    unit: str
    goal: float | None = None
    least: bool = False
    note: str = ""

    @property
    def holds(self) -> bool | None:
        """True if the goal is met; None without a goal."""
        if self.goal is None:
            return None
        return self.value >= self.goal if self.least else self.value <= self.goal


@dataclass
class Results:
    """Results of one ``make bench``. ``growth``: events or compartments → points (number, CPU seconds, peak bytes)."""

    made: str
    machine: dict[str, Any]
    sizes: dict[str, Any]
    figures: list[Figure] = field(default_factory=list)
    growth: dict[str, list[tuple[int, float, int]]] = field(default_factory=dict)

    def write(self, path: Path) -> None:
        """Writes the results as JSON."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(asdict(self), indent=1) + "\n", "utf-8")

    @classmethod
    def read(cls, path: Path) -> "Results":
        """Reads results that `write` wrote."""
        raw = json.loads(path.read_text("utf-8"))
        growth = {what: [(int(n), float(cpu), int(peak)) for n, cpu, peak in points] for what, points in raw["growth"].items()}
        sizes = {name: tuple(size) if isinstance(size, list) else size for name, size in raw["sizes"].items()}
        figures = [Figure(**figure) for figure in raw["figures"]]
        return cls(**{**raw, "sizes": sizes, "figures": figures, "growth": growth})


def machine() -> dict[str, Any]:
    """Returns the properties and the load of this machine."""
    models = [line.partition(":")[2].strip() for line in _cpuinfo() if line.startswith("model name")]
    return {
        "cpu": models[0] if models else platform.machine(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "openssl": ssl.OPENSSL_VERSION,
        "kernel": platform.release(),
        "load": [round(load, 2) for load in os.getloadavg()],
    }


def now() -> str:
    """Returns the date and time in UTC, to the minute."""
    return datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")


def table(figures: Sequence[Figure]) -> list[str]:
    """Returns the lines of a Markdown table with aligned columns."""
    rows = [("what", "goal", "figure", "", "note")]
    rows += [(one.what, goal_text(one), shown(one.value, one.unit), _verdict(one), one.note) for one in figures]
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    lines = ["| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in rows]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return lines


def shown(value: float, unit: str) -> str:
    """Formats a value like ``12.3 µs``, with three significant digits or all digits of its integer part."""
    digits = 0 if value >= 100 or value == int(value) else 1 if value >= 10 else 2
    return f"{value:,.{digits}f} {unit}".strip()


def goal_text(one: Figure) -> str:
    """Formats a goal like ``≤ 15 µs``."""
    return "" if one.goal is None else f"{'≥' if one.least else '≤'} {shown(one.goal, one.unit)}"


def _verdict(one: Figure) -> str:
    return {True: "met", False: "missed", None: ""}[one.holds]


def _cpuinfo() -> list[str]:
    path = Path("/proc/cpuinfo")
    return path.read_text("utf-8").splitlines() if path.exists() else []

"""How much is measured: the sizes of issue 7, each to be changed by BENCH_<NAME> in the environment, lists comma-separated."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any


@dataclass(frozen=True)
class Sizes:
    """``repeats``, and ``turns`` within one process: the least of so many counts. ``events`` lie in ``places``.

    ``some`` and ``many`` events are those of so many ``hours`` without a run, as INITIAL_LOOKBACK_HOURS has them by default.

    ``behind_hours``: how far one compartment is behind in the row of that name.

    ``latency`` and ``slow`` (of the API that throttles) are seconds an answer, ``rate`` (allowed) and ``asked`` requests a second.
    """

    events: int = 200_000
    page: int = 1_000
    places: int = 20
    repeats: int = 3
    turns: int = 5
    some: int = 100_000
    many: int = 1_000_000
    hours: int = 24
    behind_hours: int = 168
    compartments: int = 1_000
    latency: float = 0.05
    concurrency: int = 16
    listed: int = 10_000
    keys: int = 1_000_000
    rate: int = 50
    polled: int = 1_000
    slow: float = 0.02
    throttled: int = 2_000
    growth_events: tuple[int, ...] = (1_000, 10_000, 100_000, 300_000, 1_000_000)
    growth_compartments: tuple[int, ...] = (10, 100, 1_000, 10_000)

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> "Sizes":
        """The sizes, with what the environment changes. Raises ValueError for what is no number."""
        given = {field.name: environment.get(f"BENCH_{field.name.upper()}") for field in fields(cls)}
        sizes = cls()
        return replace(sizes, **{name: _like(getattr(sizes, name), text) for name, text in given.items() if text})


def _like(default: object, text: str) -> Any:
    if isinstance(default, tuple):
        return tuple(int(part) for part in text.split(","))
    return float(text) if isinstance(default, float) else int(text)

"""The sizes of the benchmarks. BENCH_<NAME> in the environment changes a size; lists are comma-separated."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any


@dataclass(frozen=True)
class Sizes:
    """The sizes of all rows.

    ``repeats``, and ``turns`` in one process: number of measurements, of which the minimum counts. ``places``: number of compartments of
    the ``events``. ``some`` and ``many``: events of ``hours`` without a run, by default as many as INITIAL_LOOKBACK_HOURS.
    ``behind_hours``: lag of the compartment in the row ``behind``. ``latency``, and ``slow`` for throttling: seconds per response.
    ``rule_pages``: pages of 1,000 events in the row ``rules``.
    ``busy_pages`` and ``busy_page``: pages of an hour of events, and events of a page, in the row ``busy``. ``rate``: limit of the
    throttling API in requests per second. ``request_rate``: API_REQUESTS_PER_SECOND of the run.
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
    busy_pages: int = 240
    busy_page: int = 100
    listed: int = 10_000
    keys: int = 1_000_000
    rate: int = 50
    request_rate: int = 1_000
    slow: float = 0.02
    throttled: int = 2_000
    rule_pages: int = 20
    growth_events: tuple[int, ...] = (1_000, 10_000, 100_000, 300_000, 1_000_000)
    growth_compartments: tuple[int, ...] = (10, 100, 1_000, 10_000)

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> "Sizes":
        """Returns the sizes with the changes from the environment. Raises ValueError if a value is not a number."""
        given = {field.name: environment.get(f"BENCH_{field.name.upper()}") for field in fields(cls)}
        sizes = cls()
        return replace(sizes, **{name: _like(getattr(sizes, name), text) for name, text in given.items() if text})


def _like(default: object, text: str) -> Any:
    if isinstance(default, tuple):
        return tuple(int(part) for part in text.split(","))
    return float(text) if isinstance(default, float) else int(text)

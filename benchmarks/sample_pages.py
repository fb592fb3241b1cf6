"""Writes the events of the pages (`benchmarks.pages`): of a tenancy that repeats itself, and of one where nothing repeats."""

import json
from pathlib import Path

from benchmarks.tenancy import Tenancy

PAGES = 20
BEGAN = 1_767_225_600.0
"""The first event, at the start of a day: the stand-in API inserts the dates."""
_INTERVAL = 0.2


def write(path: Path, tenancy: str, size: int, *, repeats: bool = True) -> None:
    """Writes the events of all pages of ``size`` events, one per line. ``repeats``: see `Tenancy`."""
    source = Tenancy(tenancy, repeats=repeats)
    with path.open("wb") as file:
        for number in range(PAGES * size):
            event = source.event(BEGAN + number * _INTERVAL, number // size)
            file.write(json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode() + b"\n")

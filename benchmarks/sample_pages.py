"""Writes the events of the pages (`benchmarks.pages`): of a tenancy that repeats itself, and of one where nothing repeats."""

import json
from pathlib import Path

from benchmarks import pages
from benchmarks.tenancy import Tenancy

PAGES = 20
BEGAN = 1_767_225_600.0
"""The first event, at the start of a day: the stand-in API inserts the dates."""
_INTERVAL = 0.2


def write(path: Path, tenancy: str, size: int, *, repeats: bool = True) -> None:
    """Writes all pages, with ``size`` events each. ``repeats``: see `Tenancy`."""
    source = Tenancy(tenancy, repeats=repeats)
    events = (source.event(BEGAN + number * _INTERVAL, number // size) for number in range(PAGES * size))
    pages.write(path, [json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode() for event in events], size)

"""Prepared pages of ListEvents: the stand-in API only inserts the number of each event into its IDs, and the date into its times.

`benchmarks.sample_pages` writes the events. Pages are sent again and again; the date is another one each time, so that times do not repeat.
"""

import pickle
import re
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

DIGITS = 12
MARK = b"~" * DIGITS
_MARKED = re.compile(b"(%b)|(2026-01-01(?=T))|(01 Jan 2026)" % MARK)
_FIRST = date(2026, 1, 1)

Offsets = tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]
"""Where an event has its number, dates like ``2026-01-01`` and dates like ``01 Jan 2026``."""


@dataclass(frozen=True)
class Template:
    """A page. ``offsets`` and ``ends``: of each event."""

    body: bytes
    offsets: tuple[Offsets, ...]
    ends: tuple[int, ...]

    def page(self, number: int, start: int, count: int, day: int = 0) -> bytearray:
        """Returns a page with ``count`` events from index ``start``, numbered from ``number``, on a day after the first."""
        page = bytearray(self.body)
        on = _FIRST + timedelta(day)
        iso, http = on.isoformat().encode(), on.strftime("%d %b %Y").encode()
        for event_number, (marks, iso_dates, http_dates) in enumerate(self.offsets[start : start + count], number):
            digits = b"%012x" % event_number
            for offset in marks:
                page[offset : offset + DIGITS] = digits
            for offset in iso_dates if day else ():
                page[offset : offset + len(iso)] = iso
            for offset in http_dates if day else ():
                page[offset : offset + len(http)] = http
        page[self.ends[start + count - 1] :] = b"]"
        if start:
            del page[1 : self.ends[start - 1] + 1]
        return page


def write(path: Path, lines: list[bytes], size: int) -> None:
    """Writes pages of ``size`` events; a line is an event. Finding the offsets takes seconds, so each reader does not repeat it."""
    path.write_bytes(pickle.dumps([_template(lines[at : at + size]) for at in range(0, len(lines), size)]))


def read(path: Path) -> list[Template]:
    """Reads the pages."""
    templates: list[Template] = pickle.loads(path.read_bytes())
    return templates


def _template(lines: list[bytes]) -> Template:
    offsets, ends, at = [], [], 1
    for line in lines:
        found = [(match.lastindex, at + match.start()) for match in _MARKED.finditer(line)]
        marks, iso, http = (tuple(offset for group, offset in found if group == kind) for kind in (1, 2, 3))
        offsets.append((marks, iso, http))
        ends.append(at + len(line))
        at = ends[-1] + 1
    return Template(b"[" + b",".join(lines) + b"]", tuple(offsets), tuple(ends))

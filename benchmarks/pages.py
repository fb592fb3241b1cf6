"""Prepared pages of ListEvents: the stand-in API only has to insert the number of each event into its IDs.

`benchmarks.sample_pages` writes the events. This module does not import their sampler: each of many API processes would load the SDK.
"""

import re
from dataclasses import dataclass
from pathlib import Path

DIGITS = 12
MARK = b"~" * DIGITS
_MARKED = re.compile(MARK)


@dataclass(frozen=True)
class Template:
    """A page. ``marks``: the offsets of the numbers of each event. ``ends``: the offset of the end of each event."""

    body: bytes
    marks: tuple[tuple[int, ...], ...]
    ends: tuple[int, ...]

    def page(self, number: int, start: int, count: int) -> bytearray:
        """Returns a page with ``count`` events from index ``start``, numbered from ``number``."""
        page = bytearray(self.body)
        for event_number, offsets in enumerate(self.marks[start : start + count], number):
            digits = b"%012x" % event_number
            for offset in offsets:
                page[offset : offset + DIGITS] = digits
        page[self.ends[start + count - 1] :] = b"]"
        if start:
            del page[1 : self.ends[start - 1] + 1]
        return page


def read(path: Path, size: int) -> list[Template]:
    """Reads the pages."""
    lines = path.read_bytes().splitlines()
    return [_template(lines[at : at + size]) for at in range(0, len(lines), size)]


def _template(lines: list[bytes]) -> Template:
    marks, ends, at = [], [], 1
    for line in lines:
        marks.append(tuple(at + found.start() for found in _MARKED.finditer(line)))
        ends.append(at + len(line))
        at = ends[-1] + 1
    return Template(b"[" + b",".join(lines) + b"]", tuple(marks), tuple(ends))

"""Prepared pages of ListEvents: the stand-in API only has to insert the number of each event into its IDs.

Events come from `epimetheus.testing.oci.samples` and have 1.8 kB on average. Authorization, which must be redacted, is their only header.
The IDs of event, request and resource are unique, so that deduplication and caches do not find them from earlier pages.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from epimetheus.testing.oci.samples import Sampler

PAGES = 20
DIGITS = 12
_MARK = b"~" * DIGITS
_MARKED = re.compile(_MARK)
_BEGAN = 1_767_225_600.0


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


def write(path: Path, tenancy: str, compartment: str, size: int) -> None:
    """Writes the events of all pages of ``size`` events, one per line."""
    sampler = Sampler(tenancy, compartment, "app", "bench")
    with path.open("wb") as file:
        for number in range(PAGES * size):
            file.write(_line(sampler.event(_BEGAN + number)) + b"\n")


def read(path: Path, size: int) -> list[Template]:
    """Reads the pages."""
    lines = path.read_bytes().splitlines()
    return [_template(lines[at : at + size]) for at in range(0, len(lines), size)]


def _line(event: dict[str, Any]) -> bytes:
    request, response = event["data"]["request"], event["data"]["response"]
    if request["headers"]:
        request["headers"] = {"Authorization": request["headers"]["Authorization"]}
    response["headers"] = None
    ids = [event["eventId"], event["data"]["resourceId"], *(request["id"] or "").split("/")]
    line = json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()
    for tail in {one[-DIGITS:].encode() for one in ids if one}:
        line = line.replace(tail, _MARK)
    return line


def _template(lines: list[bytes]) -> Template:
    marks, ends, at = [], [], 1
    for line in lines:
        marks.append(tuple(at + found.start() for found in _MARKED.finditer(line)))
        ends.append(at + len(line))
        at = ends[-1] + 1
    return Template(b"[" + b",".join(lines) + b"]", tuple(marks), tuple(ends))

"""Writes the events of the pages (`benchmarks.pages`).

Events come from `epimetheus.testing.oci.samples` and have 1.8 kB on average. Authorization, which must be redacted, is their only header.
The IDs of event, request and resource are unique, so that deduplication and caches do not find them from earlier pages.
"""

import json
from pathlib import Path
from typing import Any

from benchmarks.pages import DIGITS, MARK
from epimetheus.testing.oci.samples import Sampler

PAGES = 20
_BEGAN = 1_767_225_600.0


def write(path: Path, tenancy: str, compartment: str, size: int) -> None:
    """Writes the events of all pages of ``size`` events, one per line."""
    sampler = Sampler(tenancy, compartment, "app", "bench")
    with path.open("wb") as file:
        for number in range(PAGES * size):
            file.write(_line(sampler.event(_BEGAN + number)) + b"\n")


def _line(event: dict[str, Any]) -> bytes:
    request, response = event["data"]["request"], event["data"]["response"]
    if request["headers"]:
        request["headers"] = {"Authorization": request["headers"]["Authorization"]}
    response["headers"] = None
    ids = [event["eventId"], event["data"]["resourceId"], *(request["id"] or "").split("/")]
    line = json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()
    for tail in {one[-DIGITS:].encode() for one in ids if one}:
        line = line.replace(tail, MARK)
    return line

"""The marker file of the Go program that Epimetheus replaces: when its last poll of the audit events ended.

Its first version has one time for all regions; its newest has one for each region, too. Poll 0 is a file that the Go program's setup wrote.
"""

import math
from collections.abc import Collection
from pathlib import Path
from typing import Annotated, NamedTuple

from pydantic import Field

from epimetheus.cli.arguments import ArgumentError
from epimetheus.cli.times import Duration
from epimetheus.config.json_document import ARBITRARY_KEYS, Section, checked, read
from epimetheus.errors import ConfigError
from epimetheus.files import read_bounded
from epimetheus.model import RETENTION_DAYS, minute_text, time_text
from epimetheus.render.event_time import parse_event_time
from epimetheus.safe_text import HIDDEN, safe_value
from epimetheus.state.model import CLOCK_TOLERANCE_SECONDS

_MAX_BYTES = 1 << 20
_MAX_POLLS = 2**63 - 1
_MAX_SHOWN = 5  # regions
_KEYS = ("last_event_time", "poll_count")  # in every marker
_RETENTION = RETENTION_DAYS * 24 * 60  # minutes

_TIME = "a time with its zone, such as 2026-11-24T10:05:00.123456789+01:00"
_Time = Annotated[str, checked(lambda text: len(text) < 50 and parse_event_time(text) is not None, _TIME)]


class _RegionMarker(Section):
    last_event_time: _Time
    last_event_id: str = ""


class _MarkerFile(_RegionMarker):
    poll_count: Annotated[int, checked(lambda count: 0 <= count <= _MAX_POLLS, f"an integer from 0 to {_MAX_POLLS}")]
    region_markers: Annotated[dict[str, _RegionMarker], ARBITRARY_KEYS] = Field(default_factory=dict)


class GoMarker(NamedTuple):
    """The Go program finished its poll number ``polls`` of a region at ``stopped``, in seconds since the epoch."""

    stopped: float
    polls: int

    def minute(self, name: str, margin: Duration, now: float) -> int:
        """The minute ``margin`` before. ``now``: seconds since the epoch.

        Raises ArgumentError if the Go program cannot have stopped then, or if OCI Audit no longer has the events.
        """
        if self.stopped > now + CLOCK_TOLERANCE_SECONDS:
            times = f"{time_text(self.stopped)}; the current time is {time_text(now)}"
            raise ArgumentError(f"{name} is in the future: {times}. Check the clock of the Go program's host, and of this one")
        minute = int(self.stopped // 60) - math.ceil(margin / 60)
        if minute < now // 60 - _RETENTION:
            begins = f"begins more than {RETENTION_DAYS} days ago, at {minute_text(minute)}"
            raise ArgumentError(f"{name} {begins}; OCI Audit no longer has these events. Start without it, or reduce --margin")
        return minute


def read_marker(name: str, path: Path, region: str) -> GoMarker:
    """The marker of ``region`` in a file. ``name``: the option and its value, for errors. Raises ArgumentError."""
    try:
        file = read(_MarkerFile, name, _text(name, path))
    except ConfigError as error:
        if all(any(problem.endswith(f", {key}: this key is required") for problem in error.problems) for key in _KEYS):
            raise ArgumentError(f"{name}: it has neither {' nor '.join(_KEYS)}; use the marker of the Go program") from None
        raise ArgumentError(*error.problems) from None
    regions = {one.lower(): marker for one, marker in file.region_markers.items()}
    if regions and region not in regions:
        raise ArgumentError(f"{name} has no marker of region {region}: it has {_listed(regions)}")
    time = parse_event_time(regions.get(region, file).last_event_time)
    if time is None or time.millis <= 0 or not file.poll_count:
        raise ArgumentError(f"{name}: the Go program has not finished a poll with it; start without it")
    return GoMarker(time.millis / 1000, file.poll_count)


def _listed(regions: Collection[str]) -> str:
    shown = ", ".join(safe_value(one) or HIDDEN for one in sorted(regions)[:_MAX_SHOWN])
    return f"{shown} and {len(regions) - _MAX_SHOWN} more" if len(regions) > _MAX_SHOWN else shown


def _text(name: str, path: Path) -> str:
    try:
        data = read_bounded(path, _MAX_BYTES)
        if len(data) <= _MAX_BYTES:
            return data.decode()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise ArgumentError(f"{name}: the file could not be read: {reason}") from error
    limit = f"the file has more than {_MAX_BYTES:,} bytes, and a marker has a few hundred"
    raise ArgumentError(f"{name}: {limit}; use the marker of the Go program")

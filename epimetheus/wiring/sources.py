"""The sources of SOURCES, and the streams that each has.

A new source is one module in `epimetheus.source`, and one line in SOURCES here. Connector Hub is no source of runs: it pushes.
"""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple, Protocol

from epimetheus.clock import Deadline
from epimetheus.reports import Replayed, Report
from epimetheus.run.ports import RunObserver
from epimetheus.run.replay import ReplayRequest
from epimetheus.wiring.audit import region_streams, replayed_region_streams
from epimetheus.wiring.cloud_guard import cloud_guard_streams, replayed_cloud_guard_streams
from epimetheus.wiring.wiring import Wiring


class Stream(Protocol):
    """What one run reads, with a state, a lease, a ledger and a chain of seals of its own: of a region, or of a source without regions.

    ``name``: that of the region, or of the source. The report has it as ``region``.
    """

    @property
    def name(self) -> str: ...  # noqa: D102 - see above

    def run(self, run_id: str, deadline: Deadline, observer: RunObserver) -> Report:
        """Forward what is new. An error is part of the report."""
        ...

    def replay(self, run_id: str, deadline: Deadline, observer: RunObserver, request: ReplayRequest) -> Replayed:
        """Send a past window again. An error is part of the result; only RequestError is raised."""
        ...


class Source(NamedTuple):
    """``streams``: those of a run now. ``replayed``: those of a replay. Both may raise SourceError, CredentialsError."""

    streams: Callable[[Wiring], Sequence[Stream]]
    replayed: Callable[[Wiring, ReplayRequest], Sequence[Stream]]


SOURCES: Mapping[str, Source] = MappingProxyType({
    "audit": Source(region_streams, replayed_region_streams),
    "cloud_guard": Source(cloud_guard_streams, replayed_cloud_guard_streams),
})  # fmt: skip
"""Values of SOURCES."""


def streams(wiring: Wiring) -> list[Stream]:
    """What the settings select, in the order of SOURCES."""
    return [stream for name in wiring.settings.sources for stream in SOURCES[name].streams(wiring)]


def replayed_streams(wiring: Wiring, request: ReplayRequest) -> list[Stream]:
    """What a replay reads."""
    return [stream for name in wiring.settings.sources for stream in SOURCES[name].replayed(wiring, request)]

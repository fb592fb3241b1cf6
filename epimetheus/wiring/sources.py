"""The sources of SOURCES, and the streams that each has.

A new source is one module in `epimetheus.source`, and one line in SOURCES here. Connector Hub is no source of runs: it pushes.
"""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Protocol

from epimetheus.clock import Deadline
from epimetheus.reports import Replayed, Report
from epimetheus.run.ports import RunObserver
from epimetheus.run.replay import ReplayRequest
from epimetheus.wiring.cloud_guard import cloud_guard_streams
from epimetheus.wiring.windowed import windowed
from epimetheus.wiring.wiring import Wiring


class Stream(Protocol):
    """What one run reads, with a state, a lease, a ledger and a chain of seals of its own: of a region, or of a source without regions.

    ``name``: that of the region, or of the source. Reports have it as ``region``.
    """

    @property
    def name(self) -> str: ...  # noqa: D102 - see above

    def is_due(self) -> bool:
        """Whether a run reads it now."""
        ...

    def run(self, run_id: str, deadline: Deadline, observer: RunObserver) -> Report:
        """Forward what is new. An error is part of the report."""
        ...

    def replays(self, request: ReplayRequest) -> bool:
        """Whether it can be replayed in this way."""
        ...

    def replay(self, run_id: str, deadline: Deadline, observer: RunObserver, request: ReplayRequest) -> Replayed:
        """Send a past window again. An error is part of the result; only RequestError is raised."""
        ...


StreamsOf = Callable[[Wiring, bool], Sequence[Stream]]
"""``(wiring, all) → streams``. With ``all``, an error is raised unless all streams are known: SourceError, CredentialsError."""

SOURCES: Mapping[str, StreamsOf] = MappingProxyType({
    "audit": windowed("audit", lambda wiring, region: wiring.oci.audit(region)),
    "cloud_guard": cloud_guard_streams,
})  # fmt: skip
"""Values of SOURCES."""


def due_streams(wiring: Wiring) -> list[Stream]:
    """What a run reads now, in the order of SOURCES. Raises CredentialsError."""
    return [stream for name in wiring.settings.sources for stream in SOURCES[name](wiring, False) if stream.is_due()]


def all_streams(wiring: Wiring) -> list[Stream]:
    """All that the settings select. Raises SourceError, CredentialsError."""
    return [stream for name in wiring.settings.sources for stream in SOURCES[name](wiring, True)]


def replayed_streams(wiring: Wiring, request: ReplayRequest) -> list[Stream]:
    """Those among `all_streams` that can be replayed as requested."""
    return [stream for stream in all_streams(wiring) if stream.replays(request)]

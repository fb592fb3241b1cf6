"""Runs and replays over the audit events of each region."""

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass

from epimetheus.clock import Deadline
from epimetheus.reports import Replayed, Report
from epimetheus.run.ports import EventSource, RunObserver
from epimetheus.run.replay import ReplayRequest, replay
from epimetheus.run.run import run
from epimetheus.wiring.wiring import Wiring


@dataclass(frozen=True)
class RegionStream:
    """The events of one region, read in windows of processed time. See `epimetheus.wiring.sources.Stream`.

    ``open_source``: the source of a region.
    """

    wiring: Wiring
    name: str
    open_source: Callable[[str], EventSource]

    def run(self, run_id: str, deadline: Deadline, observer: RunObserver) -> Report:
        """Forward what is new."""
        with closing(self.open_source(self.name)) as source:
            ports = self.wiring.ports(self.name, run_id, deadline, observer, source)
            return run(self.wiring.options(self.name), ports, run_id, deadline, self.wiring.warnings)

    def replay(self, run_id: str, deadline: Deadline, observer: RunObserver, request: ReplayRequest) -> Replayed:
        """Send a past window again. Raises RequestError."""
        with closing(self.open_source(self.name)) as source:
            ports = self.wiring.ports(self.name, run_id, deadline, observer, source, replay=request.action == "replay")
            return replay(self.wiring.options(self.name), ports, run_id, deadline, request)


def region_streams(wiring: Wiring) -> Sequence[RegionStream]:
    """A stream for each region that a run reads. Raises CredentialsError."""
    return [RegionStream(wiring, region, wiring.oci.audit) for region in wiring.regions]


def replayed_region_streams(wiring: Wiring, request: ReplayRequest) -> Sequence[RegionStream]:
    """A stream for each region that a replay reads. Raises SourceError, CredentialsError."""
    del request
    return [RegionStream(wiring, region, wiring.oci.audit) for region in wiring.replayed_regions]

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

    def is_due(self) -> bool:
        """A run reads every region."""
        return True

    def run(self, run_id: str, deadline: Deadline, observer: RunObserver) -> Report:
        """Forward what is new."""
        with closing(self.open_source(self.name)) as source:
            ports = self.wiring.ports(self.name, run_id, deadline, observer, source)
            return run(self.wiring.options(self.name), ports, run_id, deadline, self.wiring.warnings)

    def replays(self, request: ReplayRequest) -> bool:
        """Everything, or what is missing."""
        return True

    def replay(self, run_id: str, deadline: Deadline, observer: RunObserver, request: ReplayRequest) -> Replayed:
        """Send a past window again. Raises RequestError."""
        with closing(self.open_source(self.name)) as source:
            ports = self.wiring.ports(self.name, run_id, deadline, observer, source, replay=request.action == "replay")
            return replay(self.wiring.options(self.name), ports, run_id, deadline, request)


def audit_streams(wiring: Wiring, all: bool) -> Sequence[RegionStream]:
    """A stream for each region. See `epimetheus.wiring.sources.StreamsOf`."""
    return [RegionStream(wiring, region, wiring.oci.audit) for region in (wiring.replayed_regions if all else wiring.regions)]

"""Runs and replays over a source that is read in windows of processed time, with a cursor in each region."""

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace

from epimetheus.clock import Deadline
from epimetheus.reports import Replayed, Report
from epimetheus.run.ports import EventSource, RunObserver, RunPorts
from epimetheus.run.replay import ReplayRequest, replay
from epimetheus.run.run import run
from epimetheus.wiring.wiring import Wiring

OpenSource = Callable[[Wiring, str], EventSource]
"""``(wiring, region) → source``. The caller closes it."""


@dataclass(frozen=True)
class RegionStream:
    """The events that ``source`` has in one region. See `epimetheus.wiring.sources.Stream`."""

    wiring: Wiring
    name: str
    region: str
    source: str
    open_source: OpenSource

    def is_due(self) -> bool:
        """A run reads every region."""
        return True

    def run(self, run_id: str, deadline: Deadline, observer: RunObserver) -> Report:
        """Forward what is new."""
        with closing(self.open_source(self.wiring, self.region)) as source:
            ports = self._ports(run_id, deadline, observer, source)
            return run(self.wiring.options(self.name), ports, run_id, deadline, self.wiring.warnings)

    def replays(self, request: ReplayRequest) -> bool:
        """Everything, or what is missing."""
        return True

    def replay(self, run_id: str, deadline: Deadline, observer: RunObserver, request: ReplayRequest) -> Replayed:
        """Send a past window again. Raises RequestError."""
        with closing(self.open_source(self.wiring, self.region)) as source:
            ports = self._ports(run_id, deadline, observer, source, marked=request.action == "replay")
            return replay(self.wiring.options(self.name), ports, run_id, deadline, request)

    def _ports(
        self, run_id: str, deadline: Deadline, observer: RunObserver, source: EventSource, *, marked: bool = False
    ) -> RunPorts:
        return replace(self.wiring.ports(self.name, run_id, deadline, observer, source, replay=marked), source=self.source)


def windowed(source: str, open_source: OpenSource, prefix: str = "") -> Callable[[Wiring, bool], Sequence[RegionStream]]:
    """The streams of a source: one for each region. See `epimetheus.wiring.sources.StreamsOf`.

    ``prefix``: start of the names of the streams; the regions follow. That of audit events is empty.
    """

    def streams(wiring: Wiring, all: bool) -> Sequence[RegionStream]:
        regions = wiring.replayed_regions if all else wiring.regions
        return [RegionStream(wiring, f"{prefix}{region}", region, source, open_source) for region in regions]

    return streams

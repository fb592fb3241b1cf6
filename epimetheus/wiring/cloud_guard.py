"""Runs and replays over the problems of Cloud Guard: one stream for the tenancy, whatever its regions."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from epimetheus.clock import Deadline
from epimetheus.errors import EpimetheusError
from epimetheus.oci_client.clients import Calls
from epimetheus.problem import STREAM
from epimetheus.reports import Replayed, Report
from epimetheus.run.delivered import DeliveredKeys
from epimetheus.run.ports import RunObserver, RunOptions, RunPorts, SubscribedRegions
from epimetheus.run.problems import HORIZON_DAYS, problem_steps
from epimetheus.run.replay import ReplayRequest, replay
from epimetheus.run.run import run
from epimetheus.select.problems import ProblemSelection
from epimetheus.source.cloud_guard import CloudGuard, CloudGuardClient
from epimetheus.wiring.wiring import Wiring


@dataclass(frozen=True)
class CloudGuardStream:
    """The problems of the tenancy. See `epimetheus.wiring.sources.Stream`."""

    wiring: Wiring
    name: str = STREAM

    def is_due(self) -> bool:
        """Whether CLOUD_GUARD_MINUTES have passed since the last complete poll. A state that cannot be read is for the run to report."""
        with suppress(EpimetheusError):
            state = self.wiring.state.session(self.name, "", self.wiring.deadline).peek()
            minute = int(self.wiring.now() // 60)
            return state is None or not 0 <= minute - state.through < self.wiring.settings.cloud_guard_minutes
        return True

    def run(self, run_id: str, deadline: Deadline, observer: RunObserver) -> Report:
        """Forward problems that are new or have changed."""
        source = open_source(self.wiring, deadline.left(), tree=True)
        ports = self._ports(source, run_id, deadline, observer)
        return run(self._options(), ports, run_id, deadline, self.wiring.warnings, problem_steps(source))

    def replays(self, request: ReplayRequest) -> bool:
        """Everything. What is missing cannot be told from the ledger, because problems change in place."""
        return not request.missing

    def replay(self, run_id: str, deadline: Deadline, observer: RunObserver, request: ReplayRequest) -> Replayed:
        """Send the problems that were last detected in a window. Raises RequestError."""
        options = replace(self._options(), slice_minutes=request.window.end - request.window.start)
        tree = options.mode == "all" and not request.only
        options = replace(options, mode="tenancy_only") if tree else options  # one listing for all compartments
        source = open_source(self.wiring, deadline.left(), tree=tree)
        return replay(options, self._ports(source, run_id, deadline, observer, replay=True), run_id, deadline, request)

    def _options(self) -> RunOptions:
        options = self.wiring.options(self.name)
        reading = replace(options, lookback_minutes=HORIZON_DAYS * 24 * 60, overlap_minutes=0, settle_minutes=0, reconcile_after=())
        return replace(reading, actors=False, push=False, all_regions=False)

    def _ports(self, source: CloudGuard, run_id: str, deadline: Deadline, observer: RunObserver, *, replay: bool = False) -> RunPorts:
        ports = self.wiring.ports(self.name, run_id, deadline, observer, source, replay=replay)
        renderer = self.wiring.rendering.problem_renderer(self.name, run_id, replay=replay)
        delivered = DeliveredKeys().connected(ports.delivered.ledger)  # a run reads every entry itself
        ports = replace(ports, subscribed_regions=SubscribedRegions)  # its coverage is that of the tenancy, not of regions
        return replace(ports, source="cloud_guard", selection=ProblemSelection, renderer=renderer, delivered=delivered)


def open_source(wiring: Wiring, seconds: float, *, tree: bool) -> CloudGuard:
    """Cloud Guard, for a run of ``seconds``. ``tree``: as `CloudGuard`."""
    calls = Calls()

    def client(region: str) -> Any:
        return wiring.oci.client(CloudGuardClient, seconds / 8, calls, region=region)

    return CloudGuard(client, _home(wiring), wiring.tenancy, calls, tree=tree, policies=wiring.oci.policies)


def _home(wiring: Wiring) -> Callable[[], str]:
    """The home region; that of the credentials if the subscribed regions are not known."""
    return lambda: next(iter(wiring.subscribed.names), wiring.credentials.region)


def cloud_guard_streams(wiring: Wiring, all: bool) -> Sequence[CloudGuardStream]:
    """The only stream. See `epimetheus.wiring.sources.StreamsOf`."""
    return [CloudGuardStream(wiring)]

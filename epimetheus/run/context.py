"""The context of one run: what its steps share, and how far it is."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

from epimetheus.clock import Deadline
from epimetheus.errors import EpimetheusError
from epimetheus.ledger.entry import Source
from epimetheus.run.budget import Budget
from epimetheus.run.entry_writer import EntryWriter
from epimetheus.run.forwarder import Forwarder
from epimetheus.run.notice_event import NoticeSource
from epimetheus.run.ports import RunOptions, RunPorts
from epimetheus.run.run_clock import RunClock
from epimetheus.run.tally import Tally, to_problem
from epimetheus.run.unsealed import UnsealedEntries
from epimetheus.select.rate_limits import RateLimits
from epimetheus.select.selection import Selection
from epimetheus.source.fetch import FetchTask
from epimetheus.state.model import State


class Pipeline(NamedTuple):
    """What the events of a run pass through, with the hourly counts of earlier runs."""

    rate_limits: RateLimits
    selection: Selection
    forwarder: Forwarder


@dataclass
class Progress:
    """How far a run is.

    ``since``: the cursor before the run, in minutes. ``opened``: the state was read. ``pages``: pages read. ``fresh``: compartments whose
    overlap was read. ``excluded``: compartments that failed, and why. ``uncommitted``: a slice was confirmed after the last commit.
    ``committed_at``: monotonic seconds. ``slice_seconds``: duration of the last slice at the cursor. ``reported_events``: the number
    of events at the last `RunObserver.counted`. ``given_up``: deleted compartments that are no longer polled.
    ``source`` and ``polled``: why the last slice was read, and the OCIDs of its compartments. ``reading``: the tasks of a slice that is not
    confirmed yet.
    """

    since: int
    committed_at: float
    opened: bool = False
    pages: int = 0
    fresh: set[str] = field(default_factory=set)
    excluded: dict[str, str] = field(default_factory=dict)
    uncommitted: bool = False
    slice_seconds: float = 0.0
    reported_events: int = 0
    given_up: list[str] = field(default_factory=list)
    source: Source = "poll"
    polled: tuple[str, ...] = ()
    reading: tuple[FetchTask, ...] = ()


@dataclass
class Sealing:
    """How far a run is with its seal.

    ``ready``: the newest seal of the state is stored, and no later one is. ``receiver_failed``: nothing more can be sent.
    ``chain_broken``: the newest seal of the state was deleted.
    """

    ready: bool = False
    receiver_failed: bool = False
    chain_broken: bool = False


@dataclass
class RunContext:
    """One run. ``started``: seconds since the epoch."""

    options: RunOptions
    ports: RunPorts
    run_id: str
    budget: Budget
    tally: Tally
    started: float
    monotonic_start: float
    time: RunClock
    state: State
    progress: Progress
    pipeline: Pipeline
    entries: EntryWriter
    sealing: Sealing = field(default_factory=Sealing)

    @classmethod
    def start(cls, options: RunOptions, ports: RunPorts, run_id: str, deadline: Deadline, warnings: Sequence[str]) -> "RunContext":
        """The context of a run that begins now; its state is that of a first run until `load`."""
        budget, tally = Budget.of(deadline), Tally(warnings=list(warnings))
        started, monotonic_start = ports.clock.now(), ports.clock.monotonic()
        time = RunClock(ports.clock, ports.clock_offset, options.settle_minutes)
        state = State(options.region, time.end - options.lookback_minutes)
        progress, pipeline = Progress(state.through, monotonic_start), _pipeline(options, ports, tally, state)
        entries = EntryWriter(ports.delivered, options.tenancy, options.region, run_id)
        return cls(options, ports, run_id, budget, tally, started, monotonic_start, time, state, progress, pipeline, entries)

    def load(self, state: State) -> None:
        """Continue from ``state``."""
        self.progress.since, self.progress.opened = state.through, True
        ended = (self.run_id, state.last.get("run"))  # the last run that ended with a commit has no entries after it
        entered = {run: number for run, number in state.entered.items() if run not in ended}
        unsealed = UnsealedEntries(state.seals.named, state.seals.unfinished)
        self.ports.delivered.begin(state.first_epoch, state.epoch, entered, state.identity, unsealed, self.run_id)
        self.pipeline = _pipeline(self.options, self.ports, self.tally, state)
        self.state = state

    def notice_source(self) -> NoticeSource:
        """The source of a notice that is sent now."""
        return NoticeSource(self.run_id, self.options.region, self.options.tenancy, self.time.now())

    def warn(self, text: str) -> None:
        """Add a warning to the report, once."""
        if text not in self.tally.warnings:
            self.tally.warnings.append(text)

    def problem(self, error: EpimetheusError) -> None:
        """Report an error that does not end the run."""
        self.ports.observer.problem(to_problem(error), self.options.region)


def _pipeline(options: RunOptions, ports: RunPorts, tally: Tally, state: State) -> Pipeline:
    rate_limits = RateLimits(state.rate_limits)
    selection = ports.selection(ports.rules, ports.tamper_watch, rate_limits)
    filtered = partial(ports.observer.filtered, options.region) if options.statistics.filtered else None
    forwarder = Forwarder(
        ports.delivered.seen, selection, ports.renderer, ports.frame, ports.sender, tally, actors=options.actors, filtered=filtered
    )
    forwarder.fills = options.push
    return Pipeline(rate_limits, selection, forwarder)

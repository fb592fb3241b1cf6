"""One seed: a tenancy, a receiver and a state live for some days, with runs of the real function's order of steps through all of it."""

import random
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace

from epimetheus import forward
from epimetheus.clock import Deadline
from epimetheus.cloud import Calls, Credentials
from epimetheus.deliver import Delivery, delivery, framer
from epimetheus.invoke import RunFailed, refuse_failed
from epimetheus.model import Report
from epimetheus.parts import Options, Parts
from epimetheus.render import Renderer
from epimetheus.run import commit_reserve, run
from epimetheus.select.rules import Rules
from epimetheus.select.watch import Watch
from epimetheus.source.audit import AuditApi
from epimetheus.source.decode import Events
from epimetheus.source.pacer import Pacer
from epimetheus.state.form import unpack
from epimetheus.state.keeper import Keeper
from tests.simulation.chance import Killed, Stage
from tests.simulation.oracle import LIMIT, Oracle
from tests.simulation.siem import Siem
from tests.simulation.storage import Shelf
from tests.simulation.tenancy import ROOT, AuditWire, Tenancy

REGION = "us-ashburn-1"
RUNS, RUNS_TO_CATCH_UP = 40, 60
SLOWEST = 0.5
RULES = Rules(mode="exclude", excluded=("DeleteBucket",), limits={"GetInstance": LIMIT})


@dataclass
class Outcome:
    """What a seed came to: faults by name, runs, repeats, events."""

    faults: dict[str, int]
    runs: int
    repeats: int
    events: int


class _Page(Events):
    """A page of events that can be counted while it is in memory."""


class _Audit(AuditApi):
    """The real one over the simulated wire; its pages are counted."""

    def __init__(self, stage: Stage, tenancy: Tenancy, oracle: Oracle) -> None:
        credentials = Credentials(lambda request: request, ROOT, REGION)
        pacer = Pacer(50.0, stage.clock)
        super().__init__(credentials, region=REGION, endpoint="https://audit", concurrency=1, pacer=pacer, clock=stage.clock)
        self._session.mount("https://", AuditWire(tenancy))
        self.read = 0
        self._oracle = oracle
        self._alive: list[weakref.ref[_Page]] = []

    def pages(self, compartment, window, page, deadline):
        for events, token in super().pages(compartment, window, page, deadline):
            counted = _Page(events.text, [bytes(event.raw) for event in events])
            self.read += len(counted)
            self._alive = [*[alive for alive in self._alive if alive() is not None], weakref.ref(counted)]
            self._oracle.crowded(len(self._alive))
            yield counted, token
            del counted, events


class _Wire:
    """A connection that tells the oracle what it is given."""

    def __init__(self, link, oracle: Oracle) -> None:
        self.look, self.close, self.abandon = link.look, link.close, link.abandon
        self._link, self._oracle = link, oracle

    def write(self, data: bytes) -> None:
        self._oracle.sending(data)
        self._link.write(data)


class _Watcher:
    def wrong(self, trouble, region) -> None:
        """Nobody reads it."""

    def progress(self, region, cursor, done, works) -> None:
        """Nobody reads it."""

    def left_out(self, region, fetched, reason) -> None:
        """Nobody reads it."""

    def counted(self, region, fetched, confirmed, left_out) -> None:
        """Nobody reads it."""


class Theatre:
    """Everything of one seed."""

    def __init__(self, seed: int) -> None:
        random.seed(seed)  # what tenacity and the SDK take their jitter from
        self.stage = Stage(seed)
        self.tenancy = Tenancy(self.stage)
        self.siem = Siem(self.stage)
        self.rules = self.stage.dice.choice((Rules(), RULES))
        self.listing = self.stage.dice.choice((0, 15, 240))
        self.lookback = self.stage.dice.choice((0, 24 * 60))
        self.tenancy.steady = not self.lookback  # without it nothing makes up for who was left out of a listing
        self.oracle = Oracle(self.tenancy, self.siem, self.rules)
        self.shelf = Shelf(self.stage, self.oracle.written)
        self.runs = 0

    def play(self, runs: int = RUNS) -> Outcome:
        """All of it. Raises Broken."""
        with _small():
            return self._play(runs)

    def _play(self, runs: int) -> Outcome:
        stage = self.stage
        stage.nested = self.overlap
        self.tenancy.grow()
        for _ in range(runs):
            self.act()
            stage.now += stage.dice.choice((60, 600, 1800, 3600))
            self.tenancy.grow()
        self.catch_up()
        events = sum(len(place.events) for place in self.tenancy.places.values())
        return Outcome(dict(stage.counted), self.runs, self.oracle.repeats, events)

    def act(self) -> None:
        """One run, perhaps killed, perhaps overlapped by another."""
        stage, dice = self.stage, self.stage.dice
        stage.skew = dice.uniform(-120, 120) if stage.chance("clock off", 0.1) else 0.0
        stage.kill_in = dice.randrange(60) if dice.random() < 0.15 else None
        stage.nested_in = dice.randrange(60) if dice.random() < 0.1 else None
        self.oracle.overlapped = False
        with suppress(Killed):
            self.run(dice.choice((8.0, 15.0, 60.0, 290.0)))
        stage.kill_in = stage.nested_in = None

    def overlap(self) -> None:
        """Another run, while one is at work."""
        self.oracle.overlapped = True
        began, patience = self.oracle.began, self.shelf.patience
        self.run(30.0)
        self.oracle.began, self.shelf.patience = began, patience

    def run(self, seconds: float) -> Report:
        """The real run, and what the platform makes of its end."""
        self.oracle.began = self.stage.now
        self.runs += 1
        deadline = Deadline.after(self.stage.clock, seconds)
        report, read = self.forwarded(f"run{self.runs}", deadline)
        # An answer may be on its way when the time is up: what one call takes is let pass.
        late = 0.0 if self.oracle.overlapped else self.stage.now - deadline.at - SLOWEST
        self.oracle.reported(report, self.raises(report), late, read)
        return report

    def raises(self, report: Report) -> bool:
        """Whether the platform sees an error."""
        try:
            refuse_failed([report])
        except RunFailed:
            return True
        return False

    def forwarded(self, run_id: str, deadline: Deadline) -> tuple[Report, int]:
        """One run with its parts; its report, and how many events it was given."""
        stage = self.stage
        minutes = {"listing": self.listing, "lookback": self.lookback, "overlap": 15, "settle": 2, "slice": 60}
        options = Options(REGION, ROOT, "all", (), concurrency=0, **minutes)
        options = replace(options, run_message=stage.dice.random() < 0.3)
        reserve = commit_reserve(deadline.left())
        self.shelf.patience, self.tenancy.patience = reserve / 4, deadline.left() / 8
        until = deadline.earlier(reserve / 2)
        audit = _Audit(stage, self.tenancy, self.oracle)
        parts = Parts(
            clock=stage.clock,
            keeper=Keeper(self.shelf, run_id, REGION),
            list_page=self.tenancy.list_page,
            audit=audit,
            calls=Calls(),
            receiver=Delivery(lambda: _Wire(self.siem.connect(until), self.oracle), settle_seconds=0.2, deadline=until),
            certificate_end=lambda: None,
            render=_renderer(run_id),
            frame=framer("octet-counting"),
            watcher=_Watcher(),
            rules=self.rules,
            watch=Watch(()),
        )
        return run(options, parts, run_id, deadline), audit.read

    def catch_up(self) -> None:
        """The faults are over: run by run everything is made up for, and the first of them lists."""
        self.stage.calm = True
        self.stage.now += self.listing * 60
        self.stage.skew = 0.0
        self.tenancy.heal()
        for _ in range(RUNS_TO_CATCH_UP):
            self.stage.now += 1200
            self.tenancy.grow()
            self.siem.stalled_until = 0.0
            report = self.run(120.0)
            if report.status == "ok" and report.position and report.position.caught_up:
                break
        self.oracle.at_last(report, unpack(self.shelf.data, "shelf"))


@contextmanager
def _small() -> Iterator[None]:
    """Batches and connections of a few messages, so that a run has many of both."""
    batch, together, messages = forward.BATCH_BYTES, forward.RENDERED_TOGETHER, delivery.CONNECTION_MESSAGES
    forward.BATCH_BYTES, forward.RENDERED_TOGETHER, delivery.CONNECTION_MESSAGES = 2_000, 3, 20
    try:
        yield
    finally:
        forward.BATCH_BYTES, forward.RENDERED_TOGETHER, delivery.CONNECTION_MESSAGES = batch, together, messages


def _renderer(run_id: str) -> Renderer:
    return Renderer(
        format="cef", header="rfc5424", facility="local0", app_name="epimetheus", hostname=REGION, max_bytes=8000, run_id=run_id
    )

"""One seed: regions, a receiver and states over several simulated days, with invocations of the real function."""

import random
import threading
import weakref
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import groupby
from types import SimpleNamespace

from epimetheus.clock import Deadline
from epimetheus.deliver import RelpSender, StreamSender, framer, stream_sender
from epimetheus.function.invoke import RunFailed, raise_if_failed
from epimetheus.ledger.ledger import Ledger
from epimetheus.ledger.seal_chain import SealChain
from epimetheus.oci_client.clients import Calls, Credentials
from epimetheus.render.renderer import Renderer
from epimetheus.reports import Report
from epimetheus.run import forwarder, slice_reader
from epimetheus.run.budget import commit_reserve
from epimetheus.run.delivered import DeliveredKeys
from epimetheus.run.ports import RunOptions, RunPorts
from epimetheus.select.tamper_watch import TamperWatch
from epimetheus.source.audit import AuditApi
from epimetheus.source.decode import Events
from epimetheus.source.fetch import fetch
from epimetheus.source.rate_limiter import RateLimiter
from epimetheus.wiring.regions import run_regions
from tests.simulation.audit import Wire
from tests.simulation.chance import Killed, Stage
from tests.simulation.days import Days, verify_days
from tests.simulation.events import Event
from tests.simulation.keeping import state_session
from tests.simulation.ledger import LedgerShelf
from tests.simulation.oracle import Oracle
from tests.simulation.pushes import Pushes
from tests.simulation.receipts import Broken, Receipts
from tests.simulation.seals import SealShelf
from tests.simulation.settings import RULES, SEAL_KEY, Settings, known
from tests.simulation.siem import Siem
from tests.simulation.storage import Shelf
from tests.simulation.tenancy import ROOT, Tenancy
from tests.simulation.verified import Verified
from tests.simulation.weather import Weather

NAMES = ("us-ashburn-1", "eu-frankfurt-1")
RUNS_TO_CATCH_UP = 60
RUNS_TO_RECONCILE = 5
SLOWEST = 0.5


@dataclass
class Outcome:
    """The outcome of a seed. ``repeats``: events sent again. ``beyond``: events lost because they were listed after the overlap.

    ``days``: the days of the play, each verified alone.
    """

    seed: int
    faults: dict[str, int]
    runs: int
    repeats: int
    events: int
    beyond: int
    days: Days


class _Page(Events):
    """A page of events that can be counted while it is in memory."""


class _Audit(AuditApi):
    """The real ListEvents client over the simulated transport; counts its pages."""

    def __init__(self, region: "Region", settings: Settings) -> None:
        clock = region.stage.clock
        credentials = Credentials(lambda request: request, ROOT, region.name)
        super().__init__(
            credentials, region=region.name, endpoint="https://audit", concurrency=settings.concurrency or 1,
            rate_limiter=RateLimiter(50.0, clock), clock=clock,
        )  # fmt: skip
        self._session.mount("https://", region.wire)
        self.read = 0
        self._oracle = region.oracle
        self._alive: list[weakref.ref[_Page]] = []

    def pages(self, compartment, window, page, deadline):
        for events, token in super().pages(compartment, window, page, deadline):
            counted = _Page(events.text, [bytes(event.raw) for event in events])
            self.read += len(counted)
            self._alive = [*[alive for alive in self._alive if alive() is not None], weakref.ref(counted)]
            self._oracle.check_pages(len(self._alive))
            yield counted, token
            del counted, events


class _ObservedConnection:
    """A connection that passes its bytes to the oracle."""

    def __init__(self, connection, oracle: Oracle) -> None:
        self._connection, self._oracle = connection, oracle

    def __getattr__(self, name: str):
        return getattr(self._connection, name)

    def write(self, data: bytes) -> None:
        self._oracle.sending(data)
        self._connection.write(data)

    def exchange(self, data: bytes = b"") -> Iterator[bytes]:
        self._oracle.sending(data)
        return self._connection.exchange(data)


class _NullObserver:
    """Ignores everything."""

    def __getattr__(self, name: str):
        return lambda *_, **__: None


class Region:
    """One region: its compartments and events, its state, and its oracle."""

    def __init__(self, theatre: "Theatre", name: str, mark: str) -> None:
        self.stage, self.name = theatre.stage, name
        self.tenancy = Tenancy(theatre.stage, mark, theatre.events)
        self.wire = Wire(self.tenancy)
        self.oracle = Oracle(theatre.stage, self.tenancy, self.wire, theatre.receipts, theatre.settings)
        self.shelf = Shelf(theatre.stage, self.oracle.written)
        self.audit: _Audit | None = None
        self.marker = Shelf(theatre.stage, lambda data: None)
        self.ledger = LedgerShelf(theatre.stage, self.oracle.entered)
        self.seals = SealShelf(theatre.stage, self.oracle.chain.created)


class SimulatedWiring:
    """Stands in for `epimetheus.wiring.Wiring` in `epimetheus.wiring.regions.run_regions`, with simulated connections."""

    warnings: Sequence[str] = ()
    settings = SimpleNamespace(metrics_namespace=None, sources=("audit",))

    def __init__(self, theatre: "Theatre", deadline: Deadline) -> None:
        self.clock = theatre.stage.clock
        self.deadline = deadline
        self.regions = [region.name for region in theatre.regions]
        self.oci = SimpleNamespace(audit=self._audit)
        self._theatre = theatre
        self._delivered = {region.name: DeliveredKeys() for region in theatre.regions}

    def prepare(self) -> None:
        """Nothing has to be read."""

    def options(self, region: str) -> RunOptions:
        return self._theatre.settings.options(region, ROOT)

    def _audit(self, region: str) -> _Audit:
        one = self._theatre.region(region)
        one.audit = _Audit(one, self._theatre.settings)
        return one.audit

    def ports(self, region: str, run_id: str, deadline: Deadline, observer, source: _Audit, *, replay: bool = False) -> RunPorts:
        theatre, settings, stage = self._theatre, self._theatre.settings, self._theatre.stage
        one = theatre.region(region)
        one.oracle.run_begins()
        reserve = commit_reserve(deadline.left())
        one.shelf.patience = one.ledger.patience = reserve / 4
        one.seals.patience = reserve / 8
        one.tenancy.patience = deadline.left() / 8
        until = deadline.earlier(reserve / 2)

        def connect():
            return _ObservedConnection(theatre.siem.connect(until), one.oracle)

        sender = RelpSender(connect) if settings.relp else StreamSender(connect, confirm_delay_seconds=0.2, deadline=until)
        offset = stage.dice.uniform(-0.5, 0.5)
        return known(
            RunPorts,
            {
                "clock": stage.clock,
                "session": state_session(one.shelf, one.marker, run_id, region),
                "seals": SealChain(one.seals),
                "delivered": self._delivered[region].connected(Ledger(one.ledger, deadline.earlier(reserve), lambda: SEAL_KEY)),
                "list_page": one.tenancy.list_page,
                "audit": source,
                "calls": Calls(),
                "sender": sender,
                "certificate_end": lambda: None,
                "renderer": _renderer(settings.form, region, run_id),
                "frame": framer("octet-counting"),
                "observer": observer,
                "rules": settings.rules,
                "tamper_watch": TamperWatch(()),
                "clock_offset": lambda: offset - stage.skew,
            },
        )


class Theatre:
    """One seed. ``without``: faults that do not occur. ``calm``: no fault occurs. ``push``: Connector Hub pushes the events, too."""

    observer = _NullObserver()

    def __init__(self, seed: int, without: Collection[str] = (), *, calm: bool = False, push: bool = False) -> None:
        self.seed = seed
        random.seed(seed)  # the jitter of tenacity and the SDK
        self.stage = Stage(seed, without)
        self.stage.calm = calm
        dice = self.stage.dice
        self.events: dict[str, Event] = {}
        self.siem = Siem(self.stage)
        self.settings = self._first_settings(dice)
        if push:  # in JSON, the form of an event shows how it came
            form = "cef" if self.settings.form == "json" else self.settings.form
            self.settings = replace(self.settings, push=True, settle=20, form=form)
        self.siem.relp = self.settings.relp
        self.receipts = Receipts(self.siem, self.events, self.settings.form)
        names = NAMES if self.stage.chance("two regions", 0.15) else NAMES[:1]
        self.regions = [Region(self, name, mark) for name, mark in zip(names, "ab", strict=False)]
        self.pushes = [Pushes(self, region) for region in self.regions] if push else []
        self.weather = Weather(self)
        self.acts = dice.choice((8, 12, 18, 27)) if dice.random() < 0.92 else 60
        self.runs = 0

    def _first_settings(self, dice: random.Random) -> Settings:
        return Settings(
            listing=dice.choice((0, 15, 240)),
            lookback=dice.choice((0, 24 * 60)),
            overlap=dice.choice((0, 5, 15, 15)),
            slice=dice.choice((15, 60, 60, 240)),
            rules=dice.choice((Settings().rules, RULES)),
            concurrency=4 if self.stage.chance("threads", 0.04) else 0,
            sub_window_pages=dice.choice((0, 1, 1, 2)),
            form=dice.choice(("cef", "cef", "json", "json", "leef", "ocsf")),
            relp=self.stage.chance("RELP", 0.25),
        )

    def region(self, name: str) -> Region:
        return next(one for one in self.regions if one.name == name)

    def configure(self, settings: Settings) -> None:
        """Change the settings for the next run."""
        self.settings = settings
        for region in self.regions:
            region.oracle.configured(settings)
            region.tenancy.all_selected = settings.mode == "all"

    def play(self) -> Outcome:
        """Play the seed. Raises Broken."""
        with small_batches(), self.parts_in_any_order():
            return self._play()

    @contextmanager
    def parts_in_any_order(self) -> Iterator[None]:
        """The sub-windows of a compartment are read in a random order, as several workers may read them."""

        def fetch_in_any_order(tasks, *arguments, **options):
            groups = [list(group) for _, group in groupby(tasks, key=lambda task: task.compartment)]
            for group in groups:
                self.stage.dice.shuffle(group)
            return fetch([task for group in groups for task in group], *arguments, **options)

        slice_reader.fetch = fetch_in_any_order
        try:
            yield
        finally:
            slice_reader.fetch = fetch

    def _play(self) -> Outcome:
        stage = self.stage
        stage.nested = self.overlap
        self.grow()
        for _ in range(self.acts):
            self.weather.change()
            self.weather.change_messages()
            self.act()
            stage.now += stage.dice.choice((60, 600, 1800, 3600))
            self.grow()
        self.catch_up()
        days = self.verify()
        oracles = [region.oracle for region in self.regions]
        repeats, beyond = sum(one.repeats for one in oracles), sum(one.beyond for one in oracles)
        return Outcome(self.seed, dict(stage.counted), self.runs, repeats, len(self.events), beyond, days)

    def grow(self) -> None:
        for region in self.regions:
            region.tenancy.kept = region.oracle.marks
            region.tenancy.grow()
        for pushes in self.pushes:
            pushes.step()

    def wiring(self, deadline: Deadline) -> SimulatedWiring:
        """The simulated connections of an invocation until ``deadline``."""
        return SimulatedWiring(self, deadline)

    def act(self) -> None:
        """One invocation, which may be stopped at any step or overlapped by another."""
        stage, dice = self.stage, self.stage.dice
        stage.stop_in = dice.randrange(60) if dice.random() < 0.15 else None
        interrupted = stage.has("interrupted") and dice.random() < 0.3
        stage.stop_with = KeyboardInterrupt if interrupted else Killed
        stage.nested_in = dice.randrange(60) if dice.random() < 0.1 else None
        for region in self.regions:
            region.oracle.overlapped = False
        long = stage.chance("a run of an hour", 0.02)
        try:
            self.call(3600.0 if long else dice.choice((8.0, 15.0, 60.0, 290.0)) * len(self.regions))
        except Killed:
            pass
        except KeyboardInterrupt:
            for region in self.regions:
                region.oracle.interrupted(f"run{self.runs}", region.shelf.data)
            stage.calm = False
        stage.stop_in = stage.nested_in = stage.jump_in = None
        stage.dead = False

    def overlap(self) -> None:
        """Another invocation, or a push, while one is running."""
        kept = [(region, region.oracle.began, region.shelf.patience, region.audit) for region in self.regions]
        for region in self.regions:
            region.oracle.overlapped = True
        if self.pushes and self.stage.dice.random() < 0.5:
            self.stage.counted["push during a run"] += 1
            self.grow()
        else:
            self.call(30.0)
        for region, began, patience, audit in kept:
            region.oracle.began = region.wire.began = began
            region.shelf.patience = region.ledger.patience = patience
            region.seals.patience = patience / 2
            region.audit = audit

    def call(self, seconds: float) -> list[Report]:
        """One invocation, which may have several runs that share the keys in memory. The reports of the last run."""
        wiring = SimulatedWiring(self, Deadline.after(self.stage.clock, seconds))
        reports = self.run(wiring)
        while not self.regions[0].oracle.overlapped and self.stage.chance("another run of an invocation", 0.1):
            self.stage.sleep(60.0)
            self.grow()
            wiring.deadline = Deadline.after(self.stage.clock, seconds)
            reports = self.run(wiring)
        return reports

    def run(self, wiring: SimulatedWiring) -> list[Report]:
        """One run of the real function in every region, and whether it raises."""
        self.runs += 1
        deadline, reports = wiring.deadline, list[Report]()
        try:
            run_regions(wiring, f"run{self.runs}", self.observer, lambda report: self._announced(report, reports))
        finally:
            self._join()
        # A response may be on its way at the deadline: the time of one request is tolerated.
        late = self.stage.now - deadline.at - SLOWEST * self.stage.slowness * len(self.regions)
        if late > 0 and not self.settings.concurrency and not self.regions[0].oracle.overlapped:
            raise Broken(f"5: the run ended {late:.1f} s after its deadline")
        if any(report.status == "failed" for report in reports) != self.raises(reports):
            raise Broken(f"8: the invocation does not raise for a failed run: {reports}")
        return reports

    def _announced(self, report: Report, reports: list[Report]) -> None:
        region = self.region(report.region)
        counts = region.audit is not None and not self.settings.concurrency
        region.oracle.reported(report, region.audit.read if counts else None)
        reports.append(report)

    def _join(self) -> None:
        """Wait for the threads of a run, which end by themselves."""
        if self.settings.concurrency:
            for thread in threading.enumerate():
                if thread.name.startswith("fetch-"):
                    thread.join(5)

    def raises(self, reports: Sequence[Report]) -> bool:
        """Whether the platform sees an error."""
        try:
            raise_if_failed(reports)
        except RunFailed:
            return True
        return False

    def catch_up(self) -> None:
        """End all faults and run until everything has arrived; the first run lists the compartments."""
        self.stage.calm = True
        self.stage.now += self.settings.listing * 60
        self.stage.skew = 0.0
        self.weather.clear()
        for _ in range(RUNS_TO_CATCH_UP):
            self.stage.now += 1200
            self.grow()
            reports = self.call(120.0 * len(self.regions))
            if all(report.status == "ok" and report.position and report.position.caught_up for report in reports):
                break
        for region in self.regions:
            region.tenancy.ends = True
        for _ in range(RUNS_TO_RECONCILE):
            self.stage.now += 13 * 3600
            reports = self.call(600.0 * len(self.regions))
        for report in reports:
            region = self.region(report.region)
            region.oracle.check_end(report)
            ids = {run: found for (name, run), found in self.receipts.ids.items() if name == region.name}
            region.oracle.chain.check_messages(ids)
            region.oracle.chain.check_end(region.shelf.data or b"", region.ledger.objects, self.receipts.seals[region.name])

    def verify(self) -> Days:
        """``verify`` is complete and names what is removed. The result of each day."""
        verified = Verified(self.regions, self.stage.now, self.receipts.messages)
        verified.check(random.Random(self.runs))
        return verify_days(verified, self.receipts.times)


@contextmanager
def small_batches() -> Iterator[None]:
    """Small batches and connections, so that a run has many of both."""
    batch, together, messages = forwarder.BATCH_BYTES, forwarder.MAX_GROUP_EVENTS, stream_sender.CONNECTION_MESSAGES
    forwarder.BATCH_BYTES, forwarder.MAX_GROUP_EVENTS, stream_sender.CONNECTION_MESSAGES = 2_000, 3, 20
    try:
        yield
    finally:
        forwarder.BATCH_BYTES, forwarder.MAX_GROUP_EVENTS, stream_sender.CONNECTION_MESSAGES = batch, together, messages


def _renderer(form: str, region: str, run_id: str) -> Renderer:
    return Renderer(
        format=form, header="rfc5424", facility="local0", app_name="epimetheus", hostname=region, max_bytes=8000, run_id=run_id
    )

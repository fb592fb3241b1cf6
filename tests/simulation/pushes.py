"""Connector Hub beside the polling: the real push over the stand-in connector, with faults of both.

Events arrive in Logging before or after Audit processes them, some never. The connector stops for hours or days, is deactivated, repeats
batches, and takes an answer for lost; the function is killed while it pushes, or begins when its time is almost over.
"""

import heapq
import json
from contextlib import suppress
from typing import TYPE_CHECKING

from epimetheus.clock import Deadline
from epimetheus.run.push import push
from epimetheus.select.push_selection import PushSelection
from epimetheus.select.tamper_watch import TamperWatch
from epimetheus.source.connector_hub import read_batch
from epimetheus.testing.oci.connector_hub import DAY, Connector
from epimetheus.testing.oci.logging_form import logging_form
from tests.simulation.chance import Killed
from tests.simulation.events import NAME
from tests.simulation.receipts import Broken
from tests.simulation.tenancy import ROOT

if TYPE_CHECKING:
    from tests.simulation.play import Region, Theatre

HOUR = 3600.0
TIMEOUTS = (6.0, 20.0, 120.0)
"""Timeouts of the push function, in seconds."""


LEFT = (1.0, 2.5, 5.0)
"""Seconds that are left if a push begins late, because its settings were slow to read. The first is less than the reserve for its end."""


class Pushes:
    """The connector of one region. ``down_until``: it sends nothing before. ``sent``: the number of pushes."""

    def __init__(self, theatre: "Theatre", region: "Region") -> None:
        self.theatre, self.region, self.stage = theatre, region, theatre.stage
        dice = self.stage.dice
        streaming = dice.random() < 0.3
        self.connector = Connector(
            self._invoke,
            batch_bytes=dice.choice((3_000, 20_000, 5_000_000)),
            kept_seconds=dice.choice((DAY, 7 * DAY)) if streaming else DAY,
            deactivated_after=dice.choice((6 * HOUR, 3 * DAY)),
            streaming=streaming,
        )
        self.down_until = 0.0
        self.sent = 0
        self._seen: dict[str, int] = {}
        self._arriving: list[tuple[float, str, bytes]] = []

    def step(self) -> None:
        """Add what has arrived in Logging by now, and let the connector send."""
        self._arrive()
        stage, connector = self.stage, self.connector
        if stage.chance("connector down", 0.06):
            self.down_until = stage.now + stage.dice.choice((2 * HOUR, 10 * HOUR, 30 * HOUR))
        if connector.state == "INACTIVE" and (stage.calm or stage.dice.random() < 0.3):
            connector.activate()
        if stage.chance("connector repeats", 0.05):
            connector.repeat(stage.dice.randrange(1, 9))
        if stage.now >= self.down_until or stage.calm:
            connector.run(stage.now, flush=True)

    def _arrive(self) -> None:
        """Put the new events into Logging, each at its time. A malformed event says nothing that both forms share: it stays out."""
        stage, dice = self.stage, self.stage.dice
        for ocid, place in self.region.tenancy.places.items():
            for event in place.events[self._seen.get(ocid, 0) :]:
                if event.kind and not stage.chance("event not in Logging", 0.05):
                    late = dice.uniform(-14, 14) * 60 if stage.chance("event early or late in Logging", 0.05) else dice.random() * 20
                    at = event.processed + late
                    heapq.heappush(self._arriving, (at, event.name, logging_form(event.raw, ocid, ROOT, at)))
            self._seen[ocid] = len(place.events)
        while self._arriving and self._arriving[0][0] <= stage.now:
            self.connector.ingest(heapq.heappop(self._arriving)[2], stage.now)

    def _invoke(self, body: bytes) -> bool:
        stage, dice = self.stage, self.stage.dice
        if stage.chance("push not started", 0.03):
            return False
        batch = json.loads(body)
        if len(batch) == 1 and dice.random() < 0.5:
            body = json.dumps(batch[0]).encode()
        stage.stop_in = dice.randrange(60) if not stage.calm and not stage.dead and dice.random() < 0.1 else None
        before = stage.stop_with
        stage.stop_with = Killed
        done = False
        with suppress(Killed):
            done = self._push(body)
        stage.stop_in, stage.stop_with, stage.dead = None, before, False
        return done and not stage.chance("answer of a push lost", 0.03)

    def _push(self, body: bytes) -> bool:
        theatre, name = self.theatre, self.region.name
        self.sent += 1
        deadline = Deadline.after(self.stage.clock, 120.0 if self.stage.calm else self.stage.dice.choice(TIMEOUTS))
        if self.stage.chance("push begins late", 0.05):
            self.stage.now += deadline.left() - self.stage.dice.choice(LEFT)
        wiring = theatre.wiring(deadline)
        ports = wiring.ports(name, f"push{self.sent}", deadline, theatre.observer, wiring.oci.audit(name))
        options = theatre.settings.options(name, ROOT)
        selection = PushSelection(ports.rules, TamperWatch(()), summarize_own=False)
        events = read_batch(body)
        oracle, unwritten = self.region.oracle, self.stage.counted["entry not written"]
        before = set(oracle.receipts.up_to_now())
        pushed = push(options, ports, selection, f"push{self.sent}", deadline, events)
        total = pushed.forwarded + pushed.unconfirmed + pushed.duplicates + sum(pushed.filtered.values()) + pushed.deferred
        if pushed.fetched != total or (pushed.status == "ok" and (pushed.unconfirmed or pushed.fetched != len(events))):
            raise Broken(f"4: a push counts wrongly: {pushed}")
        confirmed = oracle.sent[: pushed.forwarded] if not oracle.overlapped else []
        if self.stage.counted["entry not written"] == unwritten and (lacking := set(confirmed) - oracle.in_ledger.keys()):
            raise Broken(f"3: a push confirmed {len(lacking)} events without an entry: {pushed}")
        if any(oracle.is_limited(oracle.tenancy.by_name[name]) for name in confirmed):
            raise Broken("4: an event with a limit was pushed")
        if pushed.status == "ok":
            self._check_arrived(b"\n".join(bytes(event.text) for event in events), before)
        return pushed.status == "ok"

    def _check_arrived(self, text: bytes, before: set[str]) -> None:
        """After a push that is ok, everything in it has arrived, or a rule or a setting leaves it out. What is new is in the ledger."""
        oracle, arrived = self.region.oracle, self.region.oracle.receipts.up_to_now()
        for found in NAME.findall(text):
            event = self.region.tenancy.by_name[found.decode()]
            if event.name not in arrived and not oracle.may_lack(event) and self.theatre.settings.mode == "all":
                raise Broken(f"1: the push is ok, but {event.name} has not arrived")
            if event.name in arrived and event.name not in before and event.name not in oracle.in_ledger:
                raise Broken(f"3: the push is ok, but {event.name} is not in the ledger")

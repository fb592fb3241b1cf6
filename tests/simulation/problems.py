"""Plays of Cloud Guard: the real run over problems that change in place, with simulated stores, receiver and Cloud Guard, which all fail.

The oracle: the last message of every problem is its version at the end; after a run that reported success, the next message of a problem
is another version; every message is a version that existed. ``python -m tests.simulation.problems SEEDS`` plays more seeds.
"""

import json
import random
import sys
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import oci

from epimetheus.clock import Deadline
from epimetheus.deliver import StreamSender, framer
from epimetheus.ledger.ledger import Ledger
from epimetheus.ledger.seal_chain import SealChain
from epimetheus.model import parse_seconds, time_text
from epimetheus.oci_client.clients import Calls
from epimetheus.problem import STREAM
from epimetheus.render.problems.renderer import ProblemRenderer
from epimetheus.reports import Report
from epimetheus.run.budget import commit_reserve
from epimetheus.run.delivered import DeliveredKeys
from epimetheus.run.ports import RunOptions, RunPorts, SealOptions
from epimetheus.run.problems import HORIZON_DAYS, problem_steps
from epimetheus.run.run import run
from epimetheus.select.problems import ProblemSelection
from epimetheus.select.rules import Rules
from epimetheus.select.tamper_watch import TamperWatch
from epimetheus.source.cloud_guard import CloudGuard
from epimetheus.source.compartments import Compartment
from tests.simulation.chance import Killed, Stage
from tests.simulation.keeping import state_session
from tests.simulation.ledger import LedgerShelf
from tests.simulation.play import small_batches
from tests.simulation.receipts import Broken
from tests.simulation.seals import SealShelf
from tests.simulation.siem import Siem
from tests.simulation.storage import Shelf
from tests.simulation.tenancy import ROOT

Json = dict[str, Any]
Version = tuple[str, str, str, str, str]
RISKS = ("CRITICAL", "HIGH", "MEDIUM", "LOW", "MINOR")
PAGE = 100
RUNS_TO_CATCH_UP = 20


def version(problem: Mapping[str, Any]) -> Version:
    """What may not arrive twice."""
    names = ("id", "timeLastDetected", "lifecycleState", "lifecycleDetail", "riskLevel")
    one, two, three, four, five = (str(problem[name]) for name in names)
    return one, two, three, four, five


class Guard:
    """A simulated Cloud Guard, as `epimetheus.oci_client.json_client.JsonClient`. ``history``: all versions that ever were."""

    def __init__(self, stage: Stage, count: int) -> None:
        self.stage = stage
        self.problems: dict[str, Json] = {}
        self.history: set[Version] = set()
        for _ in range(count):
            self.create()

    def create(self) -> None:
        dice, number = self.stage.dice, len(self.history)
        ocid = f"ocid1.cloudguardproblem.oc1..p{number}"
        detected = time_text(self.stage.now - dice.random() * 20 * 86_400)
        self.problems[ocid] = {
            "id": ocid, "compartmentId": ROOT, "detectorRuleId": f"RULE_{number % 7}",
            "timeFirstDetected": detected, "timeLastDetected": detected,
            "riskLevel": dice.choice(RISKS), "lifecycleState": "ACTIVE", "lifecycleDetail": "OPEN",
        }  # fmt: skip
        self.history.add(version(self.problems[ocid]))

    def change(self, ocid: str) -> None:
        """Change a problem in place, or close it, or open it again; few changes move its time."""
        dice, problem = self.stage.dice, self.problems[ocid]
        kind = dice.choice(("risk", "seen", "close", "open", "gone"))
        if kind == "risk":
            problem["riskLevel"] = dice.choice(RISKS)
        elif kind == "seen":
            problem["timeLastDetected"] = time_text(self.stage.now - dice.random() * 60)
        elif kind == "gone" and dice.random() < 0.2:
            del self.problems[ocid]
            return
        else:
            detail = dice.choice(("RESOLVED", "DISMISSED", "DELETED")) if kind == "close" else "OPEN"
            problem |= {"lifecycleDetail": detail, "lifecycleState": "INACTIVE" if kind == "close" else "ACTIVE"}
        self.history.add(version(problem))

    def grow(self, changes: int) -> None:
        """What happens between two runs."""
        for _ in range(changes):
            self.change(self.stage.dice.choice(sorted(self.problems)))
        for _ in range(changes // 10):
            self.create()

    def get(self, path: str, query: Mapping[str, str] | None = None, **parts: str) -> tuple[Any, str | None]:
        self.stage.step(0.1)
        self._fail()
        if path == "/configuration":
            return {"status": "ENABLED", "reportingRegion": "us-ashburn-1"}, None
        if self.stage.chance("changes while it is read", 0.01):
            self.change(self.stage.dice.choice(sorted(self.problems)))
        if path == "/problems":
            return self._list(query or {})
        if (problem := self.problems.get(parts["id"])) is None:
            raise oci.exceptions.ServiceError(404, "NotAuthorizedOrNotFound", {}, "gone")
        detected = problem["timeLastDetected"].replace("Z", "+00:00")  # the same time in another form
        return {**problem, "description": "d", "recommendation": "r", "timeLastDetected": detected}, None

    def _list(self, query: Mapping[str, str]) -> tuple[Json, str | None]:
        since, start = parse_seconds(query["timeLastDetectedGreaterThanOrEqualTo"]), int(query.get("page", 0))
        found = sorted(
            (one["timeLastDetected"], ocid)
            for ocid, one in self.problems.items()
            if one["lifecycleState"] == query["lifecycleState"] and parse_seconds(one["timeLastDetected"]) >= since
        )
        items = [dict(self.problems[ocid]) for _, ocid in found[start : start + PAGE]]
        return {"items": items}, str(start + PAGE) if start + PAGE < len(found) else None

    def _fail(self) -> None:
        stage = self.stage
        if stage.chance("Cloud Guard fails", 0.002):
            stage.sleep(5)
            raise oci.exceptions.ServiceError(stage.dice.choice((429, 500, 503)), "Failed", {}, "failed")
        if stage.chance("Cloud Guard does not answer", 0.001):
            stage.sleep(8)
            raise oci.exceptions.RequestException("no response")


class Oracle:
    """What has arrived. ``last``: problem → its last version, and the run that sent it.

    ``succeeded``: the runs that reported success. Unless all since the last version did, one may have been about to send another version,
    and whichever is listed next is sent. ``repeated``: messages with the version of the one before.
    """

    def __init__(self, guard: Guard, siem: Siem) -> None:
        self.guard, self.siem = guard, siem
        self.last: dict[str, tuple[Version, str]] = {}
        self.succeeded: set[str] = set()
        self.messages = self.repeated = self.read = 0

    def check(self) -> None:
        """Check the messages that are new. Raises Broken."""
        for message in self.siem.kept[self.read :]:
            head, _, body = message.partition(b"] {")
            if b" problem [" in head:
                problem = json.loads(b"{" + body)["data"]
                problem["timeLastDetected"] = problem["timeLastDetected"].replace("+00:00", "Z")
                self._check(version(problem), head.partition(b'run="')[2].partition(b'"')[0].decode())
        self.read = len(self.siem.kept)

    def _check(self, one: Version, run: str) -> None:
        before, by = self.last.get(one[0], (None, ""))
        if one not in self.guard.history:
            raise Broken(f"{one} never was")
        if one == before and by != run and all(f"run{number}" in self.succeeded for number in range(int(by[3:]), int(run[3:]))):
            raise Broken(f"{one} was confirmed by {by}, and is sent again by {run}")
        self.last[one[0]] = one, run
        self.messages += 1
        self.repeated += one == before

    def check_end(self) -> None:
        """Raises Broken if the last message of a problem is not about its version now."""
        unchanged = {ocid: version(one) for ocid, one in self.guard.problems.items()}
        if lacking := [one for ocid, one in unchanged.items() if self.last.get(ocid, ((), ""))[0] != one]:
            raise Broken(f"{len(lacking)} problems have not arrived as they are: {lacking[:3]}")


class Theatre:
    """One seed. ``calm``: no fault occurs."""

    def __init__(self, seed: int, count: int, *, calm: bool = False) -> None:
        random.seed(seed)
        self.stage = Stage(seed)
        self.stage.calm = calm
        self.siem = Siem(self.stage)
        self.guard = Guard(self.stage, count)
        self.oracle = Oracle(self.guard, self.siem)
        self.shelf, self.marker = Shelf(self.stage, lambda data: None), Shelf(self.stage, lambda data: None)
        self.ledger, self.seals = LedgerShelf(self.stage, lambda data: None), SealShelf(self.stage, lambda name, data: None)
        self.runs = 0

    def play(self, acts: int = 12) -> Counter[str]:
        """Play the seed. Returns what occurred. Raises Broken."""
        stage, dice, calm = self.stage, self.stage.dice, self.stage.calm
        with small_batches():
            for _ in range(acts):
                self.act(calm=calm)
                stage.now += dice.choice((60, 900, 3600, 7 * 3600, 30 * 3600))
                self.guard.grow(dice.randrange(len(self.guard.problems) // 10 + 2))
            stage.calm = True
            for _ in range(RUNS_TO_CATCH_UP):
                stage.now += 900
                if self.call(290.0).status == "ok":
                    break
            stage.now += 900
            last = self.call(290.0)
        self.oracle.check_end()
        if (last.status, last.fetched) != ("ok", 0):
            raise Broken(f"the last run found something new: {last}")
        stage.counted["repeated"] += self.oracle.repeated
        stage.counted["messages"] += self.oracle.messages
        return stage.counted

    def act(self, *, calm: bool) -> None:
        """One run, which may be killed at any step, or be overlapped by another."""
        stage, dice = self.stage, self.stage.dice
        stage.nested = lambda: self.call(30.0)
        if not calm:
            stage.stop_in = dice.randrange(120) if dice.random() < 0.2 else None
            stage.nested_in = dice.randrange(120) if dice.random() < 0.1 else None
        with suppress(Killed):
            self.call(290.0 if calm else dice.choice((8.0, 60.0, 290.0)))
        stage.stop_in = stage.nested_in = None
        stage.dead = False

    def call(self, seconds: float) -> Report:
        """One run. What it sends arrives a moment later."""
        self.runs += 1
        name, deadline = f"run{self.runs}", Deadline.after(self.stage.clock, seconds)
        source = CloudGuard(lambda region: self.guard, lambda: "us-ashburn-1", ROOT, Calls(), tree=True)
        try:
            report = run(_OPTIONS, self.ports(name, deadline, source), name, deadline, (), problem_steps(source))
        finally:
            self.stage.now += 1
            self.siem.live()
            self.oracle.check()
        if report.status in ("ok", "partial"):
            self.oracle.succeeded.add(name)
        return report

    def ports(self, name: str, deadline: Deadline, source: CloudGuard) -> RunPorts:
        stage, reserve = self.stage, commit_reserve(deadline.left())
        self.shelf.patience = self.ledger.patience = reserve / 4
        self.seals.patience = reserve / 8
        until = deadline.earlier(reserve / 2)
        return RunPorts(
            clock=stage.clock,
            session=state_session(self.shelf, self.marker, name, STREAM),
            delivered=DeliveredKeys().connected(Ledger(self.ledger, deadline.earlier(reserve))),
            seals=SealChain(self.seals),
            list_page=lambda parent, subtree, page: ([Compartment(ROOT, "root")], None),
            audit=source,
            calls=Calls(),
            sender=StreamSender(lambda: self.siem.connect(until), confirm_delay_seconds=0.2, deadline=until),
            certificate_end=lambda: None,
            renderer=ProblemRenderer(
                format="json", header="rfc5424", facility="local0", app_name="epimetheus", hostname=STREAM, max_bytes=8000, run_id=name
            ),
            frame=framer("octet-counting"),
            observer=_NullObserver(),
            rules=Rules(),
            tamper_watch=TamperWatch(()),
            clock_offset=lambda: 0.0,
            source="cloud_guard",
            selection=ProblemSelection,
        )


class _NullObserver:
    """Ignores everything."""

    def __getattr__(self, name: str) -> Any:
        return lambda *_, **__: None


_OPTIONS = RunOptions(
    region=STREAM, tenancy=ROOT, mode="all", ids=(), listing_minutes=15, listing_max_age_minutes=60,
    lookback_minutes=HORIZON_DAYS * 24 * 60, overlap_minutes=0, settle_minutes=0, slice_minutes=60, concurrency=0,
    seals=SealOptions(None, messages=True),
)  # fmt: skip


def main(seeds: int, count: int) -> int:
    """Play seeds, and print what occurred. Returns 1 if one is broken."""
    occurred: Counter[str] = Counter()
    for seed in range(seeds):
        try:
            occurred += Theatre(seed, count).play()
        except Broken as broken:
            print(f"seed {seed}: {broken}")
            return 1
    print(f"{seeds} plays of {count} problems:", *[f"{number:8} {name}" for name, number in sorted(occurred.items())], sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(*(int(text) for text in [*sys.argv[1:], "20", "200"][:2])))

"""A simulated store of seals, with faults, and an oracle of the chain, which reads seals by their form, without code of the package."""

import base64
import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from epimetheus.errors import LedgerError
from epimetheus.reports import Report
from tests.simulation.chance import Stage
from tests.simulation.receipts import Broken
from tests.simulation.settings import SEAL_KEY
from tests.support.memory_ledger import MemoryStore

_PUBLIC = serialization.load_pem_public_key(SEAL_KEY.public.pem().encode())
_NAME = re.compile(r"([0-9]{4})/([0-9]{2})/([0-9]{2})/([0-9]{10})-(.+)\.json")


class SealShelf(MemoryStore):
    """An `EntryStore` with faults. ``created``: called with each new seal."""

    def __init__(self, stage: Stage, created: Callable[[str, bytes], None]) -> None:
        super().__init__()
        self.stage = stage
        self.created = created
        self.patience = 3.0

    def create(self, key: str, data: bytes) -> None:
        self.stage.step(0.1)
        self._fail("seal not written", 0.02)
        new = key not in self.objects
        super().create(key, data)
        if new:
            self.created(key, data)
        self.stage.step(0.1)
        self._fail("seal written, answer lost", 0.02)

    def read(self, key: str) -> bytes | None:
        self.stage.step(0.05)
        self._fail("seal not read", 0.01)
        return super().read(key)

    def names(self, start: str, end: str) -> Iterator[str]:
        self.stage.step(0.05)
        self._fail("seals not listed", 0.01)
        return super().names(start, end)

    def _fail(self, fault: str, probability: float) -> None:
        if self.stage.chance(fault, probability):
            self.stage.trouble()
            self.stage.sleep(self.patience)
            raise LedgerError(f"The seals failed: {fault}.", do="")


class SealOracle:
    """The chain of one region: unbroken, without gaps or branches; every run and every entry is in one seal.

    ``acknowledged``: entries that a state had; a seal names them in the end. ``rolled_back``: the state was replaced by an older one. What
    only the lost state had is named by none, and what the older one has may be named again.
    """

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.seals: list[dict[str, Any]] = []
        self.digests: list[str] = []
        self.named: Counter[str] = Counter()
        self.runs: Counter[str] = Counter()
        self.unsealed_runs: set[str] = set()
        self.acknowledged: dict[str, str] = {}
        self.sealed_reports: set[str] = set()
        self.unsealed_reports: set[str] = set()
        self.rolled_back = False

    def created(self, key: str, data: bytes) -> None:
        """A seal was stored."""
        seal = json.loads(data)
        _check_form(key, seal, data)
        previous = {"sequence": len(self.seals), "sha256": self.digests[-1]} if self.seals else None
        if seal["sequence"] != len(self.seals) + 1 or seal["previous"] != previous:
            raise Broken(f"seal: {key} does not follow {previous}: {seal['sequence']}, {seal['previous']}")
        self.seals.append(seal)
        self.digests.append(hashlib.sha256(data).hexdigest())
        self.runs[seal["run"]] += 1
        if self.runs[seal["run"]] > 1:
            raise Broken(f"seal: {seal['run']} has two seals")
        self.unsealed_runs |= {*seal["unsealed_runs"]}
        self.stage.counted[f"seal: {seal['status']}"] += 1
        self.stage.counted["seal names an unsealed run"] += bool(seal["unsealed_runs"])
        for entry in seal["entries"]:
            self.named[entry["name"]] += 1
            if self.named[entry["name"]] > 1 and not self.rolled_back:
                raise Broken(f"seal: {entry['name']} is named twice, the second time by {key}")

    def written(self, head: dict[str, Any]) -> None:
        """A state was written, with this JSON."""
        self.acknowledged |= head["seals"].get("entries", {})

    def reported(self, report: Report) -> None:
        """A run that was not overlapped has ended."""
        if report.seal:
            self.sealed_reports.add(report.run)
        elif report.status in ("ok", "partial"):
            self.unsealed_reports.add(report.run)

    def replaced(self) -> None:
        """The state was replaced by an older one."""
        self.rolled_back = True
        self.acknowledged = {name: sha256 for name, sha256 in self.acknowledged.items() if self.named[name]}
        self.sealed_reports &= self.runs.keys()
        self.unsealed_reports &= self.unsealed_runs

    def check_messages(self, ids: Mapping[str, Mapping[int, str]]) -> None:
        """Each seal has the digest of what arrived. ``ids``: run → sequence number → event ID, of messages that arrived."""
        for seal in self.seals:
            if (messages := seal["messages"]) is None:
                continue
            arrived = ids.get(seal["run"], {})
            lines = "".join(f"{number} {arrived.get(number)}\n" for number in range(1, messages["count"] + 1))
            if hashlib.sha256(lines.encode()).hexdigest() != messages["sha256"]:
                raise Broken(f"seal: the messages of {seal['run']} do not match their digest: {messages}, {lines[:500]}")
            self.stage.counted["messages that a seal confirms"] += messages["count"]

    def check_end(self, state: bytes, objects: dict[str, bytes], sent: Counter[tuple[int, str]]) -> None:
        """The faults are over. ``objects``: the entries in the ledger. ``sent``: (sequence, start of SHA-256) → messages that arrived."""
        waiting = json.loads(state.partition(b"\n")[2])["seals"]
        head = waiting["head"]
        if waiting.get("entries") or waiting.get("runs") or not head["stored"] or head["text"]:
            raise Broken(f"seal: the last run left something: {waiting}")
        if (head["sequence"], head["sha256"]) != (len(self.seals), self.digests[-1]):
            raise Broken(f"seal: the state has {head}, but {len(self.seals)} seals are stored")
        self._check_entries(objects)
        if lacking := self.sealed_reports - self.runs.keys():
            raise Broken(f"seal: {lacking} reported a seal, which does not exist")
        if lacking := self.unsealed_reports - self.unsealed_runs:
            raise Broken(f"seal: {lacking} ended without a seal, and no seal names them")
        not_sent = self._not_sent()
        expected = [(number, digest[:16]) for number, digest in enumerate(self.digests, 1) if number not in not_sent]
        if missing := [number for number, digits in expected if not sent[number, digits]]:
            raise Broken(f"seal: the messages of {missing} of {len(self.seals)} seals have not arrived")

    def _not_sent(self) -> set[int]:
        """The seals of runs without SEAL_MESSAGES, and those that waited to be sent before them."""
        off = [seal for seal in self.seals if not seal["seal_messages"]["enabled"]]
        return {number for seal in off for number in range(seal["seal_messages"]["confirmed"] + 1, seal["sequence"] + 1)}

    def _check_entries(self, objects: dict[str, bytes]) -> None:
        for name, sha256 in self.acknowledged.items():
            if not self.named[name] or (self.named[name] > 1 and not self.rolled_back):
                raise Broken(f"seal: {name} was acknowledged, but is named by {self.named[name]} seals")
            if name in objects and hashlib.sha256(objects[name]).hexdigest() != sha256:
                self.stage.counted["entry changed after its seal"] += 1
        if not self.rolled_back:
            self.stage.counted["entry of which no run knew"] += len(objects.keys() - self.named.keys())


def _check_form(key: str, seal: dict[str, Any], data: bytes) -> None:
    """The name, the canonical form and the signature."""
    found = _NAME.fullmatch(key)
    if not found or (f"{found[1]}-{found[2]}-{found[3]}", int(found[4]), found[5]) != (seal["time"][:10], seal["sequence"], seal["run"]):
        raise Broken(f"seal: the name {key} does not match {seal}")
    if _canonical(seal) != data:
        raise Broken(f"seal: {key} is not canonical: {data!r}")
    signature = seal["signature"]
    assert isinstance(_PUBLIC, Ed25519PublicKey)
    unsigned = {name: value for name, value in seal.items() if name != "signature"}
    _PUBLIC.verify(base64.b64decode(signature["value"]), _canonical(unsigned))


def _canonical(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()

"""Runs ``verify`` over what a play left: only what faults took from the stores is missing, and what is removed after that is named."""

import hashlib
import json
import random
from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

import msgspec

from epimetheus.model import Window
from epimetheus.verify.chain import ChainHead
from epimetheus.verify.message import SiemMessage
from epimetheus.verify.model import Verification
from epimetheus.verify.verify import RegionSource, Request, verify
from tests.simulation.receipts import Broken
from tests.simulation.settings import SEAL_KEY
from tests.support.memory_ledger import MemoryStore

if TYPE_CHECKING:
    from tests.simulation.play import Region

_DAYS = 3650


class Messages:
    """An export with the messages of a play."""

    name = "receiver"
    others = unreadable = 0
    progress = (0, 0)

    def __init__(self, messages: Sequence[SiemMessage]) -> None:
        self._messages = messages

    def __iter__(self) -> Iterator[SiemMessage]:
        return iter(self._messages)


class _Quiet:
    def entries(self, region: str, done: int, total: int) -> None:
        """Show nothing."""

    def export(self, name: str, done: int, total: int) -> None:
        """Show nothing."""


class Verified:
    """``verify`` over the stores of all ``regions``, at ``now`` (seconds), and ``messages``, all that arrived."""

    def __init__(self, regions: Sequence["Region"], now: float, messages: Sequence[SiemMessage]) -> None:
        self.regions, self.minute, self.messages = regions, int(now // 60), messages
        self.seals = {region.name: dict(region.seals.objects) for region in regions}
        self.entries = {region.name: dict(region.ledger.objects) for region in regions}
        self.states = {region.name: json.loads((region.shelf.data or b"").partition(b"\n")[2]) for region in regions}

    def check(self, dice: random.Random) -> None:
        """Check that it is complete, and that each mutation is named. Raises Broken."""
        lost = self.lost
        before = self.run(self.messages)
        if {fault.object for fault in before.faults} != lost or any(not fault.kind.startswith("entry_") for fault in before.faults):
            raise Broken(f"verify: {[fault.what for fault in before.faults]}, but only {lost} were lost")
        known = {fault.object for fault in before.faults}
        self._check_message(dice, known)
        self._check_seal(dice, known)
        self._check_entry(dice, known)

    @property
    def lost(self) -> set[str]:
        """The sealed entries that are not as their seal says, as objects."""
        return {f"ledger/{region}/{name}" for region in self.seals for name in self._lost(region)}

    def run(self, messages: Sequence[SiemMessage], window: Window | None = None) -> Verification:
        """``verify`` with an export of ``messages``. ``window``: by default the whole play."""
        sources = [
            RegionSource(name, _store(self.seals[name]), _store(self.entries[name]), partial(self._head, name)) for name in self.seals
        ]
        request = Request(window or Window(0, self.minute + 1), [SEAL_KEY.public], self.minute, _DAYS)
        result = verify(request, sources, [Messages(messages)], _Quiet(), {})
        if not any(region.oracle.chain.rolled_back for region in self.regions):
            return result
        # A seal that was sent, but not stored, is replaced by another one if an older state is restored.
        return msgspec.structs.replace(result, faults=[fault for fault in result.faults if fault.kind != "seal_message_differs"])

    def _check_message(self, dice: random.Random, known: set[str]) -> None:
        """Remove a message; it is named unless its event arrived twice, or unless it is in no entry."""
        removed = dice.choice(self.messages) if self.messages else None
        if removed is None or not removed.run:
            return
        result = self.run([one for one in self.messages if one is not removed])
        found = [fault for fault in result.faults if fault.object not in known]
        copies = [one for one in self.messages if one.event_id and one.event_id == removed.event_id and one is not removed]
        again = any(not self._is_sealed(one) for one in copies)  # each sealed message stands for itself
        if notice := removed.seal:
            copies = sum(one.seal == notice for one in self.messages)
            named = [fault.seals or f"the message of seal {notice.sequence}." in fault.what for fault in found]
            if named not in ([[]] if copies > 1 else [[(notice.sequence, notice.sequence)], [True]]):
                raise Broken(f"verify: {notice} was removed, which is named as {found}")
            return
        if again and found:
            raise Broken(f"verify: {removed} was removed, which arrived twice, but {found}")
        named = [(fault.kind, fault.run, fault.messages) for fault in found]
        if not again and self._is_sealed(removed) and named != [("message_missing", removed.run, 2 * (removed.sequence,))]:
            raise Broken(f"verify: {removed} was removed, which is named as {found}")

    def _is_sealed(self, message: SiemMessage) -> bool:
        """Whether an entry that is intact has the message."""
        wanted = hashlib.sha256(message.event_id).digest()[:8] if message.event_id else bytes(8)
        for region, objects in self.entries.items():
            if message.host != region:
                continue
            lost = self._lost(region)
            for name in self._named(region).keys() - lost:
                head = json.loads(objects[name].partition(b"\n")[2].partition(b"\n\0")[0])
                numbers = head["messages"]
                if head["run"] == message.run and numbers and numbers["first"] <= message.sequence <= numbers["last"]:
                    at = (numbers["last"] - message.sequence + 1) * 8
                    return objects[name][len(objects[name]) - at :][:8] == wanted
        return False

    def _check_seal(self, dice: random.Random, known: set[str]) -> None:
        region = dice.choice(sorted(self.seals))
        objects = self.seals[region]
        name = dice.choice(sorted(objects))
        number, data = int(name.split("/")[3].split("-")[0]), objects.pop(name)
        alter = dice.random() < 0.5
        if alter:
            objects[name] = data.replace(b'"forwarded":', b'"forwarded":1')
        result = self.run(self.messages)
        objects[name] = data
        found = [(fault.kind, fault.seals) for fault in result.faults if fault.object not in known]
        expected = ("seal_altered" if alter else "seal_missing", (number, number))
        if found != [expected]:
            raise Broken(f"verify: {expected} is named as {found}")

    def _check_entry(self, dice: random.Random, known: set[str]) -> None:
        region = dice.choice(sorted(self.entries))
        objects, intact = self.entries[region], sorted(self._named(region).keys() - self._lost(region))
        if not intact:
            return
        name = dice.choice(intact)
        data = objects.pop(name)
        alter = dice.random() < 0.5
        if alter:
            objects[name] = data[:-1] + bytes([data[-1] ^ 1])
        result = self.run(self.messages)
        objects[name] = data
        found = [(fault.kind, fault.object) for fault in result.faults if fault.object not in known]
        expected = ("entry_altered" if alter else "entry_missing", f"ledger/{region}/{name}")
        if found != [expected]:
            raise Broken(f"verify: {expected} is named as {found}")

    def _named(self, region: str) -> dict[str, str]:
        """The entries that seals name, and their SHA-256."""
        seals = [json.loads(data) for data in self.seals[region].values()]
        return {entry["name"]: entry["sha256"] for seal in seals for entry in seal["entries"]}

    def _lost(self, region: str) -> set[str]:
        """The entries that are missing or damaged. Of those that no seal names, only damaged ones are known."""
        objects, named = self.entries[region], self._named(region)
        lost = {name for name, sha256 in named.items() if hashlib.sha256(objects.get(name, b"")).hexdigest() != sha256}
        return lost | {name for name in objects.keys() - named.keys() if not _is_whole(objects[name])}

    def _head(self, region: str) -> ChainHead | None:
        head = self.states[region]["seals"]["head"]
        return ChainHead(head["sequence"], head["sha256"], stored=head["stored"], sent=head["sent"])


def _is_whole(entry: bytes) -> bool:
    first, _, rest = entry.partition(b"\n")
    return first.partition(b" key=")[0].endswith(hashlib.sha256(rest).hexdigest().encode())


def _store(objects: dict[str, bytes]) -> MemoryStore:
    store = MemoryStore()
    store.objects = objects
    return store

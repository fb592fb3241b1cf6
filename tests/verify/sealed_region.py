"""A region with runs, entries, seals and the messages that a receiver got of them, in memory; tests remove and change parts of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256

import msgspec

from epimetheus.ledger.entry import Entry, pack
from epimetheus.ledger.entry_signature import sign_entry
from epimetheus.ledger.messages import Messages, ids_of_lines, message_line
from epimetheus.ledger.seal import (
    MessagesOfSeals,
    PreviousSeal,
    Seal,
    SealCounts,
    SealedCompartments,
    SealedCoverage,
    SealedEntry,
    SealedMessages,
    SealedRegions,
    SealPosition,
    digest,
    sign,
)
from epimetheus.ledger.seal import pack as pack_seal
from epimetheus.ledger.seal_key import SealKey
from epimetheus.model import Fetched, Window, minute_text
from epimetheus.render.renderer import Renderer
from epimetheus.source.decode import decode_event
from epimetheus.verify.chain import ChainHead
from epimetheus.verify.model import Verification
from epimetheus.verify.verify import RegionSource, Request, verify
from tests.support.memory_ledger import MemoryStore

START = 29_933_640  # 2026-11-30T06:00Z
DAY = Window(29_933_280, 29_934_720)  # 2026-11-30
TENANCY = "ocid1.tenancy.oc1..r"
EVERY = 5  # minutes


class Quiet:
    """An observer that shows nothing."""

    def entries(self, region: str, done: int, total: int) -> None:
        pass

    def export(self, name: str, done: int, total: int) -> None:
        pass


def event(event_id: str | None) -> Fetched:
    members = {"eventType": "com.oraclecloud.ComputeApi.GetInstance", "eventTime": "2026-11-30T06:00:00.000Z"}
    members |= {"eventId": event_id} if event_id else {}
    return decode_event(msgspec.json.encode(members | {"data": {"eventName": "GetInstance", "compartmentId": TENANCY}}))


@dataclass
class SealedRegion:
    """``lines``: the messages that the receiver stored. ``sent``: the last seal that was sent.

    ``reconciled``: the mark of reconciliation, 0: 65 minutes before the cursor. ``prefix``: of all event IDs.
    ``polled``: all regions that are polled. ``hostname``: SYSLOG_HOSTNAME. ``skew``: minutes by which the clock of the function is ahead.
    """

    region: str = "eu-frankfurt-1"
    format: str = "cef"
    header: str = "rfc5424"
    key: SealKey | None = None
    polled: Sequence[str] = ()
    prefix: str = ""
    hostname: str | None = None
    ledger_days: int = 35
    now: int = START
    skew: int = 0
    seals: MemoryStore = field(default_factory=MemoryStore)
    entries: MemoryStore = field(default_factory=MemoryStore)
    lines: list[bytes] = field(default_factory=list)
    chain: list[Seal] = field(default_factory=list)
    unsealed: list[SealedEntry] = field(default_factory=list)
    sent: int = 0
    stored: bool = True
    cursor: int = START - EVERY
    reconciled: int = 0

    def renderer(self, run: str) -> Renderer:
        return Renderer(
            format=self.format, header=self.header, facility="local0", app_name="epimetheus", hostname=self.hostname or self.region,
            max_bytes=0, run_id=run, region=self.region,
        )  # fmt: skip

    def run(
        self, run: str, *entries: Sequence[str | None], status: str = "ok", send: bool = True, messages: bool = True, late: int = 0
    ) -> Seal | None:
        """A run with entries of events; the messages of events without an ID are those of notices. A killed run has no seal yet.

        ``messages``: SEAL_MESSAGES. ``send``: whether the message of the seal arrived.
        """
        before, self.cursor, self.now = self.cursor, self.now, self.now + EVERY
        renderer, number, written = self.renderer(run), 0, []
        for count, names in enumerate(entries, 1):
            first, ids = number + 1, [name and f"{self.prefix}{name}" for name in names]
            for event_id in ids:
                number += 1
                self.lines.append(renderer(event(event_id), number).message)
            written.append(self.entry(run, count, first, ids, Window(before, self.cursor)))
        self.unsealed += written
        if status == "killed":
            return None
        seal = self.seal(run, status, before, number, late, messages=messages)
        if not messages:
            self.sent = seal.sequence
        elif send:
            self.send(seal, renderer, number + 1)
        return seal

    def entry(self, run: str, count: int, first: int, ids: Sequence[str | None], window: Window, source: str = "poll") -> SealedEntry:
        """Store an entry."""
        lines = b"".join(message_line(first + at, event_id) for at, event_id in enumerate(ids))
        messages = Messages(first, first + len(ids) - 1, digest(lines), ids_of_lines(lines)) if ids else None
        keys = b"".join(sorted(sha256(f"{run}{count}{at}".encode()).digest()[:16] for at in range(max(1, len(ids)))))
        entry = Entry(
            tenancy=TENANCY, region=self.region, run=run, number=count, source=source, epoch=29_401_234,
            at=float((self.now + self.skew - 1) * 60), keys={(TENANCY, window): keys}, polled=1, polled_sha256="ab" * 32, messages=messages,
        )  # fmt: skip
        data = sign_entry(pack(entry), self.key) if self.key else pack(entry)
        self.entries.create(entry.name.text(), data)
        return SealedEntry(name=entry.name.text(), sha256=digest(data))

    def seal(self, run: str, status: str, before: int, number: int, late: int = 0, *, messages: bool = True) -> Seal:
        """Store the seal of a run with everything that is not sealed yet."""
        previous = PreviousSeal(sequence=self.chain[-1].sequence, sha256=self.digest()) if self.chain else None
        polled = sorted(self.polled or [self.region])
        regions = SealedRegions(subscribed=polled, polled=polled, excluded=[], uncovered=[])
        compartments = SealedCompartments(existing=1, polled=1, excluded=0, unreadable=0, unlisted=0)
        seal = Seal(
            version=1, product_version="0.1.0", tenancy=TENANCY, region=self.region, sequence=len(self.chain) + 1, run=run, status=status,
            time=minute_text(self.now + self.skew), position=SealPosition(before=minute_text(before), after=minute_text(self.cursor)),
            counts=SealCounts(fetched=number, forwarded=number, duplicates=0, filtered={}, malformed=0, late=late, unconfirmed=0),
            messages=SealedMessages(count=number, sha256=digest(b"")) if status != "killed" else None, entries=self.unsealed,
            coverage=SealedCoverage(regions=regions, home_polled=True, compartments=compartments),
            reconciled={"60": minute_text(self.reconciled or self.cursor - 65)},
            behind=0, rules_sha256=None, field_map_sha256=None, unsealed_runs=[],
            seal_messages=MessagesOfSeals(enabled=messages, confirmed=self.sent), ledger_days=self.ledger_days, hostname=self.hostname,
            previous=previous, signature=None,
        )  # fmt: skip
        seal = sign(seal, self.key) if self.key else seal
        self.unsealed = []
        self.chain.append(seal)
        self.seals.create(seal.name.text(), pack_seal(seal))
        return seal

    def digest(self, at: int = -1) -> str:
        return digest(pack_seal(self.chain[at]))

    def send(self, seal: Seal, renderer: Renderer, number: int) -> None:
        data = {"eventName": "Seal", "compartmentId": TENANCY, "message": "…"}
        members = {
            "eventType": "epimetheus.Seal", "eventTime": f"{seal.time[:-1]}.000Z", "source": "epimetheus", "data": data,
            "eventId": f"seal-{self.region}-{seal.sequence}-{digest(pack_seal(seal))[:16]}",
        }  # fmt: skip
        self.lines.append(renderer.render_notice(decode_event(msgspec.json.encode(members)), number).message)
        self.sent = seal.sequence

    def head(self) -> ChainHead | None:
        return ChainHead(len(self.chain), self.digest(), stored=self.stored, sent=self.sent) if self.chain else None

    def source(self, *, head: bool = True) -> RegionSource:
        return RegionSource(self.region, self.seals, self.entries, self.head if head else lambda: None)

    def verify(
        self, *exports: object, window: Window = DAY, keys: Sequence[object] = (), head: bool = True, **more: object
    ) -> Verification:
        request = Request(window._replace(end=min(window.end, self.now + 1)), keys, self.now, 35, **more)
        return verify(request, [self.source(head=head)], exports, Quiet(), {})


def usual(**settings: object) -> SealedRegion:
    """Three ordinary runs and one that was killed: seals 1 to 5."""
    region = SealedRegion(**settings)
    region.run("run-a", ["a1", "a2", None], ["a4"])
    region.run("run-b")
    region.run("run-c", ["c1", "c2"], status="killed")
    region.seal("run-c", "killed", region.cursor, 0)
    region.run("run-d", ["d1"], ["d2", "d3"], ["d4"], late=1)
    region.run("run-e", ["e1"])
    renderer, seal = region.renderer("run-d"), region.chain[2]
    region.send(seal, renderer, 5)  # the run after it sends it first
    region.sent = 5
    return region

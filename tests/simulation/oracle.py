"""Who knows every event, and holds each write, each message and each report to the promises of DESIGN.md (numbered as there)."""

import re
from collections import Counter

from epimetheus.model import Report, parse_minute
from epimetheus.select.dedupe import KEY_BYTES, compartment_tag, event_key
from epimetheus.select.rules import Rules
from epimetheus.source.decode import decode_event
from epimetheus.state.form import unpack
from epimetheus.state.memory import State
from tests.simulation.siem import Siem
from tests.simulation.tenancy import LATEST, SECRET, Event, Tenancy

LIMIT = 2
_HELD_BACK = re.compile(r"msg=(\d+) events (\S+) were held back by rate_limiting in the hour from (\S+),")
_NOTICE = re.compile(rb"<\d+>1 \S+ \S+ \S+ - notice ")
_NAME = re.compile(rb"e\d+-[0-9a-f]{12}")


class Broken(Exception):
    """A promise was."""


class Oracle:
    """Asked after everything that matters; raises Broken."""

    def __init__(self, tenancy: Tenancy, siem: Siem, rules: Rules) -> None:
        self.rules = rules
        self.held: dict[tuple[str, int], int] = {}
        self.told: dict[tuple[str, int], int] = {}
        self.tenancy = tenancy
        self.siem = siem
        self.names: dict[bytes, str] = {}
        self.events: dict[str, Event] = {}
        self.marks: dict[str, int] = {}
        self.begun: dict[str, float] = {}
        self.committed: set[str] = set()
        self.began = self.first = 0.0
        self.overlapped = False
        self.repeats = 0
        self.arrived: Counter[str] = Counter()
        self.seen_kept = 0
        self.unreadable: set[str] = set()

    def kept(self) -> set[str]:
        """The names of all events that the receiver has for good."""
        self.siem.live()
        for message in self.siem.kept[self.seen_kept :]:
            if SECRET.encode() in message:
                raise Broken(f"7: a secret left: {message!r}")
            if _NOTICE.match(message):
                self.hear(message)
                continue
            found = set(_NAME.findall(message))
            if any(b"|com.oraclecloud.x.%b|" % kind.encode() in message for kind in self.rules.excluded):
                raise Broken(f"a rule leaves this out, and it was sent: {message!r}")
            if len(found) != 1:
                raise Broken(f"1: a message of no event, or of several: {message!r}")
            self.arrived[found.pop().decode()] += 1
        self.seen_kept = len(self.siem.kept)
        return set(self.arrived)

    def written(self, data: bytes) -> None:
        """A state was written: what its marks have passed by moving has arrived; what its keys stand for is never sent again."""
        state, kept = unpack(data, "shelf"), self.kept()
        self.first = self.first or state.through * 60
        if SECRET.encode() in data:
            raise Broken("7: a secret in the state")
        for ocid, place in self.tenancy.places.items():
            if ocid not in state.known or not state.known[ocid].asked:
                continue
            read_from = self.read_from(ocid, state)
            mark = state.mark(ocid)
            before, self.marks[ocid] = self.marks.get(ocid, mark), mark
            if place.state == "DELETED" and place.forbidden:
                self.unreadable.add(ocid)
            if ocid not in self.unreadable:
                passed = [event for event in place.events if before * 60 <= event.processed < mark * 60]
                self.committed |= {event.name for event in passed} & kept
                lost = [event for event in passed if event.listed <= read_from and event.name not in kept]
                lost = [event for event in lost if not self.may_lack(event)]
                if lost:
                    raise Broken(f"1, 2: {lost[0].name} of {ocid} lies below the mark, could be read, and has not arrived")
        for packed in state.keys.values():
            self.committed |= {self.name(packed[at : at + KEY_BYTES]) for at in range(0, len(packed), KEY_BYTES)}
        lacking = {name for name in self.committed - kept if not self.may_lack(self.events[name])}
        if lacking:
            raise Broken(f"1, 2: keys of what has not arrived were written down: {sorted(lacking)[:3]}")
        self.limited(state)

    def limited(self, state: State) -> None:
        """Limits are kept, and who is held back is counted: a count that was written down never falls."""
        for kind, hours in state.quotas.items():
            for hour, quota in hours.items():
                if quota.passed > LIMIT or quota.held < self.held.get((kind, hour), 0):
                    raise Broken(f"4: {kind} in the hour {hour}: {quota}, and {self.held.get((kind, hour), 0)} were held back before")
                self.held[kind, hour] = quota.held

    def hear(self, message: bytes) -> None:
        """A notice: what it says was held back has been told."""
        if said := _HELD_BACK.search(message.decode()):
            key = (said[2], parse_minute(said[3]))
            self.told[key] = self.told.get(key, 0) + int(said[1])

    def may_lack(self, event: Event) -> bool:
        """Whether a rule may have left this one out."""
        name = event.kind.rpartition(".")[2]
        return name in self.rules.excluded or name in self.rules.limits

    def counted(self, kept: set[str], state: State) -> None:
        """Of a type with a limit, as many arrived as the limit lets; the others were held back, counted and told."""
        for key, happened in self.by_hour().items():
            due = [event for event, must in happened if must]
            lacking, held = sum(event.name not in kept for event in due), self.held.get(key, 0)
            if lacking > held or sum(event.name in kept for event, _ in happened) < min(LIMIT, len(due)):
                raise Broken(f"4: {lacking} of {len(due)} {key} are lacking, {held} were held back")
        for kind, hours in state.quotas.items():
            for hour, quota in hours.items():
                if self.told.get((kind, hour), 0) < quota.told:
                    raise Broken(f"4: {kind} in the hour {hour}: {quota}, and the receiver heard of {self.told.get((kind, hour), 0)}")
                if hour + 60 <= state.through - LATEST / 60 - 3 and quota.told != quota.held:
                    raise Broken(f"4: {kind} in the hour {hour}: {quota}, and the hour is over")

    def by_hour(self) -> dict[tuple[str, int], list[tuple[Event, bool]]]:
        """What happened of the types with a limit, by type and hour, and whether it must have been read."""
        found: dict[tuple[str, int], list[tuple[Event, bool]]] = {}
        for ocid, place in self.tenancy.places.items():
            through = 0.0 if ocid in self.unreadable else self.marks.get(ocid, 0) * 60 - LATEST
            for event in place.events:
                if event.kind.rpartition(".")[2] in self.rules.limits:
                    hour = int(event.processed // 3600) * 60
                    found.setdefault((event.kind, hour), []).append((event, self.first <= event.processed < through))
        return found

    def read_from(self, ocid: str, state: State) -> float:
        """Since when the window that this compartment is marked for has been read: by this run, or by one that did not get to its end."""
        since = self.begun.get(ocid, self.began)
        if ocid in state.behind and state.behind[ocid].reading:
            self.begun[ocid] = since
        else:
            self.begun.pop(ocid, None)
        return since

    def name(self, key: bytes) -> str:
        """The event of a key."""
        if key not in self.names:
            for ocid, place in self.tenancy.places.items():
                tag = compartment_tag(ocid)
                self.names |= {event_key(tag, decode_event(event.raw)): event.name for event in place.events}
                self.events |= {event.name: event for event in place.events}
        return self.names[key]

    def sending(self, data: bytes) -> None:
        """Bytes are handed to a connection: nothing in them was confirmed and written down before."""
        for name in set(_NAME.findall(data)):
            self.repeats += name.decode() in self.arrived
            if name.decode() in self.committed and not self.overlapped:
                raise Broken(f"3: {name.decode()} was confirmed and written down, and is sent again")

    def reported(self, report: Report, raised: bool, late: float, read: int) -> None:
        """A run that was given ``read`` events has ended and said what it did."""
        total = report.forwarded + report.uncertain + report.duplicates + sum(report.left_out.values())
        if not read == report.fetched == total or report.uncertain < 0:
            raise Broken(f"4: {read} events read, {report.fetched} fetched, {total} accounted for")
        if report.uncertain and report.status != "failed":
            raise Broken(f"4, 8: {report.uncertain} uncertain, and the run is {report.status}")
        if (report.status == "failed") != raised or (report.error is None) == raised:
            raise Broken(f"8: the run is {report.status}, and {'raised' if raised else 'nothing was raised'}")
        if report.position and (report.status == "ok") and report.position.behind:
            raise Broken("8: somebody is behind, and the run says ok")
        if late > 0:
            raise Broken(f"5: the run ended {late:.1f} s after its deadline")
        if SECRET in str(report):
            raise Broken("7: a secret in the report")

    def crowded(self, pages: int) -> None:
        """So many pages are in memory at once."""
        if pages > 2:
            raise Broken(f"6: {pages} pages are in memory at once")

    def at_last(self, report: Report, state: State) -> None:
        """The faults are over, and the runs say that they have caught up: then everything has arrived."""
        if report.status != "ok" or not report.position or not report.position.caught_up:
            raise Broken(f"1: the faults are over, and it does not catch up: {report}")
        kept = self.kept()
        for ocid, place in self.tenancy.places.items():
            if ocid in self.unreadable:
                continue
            if place.listed and ocid not in self.marks:
                raise Broken(f"1: {ocid} is listed, and was never asked")
            through = self.marks.get(ocid, 0) * 60 - LATEST  # 0: nobody could know of it, it was gone before it was listed
            lost = [event for event in place.events if self.first <= event.processed < through and event.name not in kept]
            lost = [event for event in lost if not self.may_lack(event)]
            if lost:
                raise Broken(f"1: {len(lost)} events of {ocid} never arrived, the first {lost[0]}")
        self.counted(kept, state)

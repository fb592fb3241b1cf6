"""It knows every event of a region, and holds each write, each message and each report to the promises of DESIGN.md (numbered as there).

It believes nothing that the product says of itself: what must arrive follows from when the first run began, from the settings, from what
was asked on the wire, and from what the tenancy really was. Of a stored state it reads a few marks only (`marks`).
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Set

from epimetheus.model import Report
from tests.simulation.audit import Wire
from tests.simulation.chance import Stage
from tests.simulation.events import NAME, SECRET, Event
from tests.simulation.marks import Marks, marks_of
from tests.simulation.receipts import Broken, Receipts
from tests.simulation.settings import LIMIT, Settings
from tests.simulation.tenancy import Place, Tenancy

GIVE_UP_SECONDS = 6 * 3600.0
LEASE_SECONDS = 300.0
CLOCK_WARNS, CLOCK_FAILS = 60.0, 300.0
_SLACK = 90.0
"""Seconds that a time may differ by rounding to minutes and by how long a run takes."""


class Oracle:
    """Raises Broken. ``settings`` are those of the run under way; ``beyond`` counts events that were lost, too late for OVERLAP_MINUTES."""

    def __init__(self, stage: Stage, tenancy: Tenancy, wire: Wire, receipts: Receipts, settings: Settings) -> None:
        self.stage, self.tenancy, self.wire, self.receipts = stage, tenancy, wire, receipts
        self.settings = settings
        self.marks: dict[str, int] = {}
        self.polled: Set[str] = set()
        self.due_from: dict[str, float] = {}
        self.all_since: float | None = stage.now - 1e6
        self.first: float | None = None
        self.began = self.skew = 0.0
        self.through = 0
        self.ended = ""
        self.sent: list[str] = []
        self.batches: list[int] = []
        self.committed: set[str] = set()
        self.excused: set[str] = set()
        self.given_up: set[str] = set()
        self.given_up_before: set[str] = set()
        self.may_lack_kinds: set[str] = set()
        self.limits_hold = True
        self.held: dict[tuple[str, int], int] = {}
        self.forgotten: Counter[tuple[str, int]] = Counter()
        self.quotas: Marks | None = None
        self.writes = 0
        self.vanished = ""
        self.overlapped = False
        self.repeats = self.beyond = 0
        self.configured(settings)

    def configured(self, settings: Settings) -> None:
        """The next run has these settings. What a rule leaves out from now on may be lacking."""
        if settings.rules != self.settings.rules:
            self.limits_hold = False
        if settings.mode != "all":
            self.all_since = None
        elif self.all_since is None:
            self.all_since = self.stage.now
        self.settings = settings
        self.may_lack_kinds |= {*settings.rules.excluded, *settings.rules.limits}

    def run_begins(self) -> None:
        self.began, self.skew, self.sent, self.batches = self.stage.now, self.stage.skew, [], []
        self.given_up = set()
        self.wire.run_begins()

    # What is written

    def written(self, data: bytes) -> None:
        """A state was written: what lies below the marks that moved has arrived."""
        if self.vanished:
            raise Broken(f"1: the state is {self.vanished}, and a run wrote one as if it were not")
        marks, arrived = marks_of(data), self.receipts.up_to_now()
        self.writes += 1
        if SECRET.encode() in data:
            raise Broken("7: a secret in the state")
        if self.first is None:
            self.first = self.began - (self.settings.settle + self.settings.lookback) * 60 + abs(self.stage.skew) + 60
        for ocid, mark in marks.read.items():
            self._moved(ocid, mark, arrived)
        for ocid in sorted(self.polled - marks.read.keys()):
            self._left(ocid, self.tenancy.places[ocid], arrived)
        self.polled = marks.read.keys()
        self.ended, self.through = marks.ended, marks.through
        self._limited(marks)

    def _moved(self, ocid: str, mark: int, arrived: Counter[str]) -> None:
        place = self.tenancy.places[ocid]
        before = self.marks.get(ocid)
        if before is None:
            self._appears(ocid, place)
        self.marks[ocid] = mark
        if before is None or mark <= before:
            return
        windows = self.wire.windows[ocid]
        for event in self._between(place, before, mark):
            if event.name in arrived:
                self.committed.add(event.name)
            elif self._must_have(event, windows) and not self._excuses(ocid, place, mark, arrived):
                raise Broken(f"1, 2: {event.name} of {ocid} lies below the mark, could be read, and has not arrived")
        self.wire.windows[ocid] = [one for one in windows if one.end > mark - 86_400][-60:]

    def _left(self, ocid: str, place: Place, arrived: Counter[str]) -> None:
        """Polled no more: a deleted compartment that was refused for long may be given up, whatever it lacks."""
        if place.state == "DELETED" and ocid not in self.given_up_before and self._is_hopeless(ocid, place):
            lacking = [event for event in self._between(place, self.marks[ocid], self.stage.now) if event.name not in arrived]
            if [event for event in lacking if event.due and not self._may_lack(event)]:
                self._give_up(ocid, lacking)

    def _appears(self, ocid: str, place: Place) -> None:
        """Polled for the first time: every event is due from here on, or since it was there if all have been selected since."""
        whole = self.all_since is not None and self.all_since <= max(place.created, self.first or 0.0)
        self.due_from.setdefault(ocid, self.first if whole else self.stage.now)

    def _must_have(self, event: Event, windows) -> bool:
        """Whether the last run that asked for its time could read it, and no rule leaves it out."""
        if event.name in self.excused or self._may_lack(event):
            return False
        asked = [one.began for one in windows if one.start <= event.processed < one.end]
        return not asked or event.listed <= max(asked)

    def _excuses(self, ocid: str, place: Place, mark: int, arrived: Counter[str]) -> bool:
        """A deleted compartment that answers 404 for long while others are readable is given up, and said to be."""
        if not self._is_hopeless(ocid, place):
            return False
        self._give_up(ocid, [event for event in place.events if event.processed < mark and event.name not in arrived])
        return True

    def _is_hopeless(self, ocid: str, place: Place) -> bool:
        """Whether it was deleted, and has been seen to be refused without a break for hours, while not all of Audit was."""
        seen = self.wire.refused.get(ocid, (0.0, 0.0))[1]
        return place.state == "DELETED" and seen >= GIVE_UP_SECONDS - _SLACK

    def _give_up(self, ocid: str, lacking: list[Event]) -> None:
        self.excused |= {event.name for event in lacking}
        self.given_up.add(ocid)
        self.given_up_before.add(ocid)
        self.stage.counted["deleted compartment given up"] += 1

    def _between(self, place: Place, start: float, end: float) -> list[Event]:
        at = bisect_left(place.events, start, key=_processed)
        return place.events[at : bisect_left(place.events, end, lo=at, key=_processed)]

    def replaced(self, data: bytes | None, why: str) -> None:
        """The state is another, and by no run: ``why`` it must not be used; empty: it is an older one of ours."""
        self.vanished = why
        if why or data is None:
            return
        marks = marks_of(data)
        self.marks, self.polled = dict(marks.read), marks.read.keys()
        self.committed.clear()
        self.held.clear()
        self.ended, self.through = marks.ended, marks.through
        self.limits_hold = False

    # What is sent

    def sending(self, data: bytes) -> None:
        """Bytes are handed to a connection: nothing in them was confirmed and written down before, and no rule leaves it out."""
        arrived, rules = self.receipts.arrived, self.settings.rules
        for found in NAME.findall(data):
            name = found.decode()
            self.sent.append(name)
            self.repeats += name in arrived
            if name in self.committed and not self.overlapped:
                raise Broken(f"3: {name} was confirmed and written down, and is sent again")
            if rules.excluded and (kind := self.receipts.events[name].kind) and kind.rpartition(".")[2] in rules.excluded:
                raise Broken(f"a rule leaves {kind} out, and it was sent: {name}")
        self.batches.append(len(self.sent))

    # What is reported

    def reported(self, report: Report, read: int | None) -> None:
        """A run that was given ``read`` events (None: not known) has ended and said what it did."""
        total = report.forwarded + report.unconfirmed + report.duplicates + sum(report.filtered.values())
        if (read is not None and read < report.fetched) or report.fetched != total or report.unconfirmed < 0:
            raise Broken(f"4: {read} events read, {report.fetched} fetched, {total} accounted for")
        if report.unconfirmed and report.status != "failed":
            raise Broken(f"4, 8: {report.unconfirmed} uncertain, and the run is {report.status}")
        if report.status == "ok" and report.position and report.position.behind:
            raise Broken("8: a compartment is behind, and the run says ok")
        if (report.status == "failed") == (report.error is None):
            raise Broken(f"8: the run is {report.status}, its error is {report.error}")
        if SECRET in str(report):
            raise Broken("7: a secret in the report")
        self._confirmed(report)
        self._honest(report)
        self._clock(report)

    def _confirmed(self, report: Report) -> None:
        """What a run says was forwarded has arrived; and once its end is written down, it is never sent again."""
        if self.overlapped:
            return
        forwarded = self.sent[: report.forwarded]
        arrived = self.receipts.up_to_now()
        lacking = [name for name in forwarded if name not in arrived]
        if lacking or len(forwarded) < report.forwarded:
            raise Broken(f"2: {report.forwarded} forwarded, {len(lacking)} of them did not arrive: {lacking[:3]}")
        if self.ended == report.run:
            whole = report.forwarded if self.stage.has("acknowledged in part") else self._whole_batches(report.forwarded)
            self.committed.update(forwarded[:whole])

    def _whole_batches(self, events: int) -> int:
        """How many of the first so many events were sent in batches that are among them as a whole."""
        return max((end for end in self.batches if end <= events), default=0)

    def _honest(self, report: Report) -> None:
        """A run that saw nothing, or cannot know whether it saw everything, looks like it."""
        if self.vanished and report.status != "failed":
            raise Broken(f"8: the state is {self.vanished}, and the run is {report.status}")
        if report.status == "skipped" and not self.overlapped and self.stage.now - self.stage.trouble_at > LEASE_SECONDS + _SLACK:
            raise Broken(f"10: the run is skipped, and the last that can have left a lease ended long ago: {report.warnings}")
        refused, asked = self.wire.outcomes, report.position.polled if report.position else 0
        if refused and len(refused) >= asked and all(statuses == {404} for statuses in refused.values()) and report.status != "failed":
            raise Broken(f"8: all {len(refused)} compartments were refused, and the run is {report.status}")
        age = self.began - self.tenancy.listed_at
        whole = self.settings.mode == "tenancy_only" or not self.stage.has("an old listing is partial")
        if report.status == "ok" and not whole and age > self.settings.listing_max_age * 60 + _SLACK:
            raise Broken(f"8: the compartments were last listed {age / 60:.0f} minutes ago, and the run is ok")
        for ocid in self.given_up if not self.overlapped else ():
            if not any(ocid in warning for warning in report.warnings):
                raise Broken(f"8: {ocid} is given up, and the report does not say so: {report.warnings}")

    def _clock(self, report: Report) -> None:
        if not self.stage.has("clock jumps") or self.stage.skew != self.skew or self.overlapped or report.status == "skipped":
            return
        skew = abs(self.stage.skew)
        if skew > CLOCK_FAILS + 5 and report.status != "failed":
            raise Broken(f"11: the clock is {self.stage.skew:.0f} s off, and the run is {report.status}")
        if skew > CLOCK_WARNS + 5 and report.status != "failed" and not any("clock" in warning for warning in report.warnings):
            raise Broken(f"11: the clock is {self.stage.skew:.0f} s off, and the run does not say so")

    def crowded(self, pages: int) -> None:
        """So many pages are in memory at once."""
        most = 2 + self.settings.concurrency + bool(self.settings.concurrency)  # counted while threads go on
        if pages > most:
            raise Broken(f"6: {pages} pages are in memory at once")

    def interrupted(self, run: str, data: bytes | None) -> None:
        """A run was interrupted by Ctrl-C: it has returned its lease."""
        if data is not None and (lease := marks_of(data).lease) and lease[0] == run:
            raise Broken(f"10: {run} was interrupted, and has kept its lease until {lease[1]:.0f}")

    # What was limited

    def _limited(self, marks: Marks) -> None:
        """Limits are kept, and what is held back is counted: a count that was written down never falls."""
        self.quotas = marks
        for key in [key for key in self.held if key not in marks.quotas]:  # over and reported: what comes later begins anew
            self.forgotten[key] += self.held.pop(key)
        for key, quota in marks.quotas.items():
            if quota.passed > LIMIT or quota.suppressed < self.held.get(key, 0):
                if not self.limits_hold:
                    continue
                raise Broken(f"4: {key}: {quota}, and {self.held.get(key, 0)} were held back before")
            self.held[key] = quota.suppressed

    def _may_lack(self, event: Event) -> bool:
        """Whether a rule may have left this one out."""
        return bool(self.may_lack_kinds) and event.kind.rpartition(".")[2] in self.may_lack_kinds

    def _counted(self, arrived: Counter[str], end: float) -> None:
        """Of a type with a limit, as many arrived as the limit lets; the others were held back, counted and reported."""
        if not (self.limits_hold and self.receipts.hears and self.settings.rules.limits and self.quotas):
            return
        for key, happened in self._by_hour(end).items():
            due = [event for event, must in happened if must]
            lacking = sum(event.name not in arrived for event in due)
            held = max(self.held.get(key, 0) + self.forgotten[key], self.receipts.told[key])
            if lacking > held or sum(event.name in arrived for event, _ in happened) < min(LIMIT, len(due)):
                raise Broken(f"4: {lacking} of {len(due)} {key} are lacking, {held} were held back")
        for (kind, hour), quota in self.quotas.quotas.items():
            told = self.receipts.told[kind, hour]
            over = hour + 60 <= self.through // 60 - self.settings.overlap - 1
            if told < quota.reported or (over and quota.reported != quota.suppressed):
                raise Broken(f"4: {kind} in the hour {hour}: {quota}, the receiver was told of {told}, and the hour is over: {over}")

    def _by_hour(self, end: float) -> dict[tuple[str, int], list[tuple[Event, bool]]]:
        """What happened of the types with a limit, by type and hour, and whether it must have been read."""
        found: dict[tuple[str, int], list[tuple[Event, bool]]] = {}
        for ocid, place in self.tenancy.places.items():
            start = self.due_from.get(ocid, end)
            for event in place.events:
                if event.kind.rpartition(".")[2] in self.settings.rules.limits:
                    hour = int(event.processed // 3600) * 60
                    must = start <= event.processed < end and event.due and event.name not in self.excused
                    found.setdefault((event.kind, hour), []).append((event, must))
        return found

    # What must be true in the end

    def at_last(self, report: Report) -> None:
        """The faults are over, and the runs say that they have caught up: then everything has arrived."""
        if report.status != "ok" or not report.position or not report.position.caught_up:
            raise Broken(f"1: the faults are over, and it does not catch up: {report}")
        arrived, end = self.receipts.up_to_now(), self.through - self.tenancy.lateness
        for ocid, place in self.tenancy.places.items():
            if ocid not in self.due_from:
                if place.listed:
                    raise Broken(f"1: {ocid} is listed, and was never polled")
                continue  # it was gone before it was listed
            lacking = [event for event in self._between(place, self.due_from[ocid], end) if event.name not in arrived]
            self.beyond += sum(not event.due for event in lacking)
            lost = [event for event in lacking if event.due and event.name not in self.excused and not self._may_lack(event)]
            if lost:
                raise Broken(f"1: {len(lost)} events of {ocid} never arrived, the first {lost[0]}")
        self._counted(arrived, end)


def _processed(event: Event) -> float:
    return event.processed

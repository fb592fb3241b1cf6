"""The oracle: it has every event of a region, and checks each write, message and report against the promises in docs/reliability.md.

Errors start with the number of the promise. The oracle does not rely on what the package reports: what must arrive follows from the time of
the first run, the settings, the requests, and the tenancy. It reads the positions of a stored state only (`marks`).
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Set

from epimetheus.reports import Report
from tests.simulation.audit import Wire
from tests.simulation.chance import Stage
from tests.simulation.events import NAME, SECRET, Event
from tests.simulation.marks import Marks, epoch_of, keys_of, marks_of
from tests.simulation.receipts import Broken, Receipts
from tests.simulation.seals import SealOracle
from tests.simulation.settings import LIMIT, Settings
from tests.simulation.tenancy import Place, Tenancy

GIVE_UP_SECONDS = 6 * 3600.0
LEASE_SECONDS = 300.0
LAST_PASS = 24 * 60
"""Minutes after which the last pass of reconciliation lists a window again: every event is listed by then."""
CLOCK_WARNS, CLOCK_FAILS = 60.0, 300.0
_SLACK = 90.0
"""Tolerance in seconds, for rounding to minutes and the duration of a run."""


class Oracle:
    """Checks one region. Its methods raise Broken. ``settings``: of the current run. ``beyond``: events lost, listed after the overlap.

    ``relists``: the last pass of reconciliation was set all the time, so that no event is lost that is listed within a day.
    """

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
        self.in_ledger: dict[str, int] = {}  # name of an event → epoch of its entry
        self.unentered: set[str] = set()  # events whose entry was lost
        self.epoch = 0
        self.excused: set[str] = set()
        self.given_up: set[str] = set()
        self.given_up_before: set[str] = set()
        self.may_lack_kinds: set[str] = set()
        self.limits_hold = True
        self.held: dict[tuple[str, int], int] = {}
        self.forgotten: Counter[tuple[str, int]] = Counter()
        self.counts: Marks | None = None
        self.writes = 0
        self.vanished = self.reported_run = ""
        self.overlapped = False
        self.repeats = self.beyond = 0
        self.relists = True
        self.chain = SealOracle(stage)
        self.configured(settings)

    def configured(self, settings: Settings) -> None:
        """Change the settings for the next run. Events that its rules filter may be missing."""
        if settings.rules != self.settings.rules:
            self.limits_hold = False
        if settings.mode != "all":
            self.all_since = None
        elif self.all_since is None:
            self.all_since = self.stage.now
        self.relists &= LAST_PASS in settings.reconcile
        self.settings = settings
        self.may_lack_kinds |= {*settings.rules.excluded, *settings.rules.limits}

    def run_begins(self) -> None:
        self.began, self.skew, self.sent, self.batches = self.stage.now, self.stage.skew, [], []
        self.given_up = set()
        self.wire.run_begins()

    # State writes

    def written(self, data: bytes) -> None:
        """A state was written: every event before a position that moved must have arrived."""
        if self.vanished:
            raise Broken(f"1: the state is {self.vanished}, but a run wrote a new one")
        marks, arrived = marks_of(data), self.receipts.up_to_now()
        self.writes += 1
        if SECRET.encode() in data:
            raise Broken("7: a secret in the state")
        if self.first is None:
            self.first = self.began - (self.settings.settle + self.settings.lookback) * 60 + abs(self.stage.skew) + 60
        for ocid, mark in marks.read.items():
            self._moved(ocid, mark, marks.through, arrived)
        for ocid in sorted(self.polled - marks.read.keys()):
            self._stopped(ocid, self.tenancy.places[ocid], arrived)
        self.polled = marks.read.keys()
        self.ended, self.through, self.epoch = marks.ended, marks.through, marks.epoch
        self.chain.written(marks.head)
        self._limited(marks)

    def entered(self, data: bytes) -> None:
        """An entry was written: its events have arrived, or a rule filtered them, and they are not sent again."""
        arrived, epoch = self.receipts.up_to_now(), epoch_of(data)
        for name in self._names(data):
            if name not in arrived and not self.may_lack(self.tenancy.by_name[name]):
                raise Broken(f"2: {name} is in the ledger, and has not arrived")
            self.in_ledger[name] = epoch
            self.unentered.discard(name)

    def _moved(self, ocid: str, mark: int, through: int, arrived: Counter[str]) -> None:
        place = self.tenancy.places[ocid]
        before = self.marks.get(ocid)
        if before is None:
            self._first_polled(ocid, place)
        self.marks[ocid] = mark
        if before is None or mark <= before:
            return
        if before == self.through and mark == through:
            self._overlap_read(ocid, place, before, arrived)
        windows = self.wire.windows[ocid]
        for event in self._between(place, before, mark):
            if event.name in arrived:
                entered = not self.settings.push or event.name in self.in_ledger  # a push that failed may have sent it, and not entered it
                self.committed |= {event.name} - self.unentered if entered else set()
            elif self._must_have(event, windows) and not self._may_be_given_up(ocid, place, mark, arrived):
                raise Broken(f"1, 2: {event.name} of {ocid} is before the position, was readable, and has not arrived")
        self.wire.windows[ocid] = [one for one in windows if one.end > mark - 86_400][-60:]

    def _overlap_read(self, ocid: str, place: Place, mark: int, arrived: Counter[str]) -> None:
        """A compartment followed the cursor from ``mark``: what was listed late, within the overlap before it, must have arrived."""
        if self.overlapped:
            return
        for event in self._between(place, mark - self.settings.overlap * 60, mark):
            listed = event.processed >= self.due_from[ocid] and event.listed <= self.began
            if listed and event.name not in arrived and event.name not in self.excused and not self.may_lack(event):
                raise Broken(f"1: {event.name} of {ocid} is in the overlap, was listed before the run, and has not arrived")

    def _stopped(self, ocid: str, place: Place, arrived: Counter[str]) -> None:
        """A compartment is no longer polled: a deleted one that was refused for long may be given up with missing events."""
        if place.state == "DELETED" and ocid not in self.given_up_before and self._is_hopeless(ocid, place):
            lacking = [event for event in self._between(place, self.marks[ocid], self.stage.now) if event.name not in arrived]
            if [event for event in lacking if event.due and not self.may_lack(event)]:
                self._give_up(ocid, lacking)

    def _first_polled(self, ocid: str, place: Place) -> None:
        """A compartment is polled for the first time: events are due from now on, or from its creation if all were selected since."""
        whole = self.all_since is not None and self.all_since <= max(place.created, self.first or 0.0)
        self.due_from.setdefault(ocid, self.first if whole else self.stage.now)

    def _must_have(self, event: Event, windows) -> bool:
        """Whether the last run that requested its time could read it, and no rule may filter it."""
        if event.name in self.excused or self.may_lack(event):
            return False
        asked = [one.began for one in windows if one.start <= event.processed < one.end]
        return not asked or event.listed <= max(asked)

    def _may_be_given_up(self, ocid: str, place: Place, mark: int, arrived: Counter[str]) -> bool:
        """Whether the missing events are those of a deleted compartment that may be given up; it must then be reported."""
        if not self._is_hopeless(ocid, place):
            return False
        self._give_up(ocid, [event for event in place.events if event.processed < mark and event.name not in arrived])
        return True

    def _is_hopeless(self, ocid: str, place: Place) -> bool:
        """Whether it was deleted, and refused for hours without a break while other compartments were not."""
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
        """The state was replaced, not by a run. ``why`` it must not be used; empty if it is an older one that may be."""
        self.vanished = why
        if why or data is None:
            return
        self.chain.replaced()
        marks = marks_of(data)
        self.marks, self.polled = dict(marks.read), marks.read.keys()
        self.committed.clear()  # the ledger has what was confirmed after this state
        if marks.epoch > self.epoch:  # a state after a rewind: what earlier epochs have entered meanwhile may be sent again
            self.in_ledger = {name: epoch for name, epoch in self.in_ledger.items() if epoch >= marks.epoch}
        self.epoch = marks.epoch
        self.held.clear()
        self.ended, self.through = marks.ended, marks.through
        self.limits_hold = False

    def rewound(self, data: bytes, start: float) -> None:
        """The operator moved the cursor back: events from ``start`` on may be sent again; earlier ones are in the ledger still.

        Not those of a compartment that is only pushed so far: it is read from its creation once it is polled, in the new epoch.
        """
        events, polled = self.tenancy.by_name, marks_of(data).read
        kept = {
            name: epoch for name, epoch in self.in_ledger.items() if events[name].processed < start and events[name].compartment in polled
        }
        rolled_back = self.chain.rolled_back
        self.replaced(data, "")
        self.chain.rolled_back = rolled_back
        self.in_ledger = kept

    def entry_lost(self, data: bytes) -> None:
        """An entry was deleted or damaged: its events may be sent again, and its counts are lost unless the state has them."""
        names = set(self._names(data))
        self.in_ledger = {name: epoch for name, epoch in self.in_ledger.items() if name not in names}
        self.committed -= names
        self.unentered |= names
        self.limits_hold = False

    def _names(self, data: bytes) -> Iterator[str]:
        """The names of the events in an entry."""
        packed = data.partition(b"\n\0")[2]
        return (self.tenancy.by_key[packed[at : at + 16]] for at in range(0, keys_of(data) * 16, 16))

    # Messages

    def sending(self, data: bytes) -> None:
        """Bytes are sent: no event in them was confirmed and committed before, and no rule filters it."""
        arrived, rules = self.receipts.arrived, self.settings.rules
        for found in NAME.findall(data):
            name = found.decode()
            self.sent.append(name)
            self.repeats += name in arrived
            if name in self.committed and not self.overlapped:
                raise Broken(f"3: {name} was confirmed and committed, but is sent again")
            if name in self.in_ledger and not self.overlapped:
                raise Broken(f"3: {name} is in the ledger, but is sent again")
            if rules.excluded and (kind := self.receipts.events[name].kind) and kind.rpartition(".")[2] in rules.excluded:
                raise Broken(f"a rule filters {kind}, but it was sent: {name}")
        self.batches.append(len(self.sent))

    # Reports

    def reported(self, report: Report, read: int | None) -> None:
        """A run has ended. ``read``: the events it was given (None: unknown)."""
        total = report.forwarded + report.unconfirmed + report.duplicates + sum(report.filtered.values())
        if (read is not None and read < report.fetched) or report.fetched != total or report.unconfirmed < 0:
            raise Broken(f"4: {read} events read, {report.fetched} fetched, {total} accounted for")
        if report.unconfirmed and report.status != "failed":
            raise Broken(f"4, 8: {report.unconfirmed} unconfirmed, but the run is {report.status}")
        if report.status == "ok" and report.position and report.position.behind:
            raise Broken("8: a compartment is behind, but the run is ok")
        if (report.status == "failed") == (report.error is None):
            raise Broken(f"8: the run is {report.status}, its error is {report.error}")
        if SECRET in str(report):
            raise Broken("7: a secret in the report")
        self.reported_run = report.run
        if not self.overlapped:
            self.chain.reported(report)
        self._check_confirmed(report)
        self._check_status(report)
        self._check_clock(report)

    def _check_confirmed(self, report: Report) -> None:
        """Every event counted as forwarded has arrived; after the last commit of the run it is never sent again."""
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
        """How many of the first ``events`` events were sent in complete batches."""
        return max((end for end in self.batches if end <= events), default=0)

    def _check_status(self, report: Report) -> None:
        """A run that read nothing, or may have missed something, must not be ok."""
        if self.vanished and report.status != "failed":
            raise Broken(f"8: the state is {self.vanished}, but the run is {report.status}")
        if report.status == "skipped" and not self.overlapped and self.stage.now - self.stage.trouble_at > LEASE_SECONDS + _SLACK:
            raise Broken(f"5: the run is skipped, but no lease can remain: {report.warnings}")
        refused, asked = self.wire.outcomes, report.position.polled if report.position else 0
        all_refused = refused and len(refused) >= asked and all(statuses == {404} for statuses in refused.values())
        if all_refused and report.status != "failed" and not self.overlapped:  # an overlapping run resets the outcomes
            raise Broken(f"8: all {len(refused)} compartments were refused, but the run is {report.status}")
        age = self.began - self.tenancy.listed_at
        whole = self.settings.mode == "tenancy_only" or not self.stage.has("an old listing is partial")
        if report.status == "ok" and not whole and age > self.settings.listing_max_age * 60 + _SLACK:
            raise Broken(f"8: the compartments were last listed {age / 60:.0f} minutes ago, but the run is ok")
        for ocid in self.given_up if not self.overlapped else ():
            if not any(ocid in warning for warning in report.warnings):
                raise Broken(f"8: {ocid} is given up, but not reported: {report.warnings}")

    def _check_clock(self, report: Report) -> None:
        if not self.stage.has("clock jumps") or self.stage.skew != self.skew or self.overlapped or report.status == "skipped":
            return
        skew = abs(self.stage.skew)
        if skew > CLOCK_FAILS + 5 and report.status != "failed":
            raise Broken(f"1: the clock is off by {self.stage.skew:.0f} s, but the run is {report.status}")
        if skew > CLOCK_WARNS + 5 and report.status != "failed" and not any("clock" in warning for warning in report.warnings):
            raise Broken(f"1: the clock is off by {self.stage.skew:.0f} s, but the run does not report it")

    def check_pages(self, pages: int) -> None:
        """``pages`` are in memory at once: one that was read and one that is read. With threads, tests/source/test_fetch.py counts them."""
        if pages > 2 and not self.settings.concurrency:
            raise Broken(f"6: {pages} pages are in memory at once")

    def interrupted(self, run: str, data: bytes | None) -> None:
        """An interrupted run must have returned its lease, unless it had ended in this region, or the store failed before."""
        lease = marks_of(data).lease if data is not None else None
        if run != self.reported_run and self.stage.trouble_at < self.began and lease and lease[0] == run:
            raise Broken(f"5: {run} was interrupted, but its lease remains until {lease[1]:.0f}")

    # Rate limits

    def _limited(self, marks: Marks) -> None:
        """Rate limits hold, and a committed count of rate-limited events never decreases."""
        self.counts = marks
        for key in [key for key in self.held if key not in marks.hourly]:  # over and reported: later events are counted from 0
            self.forgotten[key] += self.held.pop(key)
        for key, count in marks.hourly.items():
            if count.passed > LIMIT or count.suppressed < self.held.get(key, 0):
                if not self.limits_hold:
                    continue
                raise Broken(f"4: {key}: {count}, and {self.held.get(key, 0)} were rate-limited before")
            self.held[key] = count.suppressed

    def may_lack(self, event: Event) -> bool:
        """Whether a rule may have filtered this event."""
        return bool(self.may_lack_kinds) and event.kind.rpartition(".")[2] in self.may_lack_kinds

    def is_limited(self, event: Event) -> bool:
        """Whether a rule limits the events of this type per hour."""
        return event.kind.rpartition(".")[2] in self.settings.rules.limits

    def _check_limits(self, arrived: Counter[str], end: float) -> None:
        """Of a type with a limit, the allowed events arrived; the others were counted and reported."""
        if not (self.limits_hold and self.receipts.reads_notices and self.settings.rules.limits and self.counts):
            return
        for key, happened in self._by_hour(end).items():
            due = [event for event, must in happened if must]
            lacking = sum(event.name not in arrived for event in due)
            held = max(self.held.get(key, 0) + self.forgotten[key], self.receipts.reported[key])
            if lacking > held or sum(event.name in arrived for event, _ in happened) < min(LIMIT, len(due)):
                raise Broken(f"4: {lacking} of {len(due)} {key} are missing, but {held} were rate-limited")
        for (kind, hour), count in self.counts.hourly.items():
            reported = self.receipts.reported[kind, hour]
            over = hour + 60 <= self.through // 60 - self.settings.overlap - 1
            if reported < count.reported or (over and count.reported != count.suppressed):
                raise Broken(f"4: {kind} in the hour {hour}: {count}, {reported} were reported; the hour is over: {over}")

    def _by_hour(self, end: float) -> dict[tuple[str, int], list[tuple[Event, bool]]]:
        """The events of types with a limit, by type and hour, and whether each must have been read."""
        found: dict[tuple[str, int], list[tuple[Event, bool]]] = {}
        for ocid, place in self.tenancy.places.items():
            start = self.due_from.get(ocid, end)
            for event in place.events:
                if event.kind.rpartition(".")[2] in self.settings.rules.limits:
                    hour = int(event.processed // 3600) * 60
                    must = start <= event.processed < end and event.due and event.name not in self.excused
                    found.setdefault((event.kind, hour), []).append((event, must))
        return found

    # The end of a play

    def check_end(self, report: Report) -> None:
        """The faults are over and the runs have caught up: everything must have arrived."""
        if report.status != "ok" or not report.position or not report.position.caught_up:
            raise Broken(f"1: the faults are over, but the run has not caught up: {report}")
        arrived, end = self.receipts.up_to_now(), self.through - self.tenancy.lateness
        for ocid, place in self.tenancy.places.items():
            if ocid not in self.due_from:
                if place.listed:
                    raise Broken(f"1: {ocid} is listed, but was never polled")
                continue  # it was deleted before it was listed
            lacking = [event for event in self._between(place, self.due_from[ocid], end) if event.name not in arrived]
            self.beyond += sum(not event.due for event in lacking)
            must = [event for event in lacking if event.due or self.relists]
            lost = [event for event in must if event.name not in self.excused and not self.may_lack(event)]
            if lost:
                raise Broken(f"1: {len(lost)} events of {ocid} never arrived, the first {lost[0]}")
        self._check_limits(arrived, end)


def _processed(event: Event) -> float:
    return event.processed

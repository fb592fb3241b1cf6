"""One run over one region: the order of its steps, and nothing else.

    lease ─▶ compartments ─▶ slice by slice: fetch, forward, confirm, commit ─▶ report

The promise is kept here: the cursor moves only in `_Run.slice`, after everything the slice sent was confirmed.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial

from epimetheus.clock import Deadline
from epimetheus.errors import EpimetheusError
from epimetheus.model import Report, Status, Window, time_text
from epimetheus.run import notices, plan
from epimetheus.run.discovery import discover_compartments
from epimetheus.run.forward import Forwarder
from epimetheus.run.known_compartments import remembered
from epimetheus.run.lease import first_start, lease_held, lease_returned
from epimetheus.run.ports import RunOptions, RunPorts
from epimetheus.run.run_clock import RunClock
from epimetheus.run.slice_reader import SliceReader
from epimetheus.run.tally import Tally, days_left, given_up_warning, is_caught_up, position, to_problem
from epimetheus.select.dedupe import SeenKeys, compartment_tag
from epimetheus.select.rate_limits import OWN, RateLimits
from epimetheus.select.selection import Selection
from epimetheus.source.compartments import paths
from epimetheus.source.fetch import FetchTask
from epimetheus.state.model import Lease, State, Summary

CHECKPOINT_SECONDS = 30.0
_LEASE_GRACE_SECONDS = 5.0
_LEAST_SECONDS = 1.0
_TURN_SECONDS = 20.0  # a page may take as long; a compartment that holds more takes another turn
_LATE_MINUTES = 24 * 60  # an event may be processed long after it happened, and counts in the hour it happened


def run(options: RunOptions, parts: RunPorts, run_id: str, deadline: Deadline, warnings: Sequence[str] = ()) -> Report:
    """Forward what is new in one region, within ``deadline``; the report tells how it ended, it is not raised.

    ``warnings`` are put into the report as they are.
    """
    with lease_returned(parts, options.region):
        return _Run(options, parts, run_id, deadline, warnings).report()


class _Run:
    """The steps of a run share what they know here; `report` is their order."""

    def __init__(self, options: RunOptions, parts: RunPorts, run_id: str, deadline: Deadline, warnings: Sequence[str]) -> None:
        self.options = options
        self.parts = parts
        self.run_id = run_id
        self.deadline = deadline
        self.work_deadline = deadline.earlier(commit_reserve(deadline.left()))
        self.work_seconds, self.slice_seconds = self.work_deadline.left(), 0.0
        self.tally = Tally(warnings=list(warnings))
        self.started = parts.clock.now()
        self.monotonic_start = parts.clock.monotonic()
        self.time = RunClock(parts.clock, parts.clock_offset, options.settle)
        self.state = State(options.region, self.time.end - options.lookback, overlap=options.overlap)
        self.opened = False
        self.remember()
        self.from_ = self.state.through
        self.given_up: list[str] = []
        self.counted = 0
        self.uncommitted, self.committed_at = False, self.monotonic_start

    def report(self) -> Report:
        try:
            other = self.open()
            if other is not None:
                self.tally.warnings.append(lease_held(other))
                return self.told("skipped")
            for step in (self.survey, self.forward, self.tell, self.close):
                self.timed(step)
        except EpimetheusError as error:
            self.salvage()
            return self.told("failed", error)
        finally:
            self.parts.receiver.drop()
        return self.told("partial" if self.state.behind or self.given_up or self.tally.outdated else "ok")

    def timed(self, step: Callable[[], None]) -> None:
        began = self.parts.clock.monotonic()
        try:
            self.parts.session.renew_if_due(self.time.now())
            step()
        finally:
            self.tally.phases[step.__name__] = round(self.parts.clock.monotonic() - began, 3)

    def open(self) -> Lease | None:
        """Take the lease; or the lease of the run that has it."""
        if self.parts.clock_offset() is None:
            self.parts.measure_clock()
        self.state, other = self.parts.session.open(self.first_state, now=self.time.now(), until=self.lease_end())
        if other is None and (warning := self.time.check()):
            self.tally.warnings.append(warning)
            self.parts.session.extend(self.lease_end(), self.time.now())
        self.from_ = self.state.through
        self.remember()
        self.opened = True
        self.tally.warnings += [first_start(self.from_ - self.options.overlap)] * self.parts.session.first_start
        return other

    def lease_end(self) -> float:
        return self.time.now() + self.deadline.left() + _LEASE_GRACE_SECONDS

    def first_state(self) -> State:
        """The state of a first run. Raises ClockError."""
        self.time.check()
        begin = self.time.end - self.options.lookback
        return State(self.options.region, begin, overlap=self.options.overlap, began=begin)

    def remember(self) -> None:
        """What was seen and spent before, as the state has it."""
        parts = self.parts
        self.seen, self.quotas = SeenKeys(self.state.keys), RateLimits(self.state.rate_limits)
        self.state = replace(self.state, keys={})  # they are in memory once
        told = partial(parts.watcher.filtered, self.options.region) if self.options.statistics.filtered else None
        self.selection = Selection(parts.rules, parts.watch, self.quotas)
        self.forwarder = Forwarder(
            self.seen, self.selection, parts.render, parts.frame, parts.receiver, self.tally, actors=self.options.actors, filtered=told
        )
        self.reader = SliceReader(parts.audit, self.forwarder, self.options.concurrency, self.tick, self.progress, self.wrong)

    def survey(self) -> None:
        """Which compartments are read, and from when."""
        self.state = discover_compartments(
            self.options, self.parts, self.state, self.tally, time=self.time, deadline=self.work_deadline, problem=self.wrong
        )
        self.forwarder.places = paths(remembered(self.state))

    def forward(self) -> None:
        """Slice after slice, compartments behind and the others by turns, while there is work, and time for one like the last."""
        reader = self.reader
        catching_up, options = False, self.options
        while (left := self.work_deadline.left()) > _LEAST_SECONDS:
            length = self.state.slice_minutes or options.slice
            behind = plan.plan_backfill(
                self.state, reader.excluded, reader.fresh, now=self.time.minute, length=options.slice, overlap=options.overlap
            )
            others = plan.plan_next_slice(
                self.state, reader.fresh | reader.excluded.keys(), end=self.time.end, length=length, overlap=options.overlap
            )
            others = others if left > self.slice_seconds else []
            works = (behind or others) if catching_up else (others or behind)
            if not works:
                break
            if self.uncommitted:
                self.commit(self.state)
            share = left / 2 if behind and others else left
            if works is behind:
                share = min(share, max(_TURN_SECONDS, self.work_seconds / 8))
            self.slice(works, length, self.work_deadline.within(share), backfill=works is behind)
            catching_up = not catching_up
        if not reader.pages:
            plan.refuse_empty(self.state, reader.excluded, end=self.time.end)

    def slice(self, works: Sequence[FetchTask], length: int, deadline: Deadline, *, backfill: bool) -> None:
        """Fetch, forward, confirm; and only then move."""
        left, began, fetched = deadline.left(), self.parts.clock.monotonic(), self.tally.fetched
        outcomes = self.reader.read(works, deadline, bounded=backfill)
        readable = self.reader.pages > 0
        waiting = self.state.behind.keys() - self.reader.excluded.keys()
        if waiting and not backfill and not readable and plan.all_stopped(works, outcomes):
            return  # compartments behind have their turn before this is called a refusal of all
        plan.refuse_if_none(self.state, works, outcomes, readable=readable)
        self.forwarder.finish()
        seconds = self.parts.clock.monotonic() - began
        if not backfill:
            self.slice_seconds, events = seconds, self.tally.fetched - fetched
            length = plan.next_length(
                length, self.options.slice, outcomes.values(), events=events, seconds=seconds, left=left, whole=self.work_seconds
            )
        minutes = {"now": self.time.minute, "length": self.options.slice, "overlap": self.options.overlap}
        state = plan.apply_progress(self.state, works, outcomes, **minutes, readable=readable, quick=seconds < left / 4)
        self.state = replace(state, slice_minutes=length)
        self.tally.slices += 1
        self.uncommitted = True

    def tick(self) -> None:
        """Between two pages, and while none arrives."""
        self.count()
        self.checkpoint()
        self.parts.session.renew_if_due(self.time.now())

    def progress(self, ended: int, works: int) -> None:
        self.parts.watcher.progress(self.options.region, Window(self.state.through, self.time.end), ended, works)

    def count(self) -> None:
        """Report how far it is, each time so many events more have come."""
        every = self.options.statistics.every
        if every and self.tally.fetched // every > self.counted // every:
            self.counted = self.tally.fetched
            self.parts.watcher.counted(self.options.region, self.tally.fetched, self.tally.forwarded, dict(self.tally.filtered))

    def checkpoint(self) -> None:
        """In a long slice, write down now and then what has been confirmed of it."""
        if self.parts.clock.monotonic() - self.committed_at >= CHECKPOINT_SECONDS:
            self.forwarder.settle()
            self.commit(self.state)

    def commit(self, state: State) -> None:
        """One conditional write: the cursor as it is moved, the keys of what is confirmed."""
        reach = {compartment_tag(ocid): minute for ocid, minute in plan.dedupe_horizon(state, self.options.overlap).items()}
        self.seen.forget(state.through - self.options.overlap, reach)
        quotas = self.quotas.packed(plan.quota_horizon(state, self.options.overlap) - _LATE_MINUTES)
        written = self.parts.session.commit(replace(state, keys=self.seen.packed(), rate_limits=quotas), now=self.time.now())
        self.state = replace(written, keys={})  # they are in memory once
        self.committed_at = self.parts.clock.monotonic()
        self.uncommitted = False

    def tell(self) -> None:
        """Notices of our own, once every event is confirmed: hours of limits that are over, our own polling, and what this run sent."""
        author = notices.Author(self.run_id, self.options.region, self.options.tenancy, self.time.now())
        held = self.quotas.unreported(self.state.through - self.options.overlap, immediate=OWN)
        messages = [*notices.held_back(author, held), *notices.own_polling(author, held)]
        if self.options.run_message:
            messages.append(notices.run_ended(author, self.from_, self.state.through, len(self.state.behind), self.tally))
        for message in messages:
            self.forwarder.notice(message)
        if messages:
            self.forwarder.finish()
        self.quotas.mark_reported(held)

    def close(self, *, failed: bool = False) -> None:
        """Write down how far this run came, and give the lease back. Only now are compartments given up: the report follows at once."""
        if self.reader.pages and not failed:
            self.state, self.given_up = plan.give_up(self.state, self.reader.excluded)
        caught_up = is_caught_up(self.state, self.time.end)
        state = replace(self.state, slice_minutes=0) if self.state.through >= self.time.end else self.state
        last: Summary = {"run": self.run_id, "at": time_text(self.time.now()), "forwarded": self.tally.forwarded}
        self.commit(replace(state, lease=None, last={**last, "caught_up": caught_up}))

    def salvage(self) -> None:
        """After a failure: the cursor stays, what was confirmed is kept, the lease is given back."""
        if not (self.opened and self.parts.session.holds_lease):
            self.parts.session.release()  # where the answer to the first write was lost
            return
        with suppress(EpimetheusError):  # the run has failed already; what can still be confirmed need not be sent again
            self.forwarder.finish()
        self.forwarder.settle()
        try:
            self.close(failed=True)
        except EpimetheusError as error:
            self.wrong(error)
            self.parts.session.release()

    def wrong(self, error: EpimetheusError) -> None:
        self.parts.watcher.wrong(to_problem(error), self.options.region)

    def told(self, status: Status, error: EpimetheusError | None = None) -> Report:
        """The report, as things stand."""
        tally, parts, audit, receiver = self.tally, self.parts, self.parts.audit, self.parts.receiver
        return Report(
            run=self.run_id,
            region=self.options.region,
            status=status,
            error=to_problem(error) if error else None,
            warnings=[*tally.warnings, *self.selection.warnings(), *given_up_warning(self.given_up)],
            started=time_text(self.started),
            seconds=round(parts.clock.monotonic() - self.monotonic_start, 3),
            position=position(self.state, self.from_, self.time.end, self.time.now(), self.options.slice) if self.opened else None,
            slices=tally.slices,
            fetched=tally.fetched,
            forwarded=tally.forwarded,
            unconfirmed=tally.fetched - tally.accounted,
            duplicates=tally.duplicates,
            filtered=dict(tally.filtered),
            malformed=tally.malformed,
            truncated=tally.truncated,
            abridged=tally.abridged,
            redacted=tally.redacted,
            notices=tally.notices,
            bytes=tally.bytes,
            api={"audit": {"requests": audit.requests, "retries": audit.retries, "throttled": audit.throttled}, **parts.calls.counts()},
            receiver={"connections": receiver.connections, "confirmations": receiver.confirmations, "confirmation": receiver.confirmation},
            listing_stale=tally.listing_stale,
            listing_age_seconds=tally.listing_age,
            given_up=len(self.given_up),
            first_start=parts.session.first_start,
            state_writes=parts.session.writes,
            certificate_days=days_left(parts.certificate_end(), self.time.now()),
            caches={"dedupe": tally.dedupe(len(self.seen)), "names": self.selection.name_cache()},
            performance=tally.performance(),
        )


def commit_reserve(seconds: float) -> float:
    """Of so many seconds a run has, those kept back: half of them to confirm in, then half to commit in (see `assemble`)."""
    return min(30.0, max(2.0, seconds * 0.15))

"""One run over one region: the order of its steps, and nothing else.

    lease ─▶ compartments ─▶ slice by slice: fetch, forward, confirm, commit ─▶ report

The promise is kept here: the cursor moves only in `_Run.slice`, after everything the slice sent was confirmed.
"""

from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from dataclasses import replace
from functools import partial

from epimetheus import notices, plan
from epimetheus.clock import Deadline
from epimetheus.errors import CompartmentError, CompartmentMissing, EpimetheusError, OutOfTime, SourceError
from epimetheus.forward import Forwarder
from epimetheus.model import Compartment, Report, Status, Window, time_text
from epimetheus.parts import Options, Parts
from epimetheus.report import Tally, days_left, is_caught_up, position, problem, unreadable_told
from epimetheus.select.dedupe import SeenKeys, compartment_tag
from epimetheus.select.own_polling import OWN
from epimetheus.select.quotas import Quotas
from epimetheus.select.selection import Selection
from epimetheus.source.compartments import Listing, choose, discover, paths, pin
from epimetheus.source.fetch import Failed, Page, Work, fetch
from epimetheus.state.memory import Lease, State, Summary

CHECKPOINT_SECONDS = 30.0
_LEASE_GRACE_SECONDS = 5.0
_LEAST_SECONDS = 1.0
_LATE_MINUTES = 24 * 60  # an event may be processed long after it happened, and counts in the hour it happened


def run(options: Options, parts: Parts, run_id: str, deadline: Deadline, warnings: Sequence[str] = ()) -> Report:
    """Forward what is new in one region, within ``deadline``; the report tells how it ended, it is not raised.

    ``warnings`` are put into the report as they are.
    """
    return _Run(options, parts, run_id, deadline, warnings).report()


class _Run:
    """The steps of a run share what they know here; `report` is their order."""

    def __init__(self, options: Options, parts: Parts, run_id: str, deadline: Deadline, warnings: Sequence[str]) -> None:
        self.options = options
        self.parts = parts
        self.run_id = run_id
        self.deadline = deadline
        self.work_deadline = deadline.earlier(commit_reserve(deadline.left()))
        self.work_seconds, self.slice_seconds = self.work_deadline.left(), 0.0
        self.tally = Tally(warnings=list(warnings))
        self.started = parts.clock.now()
        self.monotonic_start = parts.clock.monotonic()
        self.minute = int(self.started // 60)
        self.end = self.minute - options.settle
        self.state = State(options.region, self.end - options.lookback)
        self.opened = self.leased = False
        self.remember()
        self.from_ = self.state.through
        self.asked: set[str] = set()
        self.given_up: set[str] = set()
        self.unreadable: set[str] = set()
        self.pages = 0
        self.committed_at = self.monotonic_start
        self.uncommitted = False

    def report(self) -> Report:
        try:
            other = self.open()
            if other is not None:
                self.tally.warnings.append(f"Run {other.run} is at work until {time_text(other.until)}; this one leaves it to it.")
                return self.told("skipped")
            for step in (self.survey, self.forward, self.tell, self.close):
                self.timed(step)
        except EpimetheusError as error:
            self.salvage()
            return self.told("failed", error)
        finally:
            self.parts.receiver.drop()
        return self.told("partial" if self.state.behind else "ok")

    def timed(self, step: Callable[[], None]) -> None:
        began = self.parts.clock.monotonic()
        try:
            step()
        finally:
            self.tally.phases[step.__name__] = round(self.parts.clock.monotonic() - began, 3)

    def open(self) -> Lease | None:
        """Take the lease; or the lease of the run that has it."""
        until = self.started + self.deadline.left() + _LEASE_GRACE_SECONDS
        self.state, other = self.parts.keeper.open(lambda: self.state, now=self.started, until=until)
        self.opened, self.leased = True, other is None
        self.from_ = self.state.through
        self.remember()
        return other

    def remember(self) -> None:
        """What was seen and spent before, as the state has it."""
        parts = self.parts
        self.seen, self.quotas = SeenKeys(self.state.keys), Quotas(self.state.quotas)
        self.state = replace(self.state, keys={})  # they are in memory once
        told = partial(parts.watcher.left_out, self.options.region) if self.options.statistics.left_out else None
        self.selection = Selection(parts.rules, parts.watch, self.quotas)
        self.forwarder = Forwarder(
            self.seen, self.selection, parts.render, parts.frame, parts.receiver, self.tally, actors=self.options.actors, left_out=told
        )

    def survey(self) -> None:
        """Who is to be asked. Where Identity fails, the last known compartments serve."""
        options = self.options
        try:
            listing = self.listing()
        except SourceError as error:
            if not self.state.known:
                raise
            self.tally.listing_stale = True
            self.wrong(error)
            listing = plan.last_known(self.state)
        listing = pin(listing, options.pinned)
        asked = choose({**plan.remembered(self.state), **listing.compartments}, options.mode, options.ids, options.tenancy)
        self.state = plan.take_stock(self.state, listing, asked, now=self.minute, lookback=options.lookback, overlap=options.overlap)
        self.forwarder.places = paths(plan.remembered(self.state))
        if not plan.asked_compartments(self.state):
            raise SourceError("No compartment is left to ask.", do="Check COMPARTMENT_MODE and COMPARTMENT_IDS against the tenancy.")

    def listing(self) -> Listing:
        options = self.options
        if options.mode == "tenancy_only":
            return Listing({options.tenancy: Compartment(options.tenancy, "root")}, tree=False)
        if plan.still_serves(self.state, options.pinned, now=self.minute, minutes=options.listing):
            return plan.last_known(self.state)
        listing = discover(self.parts.list_page, options.tenancy, self.work_deadline)
        if listing.refused:
            self.tally.warnings.append(f"What lies below {', '.join(listing.refused)} could not be listed, and is asked as last known.")
        return listing

    def forward(self) -> None:
        """Slice after slice, those who are behind and the others by turns, while there is work, and time for one like the last."""
        catching_up = True
        while self.work_deadline.left() > max(_LEAST_SECONDS, self.slice_seconds):
            length = self.state.slice_minutes or self.options.slice
            behind = plan.catch_up(self.state, self.given_up, self.asked, length=length, overlap=self.options.overlap)
            others = plan.advance(self.state, self.asked | self.given_up, end=self.end, length=length, overlap=self.options.overlap)
            works = (behind or others) if catching_up else (others or behind)
            if not works:
                return
            if self.uncommitted:
                self.commit(self.state)
            shared = self.work_deadline.within(self.work_deadline.left() / 2) if behind and others else self.work_deadline
            self.slice(works, length, shared)
            catching_up = not catching_up

    def slice(self, works: Sequence[Work], length: int, deadline: Deadline) -> None:
        """Fetch, forward, confirm; and only then move."""
        left, began, fetched = deadline.left(), self.parts.clock.monotonic(), self.tally.fetched
        failed, onward = self.collect(works, deadline)
        self.forwarder.finish()
        self.slice_seconds = self.parts.clock.monotonic() - began
        fitted, events = plan.NO_TIME not in failed.values(), self.tally.fetched - fetched
        length = plan.next_length(
            length, self.options.slice, fitted=fitted, events=events, seconds=self.slice_seconds, left=left, whole=self.work_seconds
        )
        self.state = replace(plan.move(self.state, works, failed, onward), slice_minutes=length)
        self.tally.slices += 1
        self.uncommitted = True

    def collect(self, works: Sequence[Work], deadline: Deadline) -> tuple[dict[str, str], dict[str, str]]:
        """Forward the pages of ``works``; who did not get to the end, and why; and who can go on from which page."""
        done = 0
        failed = dict.fromkeys((work.compartment for work in works), plan.NO_TIME)
        onward = {work.compartment: work.page for work in works if work.page}
        with closing(fetch(works, self.parts.audit.pages, concurrency=self.options.concurrency, deadline=deadline)) as arrivals:
            for arrival in arrivals:
                ocid = arrival.work.compartment
                match arrival:
                    case Page(work, events, token):
                        self.pages += 1
                        self.forwarder.page(work, events)
                        self.count(len(events))
                        onward |= {ocid: token} if token else {}
                        self.checkpoint()
                        continue
                    case Failed(_, CompartmentError() as error) if not self.is_deleted(ocid, error):
                        failed[ocid] = error.what
                        self.given_up.add(ocid)
                        self.wrong(error)
                    case Failed(_, OutOfTime()):
                        pass
                    case _:
                        del failed[ocid]
                        # one that was only read on from a page has to look at its overlap again: something may have come before the page
                        self.asked.update(() if arrival.work.page else {ocid})
                        self.unreadable.update({ocid} if isinstance(arrival, Failed) else ())
                done += 1
                self.parts.watcher.progress(self.options.region, Window(self.state.through, self.end), done, len(works))
        plan.refuse_if_none(self.state, works, failed, came=self.pages > 0)
        return failed, {ocid: token for ocid, token in onward.items() if failed.get(ocid) == plan.NO_TIME}

    def count(self, events: int) -> None:
        """Say how far it is, each time so many events more have come."""
        every = self.options.statistics.every
        if every and self.tally.fetched // every > (self.tally.fetched - events) // every:
            self.parts.watcher.counted(self.options.region, self.tally.fetched, self.tally.forwarded, dict(self.tally.left_out))

    def is_deleted(self, ocid: str, error: CompartmentError) -> bool:
        """OCI lists it as deleted and does not show its events any more: nobody can be behind with what can never be read."""
        return isinstance(error, CompartmentMissing) and self.state.known[ocid].deleted

    def checkpoint(self) -> None:
        """In a long slice, write down now and then what has been confirmed of it."""
        if self.parts.clock.monotonic() - self.committed_at >= CHECKPOINT_SECONDS:
            self.forwarder.settle()
            self.commit(self.state)

    def commit(self, state: State) -> None:
        """One conditional write: the cursor as it is moved, the keys of what is confirmed."""
        reach = {compartment_tag(ocid): minute for ocid, minute in plan.reach(state, self.options.overlap).items()}
        recent = state.through - self.options.overlap
        self.seen.forget(recent, reach)
        quotas = self.quotas.packed(min([recent, *reach.values()]) - _LATE_MINUTES)
        written = self.parts.keeper.commit(replace(state, keys=self.seen.packed(), quotas=quotas))
        self.state = replace(written, keys={})  # they are in memory once
        self.committed_at = self.parts.clock.monotonic()
        self.uncommitted = False

    def tell(self) -> None:
        """Notices of our own, once every event is confirmed: hours of limits that are over, our own polling, and what this run sent."""
        author = notices.Author(self.run_id, self.options.region, self.options.tenancy, self.parts.clock.now())
        held = self.quotas.untold(self.state.through - self.options.overlap, at_once=OWN)
        messages = [*notices.held_back(author, held), *notices.own_polling(author, held)]
        if self.options.run_message:
            messages.append(notices.run_ended(author, self.from_, self.state.through, len(self.state.behind), self.tally))
        for message in messages:
            self.forwarder.notice(message)
        if messages:
            self.forwarder.finish()
        self.quotas.tell(held)

    def close(self) -> None:
        """Write down how far this run came, and give the lease back."""
        caught_up = is_caught_up(self.state, self.end)
        state = replace(self.state, slice_minutes=0) if caught_up else self.state
        now, forwarded = time_text(self.parts.clock.now()), self.tally.forwarded
        summary: Summary = {"run": self.run_id, "at": now, "forwarded": forwarded, "caught_up": caught_up}
        self.commit(replace(state, lease=None, last=summary))
        self.leased = False

    def salvage(self) -> None:
        """After a failure: the cursor stays, what was confirmed is kept, the lease is given back."""
        if not self.leased:
            return
        with suppress(EpimetheusError):  # the run has failed already; what can still be confirmed need not be sent again
            self.forwarder.finish()
        try:
            self.close()
        except EpimetheusError as error:
            self.wrong(error)

    def wrong(self, error: EpimetheusError) -> None:
        self.parts.watcher.wrong(problem(error), self.options.region)

    def told(self, status: Status, error: EpimetheusError | None = None) -> Report:
        """The report, as things stand."""
        tally, parts, audit, receiver = self.tally, self.parts, self.parts.audit, self.parts.receiver
        return Report(
            run=self.run_id,
            region=self.options.region,
            status=status,
            error=problem(error) if error else None,
            warnings=[*tally.warnings, *self.selection.warnings(), *unreadable_told(self.unreadable)],
            started=time_text(self.started),
            seconds=round(parts.clock.monotonic() - self.monotonic_start, 3),
            position=position(self.state, self.from_, self.end, parts.clock.now(), self.options.slice) if self.opened else None,
            slices=tally.slices,
            fetched=tally.fetched,
            forwarded=tally.forwarded,
            uncertain=tally.fetched - tally.accounted,
            duplicates=tally.duplicates,
            left_out=dict(tally.left_out),
            malformed=tally.malformed,
            trimmed=tally.trimmed,
            redacted=tally.redacted,
            notices=tally.notices,
            bytes=tally.bytes,
            api={"audit": {"requests": audit.requests, "retries": audit.retries, "throttled": audit.throttled}, **parts.calls.told()},
            receiver={"connections": receiver.connections, "confirmations": receiver.confirmations, "evidence": receiver.evidence},
            listing_stale=tally.listing_stale,
            state_writes=parts.keeper.writes,
            certificate_days=days_left(parts.certificate_end(), parts.clock.now()),
            caches={"dedupe": tally.dedupe(len(self.seen)), "names": self.selection.names()},
            performance=tally.performance(),
        )


def commit_reserve(seconds: float) -> float:
    """Of so many seconds a run has, those kept back: half of them to confirm in, then half to commit in (see `assemble`)."""
    return min(30.0, max(2.0, seconds * 0.15))

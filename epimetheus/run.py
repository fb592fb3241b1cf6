"""One run over one region: the order of its steps, and nothing else.

    lease ─▶ compartments ─▶ slice by slice: fetch, forward, confirm, commit ─▶ report

The promise is kept here: the cursor moves only in `_Run.slice`, after everything the slice sent was confirmed.
"""

from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import replace

from epimetheus import plan
from epimetheus.clock import Deadline
from epimetheus.errors import CompartmentError, CompartmentMissing, EpimetheusError, OutOfTime, SourceError
from epimetheus.forward import Forwarder
from epimetheus.model import BehindNow, Compartment, Position, Report, Status, Window, minute_text, time_text
from epimetheus.parts import Options, Parts
from epimetheus.report import Tally, problem
from epimetheus.select.dedupe import SeenKeys, compartment_tag
from epimetheus.source.compartments import Listing, choose, discover, pin
from epimetheus.source.fetch import Failed, Page, Work, fetch
from epimetheus.state.memory import Lease, State

CHECKPOINT_SECONDS = 30.0
_LEASE_GRACE_SECONDS = 5.0
_LEAST_SECONDS = 1.0
_MOST_NAMED = 5
_NONE_HELP = "The cursor stays. Check the policy (`read audit-events in tenancy`), the region, and OCI's status page."


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
        self.seen = SeenKeys()
        self.forwarder = Forwarder(self.seen, parts.render, parts.frame, parts.receiver, self.tally)
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
            self.survey()
            self.forward()
            self.close()
        except EpimetheusError as error:
            self.salvage()
            return self.told("failed", error)
        finally:
            self.parts.receiver.drop()
        return self.told("partial" if self.state.behind else "ok")

    def open(self) -> Lease | None:
        """Take the lease; or the lease of the run that has it."""
        until = self.started + self.deadline.left() + _LEASE_GRACE_SECONDS
        self.state, other = self.parts.keeper.open(lambda: self.state, now=self.started, until=until)
        self.opened, self.leased = True, other is None
        self.from_ = self.state.through
        self.seen = SeenKeys(self.state.keys)
        self.forwarder = Forwarder(self.seen, self.parts.render, self.parts.frame, self.parts.receiver, self.tally)
        return other

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
        listing = pin(listing, options.ids if options.mode == "include" else ())
        asked = choose({**plan.remembered(self.state), **listing.compartments}, options.mode, options.ids, options.tenancy)
        self.state = plan.take_stock(self.state, listing, asked, now=self.minute, lookback=options.lookback, overlap=options.overlap)
        if not plan.asked_compartments(self.state):
            raise SourceError("No compartment is left to ask.", do="Check COMPARTMENT_MODE and COMPARTMENT_IDS against the tenancy.")

    def listing(self) -> Listing:
        if self.options.mode == "tenancy_only":
            return Listing({self.options.tenancy: Compartment(self.options.tenancy, "root")})
        listing = discover(self.parts.list_page, self.options.tenancy, self.work_deadline)
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
        left, began = deadline.left(), self.parts.clock.monotonic()
        failed, onward = self.collect(works, deadline)
        self.forwarder.finish()
        self.slice_seconds = self.parts.clock.monotonic() - began
        fitted = plan.NO_TIME not in failed.values()
        length = plan.next_length(
            length, self.options.slice, fitted=fitted, seconds=self.slice_seconds, left=left, whole=self.work_seconds
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
        self.refuse_if_none(works, failed)
        return failed, {ocid: token for ocid, token in onward.items() if failed.get(ocid) == plan.NO_TIME}

    def is_deleted(self, ocid: str, error: CompartmentError) -> bool:
        """OCI lists it as deleted and does not show its events any more: nobody can be behind with what can never be read."""
        return isinstance(error, CompartmentMissing) and self.state.known[ocid].deleted

    def refuse_if_none(self, works: Sequence[Work], failed: Mapping[str, str]) -> None:
        """Where not one compartment at the cursor could be read, it is not the compartments that are at fault.

        Nor is it the time, where not one page has come in all of it.
        """
        late = plan.NO_TIME in failed.values() and self.pages > 0
        if len(failed) == len(works) and not late and works[0].compartment not in self.state.behind:
            raise SourceError(f"None of {len(works)} compartments could be read; the first: {failed[works[0].compartment]}", do=_NONE_HELP)

    def checkpoint(self) -> None:
        """In a long slice, write down now and then what has been confirmed of it."""
        if self.parts.clock.monotonic() - self.committed_at >= CHECKPOINT_SECONDS:
            self.forwarder.settle()
            self.commit(self.state)

    def commit(self, state: State) -> None:
        """One conditional write: the cursor as it is moved, the keys of what is confirmed."""
        reach = {compartment_tag(ocid): minute for ocid, minute in plan.reach(state, self.options.overlap).items()}
        self.seen.forget(state.through - self.options.overlap, reach)
        self.state = self.parts.keeper.commit(replace(state, keys=self.seen.packed()))
        self.committed_at = self.parts.clock.monotonic()
        self.uncommitted = False

    def close(self) -> None:
        """Write down how far this run came, and give the lease back."""
        caught_up = self.is_caught_up()
        state = replace(self.state, slice_minutes=0) if caught_up else self.state
        summary = {"run": self.run_id, "at": time_text(self.parts.clock.now()), "forwarded": self.tally.forwarded, "caught_up": caught_up}
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

    def is_caught_up(self) -> bool:
        return self.state.through >= self.end and not self.state.behind

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
            warnings=[*tally.warnings, *self.unreadable_told()],
            started=time_text(self.started),
            seconds=round(parts.clock.monotonic() - self.monotonic_start, 3),
            position=self.position() if self.opened else None,
            slices=tally.slices,
            fetched=tally.fetched,
            forwarded=tally.forwarded,
            uncertain=tally.fetched - tally.accounted,
            duplicates=tally.duplicates,
            left_out=dict(tally.left_out),
            malformed=tally.malformed,
            trimmed=tally.trimmed,
            bytes=tally.bytes,
            api={"requests": audit.requests, "retries": audit.retries, "throttled": audit.throttled},
            receiver={"connections": receiver.connections, "confirmations": receiver.confirmations, "evidence": receiver.evidence},
            listing_stale=tally.listing_stale,
            state_writes=parts.keeper.writes,
        )

    def unreadable_told(self) -> list[str]:
        some = ", ".join(sorted(self.unreadable)[:_MOST_NAMED])
        told = f"{len(self.unreadable)} deleted compartments show their last events no more (404), so these are not forwarded: {some}."
        return [told] if self.unreadable else []

    def position(self) -> Position:
        """How far this region is, from the state as it stands."""
        state = self.state
        oldest = min([state.through, *(b.since for b in state.behind.values())])
        return Position(
            since=minute_text(self.from_),
            through=minute_text(state.through),
            lag_seconds=max(0, int(self.parts.clock.now() - oldest * 60)),
            caught_up=self.is_caught_up(),
            known=len(state.known),
            asked=len(plan.asked_compartments(state)),
            gone=sum(known.gone is not None for known in state.known.values()),
            behind={ocid: BehindNow(minute_text(b.since), b.why, b.tries) for ocid, b in sorted(state.behind.items())},
        )


def commit_reserve(seconds: float) -> float:
    """Of so many seconds a run has, those kept back: half of them to confirm in, then half to commit in (see `assemble`)."""
    return min(30.0, max(2.0, seconds * 0.15))

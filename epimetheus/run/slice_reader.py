"""Reading one slice: pages of its works arrive, are forwarded, and each work ends with an `TaskOutcome`. Nothing is confirmed or moved here."""

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field

from epimetheus.clock import Deadline
from epimetheus.errors import CompartmentError, CompartmentMissing, EpimetheusError, PageTokenRejected
from epimetheus.run.forward import Forwarder
from epimetheus.run.plan import CROWDED, MANY_EVENTS, NO_TIME, TaskOutcome, is_stored_token
from epimetheus.run.ports import AuditSource
from epimetheus.source.fetch import Failed, FetchTask, Finished, Page, Stopped, fetch


@dataclass
class SliceReader:
    """Reads slices of one run. ``tick`` is called after each page, and now and then while none arrives.

    ``progress`` is called with the number of works that have ended, ``problem`` with each error of a compartment. ``pages``: pages read
    in this run. ``fresh``: compartments whose overlap was read in this run. ``excluded``: compartments that failed in this run, and why.
    """

    audit: AuditSource
    forwarder: Forwarder
    concurrency: int
    tick: Callable[[], None]
    progress: Callable[[int, int], None]
    problem: Callable[[EpimetheusError], None]
    pages: int = 0
    fresh: set[str] = field(default_factory=set)
    excluded: dict[str, str] = field(default_factory=dict)

    def read(self, works: Sequence[FetchTask], deadline: Deadline, *, bounded: bool) -> dict[str, TaskOutcome]:
        """Forward what ``works`` hold until ``deadline``; OCID → outcome.

        ``bounded``: start no further work after MANY_EVENTS events; works that were not started have no outcome. Otherwise these are
        `NO_TIME`. Raises ReceiverError, DeliveryUncertain, CredentialsError.
        """
        reading = {} if bounded else {work.compartment: TaskOutcome(NO_TIME, work.page) for work in works}
        events = ended = 0
        arrivals = fetch(
            works,
            self.audit.pages,
            concurrency=self.concurrency,
            deadline=deadline,
            start_more=lambda: not bounded or events < MANY_EVENTS,
            idle=self.tick,
            stop=lambda work: work.window.end - work.window.start > 1 and reading.get(work.compartment, TaskOutcome()).events > MANY_EVENTS,
        )
        with closing(arrivals):
            for arrival in arrivals:
                if isinstance(arrival, Page):
                    if not self._forward(arrival, reading, deadline):
                        break
                    events += len(arrival.events)
                else:
                    self._end(arrival, reading)
                    ended += 1
                    self.progress(ended, len(works))
                del arrival
                self.tick()
        return reading

    def _forward(self, page: Page, reading: dict[str, TaskOutcome], deadline: Deadline) -> bool:
        """Forward a page; False where ``deadline`` passed before its end, so that it has to be read again."""
        self.pages += 1
        ocid = page.task.compartment
        before = reading.setdefault(ocid, TaskOutcome(NO_TIME, page.task.page))
        if not self.forwarder.page(page.task, page.events, deadline):
            return False
        reading[ocid] = before._replace(page=page.next_page, events=before.events + len(page.events))
        return True

    def _end(self, arrival: Finished | Failed | Stopped, reading: dict[str, TaskOutcome]) -> None:
        work = arrival.task
        before = reading.setdefault(work.compartment, TaskOutcome(NO_TIME, work.page))
        if isinstance(arrival, Finished):
            reading[work.compartment] = TaskOutcome(events=before.events)
            # After reading on from a stored page, the overlap is still due: something may have been listed before that page.
            self.fresh.update(() if work.page else {work.compartment})
        elif isinstance(arrival, Stopped):
            reading[work.compartment] = before._replace(why=CROWDED, crowded=True)
        elif isinstance(arrival.error, CompartmentError):
            # Whatever the token of an earlier run is answered with, the token may be why.
            stored = work.page is not None and before.page == work.page
            rejected = stored or isinstance(arrival.error, PageTokenRejected)
            missing = isinstance(arrival.error, CompartmentMissing) and before.page is None
            outcome = before._replace(why=arrival.error.what, missing=missing, rejected=rejected)
            reading[work.compartment] = outcome
            self.problem(arrival.error)
            if not (rejected and (is_stored_token(work, outcome) or work.window.end - work.window.start > 1)):
                self.excluded[work.compartment] = arrival.error.what

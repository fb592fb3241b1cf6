"""Reads one slice: forwards the pages of its tasks, and records how far each task got. Nothing is confirmed, and no cursor moves.

The window of a busy compartment is divided into sub-windows (`epimetheus.run.sub_windows`); each is a part of its task.
"""

from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field

from epimetheus.clock import Deadline
from epimetheus.errors import CompartmentError, CompartmentMissing, PageTokenRejected
from epimetheus.model import RunProgress, Window
from epimetheus.run import sub_windows
from epimetheus.run.commit import commit_if_due
from epimetheus.run.context import RunContext
from epimetheus.run.plan import MANY_EVENTS, NO_TIME, OVERSIZED, TaskOutcome, is_stored_token
from epimetheus.source.fetch import Failed, FetchTask, Finished, Page, Stopped, fetch

LEAST_SECONDS = 1.0
"""A slice, or a task of a compartment behind, starts only if more time is left: what cannot get a response must not count as a turn."""


@dataclass
class _Reading:
    """How far a slice is read, by OCID: its ``tasks``, their ``parts``, the number of ``open_parts``, and of ``events`` read.

    ``outcomes``: of the parts that have begun. ``stopped``: compartments of which no further part starts. ``total``: events read.
    """

    tasks: dict[str, FetchTask]
    parts: dict[str, list[FetchTask]]
    open_parts: dict[str, int]
    outcomes: dict[FetchTask, TaskOutcome] = field(default_factory=dict)
    events: Counter[str] = field(default_factory=Counter)
    stopped: set[str] = field(default_factory=set)
    total: int = 0

    def minutes(self, part: FetchTask) -> int:
        """The minutes of the whole window."""
        window = self.tasks[part.compartment].window
        return window.end - window.start

    def so_far(self, part: FetchTask) -> TaskOutcome:
        """The outcome of ``part`` if nothing more of it is read."""
        return self.outcomes.setdefault(part, TaskOutcome(NO_TIME, part.page))

    def end_part(self, part: FetchTask) -> bool:
        """Count a part that has ended. True if its task has ended."""
        ocid = part.compartment
        self.open_parts[ocid] -= 1
        return self.open_parts[ocid] == 0

    def joined(self, *, bounded: bool) -> dict[str, TaskOutcome]:
        """OCID → outcome. ``bounded``: without the tasks of which no part began."""
        begun = {part.compartment for part in self.outcomes} if bounded else self.tasks.keys()
        return {ocid: sub_windows.join(parts, self.outcomes) for ocid, parts in self.parts.items() if ocid in begun}


def read_slice(ctx: RunContext, tasks: Sequence[FetchTask], deadline: Deadline, *, bounded: bool) -> dict[str, TaskOutcome]:
    """Forward the events of ``tasks`` until ``deadline``. Returns OCID → outcome.

    ``bounded``: nothing further starts after MANY_EVENTS events or in the last second, and tasks that did not start have no outcome.
    Otherwise these are `NO_TIME`. Raises ReceiverError, DeliveryUncertain, CredentialsError, StateConflict, StateError.
    """
    minutes = 0 if bounded else max((task.window.end for task in tasks), default=ctx.state.through) - ctx.state.through
    reading, ended = _begin(ctx, tasks), 0
    longest = ctx.options.slice_minutes + ctx.options.overlap_minutes
    results = fetch(
        [part for parts in reading.parts.values() for part in parts],
        ctx.ports.audit.pages,
        concurrency=ctx.options.concurrency,
        deadline=deadline,
        starts=lambda part: part.compartment not in reading.stopped and not (bounded and _is_over(reading, deadline)),
        idle=lambda: _tick(ctx),
        # A shorter window would not help: each begins with the overlap.
        stop=lambda part: reading.minutes(part) > longest and reading.events[part.compartment] > MANY_EVENTS,
    )
    with closing(results):
        for result in results:
            if isinstance(result, Page):
                if not _forward(ctx, result, reading, deadline):
                    break
                task_ended = False
            else:
                _end(ctx, result, reading)
                task_ended = reading.end_part(result.task)
                ended += task_ended
            _report_progress(ctx, ended, len(tasks), minutes, ended=task_ended)
            del result  # the page is not in memory while the next one is read
            _tick(ctx)
    outcomes = reading.joined(bounded=bounded)
    _note_fresh(ctx, reading, outcomes)
    return outcomes


def _is_over(reading: _Reading, deadline: Deadline) -> bool:
    """Whether a bounded slice starts nothing more."""
    return reading.total >= MANY_EVENTS or deadline.left() <= LEAST_SECONDS


def _begin(ctx: RunContext, tasks: Sequence[FetchTask]) -> _Reading:
    options, rates = ctx.options, {task.compartment: ctx.state.known[task.compartment].page_rate for task in tasks}
    divided = sub_windows.divide_all(tasks, rates, least_pages=options.sub_window_pages, workers=options.concurrency or 1)
    parts = {task.compartment: those for task, those in zip(tasks, divided, strict=True)}
    return _Reading({task.compartment: task for task in tasks}, parts, {ocid: len(those) for ocid, those in parts.items()})


def _tick(ctx: RunContext) -> None:
    """Between two pages, and now and then while none arrives."""
    _report_counts(ctx)
    commit_if_due(ctx)
    ctx.ports.session.renew_if_due(ctx.time.now())


def _report_progress(ctx: RunContext, done: int, total: int, minutes: int, *, ended: bool) -> None:
    cursor, tally = Window(ctx.state.through, ctx.time.end), ctx.tally
    progress = RunProgress(cursor, done, total, ended, tally.fetched, tally.forwarded, minutes)
    ctx.ports.observer.progress(ctx.options.region, progress)


def _report_counts(ctx: RunContext) -> None:
    every, tally = ctx.options.statistics.every, ctx.tally
    if every and tally.fetched // every > ctx.progress.reported_events // every:
        ctx.progress.reported_events = tally.fetched
        ctx.ports.observer.counted(ctx.options.region, tally.fetched, tally.forwarded, dict(tally.filtered))


def _forward(ctx: RunContext, page: Page, reading: _Reading, deadline: Deadline) -> bool:
    """Forward a page. Returns False if ``deadline`` passed before its end: the page has to be read again."""
    ctx.progress.pages += 1
    part, before = page.task, reading.so_far(page.task)
    late = ctx.progress.source == "late"
    if not ctx.pipeline.forwarder.forward_page(part, page.events, deadline, late=late):
        return False
    events, pages = len(page.events), int(page.next_page is not None)
    reading.outcomes[part] = before._replace(page=page.next_page, events=before.events + events, pages=before.pages + pages)
    reading.events[part.compartment] += events
    reading.total += events
    return True


def _end(ctx: RunContext, result: Finished | Failed | Stopped, reading: _Reading) -> None:
    part, before = result.task, reading.so_far(result.task)
    if isinstance(result, Finished):
        reading.outcomes[part] = TaskOutcome(events=before.events, pages=before.pages)
        return
    is_first = part.compartment not in reading.stopped
    reading.stopped.add(part.compartment)
    if isinstance(result, Stopped):
        reading.outcomes[part] = before._replace(reason=OVERSIZED, oversized=True)
    elif isinstance(result.error, CompartmentError):
        # Any error on the first page of a stored token may be caused by the token.
        stored = part.page is not None and before.page == part.page
        rejected = stored or isinstance(result.error, PageTokenRejected)
        not_found = isinstance(result.error, CompartmentMissing) and before.page is None
        outcome = before._replace(reason=result.error.what, not_found=not_found, rejected=rejected)
        reading.outcomes[part] = outcome
        if is_first:
            ctx.problem(result.error)
        if not (rejected and (is_stored_token(part, outcome) or reading.minutes(part) > 1)):
            ctx.progress.excluded[part.compartment] = result.error.what


def _note_fresh(ctx: RunContext, reading: _Reading, outcomes: dict[str, TaskOutcome]) -> None:
    """Note the compartments whose overlap was read."""
    for ocid, outcome in outcomes.items():
        if not outcome.reason or outcome.has_passed(ctx.state.read_until(ocid)):
            # A task that began at a stored page has not read the overlap: events may have been listed late before that page.
            ctx.progress.fresh.update(() if reading.tasks[ocid].page else {ocid})

"""Reads one slice: forwards the pages of its tasks, and records how far each task got. Nothing is confirmed, and no cursor moves."""

from collections.abc import Sequence
from contextlib import closing

from epimetheus.clock import Deadline
from epimetheus.errors import CompartmentError, CompartmentMissing, PageTokenRejected
from epimetheus.model import RunProgress, Window
from epimetheus.run.commit import commit_if_due
from epimetheus.run.context import RunContext
from epimetheus.run.plan import MANY_EVENTS, NO_TIME, OVERSIZED, TaskOutcome, is_stored_token
from epimetheus.source.fetch import Failed, FetchTask, Finished, Page, Stopped, fetch


def read_slice(ctx: RunContext, tasks: Sequence[FetchTask], deadline: Deadline, *, bounded: bool) -> dict[str, TaskOutcome]:
    """Forward the events of ``tasks`` until ``deadline``. Returns OCID → outcome.

    ``bounded``: no further task starts after MANY_EVENTS events, and tasks that did not start have no outcome. Otherwise these are
    `NO_TIME`. Raises ReceiverError, DeliveryUncertain, CredentialsError, StateConflict, StateError.
    """
    minutes = 0 if bounded else max((task.window.end for task in tasks), default=ctx.state.through) - ctx.state.through
    outcomes = {} if bounded else {task.compartment: TaskOutcome(NO_TIME, task.page) for task in tasks}
    events = ended = 0
    results = fetch(
        tasks,
        ctx.ports.audit.pages,
        concurrency=ctx.options.concurrency,
        deadline=deadline,
        start_more=lambda: not bounded or events < MANY_EVENTS,
        idle=lambda: _tick(ctx),
        stop=lambda task: _is_long(task) and outcomes.get(task.compartment, TaskOutcome()).events > MANY_EVENTS,
    )
    with closing(results):
        for result in results:
            if isinstance(result, Page):
                if not _forward(ctx, result, outcomes, deadline):
                    break
                events += len(result.events)
            else:
                _end(ctx, result, outcomes)
                ended += 1
            _report_progress(ctx, ended, len(tasks), minutes, ended=not isinstance(result, Page))
            del result  # the page is not in memory while the next one is read
            _tick(ctx)
    return outcomes


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


def _forward(ctx: RunContext, page: Page, outcomes: dict[str, TaskOutcome], deadline: Deadline) -> bool:
    """Forward a page. Returns False if ``deadline`` passed before its end: the page has to be read again."""
    ctx.progress.pages += 1
    ocid = page.task.compartment
    before = outcomes.setdefault(ocid, TaskOutcome(NO_TIME, page.task.page))
    late = ctx.progress.source == "late"
    if not ctx.pipeline.forwarder.forward_page(page.task, page.events, deadline, late=late):
        return False
    outcomes[ocid] = before._replace(page=page.next_page, events=before.events + len(page.events))
    return True


def _end(ctx: RunContext, result: Finished | Failed | Stopped, outcomes: dict[str, TaskOutcome]) -> None:
    task = result.task
    before = outcomes.setdefault(task.compartment, TaskOutcome(NO_TIME, task.page))
    if isinstance(result, Finished):
        outcomes[task.compartment] = TaskOutcome(events=before.events)
        # A task that began at a stored page has not read the overlap: events may have been listed late before that page.
        ctx.progress.fresh.update(() if task.page else {task.compartment})
    elif isinstance(result, Stopped):
        outcomes[task.compartment] = before._replace(reason=OVERSIZED, oversized=True)
    elif isinstance(result.error, CompartmentError):
        # Any error on the first page of a stored token may be caused by the token.
        stored = task.page is not None and before.page == task.page
        rejected = stored or isinstance(result.error, PageTokenRejected)
        not_found = isinstance(result.error, CompartmentMissing) and before.page is None
        outcome = before._replace(reason=result.error.what, not_found=not_found, rejected=rejected)
        outcomes[task.compartment] = outcome
        ctx.problem(result.error)
        if not (rejected and (is_stored_token(task, outcome) or _is_long(task))):
            ctx.progress.excluded[task.compartment] = result.error.what


def _is_long(task: FetchTask) -> bool:
    """Whether the window can be divided."""
    return task.window.end - task.window.start > 1

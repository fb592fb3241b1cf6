"""The forward step of a run over Cloud Guard: lists every problem, and forwards those that are new or have changed.

    list both states ─▶ version known? ─▶ enter doubts ─▶ request details ─▶ forward ─▶ confirm, commit

There is no cursor over problems, because a problem changes in place and OCI does not record when. The ledger has a key for each version
that was forwarded. Keys of versions that are still listed are entered again every REFRESH_MINUTES, so that a run reads the entries of
KEPT_MINUTES only, however old a problem is. The cursor of the state is the minute of the last complete poll.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from epimetheus.errors import EpimetheusError, OutOfTime, SourceError
from epimetheus.ledger.entry import KNOWN, Entry
from epimetheus.model import Window, count_text
from epimetheus.problem import Activity, Problem, identity_of, is_closed, member, severity_of
from epimetheus.reports import Problems
from epimetheus.run.commit import CHECKPOINT_SECONDS, add_uncounted, commit, finish, require_ledger
from epimetheus.run.context import RunContext
from epimetheus.run.deleted_entries import check_for_deleted_entries
from epimetheus.run.discovery import discover_compartments
from epimetheus.run.entry_writer import Reading
from epimetheus.run.notices import send_notices
from epimetheus.run.pending_entry import PendingEntry
from epimetheus.select.problems import KnownVersions, ProblemSelection
from epimetheus.source.cloud_guard import CloudGuard, events_of
from epimetheus.source.fetch import FetchTask

HORIZON_DAYS = 180
"""Problems that were last detected earlier are not listed."""
REFRESH_MINUTES = 6 * 60
KEPT_MINUTES = 2 * REFRESH_MINUTES
_GROUP = 20  # problems whose details are requested before they are forwarded together
MOST_CHANGED = 10_000
"""Changed problems that a run keeps in memory, some 40 MB. The others are left to the next run."""
_MOST_FAILURES = 3  # requests for details that fail one after another
MOST_ATTEMPTS = 3
"""Runs that leave a problem to the next one, if the request for its details fails. The run after them sends it as listed."""
_MOST_REPORTED = 5


def problem_steps(source: CloudGuard) -> Sequence[tuple[str, Callable[[RunContext], None]]]:
    """The steps of a run over the problems of ``source``, as `epimetheus.run.run.STEPS`."""
    return (
        ("discover", _discover),
        ("forward", lambda ctx: forward_problems(source, ctx)),
        ("notices", send_notices),
        ("finish", finish),
    )


def _discover(ctx: RunContext) -> None:
    """List the compartments, for their paths. No compartment has a position of its own: all problems are listed together."""
    discover_compartments(ctx)
    ctx.state = replace(ctx.state, behind={})


def forward_problems(source: CloudGuard, ctx: RunContext) -> None:
    """Forward what is new. Raises SourceError, OutOfTime, LedgerError, CredentialsError, and the errors of the forwarder.

    An error of a listing is raised once what was listed before it is confirmed.
    """
    require_ledger(ctx)
    check_for_deleted_entries(ctx)
    selection = ctx.pipeline.selection
    assert isinstance(selection, ProblemSelection), "the ports are those of another source"  # noqa: S101 - a mistake in the wiring
    poll = _Poll(source, ctx, selection.known)
    poll.load_keys()
    error = poll.list_all()
    complete = poll.forward() and error is None
    poll.warn()
    ctx.pipeline.forwarder.finish()
    if poll.old_keys:
        ctx.pipeline.forwarder.pending.add_keys(KNOWN, poll.task.window, poll.old_keys)
    ctx.tally.problems = poll.counts()
    if error:
        raise error
    if complete:
        ctx.state = replace(ctx.state, through=ctx.time.minute)


@dataclass
class _Poll:
    """One poll. ``known``: the versions that were forwarded. ``changed``: OCID → a problem to forward. ``old_keys``: keys to enter again.

    A run forwards a problem once, even if it is listed in both states, because an entry does not keep the order of its keys.
    ``waiting``: problems that are left to the next run, with those ``beyond`` MOST_CHANGED. ``given_up``: see MOST_ATTEMPTS.
    """

    source: CloudGuard
    ctx: RunContext
    known: KnownVersions
    changed: dict[str, Problem] = field(default_factory=dict)
    old_keys: list[bytes] = field(default_factory=list)
    active: int = 0
    inactive: int = 0
    excluded: int = 0
    beyond: int = 0
    waiting: int = 0
    given_up: int = 0

    @property
    def task(self) -> FetchTask:
        """What entries of the ledger say was read: the tenancy, in the minute before this one."""
        minute = self.ctx.time.minute
        return FetchTask(self.ctx.options.tenancy, Window(minute - 1, minute))

    def load_keys(self) -> None:
        """Read the keys of known versions. Raises LedgerError."""
        ctx, end = self.ctx, self.ctx.time.minute + 1
        since = ctx.state.through - KEPT_MINUTES
        ctx.progress.source, ctx.progress.polled = "cloud_guard", (ctx.options.tenancy,)
        ctx.progress.reading = (FetchTask(ctx.options.tenancy, Window(since, end)),)  # keeps these keys in memory
        entries: list[Entry] = []
        ctx.ports.delivered.load_all(Window(since, end), entries.append)
        for entry in sorted(entries, key=lambda one: (one.window.end, one.at, one.number)):  # runs of one minute are listed in any order
            for (_, window), packed in entry.keys.items():
                self.known.add(window.end, packed)
        add_uncounted(ctx)

    def list_all(self) -> EpimetheusError | None:
        """List all problems. Returns the error that ended the listing, or None."""
        ctx, deadline = self.ctx, self.ctx.budget.work
        since = ctx.time.now() - HORIZON_DAYS * 86_400
        try:
            for page in self.source.listed(ctx.options.tenancy, since, None, deadline.within(deadline.left() / 2)):
                ctx.ports.session.renew_if_due(ctx.time.now())
                for problem in page:
                    self._add(problem)
        except (SourceError, OutOfTime) as error:
            return error
        return None

    def forward(self) -> bool:
        """Request details, forward and confirm, the most severe problems first. Returns False if any has to wait for the next run."""
        ctx, known = self.ctx, self.known
        order = sorted(self.changed.values(), key=lambda one: (-severity_of(one), member(one, "timeLastDetected")))
        self._enter_doubts()
        began, self.waiting = ctx.ports.clock.monotonic(), self.beyond + len(order)
        for group in self._with_details(order):
            events = events_of([(problem, _activity(problem, known)) for problem in group], ctx.time.now())
            if not ctx.pipeline.forwarder.forward_page(self.task, events, ctx.budget.work):
                break
            self.waiting -= len(group)
            if ctx.ports.clock.monotonic() - began >= CHECKPOINT_SECONDS:
                ctx.pipeline.forwarder.finish()
                commit(ctx, ctx.state)
                began = ctx.ports.clock.monotonic()
        return not self.waiting

    def counts(self) -> Problems:
        """The counts for the report."""
        return Problems(
            region=self.source.reporting_region(),
            active=self.active,
            inactive=self.inactive,
            excluded=self.excluded,
            changed=len(self.changed) + self.beyond,
            waiting=self.waiting,
            without_details=self.source.incomplete + self.given_up,
        )

    def warn(self) -> None:
        """Warn of what was not forwarded as OCI has it."""
        if self.given_up:
            self.ctx.warn(
                f"Sent as listed: {count_text(self.given_up, 'problem')} whose details could not be read, in this run or the"
                f" {MOST_ATTEMPTS} runs before it. See the errors in the log for the cause."
            )
        if self.source.skipped:
            self.ctx.warn(
                f"Skipped {count_text(self.source.skipped, 'item')} in the listings of problems: they are not JSON objects. If this"
                " persists, report it to Oracle, or check for a proxy that answers in place of OCI."
            )

    def _add(self, problem: Problem) -> None:
        closed = is_closed(problem)
        self.inactive += closed
        self.active += not closed
        if not self._is_selected(member(problem, "compartmentId")):
            self.excluded += 1
            return
        minute = self.known.minute_of(problem)
        if minute is None and len(self.changed) < MOST_CHANGED:
            self.changed[identity_of(problem)] = problem
        elif minute is None:
            self.beyond += 1
        elif minute <= self.ctx.time.minute - REFRESH_MINUTES:
            self.old_keys.append(self.known.key(problem))

    def _enter_doubts(self) -> None:
        """Enter in the ledger which problems are about to be sent: a message may arrive although the run ends before it is confirmed."""
        if not self.changed:
            return
        ctx, doubts = self.ctx, PendingEntry()
        doubts.add_keys(KNOWN, self.task.window, [self.known.doubt(problem) for problem in self.changed.values()])
        ctx.entries.write(doubts, Reading("cloud_guard", (self.task.compartment,), ctx.state.epoch), ctx.time.now())

    def _is_selected(self, compartment: str) -> bool:
        """Whether COMPARTMENT_MODE selects the compartment. One that is not known is selected unless the mode names what is."""
        known = self.ctx.state.known.get(compartment)
        mode = self.ctx.options.mode
        return mode == "all" or (known.polled if known else mode == "exclude")

    def _with_details(self, problems: Sequence[Problem]) -> Iterator[list[Problem]]:
        """The problems with their details, in groups. Ends early if time runs out, or if requests fail.

        A problem whose request fails is left out, or returned as listed after MOST_ATTEMPTS: otherwise, some whose details OCI can never
        return would stop all others.
        """
        ctx, group, failures, reported = self.ctx, list[Problem](), 0, 0
        for problem in problems:
            ctx.ports.session.renew_if_due(ctx.time.now())
            given_up = False
            try:
                group.append(self.source.with_details(problem, ctx.budget.work))
                failures = 0
            except OutOfTime:
                break
            except SourceError as error:
                reported += 1
                if reported <= _MOST_REPORTED:
                    ctx.problem(error)
                given_up = self.known.attempts(problem) >= MOST_ATTEMPTS
                if given_up:
                    self.given_up += 1
                    group.append(problem)
                else:
                    failures += 1
                if failures == _MOST_FAILURES:
                    break
            if len(group) == _GROUP or given_up:  # such a request takes long: what is ready is sent before time runs out
                yield group
                group = []
        if group:
            yield group


def _activity(problem: Problem, known: KnownVersions) -> Activity:
    if is_closed(problem):
        return "close"
    return "update" if known.has(problem) else "create"

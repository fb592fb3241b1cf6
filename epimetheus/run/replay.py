"""Sends a past window again, marked as a replay, or only the events in it that the ledger does not have.

    compartments ─▶ slice by slice: fetch, forward, confirm ─▶ result

A replay of everything neither reads nor writes the state and the ledger. The rules apply, with rate limits that start empty, or with the
counts in the state. If time runs out, the result reports how far the replay got, and another replay can start there. A dry run only
counts.
"""

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from typing import Literal

from epimetheus.clock import Deadline
from epimetheus.errors import CompartmentError, EpimetheusError, OutOfTime, RequestError
from epimetheus.model import RunProgress, Window, count_text, minute_text
from epimetheus.reports import Replayed
from epimetheus.run.budget import commit_reserve
from epimetheus.run.comparison import LONGEST_SLICE_MINUTES, MOST_NAMES, Comparison, NamingRenderer
from epimetheus.run.forwarder import Forwarder
from epimetheus.run.known_compartments import first_few
from epimetheus.run.plan import NO_TIME
from epimetheus.run.ports import RunOptions, RunPorts
from epimetheus.run.tally import Tally, to_problem
from epimetheus.safe_text import HIDDEN, safe_value
from epimetheus.select.dedupe import SeenKeys
from epimetheus.select.rate_limits import RateLimits
from epimetheus.signals import Signaled, deferred_signals
from epimetheus.source.compartments import choose, discover, paths, pin
from epimetheus.source.fetch import Failed, FetchTask, Finished, Page, fetch
from epimetheus.state.model import State

_LEAST_SECONDS = 1.0


class DryRunSender:
    """The receiver of a dry run: counts messages and confirms them."""

    connections = confirmations = sent = confirmed = 0
    confirmation = "none"

    def write(self, data: bytes, messages: int) -> None:
        """Count and confirm."""
        self.sent += messages
        self.confirmed = self.sent

    def finish(self) -> None:
        """Do nothing: everything is confirmed."""

    def drop(self) -> None:
        """Do nothing: there is no connection."""


@dataclass(frozen=True)
class ReplayRequest:
    """What to send: ``window`` (minutes) of the compartments in ``only`` (OCIDs; empty: all selected ones). ``dry``: only count.

    ``missing``: send only what the ledger does not have, and enter it with this source; None: send everything, and enter nothing.
    ``reconcile`` ends at the cursor.
    ``names``: how many of the events that are missing the result names.
    """

    window: Window
    only: Sequence[str] = ()
    dry: bool = False
    missing: Literal["reconcile", "replay"] | None = None
    names: int = MOST_NAMES

    @property
    def action(self) -> Literal["reconcile", "replay"]:
        """The action of the function, and the command, that makes this request. Only messages of a replay are marked as one."""
        return "reconcile" if self.missing == "reconcile" else "replay"

    @property
    def noun(self) -> str:
        """The action in a sentence."""
        return "reconciliation" if self.missing == "reconcile" else "replay"

    def check_age(self, ledger_days: int, now: float) -> None:
        """Raises RequestError if the entries of the window may be deleted: all of its events would look as if they were missing.

        ``ledger_days``: how long entries are kept; ``now``: seconds since the epoch.
        """
        oldest = int(now // 60) - ledger_days * 24 * 60
        if self.missing and self.window.start < oldest:
            raise RequestError(
                f"The {self.noun} was rejected: {minute_text(self.window.start)} is more than {count_text(ledger_days, 'day')} ago, and the"
                f" ledger keeps entries for LEDGER_DAYS={ledger_days}.",
                do=f"Begin at {minute_text(oldest)} or later. To send an older window, use a replay, which sends all of its events.",
            )


def replay(options: RunOptions, ports: RunPorts, run_id: str, deadline: Deadline, request: ReplayRequest) -> Replayed:
    """Send what is requested. An error is part of the result; only RequestError is raised, if the settings exclude a compartment."""
    return _Replay(options, ports, run_id, deadline, request).run()


class _Replay:
    """One replay. ``through``: the minute through which all compartments are read, except those in ``unread`` (OCID → reason)."""

    forwarder: Forwarder

    def __init__(self, options: RunOptions, ports: RunPorts, run_id: str, deadline: Deadline, request: ReplayRequest) -> None:
        self.options, self.ports, self.run_id, self.request = options, ports, run_id, request
        self.deadline = deadline.earlier(commit_reserve(deadline.left()))  # the reserve is for the last confirmation
        self.window = request.window
        self.sender = DryRunSender() if request.dry else ports.sender
        self.tally = Tally()
        self.through = request.window.start
        self.polled: list[str] = []
        self.unread: dict[str, str] = {}
        self.comparison: Comparison | None = None
        self.warnings: list[str] = []
        self.renderer: NamingRenderer | None = None
        self.changing = False

    def run(self) -> Replayed:
        try:
            self.begin()
            self.polled = self.compartments()
            length = self.options.slice_minutes
            while self.through < self.window.end and self.deadline.left() > _LEAST_SECONDS:
                length = self.slice(self.polled, Window(self.through, min(self.through + length, self.window.end)))
        except RequestError:
            raise
        except (Signaled, KeyboardInterrupt):
            self.enter_sent()
            raise
        except EpimetheusError as error:
            if self.comparison:
                self.comparison.end_failed(self.forwarder)
            return self.result(error)
        finally:
            self.sender.drop()
        return self.result(None)

    @contextmanager
    def undivided(self) -> Iterator[None]:
        """A change that a signal does not stop in its middle, unless it is the second one: then what was sent is not entered."""
        with deferred_signals():
            self.changing = True
            yield
            self.changing = False

    def enter_sent(self) -> None:
        """After a signal: confirm what was sent of the slice in progress, and enter it. What is unconfirmed is sent again."""
        if self.comparison and not self.changing:
            with suppress(EpimetheusError):
                self.forwarder.finish()
            self.comparison.end_failed(self.forwarder)

    def begin(self) -> None:
        """Prepare what events pass through. Raises StateError, RequestError."""
        ports, request, seen, limits, comparison = self.ports, self.request, SeenKeys(), RateLimits({}), None
        if request.missing:
            request.check_age(self.options.ledger_days, ports.clock.now())
            comparison = Comparison(self.options, ports, self.run_id, request.missing, dry=request.dry)
            seen, limits = ports.delivered.seen, RateLimits(comparison.state.rate_limits)
            self.renderer = NamingRenderer(ports.renderer, request.names, comparison.require_writable)
        if comparison and request.action == "reconcile":
            self.end_at_cursor(comparison.state)
        selection = ports.selection(ports.rules, ports.tamper_watch, limits)
        renderer = self.renderer or ports.renderer
        self.forwarder = Forwarder(seen, selection, renderer, ports.frame, self.sender, self.tally, actors=self.options.actors)
        self.comparison = comparison

    def end_at_cursor(self, state: State) -> None:
        """End the window at the cursor: what is after it is not late, and the next run forwards it."""
        if self.window.end > state.through:
            self.window = Window(self.window.start, max(self.window.start, state.through))
            reached = "The window ends at" if self.window.start < state.through else "No part of the window is before"
            self.warnings.append(f"{reached} the cursor, {minute_text(state.through)}: runs forward later events.")

    def compartments(self) -> list[str]:
        """The compartments to read. Raises RequestError if the settings exclude one of ``only``."""
        options = self.options
        listed = discover(self.ports.list_page, options.tenancy, self.deadline)
        # The parents of an unlisted compartment are unknown, and may be excluded: it is read only if all are selected, or by its own OCID.
        only = self.request.only
        pinned = options.ids if options.mode == "include" else only if options.mode == "all" else ()
        listing = pin(listed, pinned)
        selected = choose(listing.compartments, options.mode, options.ids, options.tenancy)
        if excluded := sorted(set(only) - selected):
            raise _excluded(self.request.noun, options.mode, excluded)
        self.forwarder.compartment_paths = paths(listing.compartments)
        return sorted(only or selected)

    def slice(self, compartments: Sequence[str], window: Window) -> int:
        """Fetch, forward and confirm one slice. Returns the minutes of the next: half if time ran out, otherwise double."""
        tasks = [FetchTask(ocid, self.read_at_cursor(ocid, window)) for ocid in compartments if ocid not in self.unread]
        tasks = [task for task in tasks if task.window.start < task.window.end]
        unfinished = {task.compartment for task in tasks}
        if self.comparison:
            self.comparison.begin_slice(tasks)
        pages, concurrency = self.ports.audit.pages, self.options.concurrency
        with closing(fetch(tasks, pages, concurrency=concurrency, deadline=self.deadline.within(self.deadline.left() / 2))) as results:
            for result in results:
                match result:
                    case Page(task, events, _):
                        with self.undivided():
                            complete = self.forwarder.forward_page(task, events, self.deadline, late=self.comparison is not None)
                        if not complete:
                            break
                    case Failed(task, CompartmentError() as error):
                        self.unread[task.compartment] = f"from {minute_text(window.start)}: {error.what}"
                        unfinished.discard(task.compartment)
                    case Finished(task):
                        unfinished.discard(task.compartment)
                self.report_progress(window, len(tasks) - len(unfinished), len(tasks), ended=not isinstance(result, Page))
        with self.undivided():
            self.forwarder.finish()
            if self.comparison:
                self.comparison.end_slice(self.forwarder, window.start if unfinished else window.end)
        minutes = window.end - window.start
        if unfinished and minutes == 1 and self.through == self.window.start:
            what = f"The {self.request.noun} could not read one minute from {minute_text(window.start)}: {NO_TIME}."
            raise OutOfTime(what, do="Give it more time, or name fewer compartments.")
        self.through = self.through if unfinished else window.end
        longest = LONGEST_SLICE_MINUTES if self.comparison else 2 * minutes
        return max(1, minutes // 2) if unfinished else min(2 * minutes, longest)

    def read_at_cursor(self, ocid: str, window: Window) -> Window:
        """The part of ``window`` that a reconciliation lists: a compartment that is behind has no late events after its position."""
        if self.comparison and self.request.action == "reconcile":
            return Window(window.start, min(window.end, self.comparison.state.read_until(ocid)))
        return window

    def report_progress(self, window: Window, done: int, total: int, *, ended: bool) -> None:
        cursor, tally = Window(window.start, self.window.end), self.tally
        listed = tally.relisted if self.comparison else None
        progress = RunProgress(cursor, done, total, ended, tally.fetched, tally.forwarded, window.end - window.start, listed)
        self.ports.observer.progress(self.options.region, progress)

    def result(self, error: EpimetheusError | None) -> Replayed:
        tally, done = self.tally, error is None and self.through >= self.window.end
        return Replayed(
            run=self.run_id,
            region=self.options.region,
            action=self.request.action,
            missing_only=self.request.missing is not None,
            dry=self.request.dry,
            status="failed" if error else "partial" if self.unread or not done else "ok",
            error=to_problem(error) if error else None,
            warnings=[*self.warnings, *(self.comparison.delivered.warnings() if self.comparison else ())],
            window=[minute_text(minute) for minute in self.window],
            through=minute_text(self.through),
            compartments=len(self.polled),
            fetched=tally.fetched,
            forwarded=tally.forwarded,
            duplicates=tally.duplicates,
            filtered=dict(tally.filtered),
            relisted=tally.relisted,
            missing=self.renderer.names if self.renderer else [],
            unread=dict(sorted(self.unread.items())),
        )


def _excluded(noun: str, mode: str, ocids: Sequence[str]) -> RequestError:
    named = first_few([safe_value(ocid, 200) or HIDDEN for ocid in ocids])
    return RequestError(
        f"The {noun} was rejected: COMPARTMENT_MODE={mode} does not include {named}.",
        do="Name compartments that the settings include, or change COMPARTMENT_MODE and COMPARTMENT_IDS.",
    )

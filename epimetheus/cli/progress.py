"""The progress of a command: lines that are redrawn on a terminal, one line per slice elsewhere."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.progress_bar import ProgressBar
from rich.table import Table

from epimetheus.cli.console import cell, is_interactive, print_line
from epimetheus.cli.display import show_report
from epimetheus.cli.durations import short_period, timer_text
from epimetheus.clock import SYSTEM, Clock
from epimetheus.errors import Interrupted
from epimetheus.model import Fetched, RunProgress, count_text, minute_text
from epimetheus.reports import Problem, Replayed, Report

SetProgress = Callable[[int, int], None]
"""``(done, total)``: updates a progress bar."""
_RUN = "run"
_LEAST_SECONDS = 1.0  # a rate over less is noise


@dataclass(frozen=True)
class RegionProgress:
    """The latest progress of a region. ``began``: monotonic seconds; ``start_minute``: the cursor when the region began."""

    began: float
    start_minute: int
    latest: RunProgress

    @property
    def minutes(self) -> tuple[int, int]:
        """``(read, total)`` minutes. Of the current slice, as large a part counts as read as of its compartments is."""
        cursor, latest = self.latest.cursor, self.latest
        of_slice = latest.minutes * latest.done // latest.total if latest.total else 0
        return cursor.start + of_slice - self.start_minute, cursor.end - self.start_minute

    def position_text(self, monotonic: float, now: float | None) -> str:
        """``lag 2 h 5 min, 1:30 left``: how far the cursor is behind ``now``, and an estimate once a compartment is complete.

        For a replay or a reconciliation, ``now`` is None: ``55 of 120 minutes, 1:30 left``.
        """
        done, total = self.minutes
        replayed = f"{done:,} of {count_text(total, 'minute')}"
        position = replayed if now is None else f"lag {short_period(now - self.latest.cursor.start * 60)}"
        return f"{position}, {timer_text((monotonic - self.began) * (total - done) / done)} left" if done else position

    def counts_text(self, monotonic: float) -> str:
        """``5 of 7 compartments, 12,345 events, 820/s, 1:20 elapsed``."""
        latest, seconds = self.latest, monotonic - self.began
        compartments = f"{latest.done:,} of {count_text(latest.total, 'compartment')}"
        read = latest.fetched if latest.listed is None else latest.listed
        rate = f", {read / seconds:,.0f}/s" if seconds >= _LEAST_SECONDS else ""
        return f"{compartments}, {_events_text(latest)}{rate}, {timer_text(seconds)} elapsed"


def _events_text(progress: RunProgress) -> str:
    """``12,345 events``; ``12,345 events listed, 2 missing`` if they are compared with the ledger."""
    if progress.listed is None:
        return count_text(progress.fetched, "event")
    return f"{count_text(progress.listed, 'event')} listed, {progress.fetched:,} missing"


class TerminalObserver:
    """Shows the progress of a run on ``console``, and the result of each region on ``results``, or on ``console`` if it failed.

    If ``draws``, each region has two lines, which are redrawn. Otherwise, it prints one line per slice. ``regions``: region → its progress;
    ``finished``: regions that are complete. Both are for a message after an interruption. ``what``: a run, or a replay or reconciliation,
    which have no lag.
    """

    def __init__(self, console: Console, results: Console, *, draws: bool, what: str = _RUN, clock: Clock = SYSTEM) -> None:
        self.regions: dict[str, RegionProgress] = {}
        self.finished: set[str] = set()
        self._console = console
        self._results = results
        self._draws = draws
        self._live: Live | None = None
        self._what = what
        self._clock = clock

    def problem(self, problem: Problem, region: str) -> None:
        """Print one line: the problem and its remedy. An interruption also says how many events were confirmed."""
        line, shown = f"{region}: {problem.what} {problem.do}", self.regions.get(region)
        if problem.kind == Interrupted.kind and shown:
            line += f" {count_text(shown.latest.confirmed, 'event was', 'events were')} confirmed in this run."
        print_line(self._console, line, "yellow")

    def filtered(self, region: str, fetched: Fetched, reason: str) -> None:
        """Print one line: type and id of a filtered event, and the reason."""
        event = fetched.event
        name = f"{event.event_type} {event.event_id}" if event else "a malformed event"
        print_line(self._console, f"{region}: filtered {name}: {reason}")

    def counted(self, region: str, fetched: int, confirmed: int, filtered: Mapping[str, int]) -> None:
        """Print one line with the counts so far."""
        counts = f"{count_text(fetched, 'event')} fetched, {confirmed:,} confirmed, {sum(filtered.values()):,} filtered"
        print_line(self._console, f"{region}: {counts}")

    def progress(self, region: str, progress: RunProgress) -> None:
        """Record the progress. Without redrawn lines, print one line when a slice is complete."""
        before = self.regions.get(region)
        began, start = (before.began, before.start_minute) if before else (self._clock.monotonic(), progress.cursor.start)
        self.regions[region] = RegionProgress(began, start, progress)
        if not self._draws and progress.ended and progress.done == progress.total:
            through = progress.cursor.start + progress.minutes  # the slice begins with the overlap, before the cursor
            end = max(through, progress.cursor.end)  # with a larger SETTLE_MINUTES than before, the cursor is after the end
            read = f"read a slice of {count_text(progress.total, 'compartment')}"
            read += f" through {minute_text(through)}" if progress.minutes else ""
            read += f"; the {self._what} reads up to {minute_text(end)}"
            lag = "" if self._what != _RUN else f", lag {short_period(self._clock.now() - progress.cursor.start * 60)}"
            print_line(self._console, f"{region}: {read}; {_events_text(progress)} so far{lag}")

    def finish(self, result: Report | Replayed, show: Callable[[Console], None]) -> None:
        """Show the result of a region instead of its progress. ``show`` prints it.

        The redrawn lines are removed before, because the results may go to another stream of the same terminal.
        """
        self.regions.pop(result.region, None)
        self.finished.add(result.region)
        with self._without_lines():
            show(self._console if result.status == "failed" else self._results)

    def announce(self, report: Report) -> None:
        """Show the report of a region instead of its progress."""
        self.finish(report, lambda console: show_report(console, report))

    def start(self) -> None:
        """Draw the lines of progress until `stop`, if they are redrawn."""
        if self._draws:
            self._live = Live(
                console=self._console, get_renderable=self.__rich__, transient=True, redirect_stdout=False, redirect_stderr=False
            )
            self._live.start(refresh=True)

    def stop(self) -> None:
        """Remove the lines of progress."""
        if self._live:
            self._live.stop()
            self._live = None

    @contextmanager
    def _without_lines(self) -> Iterator[None]:
        self.stop()
        yield
        self.start()

    def __rich__(self) -> Group:
        """The lines of every region in progress: a bar of minutes with lag and time left, and the counts."""
        monotonic, now, lines = self._clock.monotonic(), None if self._what != _RUN else self._clock.now(), Group()
        for region, shown in self.regions.items():
            done, total = shown.minutes
            line = Table.grid(padding=(0, 1), expand=True)
            line.add_column(no_wrap=True)
            line.add_column(ratio=1, min_width=4)
            line.add_column(no_wrap=True)
            line.add_row(cell(region), ProgressBar(max(total, 1), done), cell(shown.position_text(monotonic, now)))
            counts = cell(f"  {shown.counts_text(monotonic)}")
            counts.no_wrap, counts.overflow = True, "ellipsis"
            lines.renderables.extend((line, counts))
        return lines


@contextmanager
def terminal_observer(
    console: Console, results: Console | None = None, *, what: str = _RUN, clock: Clock = SYSTEM
) -> Iterator[TerminalObserver]:
    """An observer of ``what``: progress goes to ``console``, and each region's result to ``results`` (default: there, too).

    Its lines of progress disappear on exit.
    """
    observer = TerminalObserver(console, results or console, draws=is_interactive(console), what=what, clock=clock)
    observer.start()
    try:
        yield observer
    finally:
        observer.stop()


@contextmanager
def progress_bar(console: Console, description: str) -> Iterator[SetProgress]:
    """A progress bar on ``console`` if it is a terminal that can show one. The bar disappears on exit."""
    if not is_interactive(console):
        yield no_progress
        return
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console, transient=True) as bars:
        task = bars.add_task(description)
        yield lambda done, total: bars.update(task, completed=done, total=total)


def no_progress(done: int, total: int) -> None:
    """Show nothing."""

"""A window that is sent again, marked as a replay, without moving anything: the state is neither read nor written.

    compartments ─▶ slice by slice: fetch, forward, confirm ─▶ how far it came

The rules apply as ever, with limits of which nothing is spent. A replay that runs out of time says how far it is; asked again from there,
it goes on. Run dry, it counts what it would send.
"""

from collections.abc import Sequence
from contextlib import closing

from epimetheus.clock import Deadline
from epimetheus.errors import CompartmentError, EpimetheusError, OutOfTime, RequestError
from epimetheus.model import Replayed, Window, minute_text
from epimetheus.run.forward import Forwarder
from epimetheus.run.plan import NO_TIME
from epimetheus.run.ports import RunOptions, RunPorts
from epimetheus.run.run import commit_reserve
from epimetheus.run.tally import Tally, to_problem
from epimetheus.safe_text import HIDDEN, safe_value
from epimetheus.select.dedupe import SeenKeys
from epimetheus.select.rate_limits import RateLimits
from epimetheus.select.selection import Selection
from epimetheus.source.compartments import choose, discover, paths, pin
from epimetheus.source.fetch import Failed, FetchTask, Finished, Page, fetch

_LEAST_SECONDS = 1.0
_MOST_NAMED = 5


class NoReceiver:
    """What a dry run is sent to: it counts, and confirms at once."""

    connections = confirmations = sent = confirmed = 0
    confirmation = "none"

    def write(self, data: bytes, messages: int) -> None:
        """Count."""
        self.sent += messages
        self.confirmed = self.sent

    def finish(self) -> None:
        """Nothing is under way."""

    def drop(self) -> None:
        """Nothing is open."""


def replay(options: RunOptions, parts: RunPorts, run_id: str, deadline: Deadline, window: Window, only: Sequence[str], *, dry: bool) -> Replayed:
    """Send ``window`` (minutes) again, of the compartments in ``only`` (OCIDs; none: all that are asked).

    How it ended is told, it is not raised; but RequestError where the settings exclude one of ``only``.
    """
    return _Replay(options, parts, run_id, deadline, window, only, dry=dry).report()


class _Replay:
    def __init__(
        self, options: RunOptions, parts: RunPorts, run_id: str, deadline: Deadline, window: Window, only: Sequence[str], *, dry: bool
    ) -> None:
        self.options, self.parts, self.run_id = options, parts, run_id
        self.deadline = deadline.earlier(commit_reserve(deadline.left()))  # what is kept back is to confirm in
        self.window, self.only, self.dry = window, only, dry
        self.sink = NoReceiver() if dry else parts.receiver
        self.tally = Tally()
        self.through = window.start
        self.unread: dict[str, str] = {}
        selection = Selection(parts.rules, parts.watch, RateLimits({}))
        self.forwarder = Forwarder(SeenKeys(), selection, parts.render, parts.frame, self.sink, self.tally, actors=options.actors)

    def report(self) -> Replayed:
        try:
            compartments = self.compartments()
            length = self.options.slice
            while self.through < self.window.end and self.deadline.left() > _LEAST_SECONDS:
                length = self.slice(compartments, Window(self.through, min(self.through + length, self.window.end)))
        except RequestError:
            raise
        except EpimetheusError as error:
            return self.told(error)
        finally:
            self.sink.drop()
        return self.told(None)

    def compartments(self) -> list[str]:
        """The compartments to request; their paths go with each event. Raises RequestError for those that the settings exclude."""
        options = self.options
        listed = discover(self.parts.list_page, options.tenancy, self.deadline)
        # where a compartment is not listed, neither are its parents, and these may be excluded
        pinned = options.ids if options.mode == "include" else self.only if options.mode == "all" else ()
        listing = pin(listed, pinned)
        chosen = choose(listing.compartments, options.mode, options.ids, options.tenancy)
        if excluded := sorted(set(self.only) - chosen):
            raise _excluded(options.mode, excluded)
        self.forwarder.places = paths(listing.compartments)
        return sorted(self.only or chosen)

    def slice(self, compartments: Sequence[str], window: Window) -> int:
        """Fetch, forward, confirm; and how many minutes the next one may have: half, where this one did not fit in the time."""
        works = [FetchTask(ocid, window) for ocid in compartments if ocid not in self.unread]
        late = {work.compartment for work in works}
        pages, concurrency = self.parts.audit.pages, self.options.concurrency
        with closing(fetch(works, pages, concurrency=concurrency, deadline=self.deadline.within(self.deadline.left() / 2))) as arrivals:
            for arrival in arrivals:
                match arrival:
                    case Page(work, events, _):
                        if not self.forwarder.page(work, events, self.deadline):
                            break
                    case Failed(work, CompartmentError() as error):
                        self.unread[work.compartment] = f"from {minute_text(window.start)} on: {error.what}"
                        late.discard(work.compartment)
                    case Finished(work):
                        late.discard(work.compartment)
                done = len(works) - len(late)
                self.parts.watcher.progress(self.options.region, Window(window.start, self.window.end), done, len(works))
        self.forwarder.finish()
        minutes = window.end - window.start
        if late and minutes == 1 and self.through == self.window.start:
            raise OutOfTime(f"One minute from {minute_text(window.start)} on: {NO_TIME}.", do="Give it more time, or fewer compartments.")
        self.through = self.through if late else window.end
        return max(1, minutes // 2) if late else 2 * minutes

    def told(self, error: EpimetheusError | None) -> Replayed:
        tally, done = self.tally, error is None and self.through >= self.window.end
        return Replayed(
            run=self.run_id,
            region=self.options.region,
            dry=self.dry,
            status="failed" if error else "partial" if self.unread or not done else "ok",
            error=to_problem(error) if error else None,
            window=[minute_text(minute) for minute in self.window],
            through=minute_text(self.through),
            fetched=tally.fetched,
            forwarded=tally.forwarded,
            duplicates=tally.duplicates,
            filtered=dict(tally.filtered),
            unread=dict(sorted(self.unread.items())),
        )


def _excluded(mode: str, ocids: Sequence[str]) -> RequestError:
    named = ", ".join(safe_value(ocid, 200) or HIDDEN for ocid in ocids[:_MOST_NAMED])
    more = f" and {len(ocids) - _MOST_NAMED} more" if len(ocids) > _MOST_NAMED else ""
    return RequestError(
        f"The replay was refused: COMPARTMENT_MODE={mode} does not include {named}{more}.",
        do="Name compartments that the settings include, or change COMPARTMENT_MODE and COMPARTMENT_IDS.",
    )

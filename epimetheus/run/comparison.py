"""Compares a past window with the ledger, so that a replay sends only what is missing, and enters what it sent.

The state is read without the lease: it says which entries belong to it, and what counts under rate limits. It is not written.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress

from epimetheus.errors import EpimetheusError, LedgerDamaged, LedgerError, StateError
from epimetheus.ledger.entry import Source
from epimetheus.ledger.ledger import Ledger
from epimetheus.model import Fetched
from epimetheus.render.renderer import Item, Rendered
from epimetheus.reports import EventName
from epimetheus.run.deleted_entries import deleted_entry
from epimetheus.run.delivered import DeliveredKeys, Lookup
from epimetheus.run.entry_writer import EntryWriter, Reading
from epimetheus.run.forwarder import Forwarder
from epimetheus.run.ports import EventRenderer, RunOptions, RunPorts
from epimetheus.run.run_clock import RunClock
from epimetheus.safe_text import safe_event_text
from epimetheus.source.fetch import FetchTask
from epimetheus.state.model import State

LONGEST_SLICE_MINUTES = 24 * 60
"""Maximum length of a slice: its keys are in memory, and an entry may span eight days at most."""
MOST_NAMES = 20
_DAMAGED_HELP = "Nothing was sent for this time, because the events of the entry would look as if they were missing."


class Comparison:
    """The comparison of one replay with the ledger. ``source``: why its entries are written. ``dry``: none are written.

    Raises StateError if there is no state, or one that this deployment cannot use.
    """

    def __init__(self, options: RunOptions, ports: RunPorts, run_id: str, source: Source, *, dry: bool) -> None:
        self._clock = RunClock(ports.clock, ports.clock_offset, options.settle_minutes)
        missing = StateError(
            f"What is missing in {options.region} could not be determined: there is no state, so nothing was sent yet.",
            do="Run `epimetheus run` first. To send a window without comparing it with the ledger, use a replay.",
        )
        self.state = read_state(ports, self._clock, missing)
        self._delivered, self._source, self._dry = ports.delivered, source, dry
        self._delivered.begin(self.state.first_epoch, self.state.epoch, self.state.entered, self.state.identity)
        self._writer = EntryWriter(ports.delivered, options.tenancy, options.region, run_id)
        self._tasks: Sequence[FetchTask] = ()
        self._writable = dry  # a dry run writes nothing
        _raise_if_deleted(self.state, ports.delivered.ledger, self._clock.minute - options.ledger_days * 24 * 60)

    @property
    def delivered(self) -> DeliveredKeys:
        """The keys of delivered events, and the entries that are damaged."""
        return self._delivered

    def begin_slice(self, tasks: Sequence[FetchTask]) -> None:
        """Read the entries that can have events of ``tasks``, also those from before the last rewind.

        Raises LedgerError, and LedgerDamaged for a damaged entry, whose events would look as if they were missing.
        """
        self._tasks = tasks
        self._delivered.load([Lookup(task.compartment, task.window, task.window.end) for task in tasks], earlier_epochs=True)
        if self._delivered.damaged:
            raise LedgerDamaged(next(iter(self._delivered.damaged.values())), do=_DAMAGED_HELP)

    def require_writable(self) -> None:
        """Before the first event is sent, check that the ledger can be written. Raises LedgerError."""
        if self._writable:
            return
        place = (self._tasks[0].compartment, self._tasks[0].window)
        self._writer.require_writable(place, Reading(self._source, (), self.state.epoch), self._clock.now())
        self._writable = True

    def end_slice(self, forwarder: Forwarder, through: int) -> None:
        """Enter what is confirmed, and drop the keys of windows that end at ``through`` (minute) or earlier. Raises LedgerError."""
        self._enter(forwarder)
        self._delivered.forget(through)

    def end_failed(self, forwarder: Forwarder) -> None:
        """Enter what is confirmed of a slice that failed. If this fails, too, its events are sent again."""
        with suppress(EpimetheusError):
            forwarder.record_confirmed()
            self._enter(forwarder)

    def _enter(self, forwarder: Forwarder) -> None:
        """Enter what is confirmed, so that the next run finds the entry, and its seal names it."""
        pending = forwarder.take_pending()
        if self._dry:
            return
        polled, now = [task.compartment for task in self._tasks], self._clock.now()
        self._writer.write(pending, Reading(self._source, polled, self.state.epoch), now)
        self._writer.announce(Reading(self._source, (), self.state.epoch), now, self.state.through)


class NamingRenderer:
    """An `EventRenderer` that also records the ``names`` of the first events, ``most`` at most. ``before`` is called before any is sent."""

    def __init__(self, renderer: EventRenderer, most: int = MOST_NAMES, before: Callable[[], None] = lambda: None) -> None:
        self.names: list[EventName] = []
        self._renderer, self._most, self._before = renderer, most, before

    def render_many(self, items: Sequence[Item], /) -> list[Rendered]:
        """See `EventRenderer`."""
        if items:
            self._before()
        self.names += [_name(fetched, enrichment.compartment_path) for fetched, _, enrichment in items[: self._most - len(self.names)]]
        return self._renderer.render_many(items)

    def render_notice(self, fetched: Fetched, sequence: int, /) -> Rendered:
        """See `EventRenderer`."""
        return self._renderer.render_notice(fetched, sequence)


def _name(fetched: Fetched, path: str | None) -> EventName:
    event = fetched.event
    texts = (event.event_time, event.event_type, event.event_id, path or event.data.compartment_id) if event else ("", "", "", path)
    time, kind, event_id, compartment = (safe_event_text(text or "") for text in texts)
    return EventName(time, kind, event_id, compartment)


def _raise_if_deleted(state: State, ledger: Ledger, oldest: int) -> None:
    if (deleted := deleted_entry(state, ledger, oldest)) is not None:
        raise LedgerError(
            f"What is missing could not be determined: the newest entry of the ledger {ledger.name} was deleted: {deleted.text()}. Its"
            " events would look as if they were missing, as those of other deleted entries would.",
            do="Restore the entries from a copy. To send a window without comparing it with the ledger, use a replay.",
        )


def read_state(ports: RunPorts, clock: RunClock, missing: StateError) -> State:
    """The state, read without the lease; sets ``clock``. Raises ``missing`` if there is none, StateError, ClockError."""
    if ports.clock_offset() is None:
        ports.measure_clock()
    if (state := ports.session.peek()) is None:
        ports.session.raise_if_missing()
        raise missing
    clock.synchronize()
    ports.session.validate(state, clock.now())
    return state

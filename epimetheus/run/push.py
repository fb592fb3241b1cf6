"""Forwards one batch that Connector Hub pushed.

    batch ─▶ by compartment and window ─▶ known? selected? render, send ─▶ confirm ─▶ entry of the ledger ─▶ result

There is no cursor and no lease, so pushes can run beside each other and beside a scheduled run. The state is read only: for the epoch of
the entries, and to know which compartments are polled. If anything fails, the result is ``failed``, and the connector sends the whole
batch again; what was confirmed by then is in the ledger and is not sent again. What a push leaves out, polling finds.
"""

from collections.abc import Collection, Sequence
from contextlib import suppress
from hashlib import sha256
from statistics import median

from epimetheus.clock import Deadline
from epimetheus.errors import EpimetheusError, OutOfTime, StateError
from epimetheus.model import Window, count_text, plural, time_text
from epimetheus.reports import Pushed
from epimetheus.run.budget import Budget
from epimetheus.run.comparison import NamingRenderer, read_state
from epimetheus.run.delivered import Lookup
from epimetheus.run.entry_writer import EntryWriter, Reading
from epimetheus.run.forwarder import Forwarder
from epimetheus.run.known_compartments import known_compartments
from epimetheus.run.ports import RunOptions, RunPorts
from epimetheus.run.push_windows import Groups, group, pushed_from
from epimetheus.run.run_clock import RunClock
from epimetheus.run.tally import Tally, to_problem
from epimetheus.select.selection import Selection
from epimetheus.source.compartments import paths
from epimetheus.source.connector_hub import PushedEvent
from epimetheus.source.decode import Events
from epimetheus.state.model import State

_TEST_RUN = "test"
_RETRIED = "Connector Hub sends the batch again."


def push(
    options: RunOptions,
    ports: RunPorts,
    selection: Selection,
    run_id: str,
    deadline: Deadline,
    batch: Sequence[PushedEvent],
) -> Pushed:
    """Forward the events of ``batch`` before ``deadline``. An error is part of the result and is not raised."""
    return _Push(options, ports, selection, run_id, deadline, batch).run()


class _Push:
    """One push. ``happened``: the times of the events that were sent, in seconds since the epoch."""

    def __init__(
        self,
        options: RunOptions,
        ports: RunPorts,
        selection: Selection,
        run_id: str,
        deadline: Deadline,
        batch: Sequence[PushedEvent],
    ) -> None:
        self.options, self.ports, self.selection, self.run_id, self.batch = options, ports, selection, run_id, batch
        self.budget, self.tally = Budget.of(deadline), Tally()
        self.began = ports.clock.monotonic()
        self.clock = RunClock(ports.clock, ports.clock_offset, options.settle_minutes)
        self.started = self.clock.now()
        self.writer = EntryWriter(ports.delivered, options.tenancy, options.region, run_id)
        self.happened: list[float] = []
        self.writable = False

    def run(self) -> Pushed:
        try:
            self.forward(self.read_state())
        except EpimetheusError as error:
            return self.result(error)
        finally:
            self.ports.sender.drop()
        return self.result(None)

    def read_state(self) -> State:
        """The state, as the last run wrote it. Raises StateError."""
        missing = StateError(
            f"The batch was not forwarded: there is no state of {self.options.region}, so no run has begun to poll it.",
            do=f"Run the scheduled function once. {_RETRIED}",
        )
        state = read_state(self.ports, self.clock, missing)
        self.ports.delivered.begin(state.first_epoch, state.epoch, state.entered, state.identity)
        return state

    def forward(self, state: State) -> None:
        """Forward, confirm and enter. Raises OutOfTime, LedgerError, and the errors of the forwarder."""
        ports, groups = self.ports, self.polled_groups(state)
        lookups = [Lookup(*task[:2], task.window.end, pushed_from(events, self.clock.minute)) for task, events in groups.items()]
        ports.delivered.load(lookups, earlier_epochs=True)
        renderer = NamingRenderer(ports.renderer, 0, before=lambda: self.require_writable(state))
        forwarder = Forwarder(
            ports.delivered.seen, self.selection, renderer, ports.frame, ports.sender, self.tally, actors=self.options.actors
        )
        forwarder.compartment_paths = paths(known_compartments(state))
        polled = {task.compartment for task in groups}
        try:
            complete = self.send(forwarder, groups)
            forwarder.finish()
        except EpimetheusError:
            with suppress(EpimetheusError):
                forwarder.record_confirmed()
                self.enter(forwarder, polled, state)
            raise
        self.enter(forwarder, polled, state)
        if not complete:
            raise OutOfTime(
                "The batch was not forwarded to its end: time ran out.",
                do=f"Raise the timeout of the push function, up to 300 seconds, or lower the batch size of the connector. {_RETRIED}",
            )

    def enter(self, forwarder: Forwarder, polled: Collection[str], state: State) -> None:
        """Enter what is confirmed, so that the next run finds the entry, also of events that arrive late. Raises LedgerError."""
        now, pending = self.clock.now(), forwarder.take_pending()
        self.writer.write(pending, Reading("push", polled, state.epoch), now)
        self.writer.announce(Reading("push", (), state.epoch), now, state.through)

    def require_writable(self, state: State) -> None:
        """Before the first event is sent, write an entry without events. All pushes in a minute write the same one. Raises LedgerError."""
        if not self.writable:
            options, minute = self.options, self.clock.minute
            run = f"{_TEST_RUN}-{sha256(state.identity.encode()).hexdigest()[:8]}"  # deployments may share a ledger
            writer = EntryWriter(self.ports.delivered, options.tenancy, options.region, run)
            writer.require_writable((options.tenancy, Window(minute, minute + 1)), Reading("push", (), state.epoch), minute * 60.0)
            self.writable = True

    def polled_groups(self, state: State) -> Groups:
        """The events in groups, without those that are left to a run: it knows whether a setting excludes their compartment."""
        options = self.options
        groups = group(self.batch, options.tenancy, self.clock.minute)
        if options.mode == "all":
            return groups
        polled = {ocid for ocid, known in state.known.items() if known.polled}
        deferred = sum(len(events) for task, events in groups.items() if task.compartment not in polled)
        self.tally.fetched += deferred
        self.tally.deferred += deferred
        return {task: events for task, events in groups.items() if task.compartment in polled}

    def send(self, forwarder: Forwarder, groups: Groups) -> bool:
        """Send the events that are new. Returns False if time ran out."""
        for task, events in groups.items():
            texts = [event.text for event in events]
            if not forwarder.forward_page(task, Events(b"\n".join(texts), texts), self.budget.work):
                return False
            self.happened += [event.happened for event in events if event.happened]
        return True

    def result(self, error: EpimetheusError | None) -> Pushed:
        tally, ports = self.tally, self.ports
        now = self.clock.now()
        delays = [max(0.0, now - happened) for happened in self.happened]
        return Pushed(
            run=self.run_id,
            region=self.options.region,
            status="failed" if error else "ok",
            error=to_problem(error) if error else None,
            warnings=[*ports.delivered.warnings(), *self._deferred()],
            started=time_text(self.started),
            seconds=round(ports.clock.monotonic() - self.began, 3),
            batch=len(self.batch),
            fetched=tally.fetched,
            forwarded=tally.forwarded,
            unconfirmed=tally.fetched - tally.accounted,
            duplicates=tally.duplicates,
            filtered=dict(tally.filtered),
            deferred=tally.deferred,
            malformed=tally.malformed,
            truncated=tally.truncated,
            abridged=tally.abridged,
            redacted=tally.redacted,
            bytes=tally.bytes,
            delay_seconds=int(median(delays)) if delays else None,
            longest_delay_seconds=int(max(delays)) if delays else None,
            api=dict(ports.calls.counts()),
            receiver={
                "connections": ports.sender.connections,
                "confirmations": ports.sender.confirmations,
                "confirmation": ports.sender.confirmation,
            },
        )

    def _deferred(self) -> list[str]:
        if not (count := self.tally.deferred):
            return []
        return [
            f"{count_text(count, 'event is', 'events are')} left to the next scheduled run, which applies hourly limits, OWN_EVENTS and"
            f" COMPARTMENT_MODE to {plural(count, 'it', 'them')}."
        ]

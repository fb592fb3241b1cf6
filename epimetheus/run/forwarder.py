"""Forwards pages of events: deduplicates, selects, renders, frames and sends them, and records what is confirmed.

events ─▶ duplicate? ─▶ selected? ─▶ render ─▶ frame ─▶ batch ─▶ write … confirmed ─▶ record keys, messages and hourly counts
"""

from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

from msgspec import Raw

from epimetheus.clock import Deadline
from epimetheus.errors import AccountingError
from epimetheus.ledger.messages import message_line
from epimetheus.model import Fetched, Window, count_text
from epimetheus.render.formats.base import Enrichment
from epimetheus.render.renderer import Item, Rendered
from epimetheus.run.pending_entry import MessageDigest, PendingEntry
from epimetheus.run.ports import EventRenderer, Sender
from epimetheus.run.tally import Tally
from epimetheus.select.dedupe import SeenKeys, compartment_tag
from epimetheus.select.rate_limits import Counts
from epimetheus.select.selection import Selection
from epimetheus.source.decode import Events, decode_event
from epimetheus.source.fetch import FetchTask

BATCH_BYTES = 112 * 1024  # including its last message, a batch fits into one write of a connection (`deliver.connection.CHUNK`)
MAX_GROUP_EVENTS = 64  # the most events rendered between two checks of the deadline
MAX_GROUP_BYTES = 128 * 1024
SLOW_SECONDS = 0.25  # if rendering a group takes longer, the next event is rendered alone
BATCH_KEYS = 5_000  # includes keys of filtered events, which are recorded with the batch


_Origin = tuple[str, Window]  # the compartment that listed an event, and the window


@dataclass
class _Unconfirmed:
    """Keys, message lines and hourly counts that are recorded once the messages up to their position are confirmed.

    A position is the sequence number of a message: that of the event, or the last one before a filtered event. ``keys``: compartment and
    window → keys; ``positions``: the same → the position of each key, ascending. ``counts``: a position, and the hourly counts since the
    one before. ``lines``: the `message_line` of each message. ``last``: the last position of the batch.
    """

    keys: dict[_Origin, list[bytes]] = field(default_factory=dict)
    positions: dict[_Origin, list[int]] = field(default_factory=dict)
    counts: list[tuple[int, Counts]] = field(default_factory=list)
    lines: bytearray = field(default_factory=bytearray)
    last: int = 0

    def add(self, origin: _Origin, key: bytes, position: int) -> None:
        """Add the key of an event."""
        self.keys.setdefault(origin, []).append(key)
        self.positions.setdefault(origin, []).append(position)

    def take(self, confirmed: int) -> tuple[dict[_Origin, list[bytes]], list[Counts]]:
        """Remove and return everything up to the position ``confirmed``: a receiver may confirm part of a batch."""
        taken = {}
        for origin, positions in self.positions.items():
            count = bisect_right(positions, confirmed)
            if count:
                taken[origin], self.keys[origin] = self.keys[origin][:count], self.keys[origin][count:]
                del positions[:count]
        taken_counts = [counts for position, counts in self.counts if position <= confirmed]
        self.counts = self.counts[len(taken_counts) :]
        return taken, taken_counts

    def take_lines(self, confirmed: int) -> tuple[int, bytes]:
        """Remove and return the lines up to the position ``confirmed``: their number, and the lines."""
        count = self.lines.count(b"\n") - max(0, self.last - confirmed)
        if count <= 0:
            return 0, b""
        taken = bytes(self.lines) if confirmed >= self.last else b"".join(self.lines.splitlines(keepends=True)[:count])
        del self.lines[: len(taken)]
        return count, taken


class Forwarder:
    """Forwards the events of one region in one run.

    ``compartment_paths``: OCID → path. ``pending``: what is confirmed and not in the ledger yet. ``messages``: all confirmed messages.
    ``actors``: classify the actor of each event. ``fills``: events are pushed, too, and those that were not are late, except the kinds
    that pushes leave to runs, which are counted by hour. ``filtered``: called with each filtered event and the reason.
    """

    def __init__(
        self,
        seen: SeenKeys,
        selection: Selection,
        renderer: EventRenderer,
        frame: Callable[[bytes], bytes],
        sender: Sender,
        tally: Tally,
        *,
        actors: bool = False,
        filtered: Callable[[Fetched, str], None] | None = None,
    ) -> None:
        self.compartment_paths: Mapping[str, str] = {}
        self.pending = PendingEntry()
        self.messages = MessageDigest()
        self.fills = False
        self._seen = seen
        self._selection = selection
        self._renderer = renderer
        self._frame = frame
        self._sender = sender
        self._tally = tally
        self._actors = actors
        self._filtered = filtered
        self._sequence = 0
        self._notices: list[int] = []
        self._waiting: list[Item] = []  # to be rendered
        self._waiting_bytes = 0
        self._together = 1
        self._frames: list[bytes] = []
        self._bytes = 0
        self._batch = _Unconfirmed()
        self._unconfirmed: deque[_Unconfirmed] = deque()

    def forward_page(self, task: FetchTask, events: Events, deadline: Deadline | None = None, *, late: bool = False) -> bool:
        """Forward the new, selected events of a page. Returns False if ``deadline`` passed before its end: the rest is read again.

        ``late``: the page is listed again, so that events that are not new count as `Tally.relisted` only, and new ones are late.

        Raises ReceiverError, DeliveryUncertain.
        """
        tag, minute, origin = compartment_tag(task.compartment), task.window.end, (task.compartment, task.window)
        first_time, select, rate_limits = self._seen.add_if_new, self._selection, self._selection.rate_limits
        scan = cache(lambda: select.mentions_watched(events.text))  # when the page has a new event: most have none
        complete = True
        for raw in events.elements:
            if deadline is not None and deadline.left() <= 0:
                complete = False
                break
            key, fetched = self._recognize(tag, raw)
            if not first_time(key):
                self._tally.count_known(late=late)
                continue
            fetched = fetched or decode_event(raw)
            self._tally.count_new(fetched, late=late)
            reason, watched = select(fetched, minute, scan=scan())
            if reason == "deferred":
                self._tally.deferred += 1
                continue
            position = self._sequence + (reason is None)
            self._batch.add(origin, key, position)
            if counted := rate_limits.pending:
                self._batch.counts.append((position, rate_limits.take_pending()))
            if reason is None:
                fills = self.fills and not (late or counted)
                self._tally.filled += fills
                self._add(fetched, task.compartment, deadline, watched=watched, late=late or fills)
            else:
                self._tally.filtered[reason] += 1
                if self._filtered:
                    self._filtered(fetched, reason)
        self._render_waiting()
        if sum(map(len, self._batch.keys.values())) >= BATCH_KEYS:
            self._flush()
        return complete

    def send_notice(self, notice: Fetched) -> None:
        """Send a notice. It has a sequence number, but does not count as an event. Raises as `forward_page`."""
        self._sequence += 1
        self._notices.append(self._sequence)
        self._batch.lines += message_line(self._sequence, notice.event.event_id if notice.event else None)
        self._tally.notices += 1
        self._send([self._renderer.render_notice(notice, self._sequence)])

    def finish(self) -> None:
        """Send and confirm everything, and check the counts. Raises ReceiverError, DeliveryUncertain, AccountingError."""
        self._render_waiting()  # of an incomplete page: no key may be recorded without its event
        self._flush()
        self._sender.finish()
        self.record_confirmed()
        fetched, accounted = self._tally.fetched, self._tally.accounted
        if fetched != accounted or self._unconfirmed:
            raise AccountingError(
                f"The counts do not add up: {count_text(fetched, 'event was', 'events were')} fetched,"
                f" but {count_text(accounted, 'is', 'are')} accounted for.",
                do="The cursor does not move. This is a bug in Epimetheus: report it with this line.",
            )

    def record_confirmed(self) -> None:
        """Record the keys, messages and hourly counts of everything that is confirmed by now."""
        confirmed = self._sender.confirmed
        self._tally.forwarded = confirmed - bisect_right(self._notices, confirmed)
        while self._unconfirmed:
            batch = self._unconfirmed[0]
            keys_by_origin, confirmed_counts = batch.take(confirmed)
            for (compartment, window), keys in keys_by_origin.items():
                self._seen.remember(window.end, keys)
                self.pending.add_keys(compartment, window, keys)
            self._record_messages(batch, confirmed)
            for counts in confirmed_counts:
                self._selection.rate_limits.confirm(counts)
                self.pending.add_counts(counts)
            if batch.last > confirmed:
                return
            self._unconfirmed.popleft()

    def take_pending(self) -> PendingEntry:
        """Remove and return what is confirmed and not in the ledger yet."""
        pending, self.pending = self.pending, PendingEntry()
        return pending

    def _record_messages(self, batch: _Unconfirmed, confirmed: int) -> None:
        count, lines = batch.take_lines(confirmed)
        self.pending.add_messages(min(batch.last, confirmed) - count + 1, count, lines)
        self.messages.add(count, lines)

    def _recognize(self, tag: bytes, raw: bytes | Raw) -> tuple[bytes, Fetched | None]:
        """The key of an event, and the event if it had to be decoded for that: most are duplicates, and need not be."""
        if (key := self._selection.key_of_text(tag, raw)) is not None:
            return key, None
        fetched = decode_event(raw)
        return self._selection.key(tag, fetched), fetched

    def _add(self, fetched: Fetched, polled: str, deadline: Deadline | None, *, watched: bool, late: bool) -> None:
        """Add an event to those to be rendered. ``polled``: the compartment that listed it."""
        self._sequence += 1
        event = fetched.event
        path = self.compartment_paths.get((event.data.compartment_id if event else None) or polled)
        actor = self._selection.actor(fetched) if self._actors else None
        self._tally.malformed += event is None
        self._batch.lines += message_line(self._sequence, event.event_id if event else None)
        self._waiting.append((fetched, self._sequence, Enrichment(path, actor, watched, late=late)))
        self._waiting_bytes += len(memoryview(fetched.raw))
        together = MAX_GROUP_EVENTS if deadline is None else self._together
        if len(self._waiting) >= together or self._waiting_bytes >= MAX_GROUP_BYTES:
            before = deadline.left() if deadline is not None else 0.0
            self._render_waiting()
            slow = deadline is not None and before - deadline.left() > SLOW_SECONDS
            self._together = 1 if slow else min(2 * self._together, MAX_GROUP_EVENTS)

    def _render_waiting(self) -> None:
        waiting, self._waiting, self._waiting_bytes = self._waiting, [], 0
        rendered = self._renderer.render_many(waiting)
        self._tally.redacted += sum([one.redacted for one in rendered])
        self._tally.abridged += sum([one.abridged for one in rendered])
        self._send(rendered)

    def _send(self, rendered: Sequence[Rendered]) -> None:
        self._tally.truncated += sum([one.trimmed for one in rendered])
        frames = [self._frame(one.message) for one in rendered]
        self._frames += frames
        self._bytes += sum(map(len, frames))
        if self._bytes >= BATCH_BYTES:
            self._flush()

    def _flush(self) -> None:
        """Write the batch; no event may wait to be rendered. A batch of filtered events alone is recorded with the one before it."""
        if not self._frames and not self._batch.keys:
            return
        data, batch, count = b"".join(self._frames), self._batch, len(self._frames)
        self._frames, self._batch, self._bytes = [], _Unconfirmed(), 0
        batch.last = self._sequence
        self._unconfirmed.append(batch)  # before the write: a receiver may confirm part of a write that fails
        if count:
            self._sender.write(data, count)
            self._tally.bytes += len(data)
        self.record_confirmed()

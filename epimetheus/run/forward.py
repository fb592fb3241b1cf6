"""From pages to confirmed messages: each event is looked up, chosen, rendered, framed and written; what the receiver has is remembered.

events ─▶ first time? ─▶ wanted? ─▶ render ─▶ frame ─▶ batch ─▶ write … confirmed ─▶ keys and limits to remember
"""

from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from epimetheus.clock import Deadline
from epimetheus.errors import AccountingError
from epimetheus.model import Fetched
from epimetheus.render import Item, Rendered
from epimetheus.render.formats.base import Enrichment
from epimetheus.run.tally import Tally
from epimetheus.select.dedupe import SeenKeys, compartment_tag, event_key
from epimetheus.select.selection import Selection, Spent
from epimetheus.source.decode import Events
from epimetheus.source.fetch import FetchTask

BATCH_BYTES = 112 * 1024  # with the message that fills it still no more than a connection writes at once (`deliver.connection.CHUNK`)
RENDERED_TOGETHER = 64  # at most: so many are rendered between two looks at the deadline
RENDERED_BYTES = 128 * 1024
SLOW_SECONDS = 0.25  # where rendering those together took longer, the next is rendered alone
BATCH_KEYS = 5_000  # of events that are left out, too: their keys wait with the batch


class Sink(Protocol):
    """What `epimetheus.deliver.Delivery` is to this file: counts of messages ``sent`` and ``confirmed``, both from 0 on, in order."""

    sent: int
    confirmed: int

    def write(self, data: bytes, messages: int) -> None:
        """Send complete frames. Raises ReceiverError, DeliveryUncertain."""
        ...

    def finish(self) -> None:
        """Confirm everything sent. Raises ReceiverError, DeliveryUncertain."""
        ...


class Render(Protocol):
    """What `epimetheus.render.Renderer` is to this file."""

    def render_many(self, items: Sequence[Item], /) -> list[Rendered]:
        """The messages of events, each with its number in the run, and what was noted about it."""
        ...

    def render_notice(self, fetched: Fetched, sequence: int, /) -> Rendered:
        """The message of a notice of our own."""
        ...


@dataclass
class _Unconfirmed:
    """What is remembered once the receiver has the messages before it: dedupe keys, and what was spent of limits.

    ``keys``: minute that their window ends → keys; ``positions``: the same, each with the number of the last message before or of its
    event, in ascending order. ``spent``: such a number, and what was spent by then. ``last``: the last number of all.
    """

    keys: dict[int, list[bytes]] = field(default_factory=dict)
    positions: dict[int, list[int]] = field(default_factory=dict)
    spent: list[tuple[int, Spent]] = field(default_factory=list)
    last: int = 0

    def add(self, minute: int, key: bytes, position: int) -> None:
        """Note the key of an event."""
        self.keys.setdefault(minute, []).append(key)
        self.positions.setdefault(minute, []).append(position)

    def take(self, confirmed: int) -> tuple[dict[int, list[bytes]], list[Spent]]:
        """Remove what the first ``confirmed`` messages vouch for: a receiver may acknowledge a batch in part."""
        taken = {}
        for minute, positions in self.positions.items():
            count = bisect_right(positions, confirmed)
            if count:
                taken[minute], self.keys[minute] = self.keys[minute][:count], self.keys[minute][count:]
                del positions[:count]
        settled = [spent for position, spent in self.spent if position <= confirmed]
        self.spent = self.spent[len(settled) :]
        return taken, settled


class Forwarder:
    """Forwards the events of one region in one run. ``places``: OCID of a compartment → its path; ``actors``: say who acted.

    ``filtered`` is told of each event that is not sent, and why.
    """

    def __init__(
        self,
        seen: SeenKeys,
        selection: Selection,
        render: Render,
        frame: Callable[[bytes], bytes],
        sink: Sink,
        tally: Tally,
        *,
        actors: bool = False,
        filtered: Callable[[Fetched, str], None] | None = None,
    ) -> None:
        self.places: Mapping[str, str] = {}
        self._seen = seen
        self._selection = selection
        self._render = render
        self._frame = frame
        self._sink = sink
        self._tally = tally
        self._actors = actors
        self._left_out = filtered
        self._sequence = 0
        self._notices: list[int] = []
        self._waiting: list[Item] = []  # of the page in hand
        self._waiting_bytes = 0
        self._together = 1
        self._frames: list[bytes] = []
        self._bytes = 0
        self._batch = _Unconfirmed()
        self._unconfirmed: deque[_Unconfirmed] = deque()

    def page(self, work: FetchTask, events: Events, deadline: Deadline | None = None) -> bool:
        """Forward what was not met before and is wanted, unless the deadline passes: False where events are left, to be read again.

        Raises ReceiverError, DeliveryUncertain.
        """
        tag, minute = compartment_tag(work.compartment), work.window.end
        first_time, select, look = self._seen.first_time, self._selection, self._selection.looks_at(events.text)
        quotas = select.quotas
        whole = True
        for fetched in events:
            if deadline is not None and deadline.left() <= 0:
                whole = False
                break
            self._tally.fetched += 1
            key = event_key(tag, fetched)
            if not first_time(key):
                self._tally.duplicates += 1
                continue
            reason, watched = select(fetched, minute, look=look)
            position = self._sequence + (reason is None)
            self._batch.add(minute, key, position)
            if quotas.pending:
                self._batch.spent.append((position, quotas.taken()))
            if reason is None:
                self._event(fetched, work.compartment, watched, deadline)
            else:
                self._tally.filtered[reason] += 1
                if self._left_out:
                    self._left_out(fetched, reason)
        self._render_waiting()
        if sum(map(len, self._batch.keys.values())) >= BATCH_KEYS:
            self._flush()
        return whole

    def notice(self, notice: Fetched) -> None:
        """Send a message of our own: it has a number in the run like any other, and is no event. Raises as `page`."""
        self._sequence += 1
        self._notices.append(self._sequence)
        self._tally.notices += 1
        self._send([self._render.render_notice(notice, self._sequence)])

    def finish(self) -> None:
        """Everything is sent, confirmed, and adds up. Raises ReceiverError, DeliveryUncertain, AccountingError."""
        self._render_waiting()  # of a page that was left in its middle: no key may be remembered without its event
        self._flush()
        self._sink.finish()
        self.settle()
        if self._tally.fetched != self._tally.accounted or self._unconfirmed:
            raise AccountingError(
                f"{self._tally.fetched} events were fetched, but {self._tally.accounted} are accounted for.",
                do="The cursor stays. This is a mistake of Epimetheus: please report it with this line.",
            )

    def settle(self) -> None:
        """Remember what has been confirmed since."""
        confirmed = self._sink.confirmed
        self._tally.forwarded = confirmed - bisect_right(self._notices, confirmed)
        while self._unconfirmed:
            keys, spent = self._unconfirmed[0].take(confirmed)
            for minute, some in keys.items():
                self._seen.remember(minute, some)
            for one in spent:
                self._selection.quotas.settle(one)
            if self._unconfirmed[0].last > confirmed:
                return
            self._unconfirmed.popleft()

    def _event(self, fetched: Fetched, asked: str, watched: bool, deadline: Deadline | None) -> None:
        self._sequence += 1
        event = fetched.event
        place = self.places.get((event.data.compartment_id if event else None) or asked)
        actor = self._selection.actor(fetched) if self._actors else None
        self._tally.malformed += event is None
        self._waiting.append((fetched, self._sequence, Enrichment(place, actor, watched)))
        self._waiting_bytes += len(memoryview(fetched.raw))
        together = RENDERED_TOGETHER if deadline is None else self._together
        if len(self._waiting) >= together or self._waiting_bytes >= RENDERED_BYTES:
            before = deadline.left() if deadline is not None else 0.0
            self._render_waiting()
            slow = deadline is not None and before - deadline.left() > SLOW_SECONDS
            self._together = 1 if slow else min(2 * self._together, RENDERED_TOGETHER)

    def _render_waiting(self) -> None:
        waiting, self._waiting, self._waiting_bytes = self._waiting, [], 0
        rendered = self._render.render_many(waiting)
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
        """Write the batch, no event waiting. What was left out since the last is remembered with it, or with what was sent before."""
        if not self._frames and not self._batch.keys:
            return
        data, batch, count = b"".join(self._frames), self._batch, len(self._frames)
        self._frames, self._batch, self._bytes = [], _Unconfirmed(), 0
        batch.last = self._sequence
        self._unconfirmed.append(batch)  # before it is written: a receiver may acknowledge a part of a write that fails
        if count:
            self._sink.write(data, count)
            self._tally.bytes += len(data)
        self.settle()

"""From pages to confirmed messages: each event is looked up, rendered, framed and written; what the receiver has is remembered.

events ─▶ first time? ─▶ render ─▶ frame ─▶ batch ─▶ write … confirmed ─▶ keys to remember
"""

from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from epimetheus.errors import AccountingError
from epimetheus.model import Fetched
from epimetheus.render import Rendered
from epimetheus.report import Tally
from epimetheus.select.dedupe import SeenKeys, compartment_tag, event_key
from epimetheus.source.fetch import Work

BATCH_BYTES = 128 * 1024


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


class _OnTheWay(NamedTuple):
    """Keys (by the minute their window ends) to remember once ``confirmed`` reaches ``position``."""

    position: int
    keys: dict[int, list[bytes]]


class Forwarder:
    """Forwards the events of one region in one run."""

    def __init__(
        self, seen: SeenKeys, render: Callable[[Fetched, int], Rendered], frame: Callable[[bytes], bytes], sink: Sink, tally: Tally
    ) -> None:
        self._seen = seen
        self._render = render
        self._frame = frame
        self._sink = sink
        self._tally = tally
        self._sequence = 0
        self._frames: list[bytes] = []
        self._bytes = 0
        self._keys: dict[int, list[bytes]] = {}
        self._on_the_way: deque[_OnTheWay] = deque()

    def page(self, work: Work, events: Sequence[Fetched]) -> None:
        """Forward what was not met before. Raises ReceiverError, DeliveryUncertain."""
        self._tally.fetched += len(events)
        tag = compartment_tag(work.compartment)
        for fetched in events:
            key = event_key(tag, fetched)
            if self._seen.first_time(key):
                self._keys.setdefault(work.window.end, []).append(key)
                self._add(fetched)
            else:
                self._tally.duplicates += 1

    def finish(self) -> None:
        """Everything is sent, confirmed, and adds up. Raises ReceiverError, DeliveryUncertain, AccountingError."""
        self._flush()
        self._sink.finish()
        self.settle()
        if self._tally.fetched != self._tally.accounted or self._on_the_way:
            raise AccountingError(
                f"{self._tally.fetched} events were fetched, but {self._tally.accounted} are accounted for.",
                do="The cursor stays. This is a mistake of Epimetheus: please report it with this line.",
            )

    def settle(self) -> None:
        """Remember what has been confirmed since."""
        self._tally.forwarded = self._sink.confirmed
        while self._on_the_way and self._on_the_way[0].position <= self._sink.confirmed:
            for minute, keys in self._on_the_way.popleft().keys.items():
                self._seen.remember(minute, keys)

    def _add(self, fetched: Fetched) -> None:
        self._sequence += 1
        rendered = self._render(fetched, self._sequence)
        self._tally.malformed += fetched.event is None
        self._tally.trimmed += rendered.trimmed
        frame = self._frame(rendered.message)
        self._frames.append(frame)
        self._bytes += len(frame)
        if self._bytes >= BATCH_BYTES:
            self._flush()

    def _flush(self) -> None:
        if not self._frames:
            return
        batch, keys, count = b"".join(self._frames), self._keys, len(self._frames)
        self._frames, self._keys, self._bytes = [], {}, 0
        self._sink.write(batch, count)
        self._tally.bytes += len(batch)
        self._on_the_way.append(_OnTheWay(self._sequence, keys))
        self.settle()

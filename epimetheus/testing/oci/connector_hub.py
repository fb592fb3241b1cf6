"""A connector of Connector Hub from the audit log of Logging to a function, as it was observed to behave.

- It reads the log in order of arrival, and sends batches that end at a size or an age, one after the other.
- A batch whose invocation fails is sent again, whole, before any other.
- Logging keeps 24 hours. What has not been read by then is lost, and reading goes on with what is there.
- After ``deactivated_after`` seconds of failures, the connector is deactivated and sends nothing until it is activated again.
- With Streaming in between, the log is kept for up to 7 days, and the elements are messages of the stream.
"""

import base64
import json
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

DAY = 86_400.0
LifecycleState = Literal["ACTIVE", "NEEDS_ATTENTION", "INACTIVE"]


@dataclass
class Connector:
    """A connector. ``invoke``: calls the function with a batch, and returns whether its status is 2xx.

    ``batch_bytes``, ``batch_seconds``: a batch is sent once it has this size, or its oldest entry this age. ``kept_seconds``: 24 hours, or
    the retention of the stream. ``streaming``: the source is a stream. ``failed_since``: when the failures began, None: the last call
    succeeded. ``lost``: entries that were not read in time.
    """

    invoke: Callable[[bytes], bool]
    batch_bytes: int = 5_000_000
    batch_seconds: float = 60.0
    kept_seconds: float = DAY
    deactivated_after: float = 3 * DAY
    streaming: bool = False
    state: LifecycleState = "ACTIVE"
    failed_since: float | None = None
    lost: list[bytes] = field(default_factory=list)
    _times: list[float] = field(default_factory=list)
    _log: list[bytes] = field(default_factory=list)
    _next: int = 0

    def ingest(self, entry: bytes, now: float) -> None:
        """Adds an entry, in Logging's form, to the log. Times must not decrease."""
        self._times.append(now)
        self._log.append(entry)

    @property
    def waiting(self) -> int:
        """The number of entries that are not delivered yet."""
        return len(self._log) - self._next

    def run(self, now: float, *, flush: bool = False) -> int:
        """Sends what is due at ``now``, and with ``flush`` everything. Returns the number of calls. It stops at the first failure."""
        if self.state == "INACTIVE":
            return 0
        self._expire(now)
        calls = 0
        while batch := self._due(now, flush=flush):
            calls += 1
            if not self.invoke(self._body(batch)):
                self._failed(now)
                return calls
            self.failed_since, self.state = None, "ACTIVE"
            self._next += len(batch)
        return calls

    def activate(self) -> None:
        """Activates the connector again. It goes on with the oldest entry that the log still has."""
        self.state, self.failed_since = "ACTIVE", None

    def repeat(self, count: int) -> None:
        """Delivers the last ``count`` delivered entries once more, as after a lost response."""
        self._next = max(0, self._next - count)

    def _expire(self, now: float) -> None:
        first = bisect_left(self._times, now - self.kept_seconds)
        if first > self._next:
            self.lost += self._log[self._next : first]
            self._next = first

    def _due(self, now: float, *, flush: bool) -> list[bytes]:
        batch: list[bytes] = []
        size = 0
        for entry in self._log[self._next :]:
            if batch and size + len(entry) > self.batch_bytes:
                return batch
            batch.append(entry)
            size += len(entry)
        aged = batch and now - self._times[self._next] >= self.batch_seconds
        return batch if flush or aged or size >= self.batch_bytes else []

    def _failed(self, now: float) -> None:
        self.failed_since = now if self.failed_since is None else self.failed_since
        self.state = "INACTIVE" if now - self.failed_since >= self.deactivated_after else "NEEDS_ATTENTION"

    def _body(self, batch: list[bytes]) -> bytes:
        if self.streaming:
            batch = [self._message(entry, self._next + number) for number, entry in enumerate(batch)]
        return b"[" + b",".join(batch) + b"]"

    def _message(self, entry: bytes, offset: int) -> bytes:
        message = {
            "stream": "audit",
            "partition": "0",
            "key": None,
            "value": base64.b64encode(entry).decode(),
            "offset": offset,
            "timestamp": int(self._times[offset] * 1000),
        }
        return json.dumps(message).encode()

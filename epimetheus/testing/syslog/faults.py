"""Faults of a receiver: what fails, after how many messages, and how often.

``receiver.faults.add("die", after=500, discards=20)``; the kinds are the keys of ``KINDS``.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Literal, TypedDict, Unpack

Moment = Literal["accepted", "open", "reading", "closing"]

KINDS: dict[str, Moment] = {
    "no_handshake": "accepted",  # TCP is accepted, but nothing is read or sent
    "drop": "open",  # FIN without close_notify; unread data is discarded, and later data causes RST
    "reset": "open",  # RST
    "stall": "open",  # nothing more is read, and the connection stays open, so that the sender's socket buffer fills
    "die": "open",  # like Receiver.stop(): RST on all connections; the port refuses connections until Receiver.start()
    "close_first": "open",  # close_notify before the client's, then FIN, or RST if data was not read
    "slow": "reading",  # the receiver sleeps `seconds` before a read, which delays all connections; handshakes are not delayed
    "close_without_notify": "closing",  # all data is read, and the client's close_notify is answered with FIN only
    "never_closes": "closing",  # all data is read, and the client's close_notify (or FIN over plain TCP) is not answered
}
"""Kinds of faults, with the moment at which they occur.

``accepted``: when a client connects. ``open``: at once, on a connection after the TLS handshake, even if it is idle. ``reading``: before a
read. ``closing``: when a client closes the connection in order.
"""


@dataclass
class Fault:
    """One fault: its ``kind`` and details.

    ``after``: the fault occurs after this number of messages on all connections since it was added or last occurred. It affects the
    connection of the last of these messages, or else the first connection that reaches the moment of its kind. Exactly ``after`` messages
    are read; later ones count as unread, even if they arrived in the same segment. ``times``: how often it occurs; None for no limit.
    ``discards``: number of the last messages to remove, like a queue in memory that is lost in a crash. ``seconds``: duration of ``slow``.
    ``hits``: how often it has occurred. Raises ValueError if the kind is unknown.
    """

    kind: str
    after: int = 0
    times: int | None = 1
    seconds: float = 0.05
    discards: int = 0
    hits: int = 0
    left: int = field(init=False)

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"Unknown fault {self.kind!r}: expected one of {', '.join(sorted(KINDS))}.")
        self.left = self.after

    def is_pending(self, moment: Moment) -> bool:
        """Reports whether the fault will occur at this moment, now or after more messages."""
        return KINDS[self.kind] == moment and (self.times is None or self.hits < self.times)


class FaultDetails(TypedDict, total=False):
    """Keyword arguments of ``Faults.add``: fields of Fault."""

    after: int
    times: int | None
    seconds: float
    discards: int


class Faults:
    """The faults of a receiver, in the order in which they were added. ``changed`` is called after each addition."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self._faults: list[Fault] = []
        self._changed = changed

    def __iter__(self) -> Iterator[Fault]:
        # A copy, because faults are added in one thread and occur in another.
        return iter(tuple(self._faults))

    def add(self, kind: str, **details: Unpack[FaultDetails]) -> Fault:
        """Adds a fault and returns it. The details are fields of Fault."""
        fault = Fault(kind, **details)
        self._faults.append(fault)
        self._changed()
        return fault

    def remove(self, fault: Fault) -> None:
        """Removes a fault."""
        self._faults.remove(fault)

    def clear(self) -> None:
        """Removes all faults."""
        self._faults.clear()

    def count_messages(self, available: int) -> int:
        """Returns how many of the available messages can be read before a fault is due, and counts them."""
        faults = tuple(self)
        count = min([available, *(fault.left for fault in faults if fault.is_pending("open"))])
        for fault in faults:
            fault.left = max(0, fault.left - count)
        return count

    def trigger(self, moment: Moment) -> Fault | None:
        """Returns the fault that occurs at this moment, if one is due, and counts it."""
        due = next((fault for fault in self if fault.left == 0 and fault.is_pending(moment)), None)
        if due:
            due.hits += 1
            due.left = due.after
        return due

"""Faults a receiver can be told to have: what goes wrong, after how many messages, and how often.

``receiver.faults.add("die", after=500, forgets=20)``; the kinds are the keys of ``KINDS``.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Literal, TypedDict, Unpack

Moment = Literal["accepted", "open", "reading", "closing"]

KINDS: dict[str, Moment] = {
    "no_handshake": "accepted",  # TCP is accepted; not a byte is read or said
    "drop": "open",  # FIN without close_notify; what was not read is thrown away, and what comes later answered with RST
    "reset": "open",  # RST
    "stall": "open",  # nothing more is read and the connection stays open, so that the sender's socket fills
    "die": "open",  # as Receiver.stop(): RST on all connections, and the port refuses until Receiver.start()
    "close_first": "open",  # close_notify without being asked, then FIN, or RST where something was not read
    "slow": "reading",  # the receiver, with all its connections, sleeps `seconds` before a read; not before those that TLS starts with
    "close_without_a_word": "closing",  # everything is read, and the client's close_notify answered with FIN alone
    "never_closes": "closing",  # everything is read, and the client's close_notify (or FIN, over plain TCP) never answered
}
"""Every kind, with its moment: when a client has connected; as soon as it is due, on a connection that finished TLS, also an idle
one; before a read; when a client closes in order."""


@dataclass
class Fault:
    """One fault: ``kind`` and its details.

    It strikes ``after`` so many messages, on all connections together, since it was added or last struck: the connection that
    brought the last of them, else the first that comes to the moment of its kind. Exactly so many are read; those behind them
    count as not read, even where they arrived in the same piece. ``times``: how often, None is for ever.
    ``forgets``: so many of the messages read last are taken back, as from a queue in memory that was never written.
    ``seconds``: how long ``slow`` sleeps. ``hits`` counts how often it struck.
    """

    kind: str
    after: int = 0
    times: int | None = 1
    seconds: float = 0.05
    forgets: int = 0
    hits: int = 0
    left: int = field(init=False)

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"no such fault: {self.kind}; there are {', '.join(sorted(KINDS))}")
        self.left = self.after

    def waits_for(self, moment: Moment) -> bool:
        """Whether it is still to strike at such a moment, now or after more messages."""
        return KINDS[self.kind] == moment and (self.times is None or self.hits < self.times)


class FaultDetails(TypedDict, total=False):
    """What ``Faults.add`` takes by name: the fields of Fault."""

    after: int
    times: int | None
    seconds: float
    forgets: int


class Faults:
    """The faults of a receiver, in the order they were added; ``changed`` is called after one was."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self._faults: list[Fault] = []
        self._changed = changed

    def __iter__(self) -> Iterator[Fault]:
        # A copy, for they are added in one thread and strike in another.
        return iter(tuple(self._faults))

    def add(self, kind: str, **details: Unpack[FaultDetails]) -> Fault:
        """Add a fault and return it; the details are the fields of Fault."""
        fault = Fault(kind, **details)
        self._faults.append(fault)
        self._changed()
        return fault

    def remove(self, fault: Fault) -> None:
        """Take one fault back."""
        self._faults.remove(fault)

    def clear(self) -> None:
        """Take all of them back."""
        self._faults.clear()

    def let_through(self, available: int) -> int:
        """How many of so many messages are read before a fault is due; they are counted."""
        faults = tuple(self)
        count = min([available, *(fault.left for fault in faults if fault.waits_for("open"))])
        for fault in faults:
            fault.left = max(0, fault.left - count)
        return count

    def strike(self, moment: Moment) -> Fault | None:
        """The fault that strikes at this moment, if one is due; it is counted."""
        due = next((fault for fault in self if fault.left == 0 and fault.waits_for(moment)), None)
        if due:
            due.hits += 1
            due.left = due.after
        return due

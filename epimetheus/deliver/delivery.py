"""Connections one after the other, and which messages they have proven to have arrived.

    A ────────────▶ close ·
          B opened ─┘ ────────────▶ close ·
                          C opened ─┘ ───▶

A strict close of A proves that the receiver read everything that went over A, not that it lived to keep it. B was opened before, so it
leads to the same process: once B is found alive, or closes strictly itself, a settle time after A closed, A's messages are confirmed.
"""

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple, Protocol

from epimetheus.clock import Deadline
from epimetheus.errors import DeliveryUncertain, ReceiverError

CONNECTION_MESSAGES = 5_000
CONNECTION_SECONDS = 3.0


class Link(Protocol):
    """What is needed of an `epimetheus.deliver.connection.Connection`."""

    def look(self) -> None:
        """Raises ReceiverError where it is closed."""

    def write(self, data: bytes) -> None:
        """Raises ReceiverError, OutOfTime."""

    def close(self) -> bool:
        """Strictly; whether close_notify was answered. Raises ReceiverError, OutOfTime."""

    def abandon(self) -> None:
        """Let go of it."""


class Counts(Protocol):
    """What `honest` asks of a delivery."""

    sent: int
    confirmed: int

    def drop(self) -> None:
        """Let go of whatever is open."""


@contextmanager
def honest(delivery: Counts) -> Iterator[None]:
    """An error while messages are under way means that nobody knows about them. The connection is dropped at any."""
    try:
        yield
    except ReceiverError as error:
        delivery.drop()
        if delivery.sent == delivery.confirmed:
            raise
        raise DeliveryUncertain(
            f"{error.what} Up to {delivery.sent - delivery.confirmed} messages may not have arrived.",
            do=f"They are sent again by the next run. {error.do}",
        ) from error


def given_up() -> DeliveryUncertain:
    """The error for going on after the connection was dropped with messages under way."""
    return DeliveryUncertain("The connection to the receiver was given up before.", do="The next run begins afresh.")


class _Closed(NamedTuple):
    """Everything up to message ``position`` went over connections closed strictly by ``at`` (monotonic seconds)."""

    position: int
    at: float


class Delivery:
    """Sends to one receiver. ``sent`` and ``confirmed`` count messages in their order; ``connect`` opens a connection.

    ``settle_seconds``: how long the receiver must outlive what it read. What is not confirmed when an error is raised never is.
    """

    def __init__(self, connect: Callable[[], Link], *, settle_seconds: float, deadline: Deadline) -> None:
        self.sent = self.confirmed = 0
        self.connections = self.confirmations = 0
        self._connect = connect
        self._settle_seconds = settle_seconds
        self._deadline = deadline
        self._clock = deadline.clock
        self._link: Link | None = None
        self._position = 0
        self._opened_at = 0.0
        self._closed: deque[_Closed] = deque()
        self._answers: bool | None = None

    @property
    def confirmation(self) -> str:
        """How it is known that what is confirmed arrived: ``A``; ``B``: by FIN only, no close_notify is answered; ``none``: nothing is."""
        if not self.confirmed:
            return "none"
        return "tls_close_notify" if self._answers else "tcp_fin"

    def write(self, data: bytes, messages: int) -> None:
        """Send complete frames that hold so many messages. Raises ReceiverError (nothing was at stake), DeliveryUncertain, OutOfTime."""
        with honest(self):
            link = self._ready()
            self._confirm_settled(link)
            self.sent += messages
            link.write(data)
            if self.sent - self._position >= CONNECTION_MESSAGES or self._clock.monotonic() - self._opened_at >= CONNECTION_SECONDS:
                self._turn(link)

    def finish(self) -> None:
        """Confirm everything sent. Raises ReceiverError, DeliveryUncertain, OutOfTime."""
        if self.confirmed == self.sent:
            return
        with honest(self):
            link = self._ready()
            if self._position < self.sent:
                link = self._turn(link)
            self._wait_until(self._closed[-1].at + self._settle_seconds)
            self._confirm_settled(link)

    def drop(self) -> None:
        """Let go of whatever is open. What is not confirmed by now is not confirmed any more."""
        if self._link is not None:
            self._link.abandon()
        self._link = None
        self._closed.clear()

    def _ready(self) -> Link:
        """The connection to write to. One that died idle, with nothing at stake, is replaced."""
        if self._link is not None and self.confirmed == self.sent and _is_dead(self._link):
            self.drop()
        if self._link is None:
            if self.confirmed != self.sent:
                raise given_up()
            if self._answers is None:
                self._answers = self._probe()
            self._link = self._open()
        return self._link

    def _probe(self) -> bool:
        """Whether this receiver answers close_notify, tried with nothing at stake; from then on it is held to it.

        With TLS 1.3 a receiver refuses our certificate after the handshake: the wait lets it say so.
        """
        link = self._open()
        try:
            self._wait_until(self._opened_at + self._settle_seconds)
            return link.close()
        except BaseException:
            link.abandon()
            raise

    def _open(self) -> Link:
        link = self._connect()
        self.connections += 1
        self._opened_at = self._clock.monotonic()
        return link

    def _turn(self, link: Link) -> Link:
        """Close ``link`` strictly, its successor open before."""
        self._link = successor = self._open()
        try:
            answered = link.close()
        except BaseException:
            link.abandon()
            raise
        if self._answers and not answered:
            raise ReceiverError("The receiver hung up where it said goodbye before.", do="Check what it, or a proxy before it, logged.")
        self._position = self.sent
        self._closed.append(_Closed(self.sent, self._clock.monotonic()))
        return successor

    def _confirm_settled(self, link: Link) -> None:
        """Where ``link`` is alive, what was closed a settle time ago or earlier is confirmed."""
        settled = self._clock.monotonic() - self._settle_seconds
        link.look()
        while self._closed and self._closed[0].at <= settled:
            self.confirmed = self._closed.popleft().position
            self.confirmations += 1

    def _wait_until(self, moment: float) -> None:
        """Sleep until then (monotonic seconds). Raises OutOfTime where the deadline comes first."""
        while (seconds := moment - self._clock.monotonic()) > 0:
            self._clock.sleep(self._deadline.clip(seconds))


def _is_dead(link: Link) -> bool:
    try:
        link.look()
    except ReceiverError:
        return True
    return False

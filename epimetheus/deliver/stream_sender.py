"""Sends messages over TLS or TCP: successive connections, and which messages they have confirmed.

    A ────────────▶ close ·
          B opened ─┘ ────────────▶ close ·
                          C opened ─┘ ───▶

A strict close of A proves that the receiver's process read everything sent over A, but not that it lived to store it. B was opened
before that close, so it leads to the same process. Once B is found alive, or closes strictly itself, a delay after A was closed,
the messages sent over A are confirmed.
"""

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple, Protocol

from epimetheus.clock import Deadline
from epimetheus.errors import DeliveryUncertain, ReceiverError
from epimetheus.model import count_text

CONNECTION_MESSAGES = 5_000
CONNECTION_SECONDS = 3.0


class StreamConnection(Protocol):
    """What `StreamSender` needs of an `epimetheus.deliver.connection.Connection`."""

    def check_alive(self) -> None:
        """Raises ReceiverError if the connection is closed."""

    def write(self, data: bytes) -> None:
        """Raises ReceiverError, OutOfTime."""

    def close(self) -> bool:
        """Close strictly. True if close_notify was answered. Raises ReceiverError, OutOfTime."""

    def abandon(self) -> None:
        """Close without proof."""


class CountingSender(Protocol):
    """What `uncertain_on_error` needs of a sender."""

    sent: int
    confirmed: int

    def drop(self) -> None:
        """Abandon the open connection."""


@contextmanager
def uncertain_on_error(sender: CountingSender) -> Iterator[None]:
    """Drop the connection on a ReceiverError. If messages are unconfirmed, raise DeliveryUncertain instead: they may have arrived."""
    try:
        yield
    except ReceiverError as error:
        sender.drop()
        unconfirmed = sender.sent - sender.confirmed
        if not unconfirmed:
            raise
        raise DeliveryUncertain(
            f"{error.what} Up to {count_text(unconfirmed, 'message')} may not have arrived.",
            do=f"The next run sends them again. {error.do}",
        ) from error


def connection_dropped() -> DeliveryUncertain:
    """The error for continuing after the connection was dropped with unconfirmed messages."""
    return DeliveryUncertain("Nothing can be sent: the connection was dropped after an error.", do="The next run opens a new one.")


class _Closed(NamedTuple):
    """All messages up to ``position`` were sent over connections that were strictly closed by ``at`` (monotonic seconds)."""

    position: int
    at: float


class StreamSender:
    """Sends messages to one receiver. ``sent`` and ``confirmed`` count them in order. ``connect`` opens a connection.

    ``confirm_delay_seconds``: how long the receiver must outlive a close. What is unconfirmed when an error is raised stays so.
    """

    def __init__(self, connect: Callable[[], StreamConnection], *, confirm_delay_seconds: float, deadline: Deadline) -> None:
        self.sent = self.confirmed = 0
        self.connections = self.confirmations = 0
        self._connect = connect
        self._confirm_delay_seconds = confirm_delay_seconds
        self._deadline = deadline
        self._clock = deadline.clock
        self._connection: StreamConnection | None = None
        self._closed_position = 0
        self._opened_at = 0.0
        self._closed: deque[_Closed] = deque()
        self._answers_close_notify: bool | None = None

    @property
    def confirmation(self) -> str:
        """The kind of confirmation: ``tls_close_notify``; ``tcp_fin`` if the receiver does not answer close_notify; ``none`` so far."""
        if not self.confirmed:
            return "none"
        return "tls_close_notify" if self._answers_close_notify else "tcp_fin"

    def write(self, data: bytes, messages: int) -> None:
        """Send complete frames with this number of messages. Raises ReceiverError if all is confirmed, DeliveryUncertain, OutOfTime."""
        with uncertain_on_error(self):
            connection = self._usable_connection()
            self._confirm_due(connection)
            self.sent += messages
            connection.write(data)
            if self.sent - self._closed_position >= CONNECTION_MESSAGES or self._clock.monotonic() - self._opened_at >= CONNECTION_SECONDS:
                self._rotate(connection)

    def finish(self) -> None:
        """Confirm everything sent. Raises ReceiverError, DeliveryUncertain, OutOfTime."""
        if self.confirmed == self.sent:
            return
        with uncertain_on_error(self):
            connection = self._usable_connection()
            if self._closed_position < self.sent:
                connection = self._rotate(connection)
            self._wait_until(self._closed[-1].at + self._confirm_delay_seconds)
            self._confirm_due(connection)

    def drop(self) -> None:
        """Abandon the open connection. What is unconfirmed stays unconfirmed."""
        if self._connection is not None:
            self._connection.abandon()
        self._connection = None
        self._closed.clear()

    def _usable_connection(self) -> StreamConnection:
        """The connection to write to. A connection that ended while everything was confirmed is replaced."""
        if self._connection is not None and self.confirmed == self.sent and _has_ended(self._connection):
            self.drop()
        if self._connection is None:
            if self.confirmed != self.sent:
                raise connection_dropped()
            if self._answers_close_notify is None:
                self._answers_close_notify = self._probe()
            self._connection = self._open()
        return self._connection

    def _probe(self) -> bool:
        """Whether this receiver answers close_notify, determined before any message is sent. If so, it must answer every later one.

        With TLS 1.3, a receiver rejects a client certificate after the handshake: the wait leaves time for its alert.
        """
        connection = self._open()
        try:
            self._wait_until(self._opened_at + self._confirm_delay_seconds)
            return connection.close()
        except BaseException:
            connection.abandon()
            raise

    def _open(self) -> StreamConnection:
        connection = self._connect()
        self.connections += 1
        self._opened_at = self._clock.monotonic()
        return connection

    def _rotate(self, connection: StreamConnection) -> StreamConnection:
        """Open the next connection, then strictly close ``connection``; the new connection."""
        self._connection = successor = self._open()
        try:
            answered = connection.close()
        except BaseException:
            connection.abandon()
            raise
        if self._answers_close_notify and not answered:
            raise ReceiverError(
                "Closing the connection failed: the receiver sent no close_notify, although it did before.",
                do="Check its log, or that of a proxy in between.",
            )
        self._closed_position = self.sent
        self._closed.append(_Closed(self.sent, self._clock.monotonic()))
        return successor

    def _confirm_due(self, connection: StreamConnection) -> None:
        """Confirm everything that was closed at least `confirm_delay_seconds` ago, if ``connection`` is alive."""
        closed_by = self._clock.monotonic() - self._confirm_delay_seconds
        connection.check_alive()
        while self._closed and self._closed[0].at <= closed_by:
            self.confirmed = self._closed.popleft().position
            self.confirmations += 1

    def _wait_until(self, moment: float) -> None:
        """Sleep until ``moment`` (monotonic seconds). Raises OutOfTime if the deadline comes first."""
        while (seconds := moment - self._clock.monotonic()) > 0:
            self._clock.sleep(self._deadline.clip(seconds))


def _has_ended(connection: StreamConnection) -> bool:
    try:
        connection.check_alive()
    except ReceiverError:
        return True
    return False

"""Sends messages over RELP: the receiver acknowledges each message, which confirms it.

    client    1 open ─▶      2 syslog, 3 syslog, 4 syslog ─▶ … ─▶ 5 close
    server      ◀─ 1 rsp 200 OK        ◀─ 2 rsp 200 OK, 3 rsp 200 OK …

What an acknowledgement guarantees depends on the receiver: rsyslog acknowledges a message once it is in its queue.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Protocol

from epimetheus import __version__
from epimetheus.deliver.relp_frames import (
    Frame,
    FrameReader,
    PendingTransactions,
    encode_frame,
    offers_syslog,
    protocol_error,
    split_messages,
)
from epimetheus.deliver.stream_sender import connection_dropped, uncertain_on_error
from epimetheus.errors import ReceiverError

MAX_PENDING = 2_000
"""The number of unacknowledged messages above which nothing more is written.

With a few hundred, both sides wait for each other: rsyslog leaves Nagle's algorithm on and delays small responses until our kernel's ACK.
"""

_OFFERS = f"relp_version=0\nrelp_software=epimetheus,{__version__}\ncommands=syslog".encode()
_OPEN_HELP = "Check that SYSLOG_PORT is the receiver's RELP port, and check SYSLOG_CLIENT_CERT: some receivers reject it without an error."
_REJECTED_HELP = "Check the receiver's log for the reason."
_CLOSED_HELP = "Check the receiver's log for this time."


class RelpConnection(Protocol):
    """What `RelpSender` needs of an `epimetheus.deliver.connection.Connection`."""

    def exchange(self, data: bytes = b"") -> Iterator[bytes]:
        """Write ``data``, and yield what arrives meanwhile. Raises ReceiverError, OutOfTime."""
        ...

    def receive(self) -> Iterator[bytes]:
        """Wait for data, and yield it. Raises ReceiverError, OutOfTime."""
        ...

    def abandon(self, last_data: bytes = b"") -> None:
        """Close without proof."""


class RelpSender:
    """Sends messages to one receiver. ``sent`` and ``confirmed`` count them in order. ``connect`` opens a connection.

    A message is confirmed once it and all before it are acknowledged. ``confirmations`` counts acknowledgements.
    """

    def __init__(self, connect: Callable[[], RelpConnection]) -> None:
        self.sent = self.confirmed = 0
        self.connections = self.confirmations = 0
        self._connect = connect
        self._connection: RelpConnection | None = None
        self._reader = FrameReader()
        self._pending = PendingTransactions()

    @property
    def confirmation(self) -> str:
        """The kind of confirmation: ``relp_ack``, or ``none`` so far."""
        return "relp_ack" if self.confirmed else "none"

    def write(self, data: bytes, messages: int) -> None:
        """Send octet-counted messages. Raises ReceiverError if all is confirmed, DeliveryUncertain, OutOfTime."""
        with uncertain_on_error(self):
            connection = self._usable_connection()
        self.sent += messages
        with self._uncertain_unless_acknowledged():
            while self._pending.count > MAX_PENDING:
                self._count_acknowledgements(connection.receive())
            self._count_acknowledgements(connection.exchange(self._numbered(data)))

    def finish(self) -> None:
        """Wait until everything sent is acknowledged. Raises ReceiverError, DeliveryUncertain, OutOfTime."""
        if self.confirmed == self.sent:
            return
        with self._uncertain_unless_acknowledged():
            connection = self._usable_connection()
            while self._pending.count:
                self._count_acknowledgements(connection.receive())

    def drop(self) -> None:
        """Abandon the open connection. What is unacknowledged stays unconfirmed."""
        if self._connection is not None:
            self._connection.abandon(b"" if self._pending.count else encode_frame(self._pending.begin(), b"close"))
        self._connection = None

    def _usable_connection(self) -> RelpConnection:
        """The connection to write to. A connection that ended while everything was confirmed is replaced."""
        if self._connection is not None and self.confirmed == self.sent and self._has_ended(self._connection):
            self.drop()
        if self._connection is None:
            if self.confirmed != self.sent:
                raise connection_dropped()
            self._connection = self._open()
        return self._connection

    def _has_ended(self, connection: RelpConnection) -> bool:
        try:
            self._count_acknowledgements(connection.exchange())
        except ReceiverError:
            return True
        return False

    def _open(self) -> RelpConnection:
        """A connection over which the receiver accepts syslog messages."""
        connection = self._connect()
        self.connections += 1
        self._reader, self._pending = FrameReader(), PendingTransactions()
        try:
            self._negotiate(connection)
        except BaseException as error:
            connection.abandon()
            if type(error) is ReceiverError:  # a ReceiverUntrusted has more specific help
                raise ReceiverError(error.what, do=_OPEN_HELP) from error
            raise
        return connection

    def _negotiate(self, connection: RelpConnection) -> None:
        """Send ``open``, and check that the response offers the syslog command."""
        responses = list(self._responses(connection.exchange(encode_frame(self._pending.begin(), b"open", _OFFERS))))
        while not responses:
            responses += self._responses(connection.receive())
        for response in responses:
            self._pending.acknowledge(response.number)
        if not offers_syslog(responses[0].data):
            raise protocol_error("it does not offer the syslog command")

    @contextmanager
    def _uncertain_unless_acknowledged(self) -> Iterator[None]:
        """As `uncertain_on_error`, but an error after the last acknowledgement is ignored: nothing is lost."""
        with suppress(ReceiverError), uncertain_on_error(self):
            yield

    def _numbered(self, data: bytes) -> bytes:
        return b"".join(encode_frame(self._pending.begin(), b"syslog", message) for message in split_messages(data))

    def _count_acknowledgements(self, received: Iterable[bytes]) -> None:
        for response in self._responses(received):
            self.confirmed += self._pending.acknowledge(response.number)
            self.confirmations += 1

    def _responses(self, received: Iterable[bytes]) -> Iterator[Frame]:
        """The positive responses in what was received. Raises ReceiverError for any other frame."""
        for data in received:
            for frame in self._reader.feed(data):
                if frame.command == b"serverclose":
                    raise ReceiverError("The receiver closed the RELP session.", do=_CLOSED_HELP)
                if frame.command != b"rsp":
                    raise protocol_error(f"it sent the command {frame.command.decode()}")
                if not frame.accepted:
                    raise ReceiverError(f"The receiver rejected a RELP transaction: {frame.status}.", do=_REJECTED_HELP)
                yield frame

"""Delivery over RELP: the receiver acknowledges each message, and that is the evidence.

    we ── 1 open ─▶      2 syslog, 3 syslog, 4 syslog ─▶ … ─▶ 5 close
    it      ◀─ 1 rsp 200 OK        ◀─ 2 rsp 200 OK, 3 rsp 200 OK …

What an acknowledgement is worth is for the receiver to say: rsyslog acknowledges what is in its queue.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Protocol

from epimetheus import __version__
from epimetheus.deliver.delivery import given_up, honest
from epimetheus.deliver.relp_frames import Frame, Reader, UnderWay, frame, offers_syslog, protocol_error, unframed
from epimetheus.errors import ReceiverError

WINDOW = 2_000
"""Messages: while more than so many are not acknowledged, nothing more is written.

With a few hundred the two wait for each other: rsyslog leaves Nagle's algorithm on, and holds small answers back for our kernel's ACK.
"""

_OFFERS = f"relp_version=0\nrelp_software=epimetheus,{__version__}\ncommands=syslog".encode()
_OPEN_HELP = "Check that SYSLOG_PORT is the receiver's port for RELP, and SYSLOG_CLIENT_CERT: some hang up without a word about it."
_REFUSED_HELP = "Check what the receiver logged about it."
_CLOSED_HELP = "Check what the receiver logged around this time."


class Link(Protocol):
    """What is needed of an `epimetheus.deliver.connection.Connection`."""

    def exchange(self, data: bytes = b"") -> Iterator[bytes]:
        """Write, and yield what comes meanwhile. Raises ReceiverError, OutOfTime."""
        ...

    def hear(self) -> Iterator[bytes]:
        """Wait for something to come, and yield it. Raises ReceiverError, OutOfTime."""
        ...

    def abandon(self, goodbye: bytes = b"") -> None:
        """Let go of it."""


class RelpDelivery:
    """Sends to one receiver. ``sent`` and ``confirmed`` count messages in their order; ``connect`` opens a connection.

    ``confirmed``: acknowledged, and all before it. ``confirmations`` counts acknowledgements.
    """

    def __init__(self, connect: Callable[[], Link]) -> None:
        self.sent = self.confirmed = 0
        self.connections = self.confirmations = 0
        self._connect = connect
        self._link: Link | None = None
        self._reader = Reader()
        self._under_way = UnderWay()

    @property
    def confirmation(self) -> str:
        """How it is known that what is confirmed arrived: ``acknowledged``; ``none``: nothing is."""
        return "relp_ack" if self.confirmed else "none"

    def write(self, data: bytes, messages: int) -> None:
        """Send so many octet-counted messages. Raises ReceiverError (nothing was at stake), DeliveryUncertain, OutOfTime."""
        with honest(self):
            link = self._ready()
        self.sent += messages
        with self._at_stake():
            while self._under_way.count > WINDOW:
                self._take(link.hear())
            self._take(link.exchange(self._numbered(data)))

    def finish(self) -> None:
        """Wait until everything sent is acknowledged. Raises ReceiverError, DeliveryUncertain, OutOfTime."""
        if self.confirmed == self.sent:
            return
        with self._at_stake():
            link = self._ready()
            while self._under_way.count:
                self._take(link.hear())

    def drop(self) -> None:
        """Let go of whatever is open. What is not acknowledged by now is not confirmed any more."""
        if self._link is not None:
            self._link.abandon(b"" if self._under_way.count else frame(self._under_way.begin(), b"close"))
        self._link = None

    def _ready(self) -> Link:
        """The connection to write to. One that ended idle, with nothing at stake, is replaced."""
        if self._link is not None and self.confirmed == self.sent and self._has_ended(self._link):
            self.drop()
        if self._link is None:
            if self.confirmed != self.sent:
                raise given_up()
            self._link = self._open()
        return self._link

    def _has_ended(self, link: Link) -> bool:
        try:
            self._take(link.exchange())
        except ReceiverError:
            return True
        return False

    def _open(self) -> Link:
        """A connection over which the receiver agreed to take syslog messages."""
        link = self._connect()
        self.connections += 1
        self._reader, self._under_way = Reader(), UnderWay()
        try:
            self._greet(link)
        except BaseException as error:
            link.abandon()
            if type(error) is ReceiverError:  # not ReceiverUntrusted, which knows better
                raise ReceiverError(error.what, do=_OPEN_HELP) from error
            raise
        return link

    def _greet(self, link: Link) -> None:
        """``open`` is answered, and offers what we need."""
        answers = list(self._answers(link.exchange(frame(self._under_way.begin(), b"open", _OFFERS))))
        while not answers:
            answers += self._answers(link.hear())
        for answer in answers:
            self._under_way.answered(answer.number)
        if not offers_syslog(answers[0].data):
            raise protocol_error("it does not offer to take syslog messages")

    @contextmanager
    def _at_stake(self) -> Iterator[None]:
        """What was sent may be lost by an error. One that comes after the last acknowledgement harms nothing."""
        with suppress(ReceiverError), honest(self):
            yield

    def _numbered(self, data: bytes) -> bytes:
        return b"".join(frame(self._under_way.begin(), b"syslog", message) for message in unframed(data))

    def _take(self, pieces: Iterable[bytes]) -> None:
        """Count the acknowledgements in what the receiver said."""
        for answer in self._answers(pieces):
            self.confirmed += self._under_way.answered(answer.number)
            self.confirmations += 1

    def _answers(self, pieces: Iterable[bytes]) -> Iterator[Frame]:
        """The responses in what the receiver said; each says yes, for anything else raises ReceiverError."""
        for piece in pieces:
            for said in self._reader.feed(piece):
                if said.command == b"serverclose":
                    raise ReceiverError("The receiver closed the connection.", do=_CLOSED_HELP)
                if said.command != b"rsp":
                    raise protocol_error(f"it said {said.command.decode()}")
                if not said.accepted:
                    raise ReceiverError(f"The receiver refused what it was sent: {said.words}.", do=_REFUSED_HELP)
                yield said

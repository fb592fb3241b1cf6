"""A simulated receiver. It reads from its socket buffer, stores messages a moment later, and may die at any time.

Over RELP it acknowledges a message after it has stored it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from epimetheus.clock import Deadline
from epimetheus.errors import ReceiverError
from epimetheus.testing.syslog.frames import Frames
from tests.simulation.chance import Stage

DRAIN = 0.15  # the longest time from reading to storing; SYSLOG_CONFIRM_DELAY_SECONDS must be longer
TIMEOUT = 10.0
_FRAME = re.compile(rb"(\d{1,9}) ([a-z]{1,32}) (\d{1,9})([ \n])")
_OFFERS = b"200 OK\nrelp_version=0\nrelp_software=simulated\ncommands=syslog"


@dataclass(eq=False)
class StreamConnection:
    """One connection; as `epimetheus.deliver.stream_sender.StreamConnection`."""

    siem: "Siem"
    deadline: Deadline
    frames: Frames = field(default_factory=Frames)
    unread: bytearray = field(default_factory=bytearray)
    dead_since: float | None = None

    def check_alive(self) -> None:
        stage, siem = self.siem.stage, self.siem
        stage.step(0.001)
        if stage.chance("receiver dies meanwhile", siem.mortality / 2):
            siem.die(stage.dice.random() * 0.3)
        siem.live()
        if self.dead_since is not None:
            raise ReceiverError("The receiver closed the connection.", do="")

    def write(self, data: bytes) -> None:
        self.check_alive()
        stage, siem = self.siem.stage, self.siem
        if stage.chance("receiver dies before the bytes", siem.mortality):
            siem.die()
        siem.wait_while_stalled(self.deadline)
        half = len(data) // 2
        self.unread += data[:half]
        if stage.chance("receiver dies between the bytes", siem.mortality):
            siem.die()
        self.unread += data[half:] if self.dead_since is None else b""
        if self.dead_since is None and stage.chance("receiver reads at once", 0.5):
            siem.read(self)
        if stage.chance("receiver dies after the bytes", siem.mortality):
            siem.die()

    def close(self) -> bool:
        self.check_alive()
        stage, siem = self.siem.stage, self.siem
        if stage.chance("receiver dies at the close", siem.mortality):
            siem.die()
        siem.wait_while_stalled(self.deadline)
        if self.dead_since is not None:
            raise ReceiverError("The connection was reset.", do="")
        siem.read(self)
        self.dead_since = stage.now
        siem.forget(self)
        if stage.chance("receiver dies after the close", siem.mortality * 2):
            siem.die()
        return siem.answers and not stage.chance("a close without a word", 0.002)

    def abandon(self) -> None:
        """Unread bytes may still arrive, or not."""
        if self in self.siem.connections:
            if self.siem.stage.dice.random() < 0.5:
                self.siem.read(self)
            self.siem.forget(self)


@dataclass(eq=False)
class RelpConnection:
    """One connection over RELP; as `epimetheus.deliver.relp_sender.RelpConnection`."""

    siem: "Siem"
    deadline: Deadline
    unread: bytes = b""
    answers: list[bytes] = field(default_factory=list)
    dead_since: float | None = None

    def exchange(self, data: bytes = b"") -> Iterator[bytes]:
        stage, siem = self.siem.stage, self.siem
        self._look()
        if data:
            siem.wait_while_stalled(self.deadline)
            if stage.chance("receiver dies before the bytes", siem.mortality):
                siem.die()
            half = len(data) // 2
            self.unread += data[:half]
            if stage.chance("receiver dies between the bytes", siem.mortality):
                self._serve()
                siem.die()
            self.unread += data[half:] if self.dead_since is None else b""
        if stage.chance("receiver reads at once", 0.5):
            self._serve()
        yield from self._answered()

    def receive(self) -> Iterator[bytes]:
        siem = self.siem
        self._look()
        siem.wait_while_stalled(self.deadline)
        self._serve()
        if not self.answers:
            self._look(dead=True)
            siem.stage.sleep(self.deadline.clip(TIMEOUT))
            raise ReceiverError("No answer in time.", do="")
        yield from self._answered()

    def abandon(self, last_data: bytes = b"") -> None:
        """Unread bytes may still arrive, or not."""
        if self in self.siem.connections:
            if self.siem.stage.dice.random() < 0.5:
                self._serve()
            self.siem.forget(self)

    def _look(self, dead: bool = False) -> None:
        stage, siem = self.siem.stage, self.siem
        stage.step(0.001)
        if stage.chance("receiver dies meanwhile", siem.mortality / 2):
            siem.die()
        if dead or self.dead_since is not None:
            raise ReceiverError("The receiver closed the connection.", do="")

    def _answered(self) -> Iterator[bytes]:
        """The receiver's responses, split at a random position."""
        responses, self.answers = b"".join(self.answers), []
        cut = self.siem.stage.dice.randrange(len(responses) + 1)
        yield from (piece for piece in (responses[:cut], responses[cut:]) if piece)

    def _serve(self) -> None:
        """Read frames, store and acknowledge their messages; the receiver may die after each, before or after the acknowledgment."""
        stage, siem = self.siem.stage, self.siem
        while self.dead_since is None and stage.now >= siem.stalled_until and (found := _FRAME.match(self.unread)):
            number, command, length, after = found.groups()
            end = found.end() + (int(length) + 1 if after == b" " else 0)
            if len(self.unread) < end:
                return
            data, self.unread = self.unread[found.end() : end - 1], self.unread[end:]
            if command == b"syslog":
                siem.keep(data, stage.now)
                if stage.chance("receiver dies before it acknowledges", siem.mortality / 8):
                    siem.die()
                    return
            answer = _OFFERS if command == b"open" else b"200 OK"
            self.answers.append(b"%b rsp %d %b\n" % (number, len(answer), answer))
        assert not self.unread or self.dead_since is not None or _may_begin(self.unread), self.unread[:60]


def _may_begin(data: bytes) -> bool:
    return bool(_FRAME.match(data)) or bool(re.fullmatch(rb"\d{1,9}( ([a-z]{1,32}( \d{0,9})?)?)?", data))


class Siem:
    """The receiver. ``kept``: every message that it has stored for good; ``kept_at``: when it received each."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.relp = False
        self.connections: list[StreamConnection | RelpConnection] = []
        self.kept: list[bytes] = []
        self.kept_at: list[float] = []
        self.queue: list[tuple[float, bytes]] = []
        self.down_until = self.stalled_until = 0.0
        self.mortality = stage.dice.choice((0.0, 0.002, 0.02, 0.1))
        self.answers = stage.dice.random() < 0.7

    def connect(self, deadline: Deadline) -> StreamConnection | RelpConnection:
        stage = self.stage
        stage.step(0.01)
        deadline.clip(TIMEOUT)
        self.live()
        if stage.now < self.down_until:
            raise ReceiverError("Connection refused.", do="")
        if stage.chance("no handshake", 0.005):
            stage.sleep(deadline.clip(TIMEOUT))
            raise ReceiverError("No answer in time.", do="")
        if stage.chance("receiver stalls", 0.005):
            self.stalled_until = stage.now + stage.dice.choice((1.0, 60.0))
        self.connections.append((RelpConnection if self.relp else StreamConnection)(self, deadline))
        return self.connections[-1]

    def forget(self, connection: StreamConnection | RelpConnection) -> None:
        """Remove a connection that has ended."""
        self.connections = [one for one in self.connections if one is not connection]

    def live(self, ago: float = 0.0) -> None:
        """Store the messages that were read long enough before the moment ``ago`` seconds in the past."""
        if not self.queue:
            return
        moment = self.stage.now - ago
        for at, message in self.queue:
            if at <= moment:
                self.keep(message, at)
        self.queue = [(at, message) for at, message in self.queue if at > moment]

    def keep(self, message: bytes, at: float) -> None:
        """Store a message for good."""
        self.kept.append(message)
        self.kept_at.append(at)

    def read(self, connection: StreamConnection) -> None:
        if self.stage.now < self.stalled_until:
            return
        at = self.stage.now + DRAIN * self.stage.dice.random()
        self.queue += [(at, message) for message in connection.frames.feed(bytes(connection.unread))]
        assert not connection.frames.problem, connection.frames.problem
        connection.unread.clear()

    def die(self, ago: float = 0.0) -> None:
        """Die ``ago`` seconds in the past: unread and unstored messages are lost. The receiver may be back at once."""
        self.live(ago)
        self.queue.clear()
        for connection in self.connections:
            connection.unread = type(connection.unread)()
            connection.dead_since = self.stage.now
        self.connections.clear()
        self.stalled_until = 0.0
        self.down_until = self.stage.now + self.stage.dice.choice((0.0, 0.001, 5.0, 600.0))

    def wait_while_stalled(self, deadline: Deadline) -> None:
        if self.stage.now < self.stalled_until:
            self.stage.counted["receiver stalled"] += 1
            self.stage.sleep(deadline.clip(TIMEOUT))
            raise ReceiverError("No answer in time.", do="")

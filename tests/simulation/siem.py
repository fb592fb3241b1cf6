"""A receiver, as facts/syslog.md found them: it reads what the kernel has, keeps what it read a moment later, and dies at any time."""

from dataclasses import dataclass, field

from epimetheus.clock import Deadline
from epimetheus.errors import ReceiverError
from epimetheus.testing.syslog.frames import Frames
from tests.simulation.chance import Stage

DRAIN = 0.15  # the longest between reading and keeping; SYSLOG_SETTLE_SECONDS must be more
TIMEOUT = 10.0


@dataclass
class Link:
    """One connection; as `epimetheus.deliver.delivery.Link`."""

    siem: "Siem"
    deadline: Deadline
    frames: Frames = field(default_factory=Frames)
    unread: bytearray = field(default_factory=bytearray)
    dead_since: float | None = None

    def look(self) -> None:
        stage, siem = self.siem.stage, self.siem
        stage.step(0.001)
        if stage.chance("receiver dies meanwhile", siem.mortality / 2):
            siem.die(stage.dice.random() * 0.3)
        siem.live()
        if self.dead_since is not None:
            raise ReceiverError("It hung up.", do="")

    def write(self, data: bytes) -> None:
        self.look()
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
        self.look()
        stage, siem = self.siem.stage, self.siem
        if stage.chance("receiver dies at the close", siem.mortality):
            siem.die()
        siem.wait_while_stalled(self.deadline)
        if self.dead_since is not None:
            raise ReceiverError("The connection was reset.", do="")
        siem.read(self)
        self.dead_since = stage.now
        siem.links.remove(self)
        if stage.chance("receiver dies after the close", siem.mortality * 2):
            siem.die()
        return siem.answers and not stage.chance("a close without a word", 0.002)

    def abandon(self) -> None:
        """What was on its way may still arrive, or not."""
        if self in self.siem.links:
            if self.siem.stage.dice.random() < 0.5:
                self.siem.read(self)
            self.siem.links.remove(self)


class Siem:
    """The receiver; ``kept`` is its file: every message that will never be lost again."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.links: list[Link] = []
        self.kept: list[bytes] = []
        self.queue: list[tuple[float, bytes]] = []
        self.down_until = self.stalled_until = 0.0
        self.mortality = stage.dice.choice((0.0, 0.002, 0.02, 0.1))
        self.answers = stage.dice.random() < 0.7

    def connect(self, deadline: Deadline) -> Link:
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
        self.links.append(Link(self, deadline))
        return self.links[-1]

    def live(self, ago: float = 0.0) -> None:
        """Keep what was read long enough ago, as of so many seconds ago."""
        moment = self.stage.now - ago
        self.kept += [message for at, message in self.queue if at <= moment]
        self.queue = [(at, message) for at, message in self.queue if at > moment]

    def read(self, link: Link) -> None:
        if self.stage.now < self.stalled_until:
            return
        at = self.stage.now + DRAIN * self.stage.dice.random()
        self.queue += [(at, message) for message in link.frames.feed(bytes(link.unread))]
        assert not link.frames.problem, link.frames.problem
        link.unread.clear()

    def die(self, ago: float = 0.0) -> None:
        """Killed so many seconds ago: what was read and not kept is gone, and what was not read as well. It may be back at once."""
        self.live(ago)
        self.queue.clear()
        for link in self.links:
            link.unread.clear()
            link.dead_since = self.stage.now
        self.links.clear()
        self.stalled_until = 0.0
        self.down_until = self.stage.now + self.stage.dice.choice((0.0, 0.001, 5.0, 600.0))

    def wait_while_stalled(self, deadline: Deadline) -> None:
        if self.stage.now < self.stalled_until:
            self.stage.counted["receiver stalled"] += 1
            self.stage.sleep(deadline.clip(TIMEOUT))
            raise ReceiverError("No answer in time.", do="")

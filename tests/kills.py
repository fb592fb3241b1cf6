"""``make kills``: kills real receivers at random in mid-stream. Exit code 1 if a confirmed message is missing from a receiver's file."""

import argparse
import random
import signal
import sys
import tempfile
import threading
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from epimetheus.clock import SYSTEM, Deadline
from epimetheus.deliver import Dialer, ReceiverEndpoint, RelpSender, StreamSender, framer, tls_context
from epimetheus.errors import EpimetheusError
from epimetheus.testing.syslog import Authority
from tests.support.numbered import complete_numbers, cut_lines, numbered_messages
from tests.support.receivers import KINDS, RELP_KINDS, RealReceiver, missing

BATCH = 100
MAX_SECONDS = 0.6


def count_losses(kind: str, kills: int, folder: Path, rng: random.Random) -> tuple[int, int, int, int]:
    """Kill a receiver ``kills`` times, then send 1,000 more messages. Returns the messages confirmed, lost, repeated and truncated."""
    receiver = RealReceiver(kind, folder, Authority(folder / "authority"))
    receiver.start()
    confirmed = 0
    for _ in range(kills):
        number = rng.choice((signal.SIGKILL, signal.SIGTERM))
        killer = threading.Timer(rng.random() * MAX_SECONDS, receiver.kill, (number,))
        killer.start()
        confirmed += _send(receiver, confirmed, sys.maxsize)
        killer.join()
        receiver.start()
    confirmed += _send(receiver, confirmed, confirmed + 1_000)
    receiver.kill(signal.SIGTERM)
    numbers = complete_numbers(receiver)
    arrived = set(numbers)
    lost = confirmed - len(arrived & set(range(confirmed)))
    return confirmed, lost, len(numbers) - len(arrived), cut_lines(receiver.lines())


def _send(receiver: RealReceiver, start: int, end: int) -> int:
    """Send messages from ``start`` until the connection breaks, or to ``end``; the number of confirmed messages."""
    identity = receiver.authority.client()  # RELP over gnutls requires one
    context = tls_context(receiver.authority.ca_pem, identity.cert.read_text(), identity.key.read_text())
    deadline = Deadline.after(SYSTEM, 60)
    endpoint = ReceiverEndpoint("127.0.0.1", receiver.port, "localhost", context, 5.0)
    dialer = Dialer(endpoint, deadline)
    relp = receiver.kind in RELP_KINDS
    delivery = RelpSender(dialer) if relp else StreamSender(dialer, confirm_delay_seconds=0.2, deadline=deadline)
    frame = framer(receiver.framing)
    try:
        while start + delivery.sent < end:
            first = start + delivery.sent
            delivery.write(b"".join(map(frame, numbered_messages(first, first + BATCH))), BATCH)
        delivery.finish()
    except EpimetheusError:
        pass  # expected: the receiver was killed
    delivery.drop()
    return delivery.confirmed


def main() -> int:
    """Run all kinds, and print a table."""
    parser = argparse.ArgumentParser(prog="python -m tests.kills", description=__doc__)
    parser.add_argument("kills", type=int, nargs="?", default=50)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    options = parser.parse_args()
    if missing():
        sys.stdout.write(f"{missing()}\n")
        return 2
    table = Table("receiver", "kills", "confirmed", "confirmed and lost", "sent again", "truncated", title=f"seed {options.seed}")
    total_lost = 0
    for kind in (*KINDS, *RELP_KINDS):
        with tempfile.TemporaryDirectory() as folder:
            confirmed, lost, repeated, truncated = count_losses(kind, options.kills, Path(folder), random.Random(options.seed))
        table.add_row(kind, f"{options.kills}", f"{confirmed:,}", f"{lost:,}", f"{repeated:,}", f"{truncated:,}")
        total_lost += lost
    Console().print(table)
    return int(total_lost > 0)


if __name__ == "__main__":
    sys.exit(main())

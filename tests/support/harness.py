"""Runs the function in this process with real components: the SDK with a stand-in OCI, TLS to a receiver. Only the date is simulated."""

import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from epimetheus.clock import Clock
from epimetheus.function.invoke import invoke
from epimetheus.ledger.entry import Entry
from epimetheus.ledger.entry import unpack as unpack_entry
from epimetheus.ledger.seal import Seal
from epimetheus.ledger.seal import unpack as unpack_seal
from epimetheus.model import time_text
from epimetheus.reports import Report
from epimetheus.state.encoding import unpack
from epimetheus.state.model import State
from epimetheus.testing.oci import World, mock_oci
from epimetheus.testing.oci.credentials import ApiKey
from epimetheus.testing.syslog import Authority, Receiver, parse_message, receive
from tests.support.hand import HandClock

MINUTE = 60.0


@dataclass
class Stage:
    """A world, a receiver, and the settings of the function. Checks every state write: events before a position have arrived.

    ``broken``: violations, which fail the test at the end. ``expect_problems``: the receiver may report invalid connections.
    """

    world: World
    receiver: Receiver
    environment: dict[str, str]
    hand: HandClock
    broken: list[str] = field(default_factory=list)
    processed: dict[str, dict[str, float]] = field(default_factory=dict)
    marks: dict[str, float] = field(default_factory=dict)
    expect_problems: bool = False
    read: list[str] = field(default_factory=list)

    def call(self, body: bytes = b"", *, seconds: float = 60.0, clock: Clock | None = None, **changes: str) -> list[Report]:
        """Invokes the function with a deadline after ``seconds``. The default clock simulates the date only.

        It jumps over the confirmation delay while the stage's receiver has no fault: that one stores messages before it answers a close.
        """
        clock, environment = clock or self.hand.date_only, {**self.environment, **changes}
        self.await_confirmations(environment)
        return invoke(environment, body, time_text(clock.now() + seconds), clock=clock)

    def await_confirmations(self, environment: Mapping[str, str]) -> None:
        """Makes the clock of this stage await the confirmation delay if another receiver than its own is set, or if that one has faults."""
        own = environment.get("SYSLOG_PORT") == str(self.receiver.port)
        self.hand.awaits = lambda: not own or any(self.receiver.faults)

    def run(self, **arguments: Any) -> Report:
        """Invokes the function for one region, and returns its report."""
        (report,) = self.call(**arguments)
        return report

    def emit(self, compartment: str, count: int, minutes_ago: float, minutes: float = 1.0, **more: Any) -> list[str]:
        """Adds events with processed times from ``minutes_ago``, spread over ``minutes``, and returns their IDs."""
        start = self.hand.time - minutes_ago * MINUTE
        ids = self.world.emit(compartment, count, start, start + minutes * MINUTE, **more)
        step = minutes * MINUTE / max(count, 1)
        self.processed.setdefault(compartment, {}).update({event: start + n * step for n, event in enumerate(ids)})
        return ids

    def arrived(self) -> list[str]:
        """Returns the IDs of the events that the receiver has, in order of arrival. Each message is read once (``read``)."""
        self.read += map(event_id, self.receiver.messages[len(self.read) :])
        return [event for event in self.read if not event.startswith("seal-")]

    def state(self, region: str = "us-ashburn-1") -> State:
        """Returns the stored state."""
        return unpack(self.world.objects("audit-state")[f"epimetheus/{region}.state"], "the state")

    def entries(self, region: str = "us-ashburn-1") -> dict[str, Entry]:
        """Returns the entries of the ledger: the name of each object in the bucket → the entry, by the end of its window."""
        objects = self.world.objects("audit-state")
        return {name: unpack_entry(objects[name], name) for name in sorted(objects) if name.startswith(f"epimetheus/ledger/{region}/")}

    def seals(self, region: str = "us-ashburn-1") -> dict[str, Seal]:
        """Returns the stored seals by name, in order."""
        objects, prefix = self.world.objects("audit-state"), f"epimetheus/seals/{region}/"
        return {name: unpack_seal(objects[name], name) for name in sorted(objects) if name.startswith(prefix)}

    def check_write(self, data: bytes) -> None:
        """Checks that the events between the previous and the new position of each compartment have arrived."""
        state, arrived = unpack(data, "a write"), set(self.arrived())
        for compartment in (ocid for ocid, known in state.known.items() if known.polled):
            mark = state.read_until(compartment) * MINUTE
            before, self.marks[compartment] = self.marks.get(compartment, mark), mark
            events = self.processed.get(compartment, {})
            if lost := [event for event, processed in events.items() if before <= processed < mark and event not in arrived]:
                self.broken.append(f"{len(lost)} events of {compartment} before {mark} have not arrived")


def keys_in(entry: Entry) -> int:
    """Returns the number of keys in an entry of the ledger."""
    return sum(map(len, entry.keys.values())) // 16


def event_id(message: bytes) -> str:
    """Returns the event ID in a message in the format json or cef; of a malformed event that was cut, an empty text."""
    body = parse_message(message).body
    if body.startswith(b"{"):
        try:
            return str(json.loads(body).get("eventId"))
        except (ValueError, RecursionError):
            return ""
    return body.partition(b"externalId=")[2].partition(b" ")[0].decode()


@contextmanager
def staged(folder: Path, api_key: ApiKey, **options: Any) -> Iterator[Stage]:
    """Runs a stage with an empty bucket. ``options``: arguments of World."""
    hand = HandClock()
    world = World(now=lambda: hand.time, api_key=api_key, sleep=hand.sleep, **options)
    authority = Authority(folder / "authority")
    with receive(authority) as receiver, mock_oci(world):
        environment = {
            "OCI_AUTH": "config_file",
            "OCI_CONFIG_FILE": str(folder / "config"),
            "SYSLOG_HOST": "localhost",
            "SYSLOG_PORT": str(receiver.port),
            "SYSLOG_CA": f"file:{authority.ca}",
            "STATE_BUCKET": "audit-state",
            "API_REQUESTS_PER_SECOND": "10000",
            "LISTING_MINUTES": "0",
            "SYSLOG_CONFIRM_DELAY_SECONDS": "0.15",
            "SEAL_MESSAGES": "false",  # most tests count messages; tests/run/test_seals.py has the default
        }
        stage = Stage(world, receiver, environment, hand)
        world.credentials(folder)
        world.bucket("audit-state")
        world.put_hook = lambda write: stage.check_write(write.data) if write.name.endswith(".state") else None
        yield stage
        assert stage.broken == []
        assert stage.expect_problems or receiver.problems == []


@contextmanager
def restored_logging() -> Iterator[None]:
    """Restores the logging configuration, which the function replaces."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        yield
    finally:
        root.handlers[:] = handlers
        if root.level != level:
            root.setLevel(level)

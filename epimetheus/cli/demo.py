"""``python -m epimetheus demo``: four runs of the real function, before a stand-in for OCI and a TLS receiver that dies and returns.

Real are the function (served by fdk in a process of its own), the OCI SDK, HTTP, TLS, and the state in (stand-in) Object Storage.
"""

import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.json import JSON
from rich.text import Text

from epimetheus.cli.console import say
from epimetheus.testing.function import Function, serve_function
from epimetheus.testing.oci import World, serve
from epimetheus.testing.syslog import Authority, Receiver, receive

_ROOT = Path(__file__).parents[2]
_BUCKET = "audit-state"
_TREE = {"network": None, "prod": None, "prod/app": "prod", "prod/data": "prod", "sandbox": None}
_FIRST, _LATE, _DIES_AFTER = 2_400, 15_000, 9_000
_SAMPLES = 2


@dataclass
class _Scene:
    """What is on stage; ``expected`` are the ids of all events there are."""

    console: Console
    world: World
    receiver: Receiver
    function: Function
    places: list[str]
    expected: set[str]

    def happen(self, count: int, begin: float, end: float) -> None:
        """``count`` events, spread over the compartments and from ``begin`` to ``end``, in minutes ago."""
        now = time.time()
        share = count // len(self.places)
        for place in self.places:
            self.expected.update(self.world.emit(place, share, now - begin * 60, now - end * 60, seed=count))

    def run(self, title: str) -> int:
        """Invoke the function as OCI's scheduler does; the HTTP status the platform sees."""
        self.console.rule(Text(title, "bold"))
        told = len(self.function.log_lines())
        answer = self.function.call()
        say(self.console, f"The platform sees HTTP {answer.status}; the function logged:")
        for line in self.function.log_lines()[told:]:
            self.console.print(JSON(line, indent=None), soft_wrap=True)
        return answer.status

    def arrived(self) -> Counter[str]:
        """How often each event has arrived, by its id."""
        return Counter(_event_id(message) for message in self.receiver.messages)


def play(console: Console) -> int:
    """All four runs; 0 where every event arrived, else 1."""
    with tempfile.TemporaryDirectory(prefix="epimetheus-") as folder, _staged(console, Path(folder)) as scene:
        scene.happen(_FIRST, begin=120, end=15)
        scene.run(f"Run 1: {_FIRST:,} events of {len(scene.places)} compartments are waiting")
        _show_messages(scene)
        scene.run("Run 2: the last minutes are read once more, and nothing is sent twice")
        scene.happen(_LATE, begin=12, end=4)
        scene.receiver.faults.add("die", after=_DIES_AFTER)
        scene.run(f"Run 3: {_LATE:,} events came late, and the receiver dies after {_DIES_AFTER:,} of them")
        scene.receiver.start()
        scene.run("Run 4: the receiver is back")
        return _judge(scene)


@contextmanager
def _staged(console: Console, folder: Path) -> Iterator[_Scene]:
    world = World(page_size=500)
    world.bucket(_BUCKET)
    places = {"": world.tenancy}
    for path, parent in _TREE.items():
        places[path] = world.add_compartment(path.rpartition("/")[2], places[parent or ""])
    authority = Authority(folder / "authority")
    with receive(authority) as receiver, serve(world) as served:
        settings = {
            "OCI_AUTH": "config_file",
            "OCI_CONFIG_FILE": str(world.credentials(folder)),
            "OCI_ENDPOINT": served.url,
            "SYSLOG_HOST": "localhost",
            "SYSLOG_PORT": str(receiver.port),
            "SYSLOG_CA": f"file:{authority.ca}",
            "STATE_BUCKET": _BUCKET,
            "INITIAL_LOOKBACK_HOURS": "3",
            "API_REQUESTS_PER_SECOND": "200",
        }
        console.print("The function is configured by nothing but this:", style="bold")
        for key, value in settings.items():
            say(console, f"  {key}={value}")
        with serve_function(_ROOT / "func.py", settings) as function:
            yield _Scene(console, world, receiver, function, list(places.values()), set())


def _show_messages(scene: _Scene) -> None:
    messages = scene.receiver.messages
    scene.console.print(f"The receiver has {len(messages):,} messages; the first {_SAMPLES}:", style="bold")
    for message in messages[:_SAMPLES]:
        say(scene.console, message.decode())


def _judge(scene: _Scene) -> int:
    arrived = scene.arrived()
    lost = scene.expected - arrived.keys()
    again = sum(arrived.values()) - len(arrived)
    scene.console.rule(Text("What came of it", "bold"))
    told = f"{len(scene.expected):,} events happened, {len(scene.expected) - len(lost):,} arrived, {len(lost)} are lost."
    scene.console.print(told, style="bold green" if not lost else "bold red", highlight=False)
    twice = f"{again:,} arrived twice: the receiver had read them in run 3, but died before that was certain."
    scene.console.print(twice, highlight=False, soft_wrap=True)
    return 1 if lost else 0


def _event_id(message: bytes) -> str:
    return message.partition(b" externalId=")[2].partition(b" ")[0].decode()

"""``python -m epimetheus.testing``: serves a stand-in for OCI, and a TLS syslog receiver with ``--receiver``.

Prints the settings that point Epimetheus to them, or writes them to a file with ``--env-file``.
"""

import argparse
import json
import shlex
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO

from epimetheus.testing.oci import World, serve
from epimetheus.testing.oci.models.objects import ObjectWrite
from epimetheus.testing.oci.samples import Sampler
from epimetheus.testing.sample_runs import sample_runs
from epimetheus.testing.syslog import Authority, receive

BUCKET = "epimetheus"
NAMES = ("network", "apps", "security", "data", "sandbox", "prod", "staging")
YOUNGEST_SECONDS, FIRST_NEW_SECONDS = 180, 300
"""How long before the start the last event happened, and how long after it new ones begin."""
LATE_SECONDS = 3600, 7200
"""Length of the period in which late events happened, and how long before the start it ended."""
_NEW_HOURS = 8
_SEALS = "/seals/"
MESSAGES, EVENTS = "messages.log", "events.json"
_MODELS = ("data", "identity", "request", "response", "stateChange")
_SAMPLE_EVENTS, _SAMPLE_TIME, _SAMPLE_SECONDS = 20, 1767261600.0, 60.0  # 2026-01-01T10:00:00Z, one event a minute


def build(arguments: argparse.Namespace) -> World:
    """Creates a world with a tree of compartments, and with events spread over them and over the last hours."""
    world = World(arguments.region, page_size=arguments.page_size)
    world.bucket(BUCKET)
    compartments = [world.tenancy]
    for number in range(arguments.compartments):
        parent = compartments[(number + 1) // 2]
        compartments.append(world.add_compartment(f"{NAMES[number % len(NAMES)]}-{number}", parent))
    end = time.time() - YOUNGEST_SECONDS
    share, rest = divmod(arguments.events, len(compartments))
    for number, compartment in enumerate(compartments):
        world.emit(compartment, share + (number < rest), end - arguments.hours * 3600, end, seed=arguments.seed)
    _emit_future(world, compartments, arguments.per_minute)
    _emit_late(world, compartments, arguments.late)
    for at, line in sample_runs(world.region, time.time()):
        world.add_log(line, at)
    return world


def _emit_future(world: World, compartments: Sequence[str], per_minute: int) -> None:
    """Adds events that are going to happen: a window that ends before their time does not contain them."""
    start = time.time() + FIRST_NEW_SECONDS
    count = per_minute * _NEW_HOURS * 60
    for number, compartment in enumerate(compartments):
        own = count // len(compartments) + (number < count % len(compartments))
        world.emit(compartment, own, start, start + _NEW_HOURS * 3600, seed=1)


def _emit_late(world: World, compartments: Sequence[str], count: int) -> None:
    """Adds events that OCI lists late: they appear with the first seal, so that the run which read their window has missed them."""
    end = time.time() - LATE_SECONDS[1]

    def list_late(write: ObjectWrite) -> None:
        if _SEALS in write.name:
            world.put_hook = None
            share, rest = divmod(count, len(compartments))
            for number, compartment in enumerate(compartments):
                world.emit(compartment, share + (number < rest), end - LATE_SECONDS[0], end, seed=2)

    world.put_hook = list_late if count else None


def sample_events(world: World) -> bytes:
    """Returns the text of a file with a few events, in the form of ``oci audit event list``; the same on every call."""
    sampler = Sampler(world.tenancy, world.tenancy, world.tenancy_name, "sample")
    events = [sampler.event(_SAMPLE_TIME + number * _SAMPLE_SECONDS) for number in range(_SAMPLE_EVENTS)]
    return json.dumps({"data": [_in_cli_form(event) for event in events]}, indent=2).encode() + b"\n"


def _in_cli_form(value: Mapping[str, object]) -> dict[str, object]:
    """The names as the OCI CLI writes them: those of models, not those of maps, such as headers."""
    return {
        "".join(f"-{char.lower()}" if char.isupper() else char for char in name): _in_cli_form(inner)
        if name in _MODELS and isinstance(inner, dict)
        else inner
        for name, inner in value.items()
    }


def oci_settings(world: World, url: str, config: Path) -> dict[str, str]:
    """Returns the settings of Epimetheus for this world."""
    return {
        "OCI_AUTH": "config_file",
        "OCI_CONFIG_FILE": str(config),
        "OCI_ENDPOINT": url,
        "STATE_BUCKET": BUCKET,
        "TENANCY_OCID": world.tenancy,
    }


@contextmanager
def receiver_settings(folder: Path) -> Iterator[dict[str, str]]:
    """Runs a receiver that writes each message to a line of MESSAGES in ``folder``, and yields the settings of Epimetheus for it."""
    authority = Authority(folder)
    with (folder / MESSAGES).open("wb") as log, receive(authority) as receiver:
        receiver.on_message = _writer(log)
        yield {"SYSLOG_HOST": "localhost", "SYSLOG_PORT": str(receiver.port), "SYSLOG_CA": f"file:{authority.ca}"}


def _writer(log: BinaryIO) -> Callable[[bytes], None]:
    def write(message: bytes) -> None:
        log.write(message + b"\n")
        log.flush()

    return write


def as_text(settings: Mapping[str, str], prefix: str = "") -> str:
    """Returns ``NAME=value`` lines for a shell, with ``prefix`` before each."""
    return "".join(f"{prefix}{name}={shlex.quote(value)}\n" for name, value in settings.items())


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Parses the command line."""
    parser = argparse.ArgumentParser(prog="python -m epimetheus.testing", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="TCP port to listen on; 0 (the default) selects a free port")
    parser.add_argument("--compartments", type=int, default=10, help="number of compartments below the root (default: %(default)s)")
    parser.add_argument("--events", type=int, default=1000, help="number of events in all compartments (default: %(default)s)")
    parser.add_argument("--page-size", type=int, default=100, help="maximum number of items per page (default: %(default)s)")
    parser.add_argument("--folder", type=Path, help=f"folder for the credentials and {EVENTS} (default: a temporary folder)")
    parser.add_argument("--hours", type=float, default=24.0, help="hours before now at which the events start (default: %(default)s)")
    help = f"number of new events per minute, from {FIRST_NEW_SECONDS // 60} minutes after the start, for {_NEW_HOURS} hours"
    parser.add_argument("--per-minute", type=int, default=6, help=f"{help} (default: %(default)s)")
    help = f"number of late events, of two to three hours ago, which are listed once the first run has ended (if it writes to {BUCKET})"
    parser.add_argument("--late", type=int, default=0, metavar="N", help=f"{help} (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the events; equal seeds generate equal events, except for their times")
    parser.add_argument("--region", default="us-ashburn-1", help="home region of the tenancy (default: %(default)s)")
    parser.add_argument("--receiver", action="store_true", help=f"also run a TLS syslog receiver, which writes {MESSAGES} to the folder")
    parser.add_argument("--env-file", type=Path, help="write the settings to this file as NAME=value, instead of printing them")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Serves until interrupted or terminated. Returns 2 if a file cannot be written, or if the port is in use."""
    options = parse(arguments)
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    world = build(options)
    try:
        with ExitStack() as stack:
            announce(start(world, options, stack), options.env_file)
            stopped.wait()
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        sys.stderr.write(f"Starting the stand-ins failed: {where}{error.strerror}. Check {_option_of(error, options)}.\n")
        return 2
    return 0


def _option_of(error: OSError, options: argparse.Namespace) -> str:
    if error.filename is None:
        return "--port"
    return "--env-file" if options.env_file and str(error.filename) == str(options.env_file) else "--folder"


def start(world: World, options: argparse.Namespace, stack: ExitStack) -> dict[str, str]:
    """Starts what the options request until ``stack`` is closed, and returns the settings. Raises OSError."""
    folder = (options.folder or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="epimetheus-")))).absolute()
    config = world.credentials(folder)
    (folder / EVENTS).write_bytes(sample_events(world))
    settings = oci_settings(world, stack.enter_context(serve(world, port=options.port)).url, config)
    return settings | (stack.enter_context(receiver_settings(folder)) if options.receiver else {})


def announce(settings: Mapping[str, str], file: Path | None) -> None:
    """Prints the settings as shell commands, or writes them to ``file`` and prints how to use it."""
    if file is None:
        sys.stdout.write(as_text(settings, "export "))
    else:
        file.write_text(as_text(settings), "utf-8")
        sys.stdout.write(f"The settings are in {file}. In another terminal, run: epimetheus validate --env-file {shlex.quote(str(file))}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())

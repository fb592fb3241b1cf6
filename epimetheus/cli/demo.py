"""``demo``: four runs of the real function with a simulated OCI API and a TLS receiver that fails and returns.

The function (served by fdk in its own process), the OCI SDK, HTTP, TLS, and the state in (simulated) Object Storage are real.
Without ``--verbose``, the output fits a terminal of 80 columns and 24 lines.
"""

import json
import re
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from textwrap import wrap
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.json import JSON

from epimetheus.cli import demo_push
from epimetheus.cli.console import cell, print_line, terminal_console
from epimetheus.cli.demo_verify import DemoFolder
from epimetheus.cli.display import STATUS_COLORS
from epimetheus.model import count_text, plural
from epimetheus.observe.log import duplicates_dropped
from epimetheus.render.sanitize import terminal_safe
from epimetheus.testing.function import Function, serve_function
from epimetheus.testing.oci import World, serve
from epimetheus.testing.syslog import Authority, Receiver, receive

_PACKAGE = Path(__file__).parents[1]
_BUCKET = "audit-state"
_TREE = {"network": None, "prod": None, "prod/app": "prod", "prod/data": "prod", "sandbox": None}
_TITLE = "Act 1: the real function, a simulated OCI API, and a TLS receiver that fails."
_FIRST_EVENTS, _LATE_EVENTS, _FAILURE_AFTER = 2_400, 15_000, 9_000
_SAMPLES = 2
_MESSAGE_LINES = 4  # of 23 in all; a taller terminal shows more
_MAX_WIDTH = 100
_UNLIMITED = 1_000_000


@dataclass
class _Demo:
    """The simulated world. ``expected`` has the IDs of all events."""

    console: Console
    verbose: bool
    world: World
    receiver: Receiver
    function: Function
    compartments: list[str]
    expected: set[str]

    @property
    def width(self) -> int:
        """The width to wrap at. Without a terminal, each text is one line."""
        return min(self.console.width, _MAX_WIDTH) if self.console.is_terminal else _UNLIMITED

    def emit(self, count: int, start: float, end: float) -> None:
        """Create ``count`` events from ``start`` to ``end`` minutes ago, spread over the compartments."""
        now = time.time()
        share = count // len(self.compartments)
        for ocid in self.compartments:
            self.expected.update(self.world.emit(ocid, share, now - start * 60, now - end * 60, seed=count))

    def run(self, title: str) -> None:
        """Invoke the function as the OCI scheduler does, and show the HTTP status and the counts of the report."""
        print_line(self.console, title, "bold")
        logged, arrived = len(self.function.log_lines()), len(self.receiver.messages)
        http_status = self.function.call().status
        for line in self.function.log_lines()[logged:]:
            if self.verbose:
                self.console.print(JSON(line, indent=None), soft_wrap=True)
            if report := (fields := json.loads(line)).get("report"):
                self.show_report(report, http_status, len(self.receiver.messages) - arrived)
            elif fields["event"] == "run":
                print_line(self.console, f"  failed (HTTP {http_status}): {fields['message']}", STATUS_COLORS["failed"])

    def show_report(self, report: dict[str, Any], http_status: int, arrived: int) -> None:
        """One line with status and counts. For a failed run, also its error, and what becomes of the messages that ``arrived`` in it.

        The report's ``unconfirmed`` is not shown: it also counts events that were not sent yet.
        """
        status, forwarded = report["status"], report["forwarded"]
        counts = f"{forwarded:,} forwarded, {duplicates_dropped(report['duplicates'])}"
        print_line(self.console, f"  {status} (HTTP {http_status}): {counts}", STATUS_COLORS[status])
        if report["error"]:
            what, *_ = terminal_safe(report["error"]["what"]).split(". ")
            for line in wrap(f"{what.removesuffix('.')}.", self.width - 2, max_lines=2, placeholder=" …"):
                print_line(self.console, f"  {line}")
            again = f"run 4 sends the other {arrived - forwarded:,} again"
            print_line(self.console, f"  {arrived:,} arrived: {forwarded:,} are confirmed; {again}.")

    def show_message(self) -> None:
        """Show the first message as the receiver got it, wrapped at the width of the terminal; with --verbose, whole messages."""
        messages = self.receiver.messages
        if self.verbose:
            print_line(self.console, f"The receiver has {count_text(len(messages), 'message')}. The first {_SAMPLES}:", "bold")
            for message in messages[:_SAMPLES]:
                print_line(self.console, message.decode())
        elif messages:
            first, max_lines = messages[0].decode(), _MESSAGE_LINES + max(0, self.console.height - 25)
            for line in wrap_message(first, self.width - 4, max_lines) if self.console.is_terminal else (first,):
                self.console.print(cell(f"    {line}", "cyan"), soft_wrap=True)

    def show(self, text: str, style: str = "") -> None:
        """Show a line."""
        print_line(self.console, text, style)

    def arrived(self) -> Counter[str]:
        """How many times each event has arrived, by ID."""
        return Counter(_event_id(message) for message in self.receiver.messages)


def demo(
    verbose: Annotated[bool, typer.Option("--verbose", help="Also show the settings, log lines as JSON, and whole messages.")] = False,
    keep: Annotated[
        Path | None, typer.Option("--keep", metavar="DIR", help="Keep the seals, the ledger and the receiver's file in this new folder.")
    ] = None,
    push: Annotated[bool, typer.Option("--push", help="Play act 2 instead: Connector Hub pushes events, and fails for 30 hours.")] = False,
) -> None:
    """Run the real function four times on this machine, without OCI.

    A simulated OCI API serves the events. A TLS syslog receiver fails during the third run and returns. No event is lost: in the end, the
    receiver's file is verified against the seals and the ledger.
    """
    if keep and push:
        raise typer.BadParameter("--push does not store a folder: remove --keep or --push.", param_hint="--keep")
    if keep:
        _create(keep)
    raise typer.Exit(_play_push(terminal_console(), verbose=verbose) if push else _play(terminal_console(), keep, verbose=verbose))


def _create(folder: Path) -> None:
    """Create the folder, before the demo starts. Raises typer.BadParameter."""
    try:
        folder.mkdir(parents=True)
    except FileExistsError:
        raise typer.BadParameter(f"{folder}: it exists already. Give a new folder.", param_hint="--keep") from None
    except OSError as error:
        what = f"{folder}: {error.strerror}. Give a new folder in one that is writable."
        raise typer.BadParameter(what, param_hint="--keep") from error


def _play_push(console: Console, *, verbose: bool = False) -> int:
    """Play act 2. Returns 0 if every event arrived, 1 otherwise."""
    more = demo_push.SETTINGS
    with (
        tempfile.TemporaryDirectory(prefix="epimetheus-") as folder,
        _started(console, Path(folder), demo_push.TITLE, verbose=verbose, **more) as played,
    ):

        def emit(count: int, start: float, end: float) -> set[str]:
            before = set(played.expected)
            played.emit(count, start * 60, end * 60)
            return played.expected - before

        demo_push.PushAct(played.world, _BUCKET, played.function, played.show, emit).play()
        return _show_verdict(played)


def _play(console: Console, keep: Path | None = None, *, verbose: bool = False) -> int:
    """Play the four runs, and verify what is stored. Returns 0 if every event arrived, 1 otherwise."""
    with tempfile.TemporaryDirectory(prefix="epimetheus-") as folder, _started(console, Path(folder), _TITLE, verbose=verbose) as played:
        played.emit(_FIRST_EVENTS, start=120, end=15)
        played.run(f"Run 1: {_FIRST_EVENTS:,} events wait in {len(played.compartments)} compartments. The first message is shown below.")
        played.show_message()
        played.run("Run 2: the last minutes are read again, and nothing is sent twice.")
        played.emit(_LATE_EVENTS, start=12, end=4)
        played.receiver.faults.add("die", after=_FAILURE_AFTER)
        played.run(f"Run 3: {_LATE_EVENTS:,} more events; the receiver fails after {_FAILURE_AFTER:,} of them.")
        played.receiver.start()
        played.run("Run 4: the receiver is back.")
        code = _show_verdict(played)
        stored = DemoFolder(keep or Path(folder) / "kept", played.world.objects(_BUCKET), played.receiver.messages)
        return code if stored.verify(len(played.expected), played.width, played.show) else 1


def wrap_message(message: str, width: int, max_lines: int) -> list[str]:
    """Break a CEF message into lines: the syslog header at spaces, the CEF header after pipes, the extension between its pairs.

    If there are more than ``max_lines`` lines, the last one counts the omitted characters.
    """
    header, found, body = terminal_safe(message).partition(" CEF:")
    *cef_header, extension = re.split(r"(?<=\|)", f"CEF:{body}" if found else "", maxsplit=7)
    pairs = re.split(r"(?<= )(?=\w+=)", extension)
    lines = [line for pieces in (re.split(r"(?<= )", header), cef_header, pairs) for line in _joined(pieces, width)]
    if len(lines) > max_lines:
        omitted = sum(map(len, lines[max_lines - 1 :]))
        lines[max_lines - 1 :] = [f"… {omitted:,} more {plural(omitted, 'character')}; --verbose shows the whole message"]
    return lines


def _joined(pieces: Sequence[str], width: int) -> list[str]:
    """Join pieces into lines of at most ``width`` characters. Only a piece that is longer itself is broken."""
    lines = [""]
    for piece in pieces:
        if lines[-1] and len((lines[-1] + piece).rstrip()) > width:
            lines.append("")
        lines[-1] += piece
        while len(lines[-1].rstrip()) > width:
            lines[-1:] = [lines[-1][:width], lines[-1][width:]]
    return [line.rstrip() for line in lines if line]


def _entry_point() -> Path:
    """The function's func.py: beside the package, or in an installed package (pyproject.toml)."""
    installed = _PACKAGE / "function" / "entry_point" / "func.py"
    return installed if installed.exists() else _PACKAGE.parent / "func.py"


@contextmanager
def _started(console: Console, folder: Path, title: str, *, verbose: bool, **more: str) -> Iterator[_Demo]:
    world = World(page_size=500)
    world.bucket(_BUCKET)
    compartments = {"": world.tenancy}
    for path, parent in _TREE.items():
        compartments[path] = world.add_compartment(path.rpartition("/")[2], compartments[parent or ""])
    authority = Authority(folder / "authority")
    with receive(authority) as receiver, serve(world) as server:
        settings = {
            "OCI_AUTH": "config_file",
            "OCI_CONFIG_FILE": str(world.credentials(folder)),
            "OCI_ENDPOINT": server.url,
            "SYSLOG_HOST": "localhost",
            "SYSLOG_PORT": str(receiver.port),
            "SYSLOG_CA": f"file:{authority.ca}",
            "STATE_BUCKET": _BUCKET,
            "INITIAL_LOOKBACK_HOURS": "3",
            "API_REQUESTS_PER_SECOND": "200",
            **more,
        }
        print_line(console, title, "bold")
        if verbose:
            for key, value in settings.items():
                print_line(console, f"  {key}={value}")
        with serve_function(_entry_point(), settings) as function:
            yield _Demo(console, verbose, world, receiver, function, list(compartments.values()), set())


def _show_verdict(demo: _Demo) -> int:
    arrived = demo.arrived()
    missing = len(demo.expected - arrived.keys())
    repeated = sum(arrived.values()) - len(arrived)
    verdict = f"{len(demo.expected) - missing:,} of {len(demo.expected):,} events arrived."
    if missing:
        print_line(demo.console, f"Incomplete: {verdict} {count_text(missing, 'is', 'are')} missing.", "bold red")
    else:
        print_line(demo.console, f"Complete: {verdict}", "bold green")
    if repeated:
        print_line(demo.console, f"{repeated:,} arrived twice: the receiver failed in run 3 before it confirmed them.")
    return 1 if missing else 0


def _event_id(message: bytes) -> str:
    return message.partition(b" externalId=")[2].partition(b" ")[0].decode()

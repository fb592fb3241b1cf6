"""What ``replay`` and ``reconcile`` have in common: sends a past window in each region, and shows results and how to continue."""

import shlex
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, NamedTuple

import typer
from rich.console import Console

from epimetheus.cli import display
from epimetheus.cli.compartment_names import needs_listing, resolve_compartments
from epimetheus.cli.console import print_line, terminal_console
from epimetheus.cli.progress import TerminalObserver, terminal_observer
from epimetheus.model import count_text, minute_text, parse_minute
from epimetheus.problem import STREAM
from epimetheus.reports import Replayed
from epimetheus.run.replay import ReplayRequest
from epimetheus.signals import Signaled
from epimetheus.source.compartments import discover
from epimetheus.wiring.regions import replay_regions
from epimetheus.wiring.sources import replayed_streams
from epimetheus.wiring.wiring import Wiring

From = Annotated[
    str, typer.Option("--from", metavar="TIME", help="Start of the window: a time (2026-11-24T10:00:00Z) or a duration before now (3h).")
]
To = Annotated[str, typer.Option("--to", metavar="TIME", help="End of the window (exclusive), in the same form.")]
Compartments = Annotated[
    list[str] | None,
    typer.Option("--compartment", help="Name, path (prod/app), or OCID of a compartment; repeat for several. Default: all."),
]
JsonResult = Annotated[bool, typer.Option("--json", help="Print the result as JSON on stdout.")]


class Consoles(NamedTuple):
    """Where a command prints: progress, questions and failures to ``notes``, the result of each region to ``results``."""

    notes: Console
    results: Console

    @classmethod
    def of(cls, *, as_json: bool) -> "Consoles":
        """The consoles of a command that prints its result for people on stdout, or ``as_json`` there."""
        return cls(terminal_console(stderr=True), terminal_console(stderr=as_json))


def compartment_ocids(wiring: Wiring, names: Sequence[str]) -> tuple[str, ...]:
    """The OCIDs of ``names``; Identity lists the compartments if one is not an OCID. Raises ConfigError, SourceError, CredentialsError."""
    if not needs_listing(names):
        return tuple(names)
    listing = discover(wiring.oci.list_page(wiring.deadline.left() / 8), wiring.tenancy, wiring.deadline)
    return resolve_compartments(names, listing.compartments)


@dataclass(frozen=True)
class PastWindow:
    """A request, and the ``options`` of the command, which are repeated in the one that continues an incomplete result."""

    request: ReplayRequest
    options: Sequence[str]
    consoles: Consoles

    def send(self, wiring: Wiring) -> list[Replayed]:
        """Send it in each region, or only count. Raises RequestError, SourceError."""
        run_id, regions = uuid.uuid4().hex[:12], [stream.name for stream in replayed_streams(wiring, self.request)]
        console = self.consoles.notes
        with terminal_observer(console, self.consoles.results, what=self.request.noun) as observer:

            def announce(result: Replayed) -> None:
                observer.finish(result, lambda results: display.show_replayed(results, result))

            try:
                results = replay_regions(wiring, run_id, observer, announce, self.request)
            except Signaled:
                self._show_interrupted(observer, regions)
                raise
        for result in results:
            begun = result.relisted or result.fetched or result.through != result.window[0]
            if (begun or not result.error) and result.through != result.window[1]:
                self._show_continuation(result.region, regions, parse_minute(result.through))
        return results

    def send_confirmed(
        self, wiring: Wiring, reopen: Callable[[], Wiring], confirm: Callable[[Console, Sequence[Replayed]], None], *, yes: bool
    ) -> list[Replayed]:
        """Count, ``confirm`` with the user, and send with the components that ``reopen`` builds; with ``yes``, send at once.

        A request for a dry run is only counted. Raises as `send`, and what ``confirm`` raises.
        """
        consoles, dry = self.consoles, self.request.dry
        if yes and not dry:
            return self.send(wiring)
        counting = consoles if dry else consoles._replace(results=consoles.notes)  # the count belongs to the question
        results = self.for_request(dry=True, consoles=counting).send(wiring)
        if dry or (self.request.missing and any(result.error for result in results)):  # a damaged entry, for example
            return results
        if not any(result.forwarded for result in results):
            print_line(consoles.notes, "There is nothing to send.")
            return results
        confirm(consoles.notes, results)
        return self.send(reopen())

    def _show_interrupted(self, observer: TerminalObserver, regions: Sequence[str]) -> None:
        """Say what was sent, and how to continue. The cursor does not move."""
        console = self.consoles.notes
        if self.request.dry:
            print_line(console, "The count was interrupted. Nothing was sent.", "yellow")
            return
        for region in (region for region in regions if region not in observer.finished):
            shown = observer.regions.get(region)
            through = shown.latest.cursor.start if shown else self.request.window.start
            confirmed = count_text(shown.latest.confirmed if shown else 0, "event")
            what = f"{region}: the {self.request.noun} was interrupted; it is complete through {minute_text(through)}"
            again = "Confirmed events are recorded, and not sent again" if self.request.missing else "Events sent after that are sent again"
            after = f"with {confirmed} confirmed. {again} if you continue."
            print_line(console, f"{what}, {after}", "yellow")
            self._show_continuation(region, regions, through)

    def _show_continuation(self, region: str, regions: Sequence[str], through: int) -> None:
        """Show the command that sends the rest, alone on a line, so that it can be copied."""
        command = ["epimetheus", self.request.action, "--from", minute_text(through), "--to", minute_text(self.request.window.end)]
        command += [word for ocid in self.request.only for word in ("--compartment", ocid)]
        only = _selecting(region, regions) if len(regions) > 1 else ""
        print_line(self.consoles.notes, f"To continue in {region}, run:")
        print_line(self.consoles.notes, f"{only}{shlex.join([*command, *self.options])}")

    def for_request(self, *, only: Sequence[str] | None = None, dry: bool | None = None, consoles: Consoles | None = None) -> "PastWindow":
        """The same with other compartments, ``dry`` or not, and other consoles."""
        request = replace(self.request, only=self.request.only if only is None else only, dry=self.request.dry if dry is None else dry)
        return replace(self, request=request, consoles=consoles or self.consoles)


def _selecting(region: str, regions: Sequence[str]) -> str:
    """The settings that select ``region`` only."""
    if region == STREAM:
        return "SOURCES=cloud_guard "
    return f"SOURCES=audit REGIONS={region} " if STREAM in regions else f"REGIONS={region} "


def given_options(flags: Sequence[tuple[str, bool]]) -> list[str]:
    """The names of the flags that were given."""
    return [name for name, given in flags if given]

"""``verify``: verifies seals, ledger entries and an export of the SIEM for a past window."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from epimetheus.cli import display
from epimetheus.cli.arguments import ArgumentError
from epimetheus.cli.console import print_json, terminal_console
from epimetheus.cli.progress import SetProgress, progress_bar
from epimetheus.cli.public_key_files import PublicKeys, read_public_keys
from epimetheus.cli.settings_source import SettingsSource, reads_settings
from epimetheus.cli.time_arguments import minute_argument, past_window, replay_window
from epimetheus.cli.times import Duration, Timeout
from epimetheus.cli.verify_view import EXIT_CODES, show_verification
from epimetheus.clock import SYSTEM
from epimetheus.ledger.seal_key import PublicKey
from epimetheus.model import Window, minute_text
from epimetheus.verify.export_records import ExportRecords
from epimetheus.verify.folder import folder_sources
from epimetheus.verify.model import Verification
from epimetheus.verify.verify import Audited, RegionSource, Request, verify

_TIMEOUT = Duration(3600)

From = Annotated[
    str, typer.Option("--from", metavar="TIME", help="Start of the window: a time (2026-11-24T10:00:00Z) or a duration before now (24h).")
]
To = Annotated[str | None, typer.Option("--to", metavar="TIME", help="End of the window (exclusive), in the same form. Default: now.")]
Siem = Annotated[
    list[Path] | None,
    typer.Option(
        "--siem", metavar="FILE", help="A file with the messages that the SIEM has: syslog lines, CSV or JSON lines; repeat for several."
    ),
]
SignedSince = Annotated[
    str | None,
    typer.Option("--signed-since", metavar="TIME", help="When SEAL_KEY was set: only earlier seals may lack a signature."),
]
Folder = Annotated[
    Path | None, typer.Option("--ledger", metavar="DIR", help="Read downloaded seals and entries in this folder, without OCI or settings.")
]


@reads_settings
def verify_command(  # noqa: PLR0913, PLR0917 - one parameter per option
    source: SettingsSource,
    start: From,
    end: To = None,
    siem: Siem = None,
    audit: Annotated[bool, typer.Option("--audit", help="List the window in OCI Audit again and compare it with the ledger.")] = False,
    public_keys: PublicKeys = None,
    signed_since: SignedSince = None,
    folder: Folder = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON on stdout.")] = False,
    timeout: Timeout = _TIMEOUT,
) -> None:
    """Verify that no seal, ledger entry or message of a past time window is missing or altered.

    Checks the runs that ended in the window: their seals, the ledger entries that these name, and, with --siem, the messages that the
    entries record. Sends and writes nothing.
    """
    with display.errors_explained(as_json=as_json):
        now = SYSTEM.now()
        window = _window(start, end, now, limited=audit)
        keys = read_public_keys(public_keys)
        since = None if signed_since is None else _signed_since(signed_since, now, keys)
        exports = [ExportRecords(path) for path in siem or ()]
        if folder and audit:
            raise ArgumentError("--audit with --ledger: the events that OCI lists are compared with the ledger of the settings only")
        with _Progress() as progress:
            if folder:
                result = verify(Request(window, keys, int(now // 60), None, since), folder_sources(folder), exports, progress, {})
            else:
                request = Request(window, keys, int(now // 60), None, since)
                result = _verify_deployment(source, request, exports, progress, timeout, audit=audit)
    if as_json:
        print_json(result)
    else:
        show_verification(terminal_console(), result)
    raise typer.Exit(EXIT_CODES[result.verdict])


def _window(start: str, end: str | None, now: float, *, limited: bool) -> Window:
    """The window, by default through the current minute. ``limited``: OCI Audit must have all of it. Raises ArgumentError."""
    read = replay_window if limited else past_window
    if end is not None:
        return read(start, end, now)
    window = read(start, minute_text(int(now // 60)), now)
    return window._replace(end=window.end + 1)


def _signed_since(text: str, now: float, keys: Sequence[PublicKey]) -> int:
    """The minute since the epoch. Raises ArgumentError."""
    given = f"--signed-since {text}"
    if not keys:
        raise ArgumentError(f"{given}: signatures are verified with a public key only; give it with --public-key")
    return minute_argument(given, text, now)


def _verify_deployment(
    source: SettingsSource, request: Request, exports: Sequence[ExportRecords], progress: "_Progress", timeout: float, *, audit: bool
) -> Verification:
    """Verify the regions of the settings. Raises EpimetheusError."""
    from epimetheus.cli import verify_audit, verify_identify  # noqa: PLC0415 - they import the OCI SDK

    loaded = source.load()
    wiring = loaded.open(loaded.read(), timeout)
    sources: list[RegionSource] = verify_audit.sources_of(wiring)
    audits: Mapping[str, Audited] = verify_audit.audit(wiring, request.window) if audit else {}
    request = request._replace(ledger_days=wiring.settings.ledger_days, selected=wiring.settings.sources)
    result = verify(request, sources, exports, progress, audits)
    return verify_identify.identify(wiring, result) if audit else result


class _Progress:
    """Shows how far a verification is: the entries of a region, then the bytes of each file."""

    def __init__(self) -> None:
        self._stack, self._what = ExitStack(), ""
        self._update: SetProgress | None = None

    def __enter__(self) -> "_Progress":
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def entries(self, region: str, done: int, total: int) -> None:
        """See `epimetheus.verify.verify.Observer`."""
        self._show(f"{region}: ledger entries", done, total)

    def export(self, name: str, done: int, total: int) -> None:
        """See `epimetheus.verify.verify.Observer`."""
        self._show(f"{name}: MB", done // 1_000_000, total // 1_000_000)

    def _show(self, what: str, done: int, total: int) -> None:
        if what != self._what:
            self._stack.close()
            self._what, self._update = what, self._stack.enter_context(progress_bar(terminal_console(stderr=True), what))
        if self._update:
            self._update(done, total)

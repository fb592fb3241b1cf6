"""``seal``: creates keys that sign seals, and shows stored seals."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from epimetheus.cli import display
from epimetheus.cli.arguments import ArgumentError
from epimetheus.cli.console import cell, notes_console, print_json, print_line, terminal_console
from epimetheus.cli.public_key_files import PublicKeys, read_public_keys
from epimetheus.cli.seal_store import SealSource, StoredSeal, newest_seals, open_seals, seal_number
from epimetheus.cli.settings_source import SettingsSource, reads_settings
from epimetheus.cli.tables import Column, print_fields, print_table
from epimetheus.errors import ConfigError
from epimetheus.ledger.seal import Seal
from epimetheus.ledger.seal_key import PublicKey, SealKey
from epimetheus.model import count_text
from epimetheus.source.local_references import LocalReferences

seal_app = typer.Typer(no_args_is_help=True, help="Create keys that sign seals, and show stored seals.")

Region = Annotated[str | None, typer.Option(help="Region of the seals. Default: the region of the credentials.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON on stdout.")]

_COLUMNS = (
    Column("seal", right=True), Column("time"), Column("status"), Column("run"), Column("forwarded", right=True, drop=2),
    Column("entries", right=True, drop=3), Column("SHA-256"), Column("key", drop=1),
)  # fmt: skip
_SHORT = 16
_SECONDS = 60.0


@seal_app.command("keygen")
def keygen(
    out: Annotated[Path, typer.Option(metavar="FILE", help="File for the private key.")] = Path("seal-key.pem"), as_json: AsJson = False
) -> None:
    """Create a key that signs seals. Writes the private key to FILE, and the public key to FILE.pub.

    No file is replaced. Only the owner of FILE may read it.
    """
    with display.errors_explained(as_json=as_json):
        key, public = SealKey.generate(), Path(f"{out}.pub")
        _create(public, key.public.pem().encode(), 0o644, out)
        try:
            _create(out, key.pem(), 0o600, out)
        except ConfigError:
            public.unlink()
            raise
    if as_json:
        print_json({"version": 1, "private_key": str(out), "public_key": str(public), "fingerprint": key.public.fingerprint})
        return
    console = terminal_console()
    print_line(console, f"Private key: {out}. Store it in a vault, set SEAL_KEY to vault:OCID of the secret, and delete the file.")
    print_line(console, f"Public key:  {public}. Give it to those who verify.")
    print_line(console, f"Fingerprint: {key.public.fingerprint}")


@seal_app.command("public-key")
@reads_settings
def public_key(source: SettingsSource, as_json: AsJson = False) -> None:
    """Print the public key of SEAL_KEY, which verifies the signatures of seals."""
    with display.errors_explained(as_json=as_json):
        key = _public_key(source)
    if as_json:
        print_json({"version": 1, "fingerprint": key.fingerprint, "public_key": key.pem()})
        return
    typer.echo(key.pem(), nl=False)
    print_line(terminal_console(stderr=True), f"Fingerprint: {key.fingerprint}")


@seal_app.command("list")
@reads_settings
def list_seals(
    source: SettingsSource,
    count: Annotated[int, typer.Option("--count", min=1, max=1000, metavar="NUMBER", help="How many seals to list.")] = 20,
    region: Region = None,
    as_json: AsJson = False,
) -> None:
    """List the newest seals, in the order of the chain. The exit code is 1 if one of them is damaged or missing."""
    with display.errors_explained(as_json=as_json):
        store = open_seals(source, region)
        found, problems = newest_seals(store, count)
    if as_json:
        seals = [one.report() for one in found]
        print_json({"version": 1, "location": store.name, "region": store.region, "seals": seals, "problems": problems})
    elif found:
        print_table(terminal_console(), _COLUMNS, [_row(one) for one in found], title=store.name)
    elif not problems:
        print_line(notes_console(terminal_console()), f"{store.name}: no seal yet. Each run writes one.")
    if problems:
        for problem in problems if not as_json else ():
            print_line(terminal_console(stderr=True), f"{problem} Check the seals with `epimetheus verify`.", "red")
        raise typer.Exit(1)


@seal_app.command("show")
@reads_settings
def show(
    source: SettingsSource,
    sequence: Annotated[int | None, typer.Option(min=1, metavar="NUMBER", help="Number of the seal. Default: the newest.")] = None,
    region: Region = None,
    public_keys: PublicKeys = None,
    as_json: AsJson = False,
) -> None:
    """Show one seal, and whether the key in SEAL_KEY, or one of the public keys, has signed it.

    The exit code is 1 if its signature is not that of such a key, and with --public-key also if it has none.
    """
    with display.errors_explained(as_json=as_json):
        store = open_seals(source, region, read_public_keys(public_keys))
        found = seal_number(store, sequence)
    if as_json:
        print_json({"version": 1, "location": store.name, "region": store.region, **found.report()})
    else:
        print_fields(terminal_console(), found.location, _fields(store, found))
    if (found.seal.signature or public_keys) and store.keys and not found.is_signed_by(store.keys):
        raise typer.Exit(1)


def _create(path: Path, data: bytes, mode: int, out: Path) -> None:
    """Write a new file because of the option --out ``out``. Raises ConfigError if it cannot be created."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
        with open(descriptor, "wb") as file:
            os.fchmod(descriptor, mode)  # whatever the umask
            file.write(data)
            file.flush()
            os.fsync(descriptor)
    except FileExistsError:
        raise ArgumentError(f"--out {out}: the file {path} exists, and may be a key in use; choose another name, or move it") from None
    except OSError as error:
        what = f"the file {path} cannot be created: {error.strerror}"
        raise ArgumentError(f"--out {out}: {what}; use a file in a writable folder") from error


def _public_key(source: SettingsSource) -> PublicKey:
    """Without OCI, unless SEAL_KEY is stored there."""
    loaded = source.load()
    settings = loaded.read_partial()
    if settings.seal_key is None:
        raise ConfigError(["SEAL_KEY is not set: create a key with `epimetheus seal keygen`"])
    if settings.seal_key.startswith(("vault:", "object:")):
        text = loaded.open(settings, _SECONDS).oci.references.read("SEAL_KEY", settings.seal_key)
    else:
        text = LocalReferences().read("SEAL_KEY", settings.seal_key)
    return SealKey.read("SEAL_KEY", text or "").public


def _row(one: StoredSeal) -> list[Text]:
    seal = one.seal
    texts = (
        str(seal.sequence), seal.time, seal.status, seal.run, f"{seal.counts.forwarded:,}", f"{len(seal.entries):,}",
        one.sha256[:_SHORT], seal.signature.key[: len("SHA256:") + _SHORT] if seal.signature else "",
    )  # fmt: skip
    return [cell(text) for text in texts]


def _fields(store: SealSource, one: StoredSeal) -> list[tuple[str, str]]:
    seal = one.seal
    filtered = ", ".join(f"{count:,} {reason}" for reason, count in seal.counts.filtered.items())
    counts = seal.counts
    fields = [
        ("seal", str(seal.sequence)),
        ("SHA-256", one.sha256),
        ("previous", seal.previous.sha256 if seal.previous else "none: it is the first"),
        ("run", f"{seal.run}, {seal.status}, {seal.time}"),
        ("tenancy", seal.tenancy),
        ("region", seal.region),
        ("cursor", f"{seal.position.before} to {seal.position.after}; {count_text(seal.behind, 'compartment')} behind"),
        ("fetched", f"{counts.fetched:,}: {counts.forwarded:,} forwarded, {count_text(counts.duplicates, 'duplicate')}"),
        ("filtered", filtered or "0"),
        ("late", f"{counts.late:,}"),
        ("messages", f"{seal.messages.count:,}, SHA-256 {seal.messages.sha256}" if seal.messages else "not known"),
        ("its message", _own_message(seal)),
        ("reconciled", ", ".join(f"after {after} min: {through}" for after, through in seal.reconciled.items()) or "nothing"),
        ("signature", _signature(store.keys, one)),
    ]
    fields += [("run without a seal", run) for run in seal.unsealed_runs]
    return fields + [("entry", f"{entry.name}, SHA-256 {entry.sha256}") for entry in seal.entries]


def _own_message(seal: Seal) -> str:
    """Whether the message of ``seal`` is sent, and which ones were before it."""
    sent = "sent to the SIEM" if seal.seal_messages.enabled else "not sent, because SEAL_MESSAGES was false"
    before = seal.seal_messages.confirmed
    return f"{sent}; those of earlier seals were confirmed through seal {before}" if before else sent


def _signature(keys: Sequence[PublicKey], one: StoredSeal) -> str:
    if one.seal.signature is None:
        return "none"
    if not keys:
        return f"by {one.seal.signature.key}; not checked: SEAL_KEY is not set, and --public-key is not given"
    if one.is_signed_by(keys):
        return f"by {one.seal.signature.key}; valid"
    return f"by {one.seal.signature.key}; not made by the key in SEAL_KEY or --public-key, or not valid"

"""The stored seals that a command shows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec

from epimetheus.cli.arguments import ArgumentError
from epimetheus.cli.settings_source import SettingsSource
from epimetheus.cli.state_target import parse_region
from epimetheus.clock import SYSTEM
from epimetheus.errors import LedgerError, SealDamaged
from epimetheus.ledger.seal import Seal, digest, is_signed_by, unpack
from epimetheus.ledger.seal_chain import SealChain
from epimetheus.ledger.seal_key import PublicKey
from epimetheus.ledger.seal_name import SealName

_SECONDS = 60.0


@dataclass(frozen=True)
class SealSource:
    """The seals of ``region``. ``keys``: those that verify signatures: that of SEAL_KEY, or others; empty if it is not set."""

    chain: SealChain
    region: str
    keys: Sequence[PublicKey]

    @property
    def name(self) -> str:
        """Their location."""
        return self.chain.name


@dataclass(frozen=True)
class StoredSeal:
    """A seal, its ``location``, and the hex digest of its stored bytes."""

    location: str
    seal: Seal
    sha256: str

    def is_signed_by(self, keys: Sequence[PublicKey]) -> bool:
        """Whether it has a valid signature of one of ``keys``."""
        return any(is_signed_by(self.seal, key) for key in keys)

    def report(self) -> dict[str, Any]:
        """For ``--json``: its name, its hash, and the seal as it is stored."""
        return {"name": self.seal.name.text(), "sha256": self.sha256, "seal": msgspec.to_builtins(self.seal)}


def open_seals(source: SettingsSource, region: str | None, keys: Sequence[PublicKey] = ()) -> SealSource:
    """The seals of ``region``, or of that of the credentials. ``keys``: they verify signatures instead of SEAL_KEY, which is not read then.

    Raises ConfigError, CredentialsError, SourceError.
    """
    region = None if region is None else parse_region(region)
    loaded = source.load()
    wiring = loaded.open(loaded.read(), _SECONDS)
    region = region or wiring.credentials.region
    if not keys and (key := wiring.ledger.seal_key):
        keys = [key.public]
    return SealSource(wiring.ledger.seals(region, wiring.deadline), region, keys)


class ListedSeals(NamedTuple):
    """``seals`` in order, and ``problems`` among them, as sentences: those that are damaged, and numbers without a seal."""

    seals: list[StoredSeal]
    problems: list[str]


def newest_seals(source: SealSource, count: int) -> ListedSeals:
    """The last ``count`` seals. Raises LedgerError."""
    now = int(SYSTEM.now() // 60)
    listed = ListedSeals([], [])
    if (newest := source.chain.newest(now)) is None:
        return listed
    names = source.chain.between(max(1, newest.sequence - count + 1), newest.sequence, now)
    expected = names[0].sequence if names else 0
    for name in names:
        if name.sequence > expected:
            one = name.sequence == expected + 1
            listed.problems.append(f"Seal {expected} is missing." if one else f"Seals {expected} to {name.sequence - 1} are missing.")
        expected = name.sequence + 1
        try:
            listed.seals.append(_stored(source, name))
        except SealDamaged as error:
            listed.problems.append(error.what)
    return listed


def seal_number(source: SealSource, sequence: int | None) -> StoredSeal:
    """The seal ``sequence``, or the newest. Raises ArgumentError if there is none; LedgerError, SealDamaged."""
    now = int(SYSTEM.now() // 60)
    name = source.chain.newest(now) if sequence is None else next(iter(source.chain.between(sequence, sequence, now)), None)
    if name is None:
        which = "a seal" if sequence is None else f"seal {sequence}"
        raise ArgumentError(f"{source.name} does not have {which}; list the seals with `epimetheus seal list`")
    return _stored(source, name)


def _stored(source: SealSource, name: SealName) -> StoredSeal:
    location = f"{source.name}{name.text()}"
    if (data := source.chain.read(name)) is None:
        raise LedgerError(f"The seal {location} was deleted meanwhile.", do="Run the command again.")
    return StoredSeal(location, unpack(data, location), digest(data))

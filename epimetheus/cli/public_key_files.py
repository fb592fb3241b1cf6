"""The option ``--public-key``: files with the keys that verify signatures of seals."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from epimetheus.errors import ConfigError
from epimetheus.files import read_bounded
from epimetheus.ledger.seal_key import PublicKey

_LARGEST_KEY_FILE = 1 << 20
_DO_KEY = "Give the file with the public key, as `epimetheus seal public-key` prints it where SEAL_KEY is set."

PublicKeys = Annotated[
    list[Path] | None,
    typer.Option("--public-key", metavar="FILE", help="Public keys in PEM format that signed the seals; repeat for several."),
]


def read_public_keys(paths: Iterable[Path] | None) -> list[PublicKey]:
    """The keys in all files. Raises ConfigError."""
    return [key for path in paths or () for key in _public_keys(path)]


def _public_keys(path: Path) -> list[PublicKey]:
    name = f"--public-key {path}"
    try:
        text = read_bounded(path, _LARGEST_KEY_FILE).decode()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise ConfigError([f"{name}: the file could not be read: {reason}"], do=_DO_KEY) from error
    try:
        return PublicKey.read(name, text)
    except ConfigError as error:
        problems = [problem.partition("; create one with")[0] for problem in error.problems]
        raise ConfigError(problems, do=_DO_KEY) from error

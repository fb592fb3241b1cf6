"""Resolves setting values that are references to files, ``file:PATH``, without the OCI SDK, which takes long to import."""

from codecs import BOM_UTF8
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from epimetheus.errors import ConfigError
from epimetheus.files import read_bounded
from epimetheus.pem import binary_form
from epimetheus.safe_text import safe_value

MAX_FILE_BYTES = 4 << 20
"""The largest file that a setting may refer to. The certificates of every public authority take 200 kB."""
_REMOTE = ("vault:", "object:")


class References(Protocol):
    """Reads referenced values: `LocalReferences`, or `epimetheus.source.references.ReferenceResolver`, which also reads from OCI."""

    def read(self, key: str, value: str | None) -> str | None:
        """The text that ``value`` of setting ``key`` refers to. Raises ConfigError; `ReferenceResolver` also raises errors of OCI."""


class LocalReferences:
    """The references of a command that does not use OCI."""

    def read(self, key: str, value: str | None) -> str | None:
        """The text of a file, or ``value`` itself. Raises ConfigError, also for a value that is stored in OCI."""
        reject_remote({key: value})
        return read_file(key, value) if value and value.startswith("file:") else value


def reject_remote(values: Mapping[str, str | None]) -> None:
    """Raises ConfigError with every one of ``values``, by setting, that is stored in OCI."""
    if remote := [f"{key}={value}" for key, value in values.items() if (value or "").startswith(_REMOTE)]:
        raise ConfigError(
            [f"{setting}: this command does not read from OCI; save the object to a file, and use file:PATH" for setting in remote]
        )


def read_file(key: str, value: str) -> str:
    """The text of the file that ``value`` (``file:PATH``) of setting ``key`` names. ``~`` is the home folder. Raises ConfigError."""
    name = value.removeprefix("file:").strip()
    try:
        data = read_bounded(Path(name).expanduser(), MAX_FILE_BYTES)
    except (OSError, RuntimeError, ValueError) as error:  # RuntimeError: no home folder; ValueError: a NUL in the name
        why = getattr(error, "strerror", None) or "it cannot be read"
        raise ConfigError([f"{key}=file:{safe_value(name)}: {why}; expected a readable file"]) from error
    if len(data) > MAX_FILE_BYTES:
        raise ConfigError([f"{key}=file:{safe_value(name)}: the file has more than {MAX_FILE_BYTES:,} bytes; use the right file"])
    return decoded_text(key, name, data)


def decoded_text(key: str, name: str, data: bytes) -> str:
    """The text of ``data``, the content of ``name``, for setting ``key``. Raises ConfigError unless it is UTF-8, and if it is blank.

    A copy that was cut to nothing would otherwise mean a setting that is not set: no rules, or no signature.
    """
    if not data.removeprefix(BOM_UTF8).strip():
        raise ConfigError([f"{key}: the content of {safe_value(name)} is empty; store it again"])
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        pass
    # Raised outside of the except block: the original error includes everything that was read.
    form = binary_form(data)
    raise ConfigError([f"{key}: the content of {safe_value(name)} is not UTF-8 text{f', but {form}' if form else ''}"])

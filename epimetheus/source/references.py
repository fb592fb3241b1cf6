"""Resolve setting values that are references: ``file:PATH``, ``vault:SECRET_OCID``, ``object:NAME``. Any other value is literal."""

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

from epimetheus.errors import ConfigError, SourceError
from epimetheus.files import read_bounded
from epimetheus.oci_client.clients import ServiceFailure, oci_errors
from epimetheus.oci_client.policies import Policies
from epimetheus.pem import binary_form
from epimetheus.safe_text import safe_value
from epimetheus.source.sdk_responses import checked_response, text

MAX_FILE_BYTES = 4 << 20
"""The largest file that a setting may refer to. The certificates of every public authority take 200 kB."""

_VAULT_HELP = "Check the OCID of the secret."
_OBJECT_HELP = "Put the object into STATE_BUCKET."


class ReferenceResolver:
    """Reads referenced values. ``secrets`` creates the SDK's SecretsClient on first use; ``get_object`` returns an object by name.

    ``policies``: for errors.
    """

    def __init__(self, secrets: Callable[[], Any], get_object: Callable[[str], bytes], policies: Policies | None = None) -> None:
        self._secrets = secrets
        self._get_object = get_object
        self._policies = policies or Policies()

    def read(self, key: str, value: str | None) -> str | None:
        """The text that ``value`` of setting ``key`` refers to. Raises ConfigError, SourceError, CredentialsError.

        Errors never include what was read.
        """
        kind, _, name = (value or "").partition(":")
        if kind == "file":
            return read_file(key, str(value))
        if kind == "vault":
            return _decoded(key, name, self._secret(key, name))
        if kind == "object":
            return _decoded(key, name, self._object(key, name))
        return value

    def _secret(self, key: str, ocid: str) -> bytes:
        action = f"reading the secret {ocid} for {key}"
        with oci_errors(action, do=_VAULT_HELP, policy=self._policies.secret(ocid)):
            client = self._secrets()
            with checked_response(action):
                content = text(client.get_secret_bundle(ocid).data.secret_bundle_content.content)
        try:
            return base64.b64decode(content, validate=True)
        except ValueError as error:
            what = f"Reading the secret {ocid} for {key} failed: its content is not base64."
            raise SourceError(what, do="Create a new version of the secret with the value as Base64.") from error

    def _object(self, key: str, name: str) -> bytes:
        try:
            return self._get_object(name)
        except ServiceFailure as failure:
            raise SourceError(f"{key}=object:{safe_value(name)}: {failure.what}", do=f"{_OBJECT_HELP} {failure.do}".strip()) from failure


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
    return _decoded(key, name, data)


def _decoded(key: str, name: str, data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        pass
    # Raised outside of the except block: the original error includes everything that was read.
    form = binary_form(data)
    raise ConfigError([f"{key}: the content of {safe_value(name)} is not UTF-8 text{f', but {form}' if form else ''}"])

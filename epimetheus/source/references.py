"""Values that settings only point to: ``file:PATH``, ``vault:SECRET_OCID``, ``object:NAME``; anything else is the value itself."""

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

from epimetheus.errors import ConfigError, SourceError
from epimetheus.oci_client.clients import ServiceFailure, oci_errors
from epimetheus.safe_text import safe_value
from epimetheus.source.sdk_responses import checked_response, text

_VAULT_HELP = "The function needs `read secret-bundles` for this secret."
_OBJECT_HELP = "Put the object into STATE_BUCKET; the function needs OBJECT_READ there."


class ReferenceResolver:
    """Reads what settings point to. ``secrets`` makes the SDK's SecretsClient when first needed; ``get_object`` is given a name."""

    def __init__(self, secrets: Callable[[], Any], get_object: Callable[[str], bytes]) -> None:
        self._secrets = secrets
        self._get_object = get_object

    def read(self, key: str, value: str | None) -> str | None:
        """The text that setting ``key`` stands for. Raises ConfigError, SourceError, CredentialsError; never shows what it read."""
        kind, _, name = (value or "").partition(":")
        if kind == "file":
            return _text(key, name, _file(key, name))
        if kind == "vault":
            return _text(key, name, self._secret(key, name))
        if kind == "object":
            return _text(key, name, self._object(key, name))
        return value

    def _secret(self, key: str, ocid: str) -> bytes:
        doing = f"reading the secret {ocid} for {key}"
        with oci_errors(doing, do=_VAULT_HELP):
            client = self._secrets()
            with checked_response(doing):
                content = text(client.get_secret_bundle(ocid).data.secret_bundle_content.content)
        try:
            return base64.b64decode(content, validate=True)
        except ValueError as error:
            raise SourceError(f"The secret {ocid} for {key} is not base64.", do=_VAULT_HELP) from error

    def _object(self, key: str, name: str) -> bytes:
        try:
            return self._get_object(name)
        except ServiceFailure as failure:
            raise SourceError(f"{key}=object:{safe_value(name)}: {failure.what}", do=_OBJECT_HELP) from failure


def _file(key: str, name: str) -> bytes:
    try:
        return Path(name).read_bytes()
    except OSError as error:
        why = error.strerror or "it cannot be read"
        raise ConfigError([f"{key}=file:{safe_value(name)}: {why}; allowed is a file that can be read"]) from error


def _text(key: str, name: str, data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise ConfigError([f"{key}: what {safe_value(name)} holds is not UTF-8 text"]) from None  # its own error holds all of what was read

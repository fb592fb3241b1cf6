"""Values that settings only point to: ``file:PATH``, ``vault:SECRET_OCID``, ``object:NAME``; anything else is the value itself."""

import base64
import binascii
from collections.abc import Callable
from pathlib import Path
from typing import Any

from epimetheus.cloud import ServiceFailure, oci_errors
from epimetheus.errors import ConfigError, SourceError

_VAULT_HELP = "The function needs `read secret-bundles` for this secret."
_OBJECT_HELP = "Put the object into STATE_BUCKET; the function needs OBJECT_READ there."


class Material:
    """Reads what settings point to. ``secrets`` makes the SDK's SecretsClient when first needed; ``get_object`` is given a name."""

    def __init__(self, secrets: Callable[[], Any], get_object: Callable[[str], bytes]) -> None:
        self._secrets = secrets
        self._get_object = get_object

    def read(self, key: str, value: str | None) -> str | None:
        """The text that setting ``key`` stands for. Raises ConfigError, SourceError, CredentialsError; never shows what it read."""
        if value is None:
            return None
        kind, _, name = value.partition(":")
        try:
            if kind == "file":
                return Path(name).read_text("utf-8")
            if kind == "vault":
                return self._secret(key, name)
            if kind == "object":
                return self._object(key, name)
        except OSError as error:
            raise ConfigError([f"{key}={value}: {error.strerror or 'can not be read'}; allowed is a file that can be read"]) from error
        except UnicodeDecodeError as error:
            raise ConfigError([f"{key}={value}: it is not UTF-8 text"]) from error
        return value

    def _secret(self, key: str, ocid: str) -> str:
        with oci_errors(f"reading the secret {ocid} for {key}", do=_VAULT_HELP):
            content = self._secrets().get_secret_bundle(ocid).data.secret_bundle_content.content
        try:
            return base64.b64decode(content, validate=True).decode("utf-8")
        except binascii.Error as error:
            raise SourceError(f"The secret {ocid} for {key} is not base64.", do=_VAULT_HELP) from error

    def _object(self, key: str, name: str) -> str:
        try:
            return self._get_object(name).decode("utf-8")
        except ServiceFailure as failure:
            raise SourceError(f"{key}=object:{name}: {failure.what}", do=_OBJECT_HELP) from failure

"""Resolves setting values that are references: ``file:PATH``, ``vault:SECRET_OCID``, ``object:NAME``. Any other value is literal."""

import base64
from collections.abc import Callable
from typing import Any

from epimetheus.errors import SourceError
from epimetheus.oci_client.clients import ServiceFailure, oci_errors
from epimetheus.oci_client.policies import Policies
from epimetheus.safe_text import safe_value
from epimetheus.source.local_references import decoded_text, read_file
from epimetheus.source.sdk_responses import checked_response, text

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
            return decoded_text(key, name, self._secret(key, name))
        if kind == "object":
            return decoded_text(key, name, self._object(key, name))
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

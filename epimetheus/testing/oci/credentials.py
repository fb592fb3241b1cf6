"""Writes the credentials of a world as files: an API key with its OCI config file, or the resource principal of a function."""

import base64
import hashlib
import json
import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa


@dataclass(frozen=True)
class ApiKey:
    """An API key pair."""

    private: rsa.RSAPrivateKey

    @classmethod
    def generate(cls, bits: int = 2048) -> "ApiKey":
        """Generates an RSA key. With 1024 bits, generating and loading it take an eighth of the time; real OCI requires 2048."""
        return cls(rsa.generate_private_key(public_exponent=65537, key_size=bits))

    @property
    def pem(self) -> bytes:
        """Private key in PEM: PKCS#8, not encrypted."""
        encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
        return self.private.private_bytes(encoding, form, serialization.NoEncryption())

    @cached_property
    def fingerprint(self) -> str:
        """Fingerprint that identifies the key in OCI: MD5 of the public key in DER, hexadecimal pairs separated by colons."""
        der = self.private.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        return hashlib.md5(der, usedforsecurity=False).digest().hex(":")


def write_config(folder: Path, key: ApiKey, tenancy: str, user: str, region: str) -> Path:
    """Writes ``api_key.pem`` and ``config`` (profile DEFAULT) to the folder, and returns the path of ``config``."""
    key_file = _write(folder / "api_key.pem", key.pem)
    lines = {"user": user, "fingerprint": key.fingerprint, "tenancy": tenancy, "region": region, "key_file": str(key_file)}
    text = "[DEFAULT]\n" + "".join(f"{name}={value}\n" for name, value in lines.items())
    return _write(folder / "config", text.encode())


def write_resource_principal(
    folder: Path, key: ApiKey, tenancy: str, compartment: str, region: str, function: str
) -> tuple[str, dict[str, str]]:
    """Writes a session token and its key as a function receives them. Returns the token and the environment variables of the function.

    ``function`` is the OCID of the function: the principal in its audit events.
    """
    now = int(time.time())
    resource = {"res_tenant": tenancy, "res_compartment": compartment, "res_type": "fnfunc", "res_id": function}
    claims = {**resource, "ptype": "resource", "iat": now}
    token = ".".join(_base64url(part) for part in ({"alg": "RS256"}, {**claims, "exp": now + 24 * 3600}, "unsigned"))
    return token, {
        "OCI_RESOURCE_PRINCIPAL_VERSION": "2.2",
        "OCI_RESOURCE_PRINCIPAL_RPST": str(_write(folder / "rpst", token.encode())),
        "OCI_RESOURCE_PRINCIPAL_PRIVATE_PEM": str(_write(folder / "private.pem", key.pem)),
        "OCI_RESOURCE_PRINCIPAL_REGION": region,
    }


def _base64url(part: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")


def _write(path: Path, content: bytes) -> Path:
    path = path.absolute()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    path.chmod(0o600)
    return path

"""The keys that sign seals: Ed25519 (RFC 8032), as PEM text (RFC 8410).

A key is identified by its fingerprint, as OpenSSH writes it: ``SHA256:`` and the SHA-256 of the public key (DER, SubjectPublicKeyInfo) in
Base64 without padding.
"""

import hashlib
from base64 import b64encode

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from epimetheus.pem import read_ed25519_key, read_ed25519_public_keys


class PublicKey:
    """A public key. ``fingerprint``: identifies it."""

    def __init__(self, key: Ed25519PublicKey) -> None:
        self._key = key
        der = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        self.fingerprint = f"SHA256:{b64encode(hashlib.sha256(der).digest()).decode().rstrip('=')}"

    @classmethod
    def read(cls, name: str, text: str) -> "list[PublicKey]":
        """The keys in the PEM ``text``, at least one. ``name``: where it is from, for the message. Raises ConfigError."""
        return [cls(key) for key in read_ed25519_public_keys(name, text)]

    def verifies(self, signature: bytes, data: bytes) -> bool:
        """Whether ``signature`` is one of this key over ``data``."""
        try:
            self._key.verify(signature, data)
        except InvalidSignature:
            return False
        return True

    def pem(self) -> str:
        """The key as PEM text."""
        return self._key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()


class SealKey:
    """A private key. It is secret: it has no text form but `pem`. ``public``: its public key."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        self.public = PublicKey(key.public_key())

    @classmethod
    def read(cls, name: str, text: str) -> "SealKey":
        """The key in the PEM ``text``. ``name``: that of the setting, for the message. Raises ConfigError."""
        return cls(read_ed25519_key(name, text))

    @classmethod
    def generate(cls) -> "SealKey":
        """A new key."""
        return cls(Ed25519PrivateKey.generate())

    def sign(self, data: bytes) -> bytes:
        """The signature over ``data``, 64 bytes."""
        return self._key.sign(data)

    def pem(self) -> bytes:
        """The private key as PEM text (PKCS#8) without a passphrase."""
        return self._key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())

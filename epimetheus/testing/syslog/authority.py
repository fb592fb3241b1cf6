"""Generates certificates for a receiver and its clients."""

import itertools
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import trustme

NAMES = ("localhost", "127.0.0.1")
_EXPIRED = datetime(2001, 1, 1, tzinfo=UTC)


class Identity(NamedTuple):
    """Paths of a certificate and its private key, both PEM files."""

    cert: Path
    key: Path


class Authority:
    """A private certificate authority that writes its certificates to ``folder``.

    ``ca``: PEM file with the CA certificate. ``ca_pem``: its contents.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._authority = trustme.CA()
        self._numbers = itertools.count(1)
        self.ca_pem = self._authority.cert_pem.bytes().decode("ascii")
        self.ca = self._write("ca.pem", self._authority.cert_pem)

    def server(self, *names: str, expired: bool = False) -> Identity:
        """Issues a certificate for a receiver; the default names are ``localhost`` and ``127.0.0.1``."""
        return self._issue("server", names or NAMES, expired)

    def client(self, name: str = "epimetheus", expired: bool = False) -> Identity:
        """Issues a certificate for a client."""
        return self._issue("client", (name,), expired)

    def _issue(self, role: str, names: tuple[str, ...], expired: bool) -> Identity:
        issued = self._authority.issue_cert(*names, common_name=names[0], not_after=_EXPIRED if expired else None)
        file = f"{role}-{next(self._numbers)}"
        return Identity(self._write(f"{file}.pem", issued.cert_chain_pems[0]), self._write(f"{file}.key", issued.private_key_pem))

    def _write(self, file: str, pem: trustme.Blob) -> Path:
        path = self._folder.absolute() / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(pem.bytes())
        path.chmod(0o600)
        return path

"""The owner of a state: the tenancy whose events it covers, and the SIEM that receives them."""

import hashlib
from dataclasses import dataclass


@dataclass(frozen=True)
class ReceiverId:
    """The identity of a SIEM. ``address``: transport, host and port, for messages. ``fingerprint``: SHA-256 (hex) of the identity."""

    address: str
    fingerprint: str


@dataclass(frozen=True)
class Owner:
    """The tenancy (OCID) whose events a state covers, and their receiver. ``scope``: the selected compartments, as configured.

    The scope may change at any time. It only distinguishes deployments that share a bucket and a receiver. ``ledger``: bucket and prefix of
    the ledger, which says what the receiver has; empty with STATE_FILE.
    """

    tenancy: str
    receiver: ReceiverId
    scope: str = ""
    ledger: str = ""

    @property
    def digest(self) -> str:
        """A short identifier of tenancy, receiver and scope that is safe in an object name: 16 hex digits."""
        return hashlib.sha256(f"{self.tenancy}\n{self.receiver.fingerprint}\n{self.scope}".encode()).hexdigest()[:16]


def receiver_id(transport: str, host: str, port: int, server_name: str | None) -> ReceiverId:
    """The identity of a SIEM: where messages are sent, and the name that its certificate must have. Names are case-insensitive.

    Certificates, format and framing are excluded: they change while the SIEM stays the same.
    """
    host = host.lower().rstrip(".")
    name = (server_name or host).lower().rstrip(".")
    url_host = f"[{host}]" if ":" in host else host
    address = f"{transport}://{url_host}:{port}" + (f" (certificate name {name})" if name != host else "")
    return ReceiverId(address, hashlib.sha256("\n".join((transport, host, str(port), name)).encode()).hexdigest())

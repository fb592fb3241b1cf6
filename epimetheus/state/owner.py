"""Which tenancy's events a state is for, and which SIEM receives them: a run with another one must not continue it."""

import hashlib
from dataclasses import dataclass


@dataclass(frozen=True)
class ReceiverId:
    """The SIEM behind a state. ``address``: transport, host and port, for people; ``fingerprint``: SHA-256 (hex) of what identifies it."""

    address: str
    fingerprint: str


@dataclass(frozen=True)
class Owner:
    """The tenancy (OCID) whose events a state is for, and the receiver of these events. ``scope``: which compartments, as set.

    The scope may change at any time; it is only needed to tell deployments apart that share a bucket and a receiver.
    """

    tenancy: str
    receiver: ReceiverId
    scope: str = ""

    @property
    def mark(self) -> str:
        """A short name for all of it, safe in an object's name: 16 hex digits."""
        return hashlib.sha256(f"{self.tenancy}\n{self.receiver.fingerprint}\n{self.scope}".encode()).hexdigest()[:16]


def receiver_id(transport: str, host: str, port: int, server_name: str | None) -> ReceiverId:
    """What identifies a SIEM: where messages are sent, and the name its certificate must have.

    Certificates, format and framing are not part of it: they change while the SIEM stays the same. Names are compared without case.
    """
    host = host.lower().rstrip(".")
    name = (server_name or host).lower().rstrip(".")
    shown = f"[{host}]" if ":" in host else host
    address = f"{transport}://{shown}:{port}" + (f" (certificate name {name})" if name != host else "")
    return ReceiverId(address, hashlib.sha256("\n".join((transport, host, str(port), name)).encode()).hexdigest())

"""Which polling is this deployment's own: by principal, and by the one address that it comes from.

The principal alone proves nothing: a copied token of the function is the same principal. Nor can a mark in the request prove anything,
since the holder of the token may read all that the function may read, and every audit event. What OCI itself records and the holder cannot
choose is the address. So one address is taken for ours; calls from any other are forwarded.

Our address may change (a new container, another NAT gateway). Another one is taken for ours only once ours has been silent for a whole hour
in which the other was not: while we run, no second one is. What came from where is remembered beside the hourly limits (`Quotas`).
"""

from epimetheus.model import AuditEvent
from epimetheus.select.quotas import Quotas

OWN = "own polling: "
"""What the kind of a quota begins with that counts calls of our own; no event type has a blank."""

_FROM = " from "
_SILENT_MINUTES = 120  # from the start of the last hour with a call to that of another's: a whole hour lies between
_MOST_ADDRESSES = 20
_LONGEST_ADDRESS = 80  # two IPv6 addresses and a comma
_MANY = "many other addresses"


class OwnPolling:
    """Configured once a run; what it decides is counted in ``quotas``."""

    def __init__(self, quotas: Quotas) -> None:
        self._quotas = quotas
        left_out: dict[str, int] = {}
        forwarded: dict[str, int] = {}
        for (kind, hour), quota in quotas.remembered(OWN).items():
            last = left_out if quota.held else forwarded
            address = kind.partition(_FROM)[2]
            last[address] = max(hour, last.get(address, 0))
        self._ours = max(left_out, key=lambda address: (left_out[address], address), default=None)
        known_until = left_out.get(self._ours, 0) if self._ours is not None else 0
        later = {address: hour for address, hour in forwarded.items() if hour >= known_until + _SILENT_MINUTES and address != _MANY}
        if self._ours is not None and later:
            self._ours = max(later, key=lambda address: (later[address], address))
        self._known = {*left_out, *forwarded}
        self._others: set[str] = set()

    def is_ours(self, event: AuditEvent, millis: int) -> bool:
        """Whether a call of our principal, at ``millis`` since the epoch, came from our address; counted.

        Where none is known, the first is ours.
        """
        address = _address(event)
        if self._ours is None:
            self._ours = address
        if address == self._ours:
            self._quotas.hold(_kind(event, address), millis)
            return True
        if len(self._known) >= _MOST_ADDRESSES and address not in self._known:
            address = _MANY
        self._known.add(address)
        self._others.add(address)
        self._quotas.passes(_kind(event, address), millis)
        return False

    def warnings(self) -> list[str]:
        """What the report says about calls from other addresses."""
        if not self._others:
            return []
        others, ours = (", ".join(sorted(address or "no address" for address in some)) for some in (self._others, {self._ours or ""}))
        return [
            f"The credentials of this deployment were used from {others}, not only from {ours}. These calls are forwarded as events."
            " If that is not a new address of this deployment, its credentials are in other hands: revoke them."
        ]


def parts(kind: str) -> tuple[str, str]:
    """The name of the call and its address (empty: none is known), of the ``kind`` of a quota."""
    name, _, address = kind.removeprefix(OWN).partition(_FROM)
    return name, address


def _kind(event: AuditEvent, address: str) -> str:
    return f"{OWN}{event.data.event_name}{_FROM if address else ''}{address}"


def _address(event: AuditEvent) -> str:
    """As OCI records it, printable and short; empty where there is none."""
    identity = event.data.identity
    text = "".join(character for character in (identity and identity.ip_address) or "" if character.isprintable())
    return text.replace(" ", "").casefold()[:_LONGEST_ADDRESS]

"""Which polling is this deployment's own: by principal, and by the one address that it comes from.

The principal alone proves nothing: a copied token of the function is the same principal. Nor can a mark in the request prove anything,
since the holder of the token may read all that the function may read, and every audit event. What OCI itself records and the holder cannot
choose is the address. So one address is taken for ours; calls from any other are forwarded.

The first address is ours; after that, no call makes another one ours, however long ours is silent: while the deployment is down, every
call with its credentials is foreign, and looks just like that of a deployment that has moved. So calls from a new address are forwarded,
with a warning, until an operator confirms it (`state own-address`). What came from where is remembered beside the hourly limits (`RateLimits`),
the latest hour of each address for good: an address that was reported as foreign is never adopted.
"""

from epimetheus.model import AuditEvent, HourlyCount
from epimetheus.select.rate_limits import OWN, Hours, RateLimits

_FROM = " from "
_MOST_ADDRESSES = 20
_LONGEST_ADDRESS = 80  # two IPv6 addresses and a comma
_MANY = "many other addresses"


class OwnPolling:
    """Configured once a run; what it decides is counted in ``quotas``."""

    def __init__(self, quotas: RateLimits) -> None:
        self._quotas = quotas
        remembered = quotas.remembered(OWN)
        filtered = {(hour, parts(kind)[1]) for (kind, hour), quota in remembered.items() if quota.suppressed}
        self._ours = max(filtered)[1] if filtered else None
        self._known = {parts(kind)[1] for kind, _ in remembered}
        self._foreign = {parts(kind)[1] for (kind, _), quota in remembered.items() if quota.passed} - {self._ours}
        self._others: set[str] = set()

    def is_ours(self, event: AuditEvent, millis: int) -> bool:
        """Whether a call of our principal, at ``millis`` since the epoch, came from our address; counted.

        Where none is known, the first that was never reported as foreign is ours.
        """
        address = _address(event)
        if self._ours is None and self._foreign.isdisjoint((address, _MANY)):
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
        others = ", ".join(sorted(address or "no address" for address in self._others))
        known = "" if self._ours is None else f", not only from {self._ours or 'no address'}"
        return [
            f"The credentials of this deployment were used from {others}{known}. These calls are forwarded as events."
            " If a new container or NAT gateway of this deployment has that address, run `python -m epimetheus state own-address ADDRESS`;"
            " otherwise its credentials are in other hands: revoke them."
        ]


def addresses(hours: Hours) -> dict[str, dict[int, HourlyCount]]:
    """What of ``hours`` says which address is ours, and which are not."""
    return {kind: dict(quotas) for kind, quotas in hours.items() if kind.startswith(OWN)}


def confirmed(hours: Hours, address: str, minute: int) -> dict[str, dict[int, HourlyCount]]:
    """``hours`` with ``address`` as ours from ``minute`` on (since the epoch), and as the only one that is known."""
    kept = {kind: dict(quotas) for kind, quotas in hours.items() if not kind.startswith(OWN)}
    return {**kept, _kind_of("ListEvents", _normal(address)): {minute // 60 * 60: HourlyCount(suppressed=1, reported=1)}}


def parts(kind: str) -> tuple[str, str]:
    """The name of the call and its address (empty: none is known), of the ``kind`` of a quota."""
    name, _, address = kind.removeprefix(OWN).partition(_FROM)
    return name, address


def _kind(event: AuditEvent, address: str) -> str:
    return _kind_of(event.data.event_name or "", address)


def _kind_of(name: str, address: str) -> str:
    return f"{OWN}{name}{_FROM if address else ''}{address}"


def _address(event: AuditEvent) -> str:
    """As OCI records it, printable and short; empty where there is none."""
    identity = event.data.identity
    return _normal((identity and identity.ip_address) or "")


def _normal(address: str) -> str:
    text = "".join(character for character in address if character.isprintable())
    return text.replace(" ", "").casefold()[:_LONGEST_ADDRESS]

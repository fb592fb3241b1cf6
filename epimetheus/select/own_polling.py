"""Recognize this deployment's own polling, by principal and by source address.

The principal alone proves nothing: a copied token of the function is the same principal. A marker in the request proves nothing either,
because the holder of the token can read whatever the function can read, including every audit event. The address is recorded by OCI, and
the holder cannot choose it. So one address is the deployment's own; calls from any other address are forwarded.

The first address seen becomes the own address. After that, no call makes another address the own one, however long the own address is
silent: while the deployment is down, every call with its credentials is foreign, and looks like that of a deployment that has moved. Calls
from a new address are therefore forwarded, with a warning, until an operator confirms it (`state own-address`). Calls are counted by
address in the hourly counts of `RateLimits`, whose latest hour per address is kept indefinitely: an address that was reported as foreign
is never adopted.
"""

from epimetheus.model import AuditEvent, HourlyCount
from epimetheus.select.rate_limits import OWN, Hours, RateLimits

_FROM = " from "
_MAX_ADDRESSES = 20
_MAX_ADDRESS_LENGTH = 80  # two IPv6 addresses and a comma
_OVERFLOW = "many other addresses"


class OwnPolling:
    """Decides for one run; ``rate_limits`` counts its decisions."""

    def __init__(self, rate_limits: RateLimits) -> None:
        self._rate_limits = rate_limits
        saved = rate_limits.saved(OWN)
        suppressed = {(hour, split_kind(kind)[1]) for (kind, hour), count in saved.items() if count.suppressed}
        self._own = max(suppressed)[1] if suppressed else None
        self._known = {split_kind(kind)[1] for kind, _ in saved}
        self._foreign = {split_kind(kind)[1] for (kind, _), count in saved.items() if count.passed} - {self._own}
        self._reported: set[str] = set()

    def is_own(self, event: AuditEvent, millis: int) -> bool:
        """True if a call of the deployment's principal, at ``millis`` since the epoch, came from its own address. Counts the call.

        If no own address is known, the first one that was never reported as foreign becomes it.
        """
        address = _address(event)
        if self._own is None and self._foreign.isdisjoint((address, _OVERFLOW)):
            self._own = address
        if address == self._own:
            self._rate_limits.suppress(_kind(event, address), millis)
            return True
        if len(self._known) >= _MAX_ADDRESSES and address not in self._known:
            address = _OVERFLOW
        self._known.add(address)
        self._reported.add(address)
        self._rate_limits.count_passed(_kind(event, address), millis)
        return False

    def warnings(self) -> list[str]:
        """The report's warning about calls from other addresses, if there were any."""
        if not self._reported:
            return []
        others = ", ".join(sorted(address or "no address" for address in self._reported))
        known = "" if self._own is None else f", not only from {self._own or 'no address'}"
        return [
            f"The credentials of this deployment were used from {others}{known}. These calls are forwarded as events."
            " If a new container or NAT gateway of this deployment has that address, run `epimetheus state own-address ADDRESS`;"
            " otherwise the credentials are compromised: revoke them."
        ]


def keep_addresses(hours: Hours) -> dict[str, dict[int, HourlyCount]]:
    """The part of ``hours`` that records the own address and foreign addresses."""
    return {kind: dict(counts) for kind, counts in hours.items() if kind.startswith(OWN)}


def confirm_address(hours: Hours, address: str, minute: int) -> dict[str, dict[int, HourlyCount]]:
    """``hours`` with ``address`` as the own address from ``minute`` on (since the epoch), and with no other address."""
    kept = {kind: dict(counts) for kind, counts in hours.items() if not kind.startswith(OWN)}
    return {**kept, _kind_of("ListEvents", _normalized(address)): {minute // 60 * 60: HourlyCount(suppressed=1, reported=1)}}


def split_kind(kind: str) -> tuple[str, str]:
    """The call's name and its address (empty if unknown) of a ``kind`` that starts with OWN."""
    name, _, address = kind.removeprefix(OWN).partition(_FROM)
    return name, address


def _kind(event: AuditEvent, address: str) -> str:
    return _kind_of(event.data.event_name or "", address)


def _kind_of(name: str, address: str) -> str:
    return f"{OWN}{name}{_FROM if address else ''}{address}"


def _address(event: AuditEvent) -> str:
    """The address that OCI recorded, printable and short; empty if there is none."""
    identity = event.data.identity
    return _normalized((identity and identity.ip_address) or "")


def _normalized(address: str) -> str:
    text = "".join(character for character in address if character.isprintable())
    return text.replace(" ", "").casefold()[:_MAX_ADDRESS_LENGTH]

"""Faults a world can be told to have: what goes wrong, where, and how often.

``world.faults.add("status", status=429, operation="ListEvents", times=2)``; the kinds are the keys of ``KINDS``.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypedDict, Unpack

EVENTS = frozenset({"ListEvents"})
COMPARTMENTS = frozenset({"ListCompartments"})
LISTS = EVENTS | COMPARTMENTS

KINDS: dict[str, frozenset[str] | None] = {
    "status": None,  # an error with `status`, `code`, `message`, `headers`
    "timeout": None,  # no answer; the request has no effect
    "reset": None,  # the connection is reset; the request has no effect
    "lost_response": None,  # the request takes effect, its answer is lost
    "cut": None,  # content-length promises more than the body holds
    "stalled": None,  # half a body, then silence
    "garbage": None,  # 200 with a body that is not JSON
    "delay": None,  # the answer comes `seconds` late
    "not_a_list": LISTS,  # a JSON object where a list belongs
    "empty_page": LISTS,  # no rows, and a token that leads on
    "repeated_token": LISTS,  # the token of the next page is the one of this page
    "repeated_events": EVENTS,  # the page ends with the first `count` events of the window once more
    "late_events": EVENTS,  # the last `count` events of the page are not listed yet
    "listing_repeats": COMPARTMENTS,  # the first compartment is listed once more at the end
    "listing_reordered": COMPARTMENTS,  # backwards
    "listing_cycle": COMPARTMENTS,  # a compartment is said to be the child of its own child
    "subtree_refused": COMPARTMENTS,  # 404 for compartmentIdInSubtree=true
}
"""Every kind, with the operations it is made for; None is any."""

CODES = {
    400: ("InvalidParameter", "The request is not valid"),
    401: ("NotAuthenticated", "The required information to complete authentication was not provided or was incorrect."),
    404: ("NotAuthorizedOrNotFound", "Authorization failed or requested resource not found."),
    409: ("ConcurrentObjectUpdate", "The object is being updated by another request"),
    412: ("IfMatchFailed", "The If-Match header is set but the ETag of the resource does not match"),
    429: ("TooManyRequests", "Too many requests for the tenant"),
    500: ("InternalServerError", "Internal server error"),
    502: ("BadGateway", "Bad gateway"),
    503: ("ServiceUnavailable", "The service is unavailable"),
    504: ("GatewayTimeout", "Gateway timeout"),
}
"""The code and message that go with a status, unless told otherwise."""


@dataclass
class Fault:
    """One fault: ``kind`` and its details, which calls it is for (None = any), and how often it still happens.

    ``times`` None is forever; the first ``after`` matching calls are let through; ``seconds`` is how long a delay, or the silence
    of a timeout or a stalled body over HTTP, takes; ``hits`` counts how often it happened.
    """

    kind: str
    service: str | None = None
    operation: str | None = None
    compartment: str | None = None
    times: int | None = 1
    after: int = 0
    status: int = 500
    code: str = ""
    message: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    seconds: float = 30.0
    count: int = 1
    hits: int = 0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"no such fault: {self.kind}; there are {', '.join(sorted(KINDS))}")
        code, message = CODES.get(self.status, ("Error", "Error"))
        self.code = self.code or code
        self.message = self.message or message

    def concerns(self, service: str, operation: str, compartment: str | None) -> bool:
        """Whether the fault is meant for such a call."""
        made_for = KINDS[self.kind]
        return (
            (made_for is None or operation in made_for)
            and self.service in (None, service)
            and self.operation in (None, operation)
            and self.compartment in (None, compartment)
        )

    def happens(self) -> bool:
        """Count one matching call, and say whether the fault strikes it."""
        if self.times is not None and self.hits >= self.times:
            return False
        if self.after > 0:
            self.after -= 1
            return False
        self.hits += 1
        return True


class FaultDetails(TypedDict, total=False):
    """What ``Faults.add`` takes by name: the fields of Fault."""

    service: str | None
    operation: str | None
    compartment: str | None
    times: int | None
    after: int
    status: int
    code: str
    message: str
    headers: dict[str, str]
    seconds: float
    count: int


class Faults:
    """The faults of a world, in the order they were added."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def __iter__(self) -> Iterator[Fault]:
        return iter(self._faults)

    def add(self, kind: str, **details: Unpack[FaultDetails]) -> Fault:
        """Add a fault and return it; the details are the fields of Fault."""
        fault = Fault(kind, **details)
        self._faults.append(fault)
        return fault

    def remove(self, fault: Fault) -> None:
        """Take one fault back."""
        self._faults.remove(fault)

    def clear(self) -> None:
        """Take all of them back."""
        self._faults.clear()

    def strike(self, service: str, operation: str, compartment: str | None) -> dict[str, Fault]:
        """The faults that strike this call, by kind; each is counted."""
        return {fault.kind: fault for fault in self._faults if fault.concerns(service, operation, compartment) and fault.happens()}

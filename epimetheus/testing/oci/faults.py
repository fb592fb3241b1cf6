"""Faults of a world: what fails, for which calls, and how often.

``world.faults.add("status", status=429, operation="ListEvents", times=2)``; the kinds are the keys of ``KINDS``.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypedDict, Unpack

EVENTS = frozenset({"ListEvents"})
COMPARTMENTS = frozenset({"ListCompartments"})
PROBLEMS = frozenset({"ListProblems"})
LISTS = EVENTS | COMPARTMENTS | PROBLEMS
OBJECTS = frozenset({"ListObjects"})

KINDS: dict[str, frozenset[str] | None] = {
    "status": None,  # an error response with `status`, `code`, `message`, `headers`
    "timeout": None,  # no response; the request has no effect
    "reset": None,  # the connection is reset; the request has no effect
    "lost_response": None,  # the request takes effect, then the connection is reset
    "cut": None,  # the body is shorter than content-length
    "stalled": None,  # half of the body, then no more data
    "garbage": None,  # 200 with a body that is not JSON
    "delay": None,  # the response is sent after `seconds`
    "not_a_list": LISTS,  # a JSON object instead of a list
    "empty_page": LISTS | OBJECTS,  # no items, and a token for the next page
    "repeated_token": LISTS | OBJECTS,  # the token of the next page is that of this page
    "repeated_events": EVENTS,  # the page ends with a repetition of the first `count` events of the window
    "late_events": EVENTS,  # the last `count` events of the page are not listed yet
    "listing_repeats": COMPARTMENTS,  # the first compartment is repeated at the end
    "listing_reordered": COMPARTMENTS,  # reverse order
    "listing_cycle": COMPARTMENTS,  # a compartment is listed as a child of its own child
    "subtree_refused": COMPARTMENTS,  # 404 for compartmentIdInSubtree=true
}
"""Kinds of faults, with the operations that they apply to; None stands for any operation."""

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
"""Default code and message of each status."""


@dataclass
class Fault:
    """One fault: its ``kind`` and details, and the calls that trigger it.

    ``service``, ``operation``, ``compartment``: the calls that match; None matches all. The first ``after`` matching calls succeed, the
    next ``times`` trigger the fault (None: all). ``seconds``: duration of a delay, and over HTTP of a timeout or a stalled body.
    ``hits``: number of calls that triggered it. Raises ValueError if the kind is unknown.
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
            raise ValueError(f"Unknown fault {self.kind!r}: expected one of {', '.join(sorted(KINDS))}.")
        code, message = CODES.get(self.status, ("Error", "Error"))
        self.code = self.code or code
        self.message = self.message or message

    def matches(self, service: str, operation: str, compartment: str | None) -> bool:
        """Reports whether the fault applies to a call."""
        operations = KINDS[self.kind]
        return (
            (operations is None or operation in operations)
            and self.service in (None, service)
            and self.operation in (None, operation)
            and self.compartment in (None, compartment)
        )

    def count_call(self) -> bool:
        """Counts one matching call, and reports whether it triggers the fault."""
        if self.times is not None and self.hits >= self.times:
            return False
        if self.after > 0:
            self.after -= 1
            return False
        self.hits += 1
        return True


class FaultDetails(TypedDict, total=False):
    """Keyword arguments of ``Faults.add``: fields of Fault."""

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
    """The faults of a world, in the order in which they were added."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def __iter__(self) -> Iterator[Fault]:
        return iter(self._faults)

    def add(self, kind: str, **details: Unpack[FaultDetails]) -> Fault:
        """Adds a fault and returns it. The details are fields of Fault."""
        fault = Fault(kind, **details)
        self._faults.append(fault)
        return fault

    def remove(self, fault: Fault) -> None:
        """Removes a fault."""
        self._faults.remove(fault)

    def clear(self) -> None:
        """Removes all faults."""
        self._faults.clear()

    def trigger(self, service: str, operation: str, compartment: str | None) -> dict[str, Fault]:
        """Counts a call, and returns the faults that it triggers, by kind."""
        return {fault.kind: fault for fault in self._faults if fault.matches(service, operation, compartment) and fault.count_call()}

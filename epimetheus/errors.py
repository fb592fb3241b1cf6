"""What can go wrong, whose fault it is, and what the operator does about it.

Every error here may be shown to anyone: in the platform's 502 body, in a log line, in a report. So no message holds a credential,
a header or a body; foreign exceptions are translated once, at the seam where they appear, and chained.
"""

from collections.abc import Sequence
from typing import ClassVar, Literal

Fault = Literal["configuration", "credentials", "OCI", "receiver", "state", "platform", "Epimetheus"]


class EpimetheusError(Exception):
    """The base of all of them: ``what`` happened (and to what), and what to ``do`` about it, each one sentence."""

    kind: ClassVar[str] = "error"
    fault: ClassVar[Fault] = "Epimetheus"

    def __init__(self, what: str, *, do: str) -> None:
        super().__init__(f"{what} {do}".strip())
        self.what = what
        self.do = do


class ConfigError(EpimetheusError):
    """Settings that can not be used; ``problems`` holds every mistake, each with key, value and what is allowed."""

    kind = "configuration"
    fault = "configuration"

    def __init__(self, problems: Sequence[str]) -> None:
        listed = "; ".join(problems).replace("?; ", "? ")  # a problem may end with a question: "Did you mean …?"
        end = "" if listed.endswith("?") else "."
        super().__init__(f"{len(problems)} mistake(s) in the configuration: {listed}{end}", do="Correct them and run again.")
        self.problems = tuple(problems)


class CredentialsError(EpimetheusError):
    """OCI did not accept who we are (401), or there was nothing to sign with."""

    kind = "credentials"
    fault = "credentials"


class ClockError(EpimetheusError):
    """The clock of this machine differs too much from OCI's for any window to be trusted; nothing was read."""

    kind = "clock"
    fault = "platform"


class RequestError(EpimetheusError):
    """The body of the call is none that Epimetheus knows, or asks for what the settings exclude."""

    kind = "request"
    fault = "configuration"


class SourceError(EpimetheusError):
    """OCI could not be read: Identity with no known compartments to fall back on, or Audit for every compartment."""

    kind = "source"
    fault = "OCI"


class CompartmentError(EpimetheusError):
    """One compartment could not be read to the end of its window; it stays behind, the others go on."""

    kind = "compartment"
    fault = "OCI"


class CompartmentMissing(CompartmentError):
    """404: there is no such compartment, or its events may not be read; OCI does not say which."""

    kind = "compartment_missing"


class PageTokenRejected(CompartmentError):
    """OCI rejected a page token (400); the window has to be read again from its beginning."""

    kind = "page_token_rejected"


class StateError(EpimetheusError):
    """The state could not be read or written; nothing was forwarded past it."""

    kind = "state"
    fault = "state"


class StateDamaged(StateError):
    """The state was read and is not whole; never mistaken for no state at all."""

    kind = "state_damaged"


class StateInFuture(StateError):
    """A time in the state has not come yet: reading on from there would send nothing, and look healthy."""

    kind = "state_in_future"


class StateForeign(StateError):
    """The state belongs to another tenancy or receiver; it must be adopted, or left alone."""

    kind = "state_foreign"


class StateMissing(StateError):
    """There is no state, and a marker shows that there was one: never mistaken for a first start."""

    kind = "state_missing"


class StateConflict(StateError):
    """Another run wrote the state since we read it; its word stands, ours is dropped."""

    kind = "state_conflict"


class ReceiverError(EpimetheusError):
    """The receiver could not be reached, or did not speak TLS; nothing was sent."""

    kind = "receiver"
    fault = "receiver"


class ReceiverUntrusted(ReceiverError):
    """TLS was refused: the receiver's certificate by us, or ours by the receiver."""

    kind = "receiver_untrusted"


class DeliveryUncertain(EpimetheusError):
    """What was written since the last confirmation may be lost; it is sent again by the next run."""

    kind = "delivery_uncertain"
    fault = "receiver"


class OutOfTime(EpimetheusError):
    """The platform gave too little time for even the smallest step."""

    kind = "out_of_time"
    fault = "platform"


class Interrupted(EpimetheusError):
    """A signal, or a mistake of ours, ended the run before its end; what was saved stands, and the lease is returned."""

    kind = "interrupted"
    fault = "platform"


class AccountingError(EpimetheusError):
    """fetched != forwarded + duplicates + left out: our own bug, so the run fails rather than guess."""

    kind = "accounting"
    fault = "Epimetheus"

"""The errors of Epimetheus: what failed, where the cause lies, and what the operator does.

Any error may be shown to anyone: in the platform's 502 response, a log line, a report. No message therefore contains a credential, a header
or a body. Errors of libraries are translated once, where they first appear, and chained.
"""

from collections.abc import Sequence
from typing import ClassVar, Literal

Fault = Literal["configuration", "credentials", "OCI", "receiver", "state", "platform", "Epimetheus"]


class EpimetheusError(Exception):
    """The base class. ``what`` states what failed and why, ``do`` what the operator does; both are full sentences.

    ``kind`` identifies the class in reports and logs; ``fault`` is the part of the system to fix.
    """

    kind: ClassVar[str] = "error"
    fault: ClassVar[Fault] = "Epimetheus"

    def __init__(self, what: str, *, do: str) -> None:
        super().__init__(f"{what} {do}".strip())
        self.what = what
        self.do = do


class ConfigError(EpimetheusError):
    """Raised if settings, RULES or FIELD_MAP are invalid; nothing is read or sent. The operator corrects each of the ``problems``.

    Each problem names the setting, its value, and what is accepted.
    """

    kind = "configuration"
    fault = "configuration"

    def __init__(self, problems: Sequence[str], *, do: str = "Correct the configuration and run again.") -> None:
        count = f"{len(problems)} configuration error{'' if len(problems) == 1 else 's'}"
        listed = "; ".join(problems).replace("?; ", "? ")  # a problem may end with a question: "Did you mean …?"
        end = "" if listed.endswith("?") else "."
        super().__init__(f"{count}: {listed}{end}", do=do)
        self.problems = tuple(problems)


class CredentialsError(EpimetheusError):
    """Raised if credentials cannot be loaded or renewed, or if OCI rejects a request signature (401).

    The operator checks the dynamic group (resource principal) or the key, user and clock (config file).
    """

    kind = "credentials"
    fault = "credentials"


class ClockError(EpimetheusError):
    """Raised if the local clock and OCI's differ too much to compute a window; nothing was read. The operator synchronizes the clock."""

    kind = "clock"
    fault = "platform"


class RequestError(EpimetheusError):
    """Raised if the body of a function call is invalid, or requests what the settings exclude. The caller corrects the body."""

    kind = "request"
    fault = "configuration"


class SourceError(EpimetheusError):
    """Raised if OCI cannot be read: Identity without known compartments to fall back on, Audit in every compartment, or a referenced value.

    The cursor does not move. The operator checks the policies, the region, and OCI's status.
    """

    kind = "source"
    fault = "OCI"


class CompartmentError(EpimetheusError):
    """Raised if one compartment cannot be read to the end of its window.

    The compartment falls behind and each run tries it again; other compartments continue. If this persists, the operator checks the policy.
    """

    kind = "compartment"
    fault = "OCI"


class CompartmentMissing(CompartmentError):
    """Raised if OCI returns 404: the compartment does not exist, or its events may not be read; OCI does not say which.

    The operator checks `read audit-events` for the compartment. A deleted compartment is given up after some hours.
    """

    kind = "compartment_missing"


class PageTokenRejected(CompartmentError):
    """Raised if OCI rejects a page token (400). The window is read again from its start; the operator does nothing."""

    kind = "page_token_rejected"


class StateError(EpimetheusError):
    """Raised if the state cannot be read or written; nothing after it was forwarded. The operator checks the bucket and its policy."""

    kind = "state"
    fault = "state"


class StateDamaged(StateError):
    """Raised if the stored state is incomplete or changed; it is never treated as missing. The operator restores it or sets the cursor."""

    kind = "state_damaged"


class StateUnrecognized(StateDamaged):
    """Raised if what is stored does not begin like a state, so it may be another file. No command replaces it.

    The operator checks the location. If a state was there, the operator restores it, or deletes what is stored and sets the cursor.
    """


class StateOutdated(StateDamaged):
    """Raised if an earlier version wrote the state, in a format that is no longer read. The operator adopts it."""

    kind = "state_outdated"


class StateInFuture(StateError):
    """Raised if a time in the state is in the future: continuing from there would send nothing and look healthy.

    The operator checks the host's clock, then sets the cursor.
    """

    kind = "state_in_future"


class StateForeign(StateError):
    """Raised if the state belongs to another tenancy or receiver. The operator adopts the state or configures another location."""

    kind = "state_foreign"


class StateMissing(StateError):
    """Raised if there is no state but a marker of an earlier one; this is never treated as a first start.

    The operator restores the state or sets the cursor.
    """

    kind = "state_missing"


class StateConflict(StateError):
    """Raised if another run has written the state since this run read it; this run's changes are dropped and its events sent again.

    If this recurs, the operator runs the schedule less often.
    """

    kind = "state_conflict"


class LedgerError(EpimetheusError):
    """Raised if entries of the ledger cannot be listed, read or written; the cursor does not move. The operator checks the bucket."""

    kind = "ledger"
    fault = "state"


class LedgerDamaged(LedgerError):
    """Raised if an entry of the ledger is incomplete or changed; it is never ignored. The operator restores or deletes the object."""

    kind = "ledger_damaged"


class SealDamaged(LedgerDamaged):
    """Raised if a stored seal is incomplete or changed. The operator finds out what changed it, and restores the object."""

    kind = "seal_damaged"


class ExportError(EpimetheusError):
    """Raised if a SIEM's export, or a folder with exported objects, cannot be read; nothing was verified. The operator exports it again."""

    kind = "export"
    fault = "configuration"


class ReceiverError(EpimetheusError):
    """Raised if the connection to the receiver fails, or the receiver rejects a message or violates the protocol.

    The operator checks the route, the port and the transport, then the receiver's log.
    """

    kind = "receiver"
    fault = "receiver"


class ReceiverUntrusted(ReceiverError):
    """Raised if TLS fails because one side rejects the other's certificate.

    The operator checks SYSLOG_CA and SYSLOG_SERVER_NAME, or the client certificate.
    """

    kind = "receiver_untrusted"


class DeliveryUncertain(EpimetheusError):
    """Raised if the connection breaks with unconfirmed messages, which may be lost; the next run sends them again.

    If this recurs, the operator checks the receiver's log.
    """

    kind = "delivery_uncertain"
    fault = "receiver"


class OutOfTime(EpimetheusError):
    """Raised at a deadline. If it ends a whole run, that had too little time for its smallest step: the operator raises the timeout."""

    kind = "out_of_time"
    fault = "platform"


class Interrupted(EpimetheusError):
    """Reported as a warning if a signal or a bug ends a run early: what was saved stays, and the lease is released if possible.

    The next run continues from there; the operator unlocks the state only if the lease could not be released.
    """

    kind = "interrupted"
    fault = "platform"


class AccountingError(EpimetheusError):
    """Raised if the fetched events are not the sum of forwarded, duplicate and filtered events, which is a bug. The cursor stays.

    The operator reports the log line to the project.
    """

    kind = "accounting"
    fault = "Epimetheus"

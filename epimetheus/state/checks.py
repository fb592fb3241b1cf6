"""Reasons not to use a state: it has a time in the future, belongs to another deployment, or existed once and is missing."""

from epimetheus.errors import StateForeign, StateInFuture, StateMissing
from epimetheus.model import minute_text, time_text
from epimetheus.state.marker import Marker
from epimetheus.state.model import CLOCK_TOLERANCE_SECONDS, State
from epimetheus.state.owner import Owner

_REWIND = "`epimetheus state rewind TIME`"


def check_times(state: State, name: str, now: float) -> None:
    """Raises StateInFuture if a time in ``state`` is later than ``now`` (seconds since the epoch) by more than the clock tolerance."""
    what, minute = state.latest()
    if minute * 60 <= now + CLOCK_TOLERANCE_SECONDS:
        return
    raise StateInFuture(
        f"The state in {name} is in the future: {what} is {minute_text(minute)}, but the current time is {time_text(now)}."
        " Nothing is forwarded.",
        do=f"Check the clock of this host. If it is correct, run {_REWIND} with the time to read from; later events are sent again.",
    )


def check_owner(state: State, name: str, owner: Owner) -> None:
    """Raises StateForeign if ``state`` belongs to another tenancy, receiver or ledger. One without an owner belongs to its first user."""
    problems = []
    if state.tenancy and state.tenancy != owner.tenancy:
        problems.append(f"it is for tenancy {state.tenancy}, but this deployment reads {owner.tenancy}")
    if state.receiver and state.receiver.fingerprint != owner.receiver.fingerprint:
        problems.append(f"it is for receiver {state.receiver.address}, but this deployment sends to {owner.receiver.address}")
    if not problems:
        _check_ledger(state, name, owner)
        return
    raise StateForeign(
        f"The state in {name} belongs to another deployment: {'; '.join(problems)}. Nothing is forwarded.",
        do="If SYSLOG_HOST, SYSLOG_PORT or TENANCY_OCID is mistyped, correct it. If both deployments are in use, set a separate"
        " STATE_PREFIX (or STATE_FILE) for this one. If this one replaces the other, run `epimetheus state adopt --reason TEXT`"
        " with its settings.",
    )


def _check_ledger(state: State, name: str, owner: Owner) -> None:
    """Raises StateForeign if the ledger of ``state`` is elsewhere: reconciliation would send all events of the last days again."""
    if not (state.ledger and owner.ledger) or state.ledger == owner.ledger:
        return
    raise StateForeign(
        f"The state in {name} belongs to the ledger in {state.ledger}, but LEDGER_BUCKET (by default STATE_BUCKET) and STATE_PREFIX lead to"
        f" {owner.ledger}. Nothing is forwarded.",
        do="If one of them is mistyped, correct it. If the ledger moves, copy its objects, and run `epimetheus state adopt --reason TEXT`"
        " with the new settings. Events whose entries are not copied are sent again.",
    )


def missing_state(name: str, marker: Marker, marker_name: str) -> StateMissing:
    """The error for a state that is absent from ``name`` although the complete ``marker`` in ``marker_name`` proves that it existed."""
    moved = "" if marker.state == name else f" At that time, the state was in {marker.state}."
    return StateMissing(
        f"There is no state in {name}, but {marker_name} records that forwarding began on {marker.at}.{moved} Nothing is forwarded.",
        do=f"Restore the state, or set STATE_PREFIX or STATE_FILE to its location. If it is lost, run {_REWIND} with the time to read from,"
        " or `epimetheus state reset` to start INITIAL_LOOKBACK_HOURS back.",
    )

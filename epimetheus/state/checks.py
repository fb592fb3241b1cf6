"""What is wrong with a state that was read whole: it is from the future, another deployment's, or missing after it had been there."""

from epimetheus.errors import StateForeign, StateInFuture, StateMissing
from epimetheus.model import minute_text, time_text
from epimetheus.state.marker import Marker
from epimetheus.state.model import CLOCK_TOLERANCE_SECONDS, State
from epimetheus.state.owner import Owner

_REWIND = "`python -m epimetheus state rewind TIME`"


def refuse_future(state: State, name: str, now: float) -> None:
    """Raises StateInFuture where a time of ``state`` is after ``now`` (seconds since the epoch) by more than clocks differ."""
    what, minute = state.latest()
    if minute * 60 <= now + CLOCK_TOLERANCE_SECONDS:
        return
    raise StateInFuture(
        f"The state in {name} is in the future: {what} is at {minute_text(minute)}, and it is {time_text(now)}. Nothing is forwarded.",
        do=f"Check the clock of this host. If it is right, run {_REWIND} with the time to read from; events since then are sent again.",
    )


def refuse_foreign(state: State, name: str, owner: Owner) -> None:
    """Raises StateForeign where ``state`` belongs to another tenancy or receiver. One that names none yet belongs to whichever is first."""
    problems = []
    if state.tenancy and state.tenancy != owner.tenancy:
        problems.append(f"it is for tenancy {state.tenancy}, and this deployment reads {owner.tenancy}")
    if state.receiver and state.receiver.fingerprint != owner.receiver.fingerprint:
        problems.append(f"it is for receiver {state.receiver.address}, and this deployment sends to {owner.receiver.address}")
    if not problems:
        return
    raise StateForeign(
        f"The state in {name} belongs to another deployment: {'; '.join(problems)}. Nothing is forwarded.",
        do="If both deployments are in use, give this one its own STATE_PREFIX (or STATE_FILE). If this one replaces the other, run"
        " `python -m epimetheus state adopt --reason TEXT` with its settings.",
    )


def missing(name: str, marker: Marker, place: str) -> StateMissing:
    """The error for a state that is not in ``name``, while a complete ``marker`` in ``place`` shows that it was written before."""
    elsewhere = "" if marker.state == name else f" Then, the state was in {marker.state}."
    return StateMissing(
        f"There is no state in {name}, but {place} records that forwarding began on {marker.at}.{elsewhere} Nothing is forwarded.",
        do=f"Restore the state, or set STATE_PREFIX or STATE_FILE to where it is. If it is lost, run {_REWIND} with the time to read from,"
        " or `python -m epimetheus state reset` to begin INITIAL_LOOKBACK_HOURS back.",
    )

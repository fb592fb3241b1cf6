"""Audit: ListEvents."""

from dataclasses import dataclass

from epimetheus.testing.oci.call import Call
from epimetheus.testing.oci.errors import InvalidParameter
from epimetheus.testing.oci.models.audit import Key
from epimetheus.testing.oci.responses import paging
from epimetheus.testing.oci.wire import Answer, parse_time


@dataclass(frozen=True)
class _Window:
    where: tuple[str, str]
    times: tuple[float, float]
    now: float


def list_events(call: Call) -> Answer:
    """GET /auditEvents: events whose processed time is in [startTime, endTime)."""
    compartment = call.required("compartmentId")
    window = _Window((call.request.region, compartment), _times(call), call.world.now())
    call.world.compartments.readable(compartment)
    here = paging.position(call)
    after: Key | None = (here[0], int(here[1])) if here else None
    found = call.world.audit.select(window.where, window.times, after, call.world.page_size, window.now)
    return paging.answer(call, _troubled(call, found.rows, window), here, found.last)


def _times(call: Call) -> tuple[float, float]:
    start, end = _time(call, "startTime"), _time(call, "endTime")
    if start >= end:
        raise InvalidParameter("startTime must be before endTime")
    return start, end


def _time(call: Call, name: str) -> float:
    text = call.required(name)
    try:
        seconds = parse_time(text)
    except ValueError:
        raise InvalidParameter(f"{name} is not an RFC 3339 time: {text}") from None
    if seconds % 60:
        raise InvalidParameter(f"{name} must have whole minutes, seconds set to 0: {text}")
    return seconds


def _troubled(call: Call, rows: list[bytes], window: _Window) -> list[bytes]:
    late, again = call.faults.get("late_events"), call.faults.get("repeated_events")
    if late is not None:
        rows = rows[: max(0, len(rows) - late.count)]
    if again is not None:
        rows = rows + call.world.audit.select(window.where, window.times, None, again.count, window.now).rows
    return rows

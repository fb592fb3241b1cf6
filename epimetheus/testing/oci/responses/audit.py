"""Audit: ListEvents."""

from dataclasses import dataclass

from epimetheus.testing.oci.call import Call
from epimetheus.testing.oci.errors import InvalidParameter
from epimetheus.testing.oci.models.audit import Key
from epimetheus.testing.oci.responses import paging
from epimetheus.testing.oci.wire import Response, parse_rfc3339


@dataclass(frozen=True)
class _Window:
    where: tuple[str, str]
    times: tuple[float, float]
    now: float


def list_events(call: Call) -> Response:
    """GET /auditEvents: events with a processed time in [startTime, endTime)."""
    compartment = call.required("compartmentId")
    window = _Window((call.request.region, compartment), _times(call), call.world.now())
    call.world.compartments.readable(compartment)
    position = paging.position(call)
    after: Key | None = (position[0], int(position[1])) if position else None
    found = call.world.audit.select(window.where, window.times, after, call.world.page_size, window.now)
    return paging.page(call, _with_faults(call, found.rows, window), position, found.last)


def _times(call: Call) -> tuple[float, float]:
    start, end = _time(call, "startTime"), _time(call, "endTime")
    if start >= end:
        raise InvalidParameter("startTime must be before endTime")
    return start, end


def _time(call: Call, name: str) -> float:
    text = call.required(name)
    try:
        seconds = parse_rfc3339(text)
    except ValueError:
        raise InvalidParameter(f"{name} is not an RFC 3339 time: {text}") from None
    if seconds % 60:
        raise InvalidParameter(f"{name} must have whole minutes, seconds set to 0: {text}")
    return seconds


def _with_faults(call: Call, rows: list[bytes], window: _Window) -> list[bytes]:
    late, repeated = call.faults.get("late_events"), call.faults.get("repeated_events")
    if late is not None:
        rows = rows[: max(0, len(rows) - late.count)]
    if repeated is not None:
        rows = rows + call.world.audit.select(window.where, window.times, None, repeated.count, window.now).rows
    return rows

"""Logging search: what was logged between two times; the query itself is not understood, only required."""

from typing import Any

from epimetheus.testing.oci.call import Call
from epimetheus.testing.oci.errors import InvalidParameter, MissingParameter
from epimetheus.testing.oci.responses.bodies import json_object
from epimetheus.testing.oci.wire import Answer, json_answer, parse_time

LONGEST_SECONDS = 14 * 86400
MOST_ROWS = 1000


def search_logs(call: Call) -> Answer:
    """POST /search."""
    details = json_object(call)
    if not details.get("searchQuery"):
        raise MissingParameter("searchQuery")
    start, end = _time(details, "timeStart"), _time(details, "timeEnd")
    if not 0 < end - start <= LONGEST_SECONDS:
        raise InvalidParameter("timeEnd must be after timeStart, by 14 days at most")
    entries = [entry for at, entry in sorted(call.world.logs, key=lambda log: log[0]) if start <= at < end][:MOST_ROWS]
    results = [{"data": entry} for entry in entries]
    return json_answer({"results": results, "fields": [], "summary": {"resultCount": len(results), "fieldCount": 0}})


def _time(details: dict[str, Any], name: str) -> float:
    if not details.get(name):
        raise MissingParameter(name)
    try:
        return parse_time(details[name])
    except (TypeError, ValueError):
        raise InvalidParameter(f"{name} is not an RFC 3339 time") from None

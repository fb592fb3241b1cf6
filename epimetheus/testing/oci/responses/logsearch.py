"""Logging search: the entries between two times in the logs that the query names.

Supported queries: ``search "COMPARTMENT[/GROUP[/LOG]]", … | where PATH = 'TEXT' or … | sort by datetime [asc|desc]``, with
``*`` in TEXT as a wildcard (https://docs.oracle.com/en-us/iaas/Content/Logging/Reference/query_language_specification.htm). A compartment
includes its own logs, not those of its children. An unknown compartment is a 404; an unknown log is empty.
"""

import re
import uuid
from collections.abc import Callable
from typing import Any

from epimetheus.testing.oci import page_tokens
from epimetheus.testing.oci.call import Call
from epimetheus.testing.oci.errors import InvalidParameter, MissingParameter, UnknownRequest
from epimetheus.testing.oci.models import World
from epimetheus.testing.oci.models.compartments import ocid
from epimetheus.testing.oci.responses.bodies import json_object
from epimetheus.testing.oci.responses.paging import page_size
from epimetheus.testing.oci.wire import Response, format_time, json_response, parse_rfc3339

MAX_SECONDS = 14 * 86400
FUNCTION_LOG = "com.oraclecloud.functions.application.functioninvoke"

_KNOWN = {"searchQuery", "timeStart", "timeEnd", "isReturnFieldInfo"}
_STREAM = r'"[^"|]*"'
_EQUALS = r"[a-z]+(?:\.\w+)*\s*=\s*'[^']*'"
_QUERY = re.compile(
    rf"\s*search\s+(?P<streams>{_STREAM}(?:[\s,]+{_STREAM})*)"
    rf"(?:\s*\|\s*(?:where\s+)?(?P<where>{_EQUALS}(?:\s+or\s+{_EQUALS})*))?"
    r"(?:\s*\|\s*sort\s+by\s+datetime(?:\s+(?P<order>asc|desc))?)?\s*"
)
_PATH = re.compile(r"ocid1\.(?:compartment|tenancy)\.[^/\s]+(?:/[^/]+){0,2}")
_LEVELS = ("compartmentid", "loggroupid", "logid")
Content = dict[str, Any]


def search_logs(call: Call) -> Response:
    """POST /search."""
    details = json_object(call)
    query, start, end = _parsed(details), _time(details, "timeStart"), _time(details, "timeEnd")
    if not 0 < end - start <= MAX_SECONDS:
        raise InvalidParameter("timeEnd must be after timeStart by at most 14 days")
    streams = [_stream(call.world, text) for text in re.findall(r'"([^"]*)"', query["streams"])]
    matches = _where(query["where"] or "")
    contents = [(at, _content(call.world, at, number, entry)) for number, (at, entry) in enumerate(call.world.logs) if start <= at < end]
    found = [(at, content) for at, content in contents if matches(content) and any(_within(content, stream) for stream in streams)]
    found.sort(key=lambda one: one[0], reverse=query["order"] == "desc")
    return _page(call, details, [{"datetime": int(at * 1000), "logContent": content} for at, content in found])


def _page(call: Call, details: dict[str, Any], rows: list[Content]) -> Response:
    bound = {**call.query, **{name: str(details[name]) for name in ("searchQuery", "timeStart", "timeEnd")}}
    begin = int((*page_tokens.parse(call.operation, bound), 0)[0])
    after = begin + page_size(call)
    results = [{"data": row} for row in rows[begin:after]]
    headers = {"opc-next-page": page_tokens.create(call.operation, bound, (after,))} if after < len(rows) else {}
    summary = {"resultCount": len(results), "fieldCount": 0}
    return json_response({"results": results, "fields": [], "summary": summary}, headers=headers)


def _parsed(details: dict[str, Any]) -> re.Match[str]:
    if unknown := set(details) - _KNOWN:
        raise UnknownRequest(f"SearchLogs is not implemented with {', '.join(sorted(unknown))}")
    if details.get("isReturnFieldInfo"):
        raise UnknownRequest("SearchLogs is not implemented with isReturnFieldInfo")
    if not details.get("searchQuery"):
        raise MissingParameter("searchQuery")
    query = _QUERY.fullmatch(str(details["searchQuery"]))
    if query is None:
        raise UnknownRequest(f"SearchLogs is not implemented for the query {details['searchQuery']}")
    return query


def _stream(world: World, text: str) -> list[str]:
    if not _PATH.fullmatch(text):
        raise InvalidParameter(f"The log stream {text} is not COMPARTMENT_OCID[/LOG_GROUP[/LOG]]")
    parts = text.split("/")
    return [world.compartments.readable(parts[0]).id, *parts[1:]]


def _within(content: Content, stream: list[str]) -> bool:
    return stream == [content["oracle"][level] for level in _LEVELS[: len(stream)]]


def _where(text: str) -> Callable[[Content], bool]:
    tests = []
    for path, pattern in re.findall(r"([\w.]+)\s*=\s*'([^']*)'", text):
        tests.append((path.split("."), re.compile(".*".join(map(re.escape, pattern.split("*"))), re.DOTALL)))
    return lambda content: not tests or any(pattern.fullmatch(_text_at(content, path)) for path, pattern in tests)


def _text_at(content: Any, path: list[str]) -> str:
    for name in path:
        content = content.get(name) if isinstance(content, dict) else None
    return content if isinstance(content, str) else ""


def _content(world: World, at: float, number: int, entry: dict[str, Any]) -> Content:
    """Returns an entry as Logging stores it. One without ``data`` is a line of the function in the log of its application, in the root."""
    given = entry if isinstance(entry.get("data"), dict) else {"data": entry}
    places = {"compartmentid": world.tenancy, "loggroupid": ocid("loggroup", "epimetheus"), "logid": ocid("log", "epimetheus")}
    return {
        "id": str(uuid.uuid5(uuid.NAMESPACE_OID, f"{at}/{number}")),
        "source": "epimetheus",
        "specversion": "1.0",
        "subject": "epimetheus",
        "time": format_time(at),
        "type": FUNCTION_LOG,
        **given,
        "oracle": {**places, "tenantid": world.tenancy, "ingestedtime": format_time(at + 5), **given.get("oracle", {})},
    }


def _time(details: dict[str, Any], name: str) -> float:
    if not details.get(name):
        raise MissingParameter(name)
    try:
        return parse_rfc3339(details[name])
    except (TypeError, ValueError):
        raise InvalidParameter(f"{name} is not an RFC 3339 time") from None

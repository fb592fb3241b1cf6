"""Monitoring: PostMetricData."""

import re
from typing import Any

from epimetheus.testing.oci.call import Call
from epimetheus.testing.oci.errors import InvalidParameter
from epimetheus.testing.oci.responses.bodies import json_object
from epimetheus.testing.oci.wire import Response, json_response, parse_rfc3339

MAX_STREAMS = 50
OLDEST_SECONDS = 2 * 3600
NEWEST_SECONDS = 600
_NAMESPACE = re.compile(r"(?!oci_|oracle_)[A-Za-z][A-Za-z0-9_]*")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.\-$]*")


def post_metric_data(call: Call) -> Response:
    """POST /metrics: stores all streams, or none if one is invalid."""
    streams = json_object(call).get("metricData")
    if not isinstance(streams, list) or not 1 <= len(streams) <= MAX_STREAMS:
        raise InvalidParameter(f"metricData must contain 1 to {MAX_STREAMS} metric streams")
    for stream in streams:
        _check(stream, call.world.now())
        call.world.compartments.readable(stream.get("compartmentId"))
    call.world.metrics.extend(streams)
    return json_response({"failedMetricsCount": 0, "failedMetrics": []})


def _check(stream: dict[str, Any], now: float) -> None:
    namespace, name, dimensions = stream.get("namespace") or "", stream.get("name") or "", stream.get("dimensions") or {}
    if not _NAMESPACE.fullmatch(namespace):
        raise InvalidParameter(f"namespace {namespace!r} is not valid")
    if not _NAME.fullmatch(name):
        raise InvalidParameter(f"metric name {name!r} is not valid")
    if not 1 <= len(dimensions) <= 20 or not all(isinstance(value, str) and value for value in dimensions.values()):
        raise InvalidParameter("dimensions must contain 1 to 20 names with nonempty values")
    points = stream.get("datapoints") or []
    if not points:
        raise InvalidParameter("datapoints must not be empty")
    for point in points:
        _check_point(point, now)


def _check_point(point: dict[str, Any], now: float) -> None:
    if isinstance(point.get("value"), bool) or not isinstance(point.get("value"), int | float):
        raise InvalidParameter("a datapoint must have a numeric value")
    try:
        age = now - parse_rfc3339(point.get("timestamp") or "")
    except ValueError:
        raise InvalidParameter("a datapoint must have an RFC 3339 timestamp") from None
    if not -NEWEST_SECONDS <= age <= OLDEST_SECONDS:
        raise InvalidParameter("the timestamp of a datapoint must be from 2 hours before to 10 minutes after now")

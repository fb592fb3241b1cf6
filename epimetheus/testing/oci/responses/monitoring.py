"""Monitoring: PostMetricData."""

import re
from typing import Any

from epimetheus.testing.oci.call import Call
from epimetheus.testing.oci.errors import InvalidParameter
from epimetheus.testing.oci.responses.bodies import json_object
from epimetheus.testing.oci.wire import Answer, json_answer, parse_time

MOST_STREAMS = 50
OLDEST_SECONDS = 2 * 3600
NEWEST_SECONDS = 600
_NAMESPACE = re.compile(r"(?!oci_|oracle_)[A-Za-z][A-Za-z0-9_]*")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.\-$]*")


def post_metric_data(call: Call) -> Answer:
    """POST /metrics: all streams are stored, or none."""
    streams = json_object(call).get("metricData")
    if not isinstance(streams, list) or not 1 <= len(streams) <= MOST_STREAMS:
        raise InvalidParameter(f"metricData must hold 1 to {MOST_STREAMS} metric streams")
    for stream in streams:
        _check(stream, call.world.now())
        call.world.compartments.readable(stream.get("compartmentId"))
    call.world.metrics.extend(streams)
    return json_answer({"failedMetricsCount": 0, "failedMetrics": []})


def _check(stream: dict[str, Any], now: float) -> None:
    namespace, name, dimensions = stream.get("namespace") or "", stream.get("name") or "", stream.get("dimensions") or {}
    if not _NAMESPACE.fullmatch(namespace):
        raise InvalidParameter(f"namespace {namespace!r} is not valid")
    if not _NAME.fullmatch(name):
        raise InvalidParameter(f"metric name {name!r} is not valid")
    if not 1 <= len(dimensions) <= 20 or not all(isinstance(value, str) and value for value in dimensions.values()):
        raise InvalidParameter("dimensions must hold 1 to 20 names with values that are not empty")
    points = stream.get("datapoints") or []
    if not points:
        raise InvalidParameter("datapoints must not be empty")
    for point in points:
        _check_point(point, now)


def _check_point(point: dict[str, Any], now: float) -> None:
    if isinstance(point.get("value"), bool) or not isinstance(point.get("value"), int | float):
        raise InvalidParameter("a datapoint needs a value")
    try:
        age = now - parse_time(point.get("timestamp") or "")
    except ValueError:
        raise InvalidParameter("a datapoint needs an RFC 3339 timestamp") from None
    if not -NEWEST_SECONDS <= age <= OLDEST_SECONDS:
        raise InvalidParameter("a datapoint's timestamp must be within 2 hours before and 10 minutes after now")

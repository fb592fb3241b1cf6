"""Finds the audit events in JSON text, in every form in which people have them, and returns each in the form of the Audit API.

The forms: the Audit API and its SDKs (``eventType``, ``event_type``, ``EventType``), the OCI CLI (``event-type`` in ``data``), OCI Logging
(``type`` and ``data``) in search results, Console exports, and batches of Connector Hub, also base64 in messages of Streaming. Values
are never decoded, so that numbers and texts stay as they are. What is no audit event is an error, because it would be counted as one.
"""

import base64
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import NamedTuple

from epimetheus.cli.json_values import NotJson, compact, decode_text, elements, members, split_values

ACCEPTED = "use JSON events from the Audit API, the OCI CLI or an SDK, Logging search, or Connector Hub"

_MAX_DEPTH = 8
_MAX_KEYS, _MAX_KEY_LENGTH = 5, 40
_LIST, _OBJECT, _STRING = b"[", b"{", b'"'
_WRAPPERS = ("logcontent", "data", "results", "items", "auditevents")  # keys without case, hyphens and underscores; the innermost first
_STREAMING = {"stream", "partition", "value"}
_AUDIT_DATA = {"eventName", "identity", "eventGroupingId"}  # at least one is in every audit event of Logging, and in no other log
_LOGGING_NAMES = {"type": "eventType", "source": "source", "id": "eventId", "time": "eventTime", "dataschema": "eventTypeVersion"}
_CONSTANT = {"cloudEventsVersion": b'"0.1"', "contentType": b'"application/json"'}  # the Audit API's values, which Logging omits
_TIMES = {"eventTime", "responseTime"}


class NotAnEvent(ValueError):
    """A part of the text is not an audit event. The text says where, what it is instead, and what is accepted."""


class _Shape(NamedTuple):
    """The names of an object in the order of the Audit API; ``nested`` objects have names that are translated, too."""

    names: tuple[str, ...]
    nested: Mapping[str, "_Shape"]


_IDENTITY = _Shape(
    (
        "principalName", "principalId", "authType", "callerName", "callerId", "tenantId", "ipAddress", "credentials", "userAgent",
        "consoleSessionId",
    ), {},
)  # fmt: skip
_REQUEST = _Shape(("id", "path", "action", "parameters", "headers"), {})
_RESPONSE = _Shape(("status", "responseTime", "headers", "payload", "message"), {})
_DATA = _Shape(
    (
        "eventGroupingId", "eventName", "compartmentId", "compartmentName", "resourceName", "resourceId", "availabilityDomain",
        "freeformTags", "definedTags", "identity", "request", "response", "stateChange", "additionalDetails", "internalDetails", "message",
    ),
    {"identity": _IDENTITY, "request": _REQUEST, "response": _RESPONSE, "stateChange": _Shape(("previous", "current"), {})},
)  # fmt: skip
_EVENT = _Shape(
    ("eventType", "cloudEventsVersion", "eventTypeVersion", "source", "eventId", "eventTime", "contentType", "data"), {"data": _DATA}
)


def find_events(text: bytes) -> Iterator[bytes]:
    """The events in ``text`` (UTF-8), in order, each as compact JSON in the form of the Audit API. Raises NotAnEvent.

    An event may be malformed: it is one if it has an event type.
    """
    line, counted = 1, 0
    try:
        for offset, value in split_values(text):
            line, counted = line + text.count(b"\n", counted, offset), offset
            yield from map(compact, _events(value, f"line {line}", 0))
    except NotJson as error:
        raise NotAnEvent(_not_json(text, error)) from None


def _events(value: bytes, where: str, depth: int) -> Iterator[bytes]:
    """The events in one JSON value; ``where`` locates it in errors."""
    if depth > _MAX_DEPTH:
        raise NotAnEvent(f"{where} is not an audit event: it is nested too deeply; {ACCEPTED}")
    if value.startswith(_LIST):
        for number, element in enumerate(elements(value), 1):
            yield from _events(element, f"{where}, item {number}", depth + 1)
        return
    if not value.startswith(_OBJECT):
        raise NotAnEvent(f"{where} is not an audit event: it is {_kind(value)}; {ACCEPTED}")
    try:
        found = members(value)
    except NotJson:
        raise NotAnEvent(f"{where} is not valid JSON; {ACCEPTED}") from None
    if "eventType" in found:
        yield value
    elif "eventtype" in map(_folded, found):
        yield _translated(found, _EVENT)
    elif {"type", "data"} <= found.keys():
        yield _from_logging(found, where)
    else:
        yield from _wrapped(found, where, depth)


def _wrapped(found: Mapping[str, bytes], where: str, depth: int) -> Iterator[bytes]:
    """The events in the object of a tool that wraps them."""
    if found.keys() >= _STREAMING:
        yield from _events(_streaming_value(found["value"], where), f"{where}, value", depth + 1)
        return
    keys = {_folded(key): key for key in found}
    for wrapper in _WRAPPERS:
        key = keys.get(wrapper)
        if key is None:
            continue
        value = found[key]
        if wrapper == "logcontent" and value.startswith(_STRING):
            value = (decode_text(value) or "").encode("utf-8", "replace").strip()
        if value.startswith((_LIST, _OBJECT)):
            yield from _events(value, f"{where}, {key}", depth + 1)
            return
    raise NotAnEvent(f"{where} is not an audit event: it is {_kind_of_object(found)}; {ACCEPTED}")


def _from_logging(found: Mapping[str, bytes], where: str) -> bytes:
    """An audit event of OCI Logging."""
    data = _object(found["data"])
    if data is None or not data.keys() & _AUDIT_DATA:
        raise NotAnEvent(f"{where} is not an audit event: it is an entry of another log; search the log group _Audit")
    compartment = (_object(found.get("oracle", b"")) or {}).get("compartmentid")
    if compartment is not None and data.get("compartmentId", b"null") == b"null":
        data["compartmentId"] = compartment
    event = {name: found[key] for key, name in _LOGGING_NAMES.items() if key in found}
    return _translated({**_CONSTANT, **event, "data": _joined(data)}, _EVENT)


def _translated(found: Mapping[str, bytes], shape: _Shape) -> bytes:
    """The object with the names of the Audit API, in its order. Other members follow as they are."""
    keys = {_folded(key): key for key in found}
    known = {name: keys.pop(name.lower()) for name in shape.names if name.lower() in keys}
    result = {name: _translated_value(found[key], name, shape.nested.get(name)) for name, key in known.items()}
    return _joined(result | {key: found[key] for key in keys.values()})


def _translated_value(value: bytes, name: str, shape: _Shape | None) -> bytes:
    if name in _TIMES:
        return _api_time(value)
    inner = _object(value) if shape else None
    return value if shape is None or inner is None else _translated(inner, shape)


def _api_time(value: bytes) -> bytes:
    """A time as the Audit API writes it (UTC, milliseconds): SDKs and the CLI write an offset and microseconds."""
    text = decode_text(value)
    if text is None or text.endswith("Z"):
        return value
    try:
        time = datetime.fromisoformat(text)
        time = time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return value
    precision = "microseconds" if time.microsecond % 1000 else "milliseconds"
    return json.dumps(time.isoformat(timespec=precision).replace("+00:00", "Z")).encode()


def _streaming_value(value: bytes, where: str) -> bytes:
    """The log entry, or the list of log entries, in a message of Streaming."""
    try:
        return base64.b64decode(decode_text(value) or "", validate=True).strip()
    except ValueError:
        raise NotAnEvent(f"{where}, value is not base64; use the messages of Streaming as its API returns them") from None


def _object(value: bytes) -> dict[str, bytes] | None:
    try:
        return members(value) if value.startswith(_OBJECT) else None
    except NotJson:
        return None


def _joined(found: Mapping[str, bytes]) -> bytes:
    return b"{" + b",".join(json.dumps(key).encode() + b":" + value for key, value in found.items()) + b"}"


def _folded(key: str) -> str:
    return key.replace("-", "").replace("_", "").lower()


def _not_json(text: bytes, error: NotJson) -> str:
    line = text.count(b"\n", 0, error.offset) + 1
    where = f"line {line}"
    if error.truncated:
        return f"{where} starts a JSON value that does not end; the file is truncated, or a quote or bracket is missing"
    return f"{where} is not JSON: it is {_kind_of_text(text[error.offset : error.offset + 100])}; {ACCEPTED}"


def _kind_of_text(text: bytes) -> str:
    """What a text looks like, never quoted: it may be a secret."""
    if text.startswith(b"<") and text[1:2].isdigit():
        return "a syslog message, not the event it was made from"
    if text.startswith(b"+-"):
        return "a table of the OCI CLI, which also prints JSON with --output json"
    if text.startswith(b"<"):
        return "HTML or XML"
    return "text; a message of the OCI CLI before the events has to be removed" if text[:1].isalpha() else "text"


def _kind_of_object(found: Mapping[str, bytes]) -> str:
    if not found:
        return "an empty object"
    if {"code", "message"} <= found.keys():
        return "an error response of OCI"
    keys = [key[:_MAX_KEY_LENGTH] for key in found][:_MAX_KEYS]
    more = f", and {len(found) - len(keys)} more" if len(found) > len(keys) else ""
    return f"an object with {'the key' if len(found) == 1 else 'the keys'} {', '.join(keys)}{more}"


def _kind(value: bytes) -> str:
    return "a string" if value.startswith(_STRING) else "null" if value == b"null" else "not an object"

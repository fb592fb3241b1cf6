"""What an event says, as bytes that are the same for both of its forms: that of the Audit API, and that of Logging and Connector Hub.

    ["<id>", "<type>", <seconds>, {"additionalDetails": …, "eventName": …, "identity": {…}, "request": {…}, …}, "<message>"]

JSON without blanks, with the members of every object in order. The forms differ in the names and the order of the envelope's members. In
``data``, Logging has no ``resourceName`` (its ``source`` is that name), and adds members of its own; so only the members below count: who
did what to what, with which result. A member that is null counts as absent. Headers are left out: they are half of the text, and say
nothing else about the call. ``data.message`` is null here if it is OCI's sentence about the result, which the API may lack.
`docs/decisions/0019-keys-of-both-forms.md` has the reasons.
"""

from typing import Any

import msgspec

from epimetheus.model import Fetched, parse_seconds


class _Part(msgspec.Struct, gc=False, rename="camel", omit_defaults=True):
    """A part of an event. A member that `epimetheus.model` decodes has the type that it has there, and any other member has any type."""


class _Identity(_Part, gc=False, rename="camel", omit_defaults=True):
    principal_name: str | None = None
    principal_id: str | None = None
    auth_type: str | None = None
    caller_name: str | None = None
    caller_id: str | None = None
    tenant_id: str | None = None
    ip_address: str | None = None
    credentials: Any = None
    user_agent: str | None = None
    console_session_id: str | None = None


class _Request(_Part, gc=False, rename="camel", omit_defaults=True):
    id: str | None = None
    path: str | None = None
    action: str | None = None
    parameters: Any = None


class _Response(_Part, gc=False, rename="camel", omit_defaults=True):
    status: str | int | None = None
    response_time: str | None = None
    message: str | None = None
    payload: Any = None


class _StateChange(_Part, gc=False, rename="camel", omit_defaults=True):
    previous: Any = None
    current: Any = None


class _Data(_Part, gc=False, rename="camel", omit_defaults=True):
    """The members from ``compartment_id`` on are decoded to check their types, and are not in the content."""

    event_name: str | None = None
    event_grouping_id: str | None = None
    resource_id: str | None = None
    identity: _Identity | None = None
    request: _Request | None = None
    response: _Response | None = None
    state_change: _StateChange | None = None
    additional_details: Any = None
    compartment_id: str | None = None
    compartment_name: str | None = None
    resource_name: str | None = None
    message: str | None = None


class _Event(msgspec.Struct, gc=False):
    data: _Data


class _ApiEvent(msgspec.Struct, gc=False, rename="camel"):
    """An event in the form of the Audit API. What decodes into it decodes into `epimetheus.model.AuditEvent`."""

    event_type: str
    data: _Data
    event_id: str | None = None
    event_time: str | None = None
    event_type_version: str | None = None
    source: str | None = None


_NOT_COMPARABLE = (ValueError, OverflowError, RecursionError)  # such as a number or a depth that only this decoder rejects
_decode = msgspec.json.Decoder(_Event).decode
_decode_api_event = msgspec.json.Decoder(_ApiEvent).decode
_encode = msgspec.json.Encoder(order="sorted").encode


def content(fetched: Fetched) -> bytes:
    """What the event says. For an event that cannot be decoded, its text, which differs between the forms."""
    event = fetched.event
    if event is not None:
        try:
            return _content(event.event_id, event.event_type, event.event_time, _decode(fetched.raw).data)
        except _NOT_COMPARABLE:
            pass
    return b"text " + bytes(fetched.raw)


def content_of_text(raw: bytes | msgspec.Raw) -> bytes | None:
    """The `content` of an event in the form of the Audit API, without decoding it twice. None for any other text."""
    try:
        event = _decode_api_event(raw)
        return _content(event.event_id, event.event_type, event.event_time, event.data)
    except _NOT_COMPARABLE:
        return None


def _content(event_id: str | None, event_type: str, time: str | None, data: _Data) -> bytes:
    message = _message(data)
    data.compartment_id = data.compartment_name = data.resource_name = data.message = None
    return _encode((event_id, event_type, parse_seconds(time or "") or time, data, message))


def _message(data: _Data) -> str | None:
    """The message, unless it only says that the call ``succeeded`` or ``failed``, as ``web-1 GetInstance succeeded``."""
    message, name = data.message, data.event_name
    if not message or (name and (f"{name} succeeded" in message or f"{name} failed" in message)):
        return None
    return message

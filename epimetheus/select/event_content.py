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

from epimetheus.model import Data, Fetched, parse_seconds


class _Part(msgspec.Struct, frozen=True, gc=False, rename="camel", omit_defaults=True):
    """A part of an event, with values of any type: an event that was decoded before must not fail here."""


class _Identity(_Part, frozen=True, gc=False, rename="camel", omit_defaults=True):
    principal_name: Any = None
    principal_id: Any = None
    auth_type: Any = None
    caller_name: Any = None
    caller_id: Any = None
    tenant_id: Any = None
    ip_address: Any = None
    credentials: Any = None
    user_agent: Any = None
    console_session_id: Any = None


class _Request(_Part, frozen=True, gc=False, rename="camel", omit_defaults=True):
    id: Any = None
    path: Any = None
    action: Any = None
    parameters: Any = None


class _Response(_Part, frozen=True, gc=False, rename="camel", omit_defaults=True):
    status: Any = None
    response_time: Any = None
    message: Any = None
    payload: Any = None


class _StateChange(_Part, frozen=True, gc=False, rename="camel", omit_defaults=True):
    previous: Any = None
    current: Any = None


class _Data(_Part, frozen=True, gc=False, rename="camel", omit_defaults=True):
    event_name: Any = None
    event_grouping_id: Any = None
    resource_id: Any = None
    identity: _Identity | None = None
    request: _Request | None = None
    response: _Response | None = None
    state_change: _StateChange | None = None
    additional_details: Any = None


class _Event(msgspec.Struct, frozen=True, gc=False):
    data: _Data


_NOT_COMPARABLE = (ValueError, OverflowError, RecursionError)  # such as a number or a depth that only this decoder rejects
_decode = msgspec.json.Decoder(_Event).decode
_encode = msgspec.json.Encoder(order="sorted").encode


def content(fetched: Fetched) -> bytes:
    """What the event says. For an event that cannot be decoded, its text, which differs between the forms."""
    event = fetched.event
    if event is not None:
        time = event.event_time
        try:
            data, seconds = _decode(fetched.raw).data, parse_seconds(time or "") or time
            return _encode((event.event_id, event.event_type, seconds, data, _message(event.data)))
        except _NOT_COMPARABLE:
            pass
    return b"text " + bytes(fetched.raw)


def _message(data: Data) -> str | None:
    """The message, unless it only says that the call ``succeeded`` or ``failed``, as ``web-1 GetInstance succeeded``."""
    message, name = data.message, data.event_name
    if not message or (name and (f"{name} succeeded" in message or f"{name} failed" in message)):
        return None
    return message

"""Reads a batch that OCI Connector Hub pushes.

    [{"data": {…}, "id": …, "oracle": {"compartmentid": …, "ingestedtime": …}, "time": …, "type": …}, …]     source: Logging
    [{"stream": …, "partition": …, "key": …, "value": "<base64>", "offset": …, "timestamp": …}, …]           source: Streaming

A value of Streaming contains one event in Logging's form, or a list of them. A single object instead of the array is accepted, too.

Whatever a batch contains, it is read: a batch that is rejected would be sent again until its events are too old. What cannot be read is one
malformed event. If it has events, they are polled.
"""

import binascii
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from epimetheus.errors import RequestError
from epimetheus.model import parse_seconds
from epimetheus.source.decode import decode_event, decode_page, split_leniently

MOST_BYTES = 6 << 20
"""Maximum size of a request to OCI Functions."""
MOST_EVENTS = 50_000
"""Maximum number of events that a batch is read as; what follows counts as one. An event in Logging's form has several hundred bytes."""

_MANY_COMMAS = 400_000  # events have about one in 25 bytes
_OCID = re.compile("[!-~]{1,255}")
_DO = "Lower the batch size of the connector: batchSizeInKbs to 5000 or less."


class PushedEvent(NamedTuple):
    """An element of a batch: its JSON text.

    ``compartment``: the OCID, empty if it is not known. ``happened``, ``ingested``: the event's time and that of its arrival in Logging, in
    seconds since the epoch; 0: not known.
    """

    text: bytes | msgspec.Raw
    compartment: str = ""
    happened: float = 0.0
    ingested: float = 0.0


class _Oracle(msgspec.Struct, frozen=True, gc=False):
    compartmentid: Any = None
    ingestedtime: Any = None


class _Element(msgspec.Struct, frozen=True, gc=False):
    """Members of an element by which its form and its place are recognized."""

    stream: Any = None
    partition: Any = None
    value: Any = None
    content: msgspec.Raw = msgspec.field(name="logContent", default=msgspec.Raw())
    time: Any = None
    event_time: Any = msgspec.field(name="eventTime", default=None)
    oracle: _Oracle | None = None


_decode = msgspec.json.Decoder(_Element).decode
_DECODE_ERRORS = (ValueError, RecursionError)  # msgspec's errors are ValueErrors


def read_batch(body: bytes) -> list[PushedEvent]:
    """The events of a batch, in order, at most `MOST_EVENTS`. Malformed elements are events, too, whose compartment is not known.

    Raises RequestError for a body that is larger than OCI Functions accepts.
    """
    if len(body) > MOST_BYTES:
        raise RequestError(f"The request was rejected: the batch has {len(body):,} bytes; the maximum is {MOST_BYTES:,}.", do=_DO)
    elements, found = _elements(body, MOST_EVENTS), list[PushedEvent]()
    for number, text in enumerate(elements, 1):
        found += _from_element(text, MOST_EVENTS - len(found) - (len(elements) - number))
    return found


def _elements(text: bytes, most: int) -> Sequence[bytes | msgspec.Raw]:
    """The elements of a list; a text that is not a list is the only element. Of an incomplete or longer list, the rest is the last one."""
    if not text.lstrip().startswith(b"["):
        return [text.strip()]
    if text.count(b",") <= _MANY_COMMAS:  # a page has an object for each element
        try:
            elements = decode_page(text).elements
        except _DECODE_ERRORS:
            pass
        else:
            if len(elements) <= most:
                return elements
    return list(split_leniently(text, most))


def _from_element(text: bytes | msgspec.Raw, most: int) -> Sequence[PushedEvent]:
    """The events of an element. A message of Streaming that cannot be decoded, or that has more than ``most`` events, is one event."""
    try:
        element = _decode(text)
    except _DECODE_ERRORS:
        return [_from_malformed(text)]
    if element.stream is None or element.partition is None or not isinstance(element.value, str):
        return [_place(text, element)]
    try:
        inner = _elements(binascii.a2b_base64(element.value, strict_mode=True), most + 1)
    except ValueError:
        return [PushedEvent(text)]
    return [_from_value(one) for one in inner] if len(inner) <= most else [PushedEvent(text)]


def _from_value(text: bytes | msgspec.Raw) -> PushedEvent:
    try:
        return _place(text, _decode(text))
    except _DECODE_ERRORS:
        return _from_malformed(text)


def _from_malformed(text: bytes | msgspec.Raw) -> PushedEvent:
    """An event that only the lenient decoder accepts: events of OCI can have raw control characters and lone surrogates."""
    if (fetched := decode_event(text)).event is None:
        return PushedEvent(text)
    try:
        return _placed(text, _decode(fetched.raw))
    except _DECODE_ERRORS:
        return PushedEvent(text)


def _place(text: bytes | msgspec.Raw, element: _Element) -> PushedEvent:
    try:
        return _placed(text, element)
    except _DECODE_ERRORS:  # of what is wrapped
        return _from_malformed(text)


def _placed(text: bytes | msgspec.Raw, element: _Element) -> PushedEvent:
    """The event with its place. ``element``: ``text``, decoded; the event itself may be wrapped in ``logContent``. Raises ValueError."""
    if bytes(element.content):
        element = _decode(element.content)
    oracle = element.oracle or _Oracle()
    compartment = _text(oracle.compartmentid)
    if not compartment and (event := decode_event(text).event):
        compartment = event.data.compartment_id or ""
    if not _OCID.fullmatch(compartment):
        compartment = ""
    happened = parse_seconds(_text(element.time or element.event_time))
    return PushedEvent(text, compartment, happened, parse_seconds(_text(oracle.ingestedtime)))


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""

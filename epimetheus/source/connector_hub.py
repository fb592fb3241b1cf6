"""Reads a batch that OCI Connector Hub pushes.

    [{"data": {…}, "id": …, "oracle": {"compartmentid": …, "ingestedtime": …}, "time": …, "type": …}, …]     source: Logging
    [{"stream": …, "partition": …, "key": …, "value": "<base64>", "offset": …, "timestamp": …}, …]           source: Streaming

A value of Streaming contains one event in Logging's form, or a list of them. A single object instead of the array is accepted, too.
"""

import binascii
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple

import msgspec

from epimetheus.errors import RequestError
from epimetheus.model import count_text, parse_seconds
from epimetheus.source.decode import decode_event, decode_page, split_list

MOST_BYTES = 6 << 20
"""Maximum size of a request to OCI Functions."""
MOST_EVENTS = 50_000
"""Maximum number of events in a batch. An event in Logging's form has several hundred bytes."""

_MANY_COMMAS = 400_000  # events have about one in 25 bytes
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
    """The events of a batch, in order. Malformed elements are events, too, whose compartment is not known. Raises RequestError."""
    if len(body) > MOST_BYTES:
        raise RequestError(f"The request was rejected: the batch has {len(body):,} bytes; the maximum is {MOST_BYTES:,}.", do=_DO)
    found = list(islice(_events(body), MOST_EVENTS + 1))
    if len(found) > MOST_EVENTS:
        raise RequestError(f"The request was rejected: the batch has more than {count_text(MOST_EVENTS, 'event')}.", do=_DO)
    return found


def _events(body: bytes) -> Iterator[PushedEvent]:
    for text in _elements(body):
        yield from _from_element(text)


def _elements(text: bytes) -> Iterator[bytes | msgspec.Raw]:
    """The elements of a list; a text that is not a list is the only element. Raises RequestError if a list is incomplete."""
    if not text.lstrip().startswith(b"["):
        yield text.strip()
        return
    try:
        if text.count(b",") > _MANY_COMMAS:  # a page would have an object for each element
            yield from split_list(text)
        else:
            yield from decode_page(text).elements
    except _DECODE_ERRORS as error:
        raise RequestError(f"The request was rejected: {error}.", do="Connector Hub sends a batch that failed again.") from error


def _from_element(text: bytes | msgspec.Raw) -> Iterator[PushedEvent]:
    try:
        element = _decode(text)
    except _DECODE_ERRORS:
        yield PushedEvent(text)
        return
    if element.stream is None or element.partition is None or not isinstance(element.value, str):
        yield _placed(text, element)
        return
    try:
        value = binascii.a2b_base64(element.value, strict_mode=True)
        inner: Sequence[bytes | msgspec.Raw] = list(_elements(value))
    except (ValueError, RequestError):
        yield PushedEvent(text)
        return
    yield from map(_from_value, inner)


def _from_value(text: bytes | msgspec.Raw) -> PushedEvent:
    try:
        return _placed(text, _decode(text))
    except _DECODE_ERRORS:
        return PushedEvent(text)


def _placed(text: bytes | msgspec.Raw, element: _Element) -> PushedEvent:
    """The event with its place. ``element``: ``text``, decoded; the event itself may be wrapped in ``logContent``. Raises ValueError."""
    if bytes(element.content):
        element = _decode(element.content)
    oracle = element.oracle or _Oracle()
    compartment = _text(oracle.compartmentid)
    if not compartment and (event := decode_event(text).event):
        compartment = event.data.compartment_id or ""
    happened = parse_seconds(_text(element.time or element.event_time))
    return PushedEvent(text, compartment, happened, parse_seconds(_text(oracle.ingestedtime)))


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""

"""From the bytes of a page to its events: pure, and never at a loss.

The fast path is msgspec's; it refuses what real events were seen to hold (raw control characters, lone surrogates), and one such event
would take its whole page along. So a page it refuses is cut into its elements first, and each is understood for itself.
"""

import json
import re
from collections.abc import Iterator, Sequence
from typing import overload

import msgspec

from epimetheus.model import AuditEvent, Data, Fetched

_QUOTE, _COMMA = b'",'
_BLANK = b" \t\n\r"  # RFC 8259, 2
# What has no structure in it (strings whole), runs of brackets, a comma, or a quote that nothing closes. Possessive throughout: a string
# without an end is gone through once, and nothing is remembered on the way.
_TOKEN = re.compile(rb'(?:[^"\[\]{},]++|"(?:[^"\\]++|\\.)*+")++|[\[{]++|[\]}]++|[,"]', re.DOTALL)


class _Oracle(msgspec.Struct, frozen=True, gc=False):
    compartmentid: str | None = None


class _LoggingEvent(msgspec.Struct, frozen=True, gc=False):
    """The envelope of OCI Logging around the same data."""

    type: str
    data: Data
    id: str | None = None
    time: str | None = None
    source: str | None = None
    dataschema: str | None = None
    oracle: _Oracle | None = None


class _Searched(msgspec.Struct, frozen=True, gc=False):
    """What Logging's search, and Connector Hub, put around that."""

    content: msgspec.Raw = msgspec.field(name="logContent")


_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_split = msgspec.json.Decoder(list[msgspec.Raw]).decode
_api_form = msgspec.json.Decoder(AuditEvent).decode
_logging_form = msgspec.json.Decoder(_LoggingEvent).decode
_searched_form = msgspec.json.Decoder(_Searched).decode


class Events(Sequence[Fetched]):
    """The events of a page, each decoded when it is asked for: as text a page takes half the memory, and many wait at a time.

    ``text`` is the page, in which every element is found.
    """

    def __init__(self, text: bytes, elements: Sequence[bytes] | Sequence[msgspec.Raw]) -> None:
        self.text = text
        self._elements = elements

    def __len__(self) -> int:
        return len(self._elements)

    def __iter__(self) -> Iterator[Fetched]:
        return map(decode_event, self._elements)

    @overload
    def __getitem__(self, at: int) -> Fetched: ...
    @overload
    def __getitem__(self, at: slice) -> "Events": ...
    def __getitem__(self, at: int | slice) -> "Fetched | Events":
        return Events(self.text, self._elements[at]) if isinstance(at, slice) else decode_event(self._elements[at])


def decode_page(body: bytes) -> Events:
    """The events of one ListEvents page, in its order; raises ValueError where the page is not a JSON list of anything."""
    try:
        return Events(body, _split(body))
    except _UNREADABLE:
        return Events(body, list(split_list(body)))


def decode_event(raw: bytes | msgspec.Raw) -> Fetched:
    """One event, in the API's form, Logging's or its search's. What can not be understood keeps its text, with no event beside it."""
    try:
        return _understood(raw)
    except _UNREADABLE:
        return _forgiving(bytes(raw))


def _understood(raw: bytes | msgspec.Raw) -> Fetched:
    try:
        return Fetched(raw, _api_form(raw))
    except msgspec.ValidationError:
        pass
    try:
        return Fetched(raw, _of_logging(_logging_form(raw)))
    except msgspec.ValidationError:
        content = _searched_form(raw).content
    return Fetched(content, _of_logging(_logging_form(content)))


def _of_logging(other: _LoggingEvent) -> AuditEvent:
    data = other.data
    if data.compartment_id is None and other.oracle:
        data = msgspec.structs.replace(data, compartment_id=other.oracle.compartmentid)
    return AuditEvent(
        event_type=other.type,
        data=data,
        event_id=other.id,
        event_time=other.time,
        event_type_version=other.dataschema,
        source=other.source,
    )


def _forgiving(raw: bytes) -> Fetched:
    """The same for text that is JSON but for its control characters and surrogates: written anew, then read strictly."""
    try:
        value = json.loads(raw.decode("utf-8", "replace"), strict=False)
        clean = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
        return _understood(clean)
    except (ValueError, RecursionError):  # msgspec's errors are ValueErrors, too
        return Fetched(raw, None)


def split_list(body: bytes) -> Iterator[bytes]:
    """The elements of a JSON list as they stand in ``body``, told apart by brackets and quotes alone, at any depth.

    Raises ValueError where ``body`` is not one whole list: an error page, a body that was cut, or one with a hole in it.
    """
    text = body.strip(_BLANK)
    if not (text.startswith(b"[") and text.endswith(b"]")):
        raise ValueError("the page is not a JSON list")
    start = 1
    for comma in _commas(text):
        yield _element(text, start, comma)
        start = comma + 1
    if start > 1 or text[1:-1].strip(_BLANK):
        yield _element(text, start, len(text) - 1)


def _commas(text: bytes) -> Iterator[int]:
    """Where the commas between the elements of the list ``text`` stand. Raises ValueError unless it ends where ``text`` does."""
    depth = 0
    for token in _TOKEN.finditer(text):
        begin, end = token.span()
        mark = text[begin]
        if mark in b"[{":
            depth += end - begin
        elif mark in b"]}":
            depth -= end - begin
            if depth < 0 or (depth == 0 and end < len(text)):
                raise ValueError("the page ends before its text does")
        elif mark == _COMMA and depth == 1:
            yield begin
        elif mark == _QUOTE and end == begin + 1:
            raise ValueError("the page ends within a string")
    if depth:
        raise ValueError("the page is cut off")


def _element(text: bytes, start: int, end: int) -> bytes:
    if element := text[start:end].strip(_BLANK):
        return element
    raise ValueError("the page has a hole where an element belongs")

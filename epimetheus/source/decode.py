"""Decode a page of audit events, so that one malformed event does not cost the page.

msgspec decodes the page. It rejects what real events contain (raw control characters, lone surrogates), and would reject the whole page
with them. Such a page is split into its elements first, and each element is decoded on its own.
"""

import json
import re
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import overload

import msgspec

from epimetheus.model import AuditEvent, Data, Fetched

_QUOTE, _COMMA = b'",'
_WHITESPACE = b" \t\n\r"  # RFC 8259, section 2
# Text without structure (whole strings included), a run of brackets, a comma, or a quote that is never closed. Possessive quantifiers: an
# unterminated string is scanned once, without backtracking state.
_TOKEN = re.compile(rb'(?:[^"\[\]{},]++|"(?:[^"\\]++|\\.)*+")++|[\[{]++|[\]}]++|[,"]', re.DOTALL)


class _Oracle(msgspec.Struct, frozen=True, gc=False):
    compartmentid: str | None = None


class _LoggingEvent(msgspec.Struct, frozen=True, gc=False):
    """OCI Logging's envelope around the same data."""

    type: str
    data: Data
    id: str | None = None
    time: str | None = None
    source: str | None = None
    dataschema: str | None = None
    oracle: _Oracle | None = None


class _SearchResult(msgspec.Struct, frozen=True, gc=False):
    """The wrapper that Logging's search and Connector Hub add to a Logging event."""

    content: msgspec.Raw = msgspec.field(name="logContent")


_DECODE_ERRORS = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_split = msgspec.json.Decoder(list[msgspec.Raw]).decode
_decode_api_event = msgspec.json.Decoder(AuditEvent).decode
_decode_logging_event = msgspec.json.Decoder(_LoggingEvent).decode
_decode_search_result = msgspec.json.Decoder(_SearchResult).decode


class Events(Sequence[Fetched]):
    """The events of a page, each decoded on access: a page takes half the memory as text, and several pages wait at a time.

    ``text`` is the page; each of the ``elements`` is a part of it.
    """

    def __init__(self, text: bytes, elements: Sequence[bytes] | Sequence[msgspec.Raw]) -> None:
        self.text = text
        self.elements = elements

    def __len__(self) -> int:
        return len(self.elements)

    def __iter__(self) -> Iterator[Fetched]:
        return map(decode_event, self.elements)

    @overload
    def __getitem__(self, at: int) -> Fetched: ...
    @overload
    def __getitem__(self, at: slice) -> "Events": ...
    def __getitem__(self, at: int | slice) -> "Fetched | Events":
        return Events(self.text, self.elements[at]) if isinstance(at, slice) else decode_event(self.elements[at])


def decode_page(body: bytes) -> Events:
    """The events of one ListEvents page, in order. Raises ValueError if the page is not a JSON list."""
    try:
        return Events(body, _split(body))
    except _DECODE_ERRORS:
        return Events(body, list(split_list(body)))


def decode_event(raw: bytes | msgspec.Raw) -> Fetched:
    """One event, in the form of the Audit API, of Logging, or of Logging's search. A malformed event keeps its text; its event is None."""
    try:
        return _decode_strictly(raw)
    except _DECODE_ERRORS:
        return _decode_leniently(bytes(raw))


def _decode_strictly(raw: bytes | msgspec.Raw) -> Fetched:
    try:
        return Fetched(raw, _decode_api_event(raw))
    except msgspec.ValidationError:
        pass
    try:
        return Fetched(raw, _to_audit_event(_decode_logging_event(raw)))
    except msgspec.ValidationError:
        content = _decode_search_result(raw).content
    return Fetched(content, _to_audit_event(_decode_logging_event(content)))


def _to_audit_event(other: _LoggingEvent) -> AuditEvent:
    """The event with the API's names. In Logging's form, ``source`` is the name of the resource, which ``data`` then lacks."""
    data = other.data
    if data.resource_name is None and other.source:
        data = msgspec.structs.replace(data, resource_name=other.source)
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


def _decode_leniently(raw: bytes) -> Fetched:
    """Re-encode JSON with raw control characters or lone surrogates, then decode it strictly."""
    try:
        value = json.loads(raw.decode("utf-8", "replace"), strict=False)
        clean = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
        return _decode_strictly(clean)
    except (ValueError, RecursionError):  # msgspec's errors are ValueErrors
        return Fetched(raw, None)


def split_list(body: bytes) -> Iterator[bytes]:
    """The elements of the JSON list ``body``, as they appear there, split by brackets and quotes alone, at any depth.

    Raises ValueError if ``body`` is not one complete list: an error page, a truncated body, or a list with an empty element.
    """
    text = body.strip(_WHITESPACE)
    if not (text.startswith(b"[") and text.endswith(b"]")):
        raise ValueError("the page is not a JSON list")
    start = 1
    for comma in _commas(text):
        yield _element(text, start, comma)
        start = comma + 1
    if start > 1 or text[1:-1].strip(_WHITESPACE):
        yield _element(text, start, len(text) - 1)


def split_leniently(body: bytes, most: int) -> Iterator[bytes]:
    """At most ``most`` elements of a text that begins like a list. From a fault on, or after so many, the rest is the last element."""
    text = body.strip(_WHITESPACE)
    start, commas = 1, _commas(text)
    try:
        for comma in islice(commas, most - 1):
            yield _element(text, start, comma)
            start = comma + 1
        if next(commas, None) is None and text.endswith(b"]"):
            text = text[:-1]
    except ValueError:
        pass
    if rest := text[start:].strip(_WHITESPACE):
        yield rest


def _commas(text: bytes) -> Iterator[int]:
    """The positions of the commas between the elements of the list ``text``. Raises ValueError unless the list ends where ``text`` does."""
    depth = 0
    for token in _TOKEN.finditer(text):
        begin, end = token.span()
        mark = text[begin]
        if mark in b"[{":
            depth += end - begin
        elif mark in b"]}":
            depth -= end - begin
            if depth < 0 or (depth == 0 and end < len(text)):
                raise ValueError("the page has text after its list")
        elif mark == _COMMA and depth == 1:
            yield begin
        elif mark == _QUOTE and end == begin + 1:
            raise ValueError("the page ends within a string")
    if depth:
        raise ValueError("the page is truncated")


def _element(text: bytes, start: int, end: int) -> bytes:
    if element := text[start:end].strip(_WHITESPACE):
        return element
    raise ValueError("the page has an empty element")

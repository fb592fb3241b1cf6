"""Recognizes a message of Epimetheus in text that a receiver or a SIEM stored, in every format and with every header.

A receiver may keep the syslog header, rewrite it, or drop it. Only two parts matter: the structured data ``[epimetheus@32473 run="…"
seq="…"]`` if it was kept, and the event ID in the body. Both are searched for from the left, and structured data only before the body:
what follows is text from the event, which may imitate either.
"""

import re
from typing import Any, NamedTuple

import msgspec

ORIGIN_NAME = b"epimetheus@32473"
"""The name of the structured data, which only copies with run and sequence number have."""
_ORIGIN = re.compile(rb'\[epimetheus@32473 run="([0-9A-Za-z-]{1,64})" seq="([0-9]{1,10})"')
_BODY = re.compile(rb'CEF:0\||LEEF:2\.0\||\{"')
_PART = rb"[^|\\]*(?:\\.[^|\\]*)*\|"  # of a CEF header, in which \ escapes |
_CEF_ID = re.compile(rb"CEF:0\|" + 5 * _PART + rb"[0-9]{1,2}\|(?:[^\r\n]*? )??externalId=([^ \r\n]+)")
_CEF_WHOLE_ID = re.compile(rb" flexString1=([^ \r\n]+) flexString1Label=eventId(?: |$)")
_LEEF_ID = re.compile(rb"LEEF:2\.0\|" + 4 * rb"[^|]*\|" + rb"\^\|(?:[^\r\n]*?\^)??eventId=([^^\r\n]+)")
_CEF_LONGEST = 40  # characters of externalId; a longer ID is cut there, and one of this length may be whole
_PLAIN_ID = re.compile(rb"[A-Za-z0-9._:-]{1,128}")  # an ID of another form is sealed as `-`
_BRACE = b"{"[0]
_MSGIDS = (b"audit", b"malformed", b"notice", b"problem")
PRODUCTS = ("OCI Audit", "OCI Cloud Guard")
"""The product in the header of CEF and LEEF, a column of CEF, and OCSF's metadata, unless FIELD_MAP sets another one."""
_DEVICES = tuple(f"{start}Oracle|{product}|".encode() for start in ("CEF:0|", "LEEF:2.0|") for product in PRODUCTS)
_LONGEST_HEADER, _HEADER_PARTS = 512, 5
_SEAL_ID = re.compile(rb"seal-([a-z0-9-]{1,64})-([1-9][0-9]{0,9})-([0-9a-f]{8,16})")


class SealNotice(NamedTuple):
    """The message of a seal. ``digits``: the first hexadecimal digits of its SHA-256, 8 to 16."""

    region: str
    sequence: int
    digits: str


class SiemMessage(NamedTuple):
    """A message. ``run`` and ``sequence``: empty and 0 if the copy does not have them. ``event_id``: empty if it is not known.

    ``is_cut``: possibly, only the first characters of the ID are known. ``host``: the host name in the header, by default the region; empty
    if the copy has no structured data. ``other_product``: the product is another one, which FIELD_MAP can set, and nothing else shows that
    the message is one of Epimetheus: it is, if an entry or a seal has its event ID.
    """

    run: str
    sequence: int
    event_id: bytes
    is_cut: bool = False
    host: str = ""
    other_product: bool = False

    @property
    def seal(self) -> SealNotice | None:
        """The seal that the message is about; None if it is that of an event or of another notice."""
        if not self.event_id.startswith(b"seal-") or not (found := _SEAL_ID.fullmatch(self.event_id)):
            return None
        region, sequence, digits = found.groups()
        return SealNotice(region.decode(), int(sequence), digits.decode())


class _BodyId(NamedTuple):
    """The event ID of a body, empty if it has none; see `SiemMessage`."""

    event_id: bytes
    is_cut: bool = False
    other_product: bool = False


_NO_ID = _BodyId(b"")


def parse_message(line: bytes) -> SiemMessage | None:
    """The message in a line, which may have any header; None if it has none of Epimetheus."""
    body = _BODY.search(line)
    origin = _ORIGIN.search(line, 0, body.start() if body else len(line))
    run, sequence, host = (origin[1].decode(), int(origin[2]), _host(line, origin.start())) if origin else ("", 0, "")
    if body is None:
        found = None
    elif line[body.start()] == _BRACE:
        found = _json_id(line[body.start() :], is_ours=origin is not None)
    else:
        found = _pair_id(line, body.start())
    if origin:
        event_id, is_cut, _ = found or _NO_ID
        return SiemMessage(run, sequence, event_id, is_cut, host)
    if found is None or (found.other_product and not found.event_id):
        return None  # without structured data, the text of a malformed event looks like any other
    message = SiemMessage("", 0, found.event_id, found.is_cut)
    return message._replace(other_product=True) if found.other_product and not message.seal else message


def _host(line: bytes, end: int) -> str:
    """The host name in the RFC 5424 header before the structured data at ``end``: ``HOSTNAME APP-NAME PROCID MSGID ``."""
    parts = line[max(0, end - _LONGEST_HEADER) : end].split(b" ")
    return parts[-5].decode("ascii", "replace") if len(parts) > _HEADER_PARTS and parts[-2] in _MSGIDS else ""


def plain_id(value: object) -> bytes:
    """The event ID in a column or member; empty if it is not one that a seal can have."""
    text = value.encode("utf-8", "replace") if isinstance(value, str) else b""
    return text if _PLAIN_ID.fullmatch(text) else b""


class _Product(msgspec.Struct):
    name: str | None = None


class _Metadata(msgspec.Struct):
    uid: str | None = None
    product: _Product | None = None


class _Event(msgspec.Struct):
    """The members of a JSON body by which it is recognized: of the Audit API, of Logging (``type``, ``id``), and of OCSF."""

    event_type: str | None = msgspec.field(default=None, name="eventType")
    event_id: str | None = msgspec.field(default=None, name="eventId")
    type: str | None = None
    id: str | None = None
    data: msgspec.Raw = msgspec.Raw(b"")
    class_uid: int | None = None
    metadata: msgspec.Raw = msgspec.Raw(b"")


_decode_event = msgspec.json.Decoder(_Event).decode
_decode_metadata = msgspec.json.Decoder(_Metadata).decode


def _json_id(text: bytes, *, is_ours: bool) -> _BodyId | None:
    """The event ID in a JSON body; None if it is not that of an event. ``is_ours``: it is, whatever FIELD_MAP did to other members."""
    try:
        event = _decode_event(text)
        if event.class_uid is not None:
            metadata = _decode_metadata(event.metadata) if event.metadata else _Metadata()
            other = metadata.product is None or metadata.product.name not in PRODUCTS
            return _BodyId(plain_id(metadata.uid), other_product=other)
    except (ValueError, RecursionError):  # msgspec's errors are ValueErrors
        return None
    if event.data and event.event_type is not None:
        return _BodyId(plain_id(event.event_id))
    if event.data and event.type is not None:
        return _BodyId(plain_id(event.id))
    return _BodyId(plain_id(event.event_id or event.id)) if is_ours else None


def _pair_id(line: bytes, start: int) -> _BodyId:
    """The event ID in a CEF or LEEF body that begins at ``start``."""
    is_cef, other = line.startswith(b"CEF", start), not line.startswith(_DEVICES, start)
    found = (_CEF_ID if is_cef else _LEEF_ID).match(line, start)
    if not found or not _PLAIN_ID.fullmatch(found[1]):
        return _BodyId(b"", other_product=other)
    event_id, is_cut = found[1], False
    if is_cef and len(event_id) == _CEF_LONGEST:
        whole = _CEF_WHOLE_ID.search(line, found.end())
        event_id, is_cut = (whole[1], False) if whole and whole[1].startswith(event_id) else (event_id, True)
    return _BodyId(event_id, is_cut, other) if _PLAIN_ID.fullmatch(event_id) else _BodyId(b"", other_product=other)


def text_of(value: Any) -> str:
    """A member as text: that of a list with one value, and of a number; empty for anything else."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value if isinstance(value, str) else ""

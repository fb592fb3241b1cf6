"""Shared by the render tests: short ways to build events and to render them, and parsers of the formats."""

import itertools
import json
import re
import unicodedata

import cefp
from hypothesis import strategies as st
from pyvrl import Transform

from epimetheus.render.formats.base import NO_ENRICHMENT
from epimetheus.render.renderer import Rendered, Renderer
from epimetheus.source.decode import decode_event
from tests.render.ocsf_schema import OcsfSchema

SETTINGS = {
    "format": "cef",
    "header": "rfc5424",
    "facility": "local0",
    "app_name": "epimetheus",
    "hostname": "us-ashburn-1",
    "max_bytes": 0,
    "run_id": "run-1",
    "region": "us-ashburn-1",
}
# Unicode's Default_Ignorable_Code_Point outside the categories below; the last range is Cf since Unicode 15, which Python 3.11 lacks
IGNORABLE = frozenset(itertools.chain(
    range(0x34F, 0x350), range(0x115F, 0x1161), range(0x17B4, 0x17B6), range(0x180B, 0x1810), range(0x2065, 0x2066), range(0x3164, 0x3165),
    range(0xFE00, 0xFE10), range(0xFFA0, 0xFFA1), range(0xFFF0, 0xFFF9), range(0xE0000, 0xE1000), range(0x13430, 0x13440),
))  # fmt: skip
FORMATS = ("cef", "json", "leef", "ocsf")
FORMATS_AND_HEADERS = [(form, header) for form in FORMATS for header in ("rfc5424", "rfc3164")]

# <PRI>1 TIMESTAMP HOSTNAME APP-NAME PROCID MSGID [SD] MSG, and <PRI>TIMESTAMP HOSTNAME TAG: MSG
RFC5424 = re.compile(
    r"<(?P<pri>0|[1-9]\d{0,2})>1 "
    r"(?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z) "
    r"(?P<host>[\x21-\x7e]{1,255}) (?P<app>[\x21-\x7e]{1,48}) - (?P<msgid>[\x21-\x7e]{1,32}) "
    r'\[epimetheus@32473 run="(?P<run>[^"\\\]]*)" seq="(?P<seq>\d+)"(?P<replay> replay="true")?(?P<late> late="true")?'
    r'(?: trimmed="(?P<trimmed>[^"\\\]]+)")?\] (?P<msg>.*)',
    re.DOTALL | re.ASCII,
)
RFC3164 = re.compile(
    r"<(?P<pri>0|[1-9]\d{0,2})>"
    r"(?P<time>(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) [ 123]\d \d\d:\d\d:\d\d) "
    r"(?P<host>[\x21-\x7e]{1,255}) (?P<app>[A-Za-z0-9]{1,32})(?P<mark>\[(?:malformed|(?:malformed-)?(?:replay|late))\])?: (?P<msg>.*)",
    re.DOTALL | re.ASCII,
)
_parse_cef = Transform(". = parse_cef!(.line)\n.").remap
_PAIRS = 'key_value_delimiter: "=", field_delimiter: "^", whitespace: "strict", accept_standalone_key: false'
_parse_pairs = Transform(f". = parse_key_value!(.line, {_PAIRS})\n.").remap
OCSF = OcsfSchema()


def is_invisible(character):
    """Whether Unicode calls a character invisible: a second implementation of the list in `epimetheus.render.sanitize`."""
    return unicodedata.category(character) in ("Cc", "Cf", "Zl", "Zp") or ord(character) in IGNORABLE


def with_invisible_escaped(text):
    """The text with each invisible character as its JSON escape, except for line ends."""
    return "".join(json.dumps(character)[1:-1] if is_invisible(character) and character not in "\r\n" else character for character in text)


def event(name="GetThing", event_type=None, **data):
    """An event in the API form; keyword arguments become members of ``data``."""
    return {"eventType": event_type or f"com.oraclecloud.things.{name}", "data": {"eventName": name, **data}}


def fetched(raw):
    """The decoded event, from a dict, text or bytes."""
    return decode_event(raw if isinstance(raw, bytes) else raw.encode() if isinstance(raw, str) else json.dumps(raw).encode())


def render(raw, sequence=7, *, enrichment=NO_ENRICHMENT, **settings) -> Rendered:
    """The message of an event, from a dict, text or bytes."""
    return Renderer(**{**SETTINGS, **settings})(fetched(raw), sequence, enrichment)


def parts(message: bytes) -> dict[str, str | None]:
    """Header fields and ``msg`` of a message, which must match the grammar of RFC 5424 or RFC 3164 from end to end."""
    text = message.decode()
    found = (RFC5424 if text[text.index(">") + 1 :].startswith("1 ") else RFC3164).fullmatch(text)
    assert found, text
    return found.groupdict()


def body(raw, **settings) -> str:
    return parts(render(raw, **settings).message)["msg"]


def original(raw, **settings) -> dict:
    """The event's JSON message without what Epimetheus adds to it."""
    read = json.loads(body(raw, format="json", **settings))
    del read["epimetheus"]
    return read


def cef(raw, **settings) -> dict[str, str]:
    """The extension of the event's CEF, parsed by cefp."""
    return cefp.parse(body(raw, **settings))["extension"]


def read_by_cefp(line):
    read = cefp.parse(line)
    device = read["device"]
    head = (device["vendor"], device["product"], device["version"], device["event_class_id"], read["name"], read["severity"])
    return head, read["extension"]


def read_by_vector(line):
    read = _parse_cef({"line": line})
    assert read.pop("cefVersion") == "0"
    head = ("deviceVendor", "deviceProduct", "deviceVersion", "deviceEventClassId", "name", "severity")
    return tuple(read.pop(key) for key in head), read


def read_leef(line):
    """LEEF 2.0 by IBM's document: six header fields, the last of one character, then pairs with distinct alphanumeric keys."""
    version, vendor, product, product_version, event_id, delimiter, attributes = line.split("|", 6)
    assert (version, len(delimiter)) == ("LEEF:2.0", 1)
    pairs = [pair.partition("=") for pair in attributes.split(delimiter)]
    assert all(re.fullmatch(r"[A-Za-z][A-Za-z0-9]*", key) and equals and value == value.strip() != "" for key, equals, value in pairs)
    assert len({key for key, *_ in pairs}) == len(pairs)
    return (vendor, product, product_version, event_id), {key: value for key, _, value in pairs}


def read_pairs_by_vector(line):
    """The attributes of LEEF by Vector's key-value parser with LEEF's delimiters."""
    return _parse_pairs({"line": line.split("|", 6)[6]})


TEXTS = st.text(max_size=60) | st.text(alphabet='|=\\ \n\r\t"[]{}aé\u0085\u2028\u2029\x00\x1b😀', max_size=30)

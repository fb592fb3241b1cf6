"""Cuts the two secrets that nearly every event has out of its JSON text, without decoding it.

Most events contain no other secret, so one prescan over the rest of many events can show that all of them are redacted.
"""

import re

import msgspec

from epimetheus.render.redact.keys import is_harmless_value
from epimetheus.render.redact.text import REDACTED

STRING = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
"""A JSON string, as a pattern for `re.DOTALL`."""
# The value of a secret key. Numbers, booleans and empty values are harmless; an object needs a full walk.
VALUE = re.compile(
    rb'(?P<harmless>-?\d[\d.eE+\-]*+|null|true|false|""|\[\]|\{\})|(?P<secret>%b|\[%b(?:,%b)*+\])' % ((STRING,) * 3), re.DOTALL
)
REDACTED_STRING = f'"{REDACTED}"'.encode()

_ONE_STRING = re.compile(STRING, re.DOTALL)
_COMMON_KEYS = (b'"credentials":', b'"Authorization":')
_PLACEHOLDER = b'"":0'
_SIGNATURE, _OCID, _SESSION_TOKEN, _NEXT_STRING = b'["Signature ', b'"ocid1.', b'"ST$', b'","'
_decode = msgspec.json.Decoder(str).decode


def splice_common_secrets(raw: bytes, ending: bytes) -> tuple[bytes, bytes]:
    """Redacts each common secret once.

    Returns the event's text with ``ending`` in place of its last character, and the rest that still needs a prescan: the original text
    without those members.
    """
    text: list[bytes] = []
    rest: list[bytes] = []
    done = 0
    for key in _COMMON_KEYS:
        at = raw.find(key, done)
        value = VALUE.match(raw, at + len(key)) if at >= 0 else None
        if value is not None and (value["secret"] is None or _is_fully_secret_at(raw, *value.span("secret"))):
            before, end = raw[done:at], value.end()
            text += (before, key, value["harmless"] or REDACTED_STRING)
            rest.append(before)
            done = end
    text += (raw[done:-1], ending)
    rest.append(raw[done:])
    return b"".join(text), _PLACEHOLDER.join(rest)


def _is_fully_secret_at(raw: bytes, start: int, end: int) -> bool:
    """`is_fully_secret` of ``raw[start:end]``, without decoding the values that nearly every event has."""
    if raw.startswith(_SIGNATURE, start):
        return raw.find(_NEXT_STRING, start, end) < 0 or is_fully_secret(raw[start:end])
    if raw.startswith(_OCID, start):
        return raw.find(b"/", start, end) > 0 or is_fully_secret(raw[start:end])
    return raw.startswith(_SESSION_TOKEN, start) or is_fully_secret(raw[start:end])


def is_fully_secret(value: bytes) -> bool:
    """Whether a JSON string or list of strings contains nothing that is harmless under a secret key."""
    try:
        return not any(is_harmless_value(_decode(string)) for string in _ONE_STRING.findall(value))
    except msgspec.DecodeError:
        return False


def is_utf8(raw: bytes) -> bool:
    """Whether ``raw`` is valid UTF-8, which JSON requires (RFC 8259 8.1)."""
    if raw.isascii():
        return True
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True

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
_REDACTED = REDACTED.encode()
REDACTED_STRING = b'"%b"' % _REDACTED

_ONE_STRING = re.compile(STRING, re.DOTALL)
_COMMON_KEYS = (b'"credentials":', b'"Authorization":')
# What nearly every event has there: a session token, the ID of an API key, a signature. Each quote in it follows exactly one backslash.
_COMMON_VALUE = re.compile(
    rb'(?P<harmless>null)|"(?:ST\$|ocid1\.[^"/]*+/)[^"]*+(?<!\\)"|\["Signature [^"]*+(?:(?<=[^\\]\\)"[^"]*+)*+(?<!\\)"\]'
)
_PLACEHOLDER = b'"":0'
_decode = msgspec.json.Decoder(str).decode


def splice_common_secrets(raw: bytes, ending: bytes) -> tuple[bytes, bytes, bool]:
    """Redacts each common secret once.

    Returns the event's text with ``ending`` in place of its last character; the rest that still needs a prescan, which is the original
    text without those members; and whether the text has a redacted value.
    """
    text: list[bytes] = []
    rest: list[bytes] = []
    done, redacted = 0, False
    for key in _COMMON_KEYS:
        at = raw.find(key, done)
        value = _value_to_splice(raw, at + len(key)) if at >= 0 else None
        if value is not None:
            before, done = raw[done:at], value.end()
            harmless = value["harmless"]
            text += (before, key, harmless or REDACTED_STRING)
            rest.append(before)
            redacted = redacted or harmless is None
    text += (raw[done:-1], ending)
    rest.append(raw[done:])
    return b"".join(text), _PLACEHOLDER.join(rest), redacted or _REDACTED in raw or _REDACTED in ending


def _value_to_splice(raw: bytes, at: int) -> re.Match[bytes] | None:
    """The value at ``at`` if it can be redacted as a whole, or is harmless."""
    value = _COMMON_VALUE.match(raw, at) or VALUE.match(raw, at)
    if value is None or value.re is _COMMON_VALUE or value["secret"] is None:
        return value
    return value if is_fully_secret(value["secret"]) else None


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

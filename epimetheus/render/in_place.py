"""An event's JSON without its secrets, in the very text it came as: what need not be hidden is not touched, and not even read.

`usual` cuts out the two secrets that nearly every event has: in most there is no other, which one look at many events together tells.
Where there may be (`InPlace`), a key or a string that hints at a secret is looked at as in a walk of the whole event; and where only such
a walk can tell what may leave, there is no answer.
"""

import re
from collections.abc import Callable

import msgspec

from epimetheus.render import tree
from epimetheus.render.glance import Key
from epimetheus.render.hints import json_hints
from epimetheus.render.secret_text import REDACTED, is_secret_key

_USUAL = (b'"credentials":', b'"Authorization":')
_NOTHING = b'"":0'
_QUOTE, _COLON = b'":'
_REDACTED = f'"{REDACTED}"'.encode()
_STRING = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
# What may stay, though it stands under a secret key (`glance.hidden`), or what may not. An object may hold anything: it is walked.
_VALUE = re.compile(
    rb'(?P<stays>null|true|false|""|\[\]|\{\})|(?P<goes>-?\d[\d.eE+\-]*+|%b|\[%b(?:,%b)*+\])' % ((_STRING,) * 3), re.DOTALL
)
_KEY_ENDS = re.compile(rb" *+:")
_NAMED = re.compile(rb" *+(%b)?+" % _STRING, re.DOTALL)
_decode = msgspec.json.Decoder(str).decode


class InPlace:
    """Configured once a run, like `glance.Glance`. ``key`` judges one key; ``string`` gives what may leave of a string."""

    def __init__(self, key: Callable[[str], Key], string: Callable[[str], str]) -> None:
        self._key = key
        self._string = string
        self._search = json_hints().search

    def __call__(self, raw: bytes) -> bytes | None:
        """The text of an event, as it may leave now; None where it has to be walked.

        It is valid JSON but for what msgspec does not mind in strings that it skips: control characters, and what is no UTF-8.
        """
        if not is_utf8(raw):
            return None
        kept: list[bytes] = []
        done = at = 0
        while found := self._search(raw, at):
            start, at = found.span()
            is_key = raw[at - 1] == _COLON
            change = (self._of_key if is_key else self._of_string)(raw, start, at) if raw[start] == _QUOTE else None
            if change is None:
                return None
            begin, at, text = change
            if text is not None:
                kept += (raw[done:begin], text)
                done = at
        return b"".join((*kept, raw[done:])) if kept else raw

    def _of_key(self, raw: bytes, start: int, end: int) -> tuple[int, int, bytes | None] | None:
        """Of what stands behind the key at ``start``: where it begins, where to go on, and what to put there (None: nothing)."""
        name = raw[start + 1 : raw.rindex(b'"', start, end)].decode()
        if "\\" in name or not name.isprintable():
            return None
        key = self._key(name)
        if key.secret:
            value = _VALUE.match(raw, end)
            if value is None:
                return None
            return (end, value.end(), None) if value["stays"] else (value.start("goes"), value.end(), _REDACTED)
        return None if key.names and self._names_secret(raw, end) else (end, end, None)

    def _names_secret(self, raw: bytes, at: int) -> bool:
        """Whether what stands there may be the name of a secret."""
        value = _NAMED.match(raw, at)
        text = value[1] if value else None
        return text is not None and (b"\\" in text or is_secret_key(text[1:-1].decode()))

    def _of_string(self, raw: bytes, start: int, end: int) -> tuple[int, int, bytes | None] | None:
        """The same of a whole string, unless it is a key, or may be what names a secret."""
        try:
            value = _decode(raw[start:end])
        except msgspec.DecodeError:  # no whole string
            return None
        is_key = _KEY_ENDS.match(raw, end) is not None
        return None if is_key or is_secret_key(value) else (start, end, tree.line(self._string(value)))


def usual(raw: bytes, ending: bytes) -> tuple[bytes, bytes]:
    """The text of an event without these secrets, once each; and what is left to be looked at: the same without even their keys.

    ``ending`` takes the place of the event's last character.
    """
    text: list[bytes] = []
    rest: list[bytes] = []
    done = 0
    for key in _USUAL:
        at = raw.find(key, done)
        value = _VALUE.match(raw, at + len(key)) if at >= 0 else None
        if value is not None:
            before, end = raw[done:at], value.end()
            text += (before, key, value["stays"] or _REDACTED)
            rest.append(before)
            done = end
    text += (raw[done:-1], ending)
    rest.append(raw[done:])
    return b"".join(text), _NOTHING.join(rest)


def is_utf8(raw: bytes) -> bool:
    """Whether all of it is, which JSON has to be (RFC 8259 8.1)."""
    if raw.isascii():
        return True
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True

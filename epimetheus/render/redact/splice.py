"""An event's JSON without its secrets, in the very text it came as: what need not be hidden is not touched, and not even read.

`usual` cuts out the two secrets that nearly every event has: in most there is no other, which one look at many events together tells.
Where there may be (`InPlace`), a key or a string that hints at a secret is looked at as in a walk of the whole event; and where only such
a walk can tell what may leave, there is no answer.
"""

import re
from collections.abc import Callable
from functools import cached_property

import msgspec

from epimetheus.render.redact import json_tree as tree
from epimetheus.render.redact.keys import Key, names_secret, stays
from epimetheus.render.redact.members import CUSTOMER_KEY, SHORT_FLAGS, flag_of, opens_key
from epimetheus.render.redact.prescan import json_hints
from epimetheus.render.redact.text import REDACTED

_USUAL = (b'"credentials":', b'"Authorization":')
_NOTHING = b'"":0'
_SIGNATURE, _IDENTIFIER, _SESSION, _NEXT = b'["Signature ', b'"ocid1.', b'"ST$', b'","'
_REDACTED = f'"{REDACTED}"'.encode()
_STRING = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_MEMBER = re.compile(rb"(%b)(?: *+(:))?" % _STRING, re.DOTALL)
# What stands under a secret key. Numbers, yes and no, and what is empty stay; an object may hold anything: it is walked.
_VALUE = re.compile(
    rb'(?P<stays>-?\d[\d.eE+\-]*+|null|true|false|""|\[\]|\{\})|(?P<goes>%b|\[%b(?:,%b)*+\])' % ((_STRING,) * 3), re.DOTALL
)
_A_STRING = re.compile(_STRING, re.DOTALL)
_NAMED = re.compile(rb" *+(%b)?+" % _STRING, re.DOTALL)
_OWNER = re.compile(rb'"user[_-]?id"', re.IGNORECASE)
_CUSTOMER_KEY = CUSTOMER_KEY.encode()
_decode = msgspec.json.Decoder(str).decode

Change = tuple[int, int, bytes | None]


class _Text:
    """One JSON text and its depth; what is known of the whole of it is looked up once, however often it is asked for."""

    def __init__(self, raw: bytes, depth: int) -> None:
        self.raw = raw
        self.depth = depth

    @cached_property
    def has_owner(self) -> bool:
        """Whether it names a user: beside that, ``key`` may be a secret."""
        return _OWNER.search(self.raw) is not None


class InPlace:
    """Configured once a run. ``classify`` tells what a key is; ``name`` and ``string`` give what may leave of a key, and of a string.

    ``check`` is called at each hint, and may raise.
    """

    def __init__(
        self, classify: Callable[[str], Key], name: Callable[[str], str], string: Callable[[str, int], str], check: Callable[[], None]
    ) -> None:
        self._classify = classify
        self._name = name
        self._string = string
        self._check = check
        self._search = json_hints().search

    def __call__(self, raw: bytes, depth: int = 0) -> bytes | None:
        """The text of an event, or of JSON in one at a depth, as it may leave now; None where it has to be walked.

        It is valid JSON but for what msgspec does not mind in strings that it skips: control characters, and what is no UTF-8.
        """
        if _CUSTOMER_KEY in raw or not is_utf8(raw):
            return None
        kept: list[bytes] = []
        done = at = 0
        whole = _Text(raw, depth)
        while found := self._search(raw, at):
            self._check()
            change = self._changed(whole, found.start())
            if change is None:
                return None
            begin, at, text = change
            if text is not None:
                kept += (raw[done:begin], text)
                done = at
        return b"".join((*kept, raw[done:])) if kept else raw

    def _changed(self, text: _Text, start: int) -> Change | None:
        """Of what is hinted at: where it begins, where to go on, and what to put there (None: nothing)."""
        member = _MEMBER.match(text.raw, start)
        if member is None:
            return None
        return self._of_key(text, member) if member[2] else self._of_string(member, text.depth)

    def _of_key(self, text: _Text, member: re.Match[bytes]) -> Change | None:
        """The same of what stands behind a key."""
        raw, name, end = text.raw, member[1][1:-1].decode(), member.end()
        if "\\" in name or not name.isprintable() or self._name(name) != name or name in ("kty", "epimetheus"):
            return None
        key = self._classify(name)
        if key.secret:
            return _hidden(raw, end)
        if (key.names and _names_secret(raw, end)) or (name == "key" and text.has_owner):
            return None
        return end, end, None

    def _of_string(self, member: re.Match[bytes], depth: int) -> Change | None:
        """The same of a whole string, unless what stands beside it in a list may be a secret."""
        try:
            value = _decode(member[1])
        except msgspec.DecodeError:  # no whole string
            return None
        flag = flag_of(value)
        disguised = b"\\" in member[1] or not member[1].isascii()
        if (flag and self._classify(flag).secret) or value in SHORT_FLAGS or opens_key(value) or (disguised and names_secret(value)):
            return None
        return *member.span(1), tree.to_json_line(self._string(value, depth))


def _hidden(raw: bytes, at: int) -> Change | None:
    """The value of a secret key, which stands at once behind it; None where some of it may stay, so that it is walked."""
    value = _VALUE.match(raw, at)
    if value is None:
        return None
    if value["stays"] is not None:
        return at, value.end(), None
    return (at, value.end(), _REDACTED) if is_removed(value["goes"]) else None


def _goes_at(raw: bytes, start: int, end: int) -> bool:
    """`goes`, of what stands there; of what nearly every event has, told without a look into it."""
    if raw.startswith(_SIGNATURE, start):
        return raw.find(_NEXT, start, end) < 0 or is_removed(raw[start:end])
    if raw.startswith(_IDENTIFIER, start):
        return raw.find(b"/", start, end) > 0 or is_removed(raw[start:end])
    return raw.startswith(_SESSION, start) or is_removed(raw[start:end])


def is_removed(value: bytes) -> bool:
    """Whether nothing of a string, or of a list of strings, stays under a secret key."""
    try:
        return not any(stays(_decode(string)) for string in _A_STRING.findall(value))
    except msgspec.DecodeError:
        return False


def _names_secret(raw: bytes, at: int) -> bool:
    """Whether what stands there may be the name of a secret."""
    value = _NAMED.match(raw, at)
    text = value[1] if value else None
    return text is not None and (b"\\" in text or names_secret(text[1:-1].decode()))


def splice_common_secrets(raw: bytes, ending: bytes) -> tuple[bytes, bytes]:
    """The text of an event without its usual secrets, once each; and what is left to be looked at: the same without even their keys.

    ``ending`` takes the place of the event's last character.
    """
    text: list[bytes] = []
    rest: list[bytes] = []
    done = 0
    for key in _USUAL:
        at = raw.find(key, done)
        value = _VALUE.match(raw, at + len(key)) if at >= 0 else None
        if value is not None and (value["goes"] is None or _goes_at(raw, *value.span("goes"))):
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

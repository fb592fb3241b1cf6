"""Parses a syslog message by the grammar of RFC 5424, section 6. No I/O."""

import re
from datetime import date
from typing import NamedTuple

_PRIORITY = re.compile(rb"<(0|[1-9][0-9]{0,2})>")
_TIME = re.compile(rb"(\d{4})-(\d\d)-(\d\d)T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,6})?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)")
_NAME = rb"[!#-<>-\\^-~]{1,32}"  # printable ASCII except = ] and "
_VALUE = rb'(?:[^"\\\]]|\\["\\\]])*'
_PARAM = re.compile(rb' (%b)="(%b)"' % (_NAME, _VALUE))
_ELEMENT = re.compile(rb'\[(%b)((?: %b="%b")*)\]' % (_NAME, _NAME, _VALUE))
_ESCAPE = re.compile(r'\\(["\\\]])')
_FIELDS = {"HOSTNAME": 255, "APP-NAME": 48, "PROCID": 128, "MSGID": 32}
_BOM = b"\xef\xbb\xbf"
_HIGHEST = 191
_SHOWN = 60


class Message(NamedTuple):
    """The fields of a message. NILVALUE is ``-``, or an empty dict in ``structured``.

    ``timestamp``: unchanged. ``structured``: SD-ID → PARAM-NAME → unescaped value. ``body``: MSG unchanged, including a BOM.
    """

    priority: int
    facility: int
    severity: int
    timestamp: str
    hostname: str
    app_name: str
    procid: str
    msgid: str
    structured: dict[str, dict[str, str]]
    body: bytes


def parse_message(message: bytes) -> Message:
    """Parses one message without its frame. Raises ValueError if it violates RFC 5424, section 6.

    Invalid escapes are errors, as the RFC requires of a sender. Repeated parameters in an element are errors too, although the RFC allows
    them, because the result has only one value per name.
    """
    found = _PRIORITY.match(message)
    if not found or int(found[1]) > _HIGHEST:
        raise ValueError(f"PRI is not <0> to <191>: {message[:_SHOWN]!r}")
    words = message[found.end() :].split(b" ", 6)
    if len(words) < 7:
        raise ValueError(f"the message ends before its STRUCTURED-DATA: {message[:_SHOWN]!r}")
    if words[0] != b"1":
        raise ValueError(f"VERSION is not 1: {words[0]!r}")
    priority, timestamp = int(found[1]), _timestamp(words[1])
    host, app, process, kind = (_field(name, word, longest) for (name, longest), word in zip(_FIELDS.items(), words[2:6], strict=True))
    elements, body = _structured(words[6])
    return Message(priority, priority // 8, priority % 8, timestamp, host, app, process, kind, elements, body)


def _field(name: str, word: bytes, longest: int) -> str:
    if not 1 <= len(word) <= longest or any(not 33 <= octet <= 126 for octet in word):
        raise ValueError(f"{name} is not 1 to {longest} printable ASCII characters: {word[:_SHOWN]!r}")
    return word.decode("ascii")


def _timestamp(word: bytes) -> str:
    if word == b"-":
        return "-"
    found = _TIME.fullmatch(word)
    if not found:
        raise ValueError(f"TIMESTAMP does not match RFC 5424, section 6.2.3: {word[:_SHOWN]!r}")
    try:
        date(int(found[1]), int(found[2]), int(found[3]))
    except ValueError as error:
        raise ValueError(f"TIMESTAMP is not a valid date: {word!r}") from error
    return word.decode("ascii")


def _structured(rest: bytes) -> tuple[dict[str, dict[str, str]], bytes]:
    """Returns the elements and MSG."""
    elements: dict[str, dict[str, str]] = {}
    at = 0
    while found := _ELEMENT.match(rest, at):
        name = found[1].decode("ascii")
        if name in elements:
            raise ValueError(f"STRUCTURED-DATA repeats {name}")
        elements[name] = _parameters(found[2], name)
        at = found.end()
    if not elements and rest.startswith(b"-"):
        at = 1
    if at == 0 or rest[at : at + 1] not in (b"", b" "):
        raise ValueError(f"STRUCTURED-DATA does not match RFC 5424, section 6.3: {rest[at : at + _SHOWN]!r}")
    return elements, _body(rest[at + 1 :])


def _parameters(text: bytes, element: str) -> dict[str, str]:
    parameters: dict[str, str] = {}
    for found in _PARAM.finditer(text):
        name = found[1].decode("ascii")
        if name in parameters:
            raise ValueError(f"{element} repeats {name}")
        parameters[name] = _ESCAPE.sub(r"\1", _utf8(found[2], f"{element} {name}"))
    return parameters


def _body(body: bytes) -> bytes:
    if body.startswith(_BOM):
        _utf8(body, "MSG with a BOM")
    return body


def _utf8(octets: bytes, what: str) -> str:
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"{what} is not UTF-8: {octets[:_SHOWN]!r}") from error

"""Text of others in messages of ours: what OCI answers, what a library raises, what a setting or a request holds.

It may quote a secret, and our errors go to logs, reports, the state and the caller. So it passes the redaction of events first; then URLs
are reduced to scheme and host, and user information is dropped. What then remains is one printable line.
"""

import re
import unicodedata

from epimetheus.render.redact.text import redact_text
from epimetheus.render.sanitize import escape_invisible_json

HIDDEN = "…"
_READ = 4000  # a longer text is cut before it is looked at
_SHOWN = 200
_LEAST_OPAQUE = 16
_MOST_MIXED = 4  # words of letters and digits that hyphens join, as in a host's name; a token has more

_URL = re.compile(r"([a-z][a-z0-9+.\-]{1,15}://)([^\s\"'<>]*)", re.IGNORECASE)
_PATH = re.compile(r"(?<=\burl: )\S+", re.IGNORECASE)  # how urllib3 quotes the URL that failed
_SIGNED = re.compile(r"ST\$[\w.-]+|(?<=keyId=\")[^\"]+|(?<=signature=\")[^\"]+")
_REQUEST_ID = r"(?<![\w/])\w{1,40}(?:/[0-9A-F]{32}){1,2}(?![\w/])"  # opc-request-id: the caller's part, then OCI's
_PIECES = re.compile(rf"(?P<request>{_REQUEST_ID})|[^\s,;?&=:/\"'()\[\]{{}}<>]+")
_WORDS = re.compile(r"[A-Za-z0-9+]+")
_OCID = re.compile(r"ocid1\.[a-z0-9]{2,40}\.[\w-]+\.[\w-]*\.[\w.-]+", re.ASCII)
_PORT = re.compile(r"\d{0,5}", re.ASCII)
_NAME = re.compile(r"(?:[a-z]{2,6}://)?(?:[\w.\-]+(?::\d{1,5}(?!\w))?|[0-9A-Fa-f:.]+)(?:…\Z)?")

_UNSEEN = "\ufffd"
_POINTERS = ("file:", "vault:", "object:")
_ENCODED = re.compile(r"%(?:25)*(2f|3a|3f|23|40)", re.IGNORECASE)  # what separates the parts of an address: / : ? # @
_BEHIND = re.compile(r"[?#].*", re.DOTALL)
_PRE_AUTHENTICATED = re.compile(r"(?<=/p/)(?!\[redacted\])[^/\s]+")
_BEHIND_COLON = re.compile(r":(?!//)([^\s:/,]+)")
# A port, a part of a time or of an IPv6 address:
_HARMLESS = re.compile(r"\d+(?:\.\d+)?(?:Z|[+\-]\d\d)?|[0-9A-Fa-f]{1,4}(?:%\w+)?\]?", re.ASCII)


def plain(text: str) -> str:
    """Words of others for a message of ours: at most 200 characters on one printable line, without a secret.

    Long runs of letters and digits are hidden, except OCIDs and request ids: an error may quote a token with no mark that says so.
    """
    return _PIECES.sub(_unless_opaque, _masked(text))[:_SHOWN]


def masked(text: str) -> str:
    """The same of an event's own name, id or time: what looks like a secret is hidden, but not an id for its length."""
    return _masked(text)[:_SHOWN]


def _masked(text: str) -> str:
    return _line(without_secrets(_line(text[:_READ])))


def value(text: str, most: int = 80) -> str | None:
    """A setting's or a request's value as an error may show it, its first ``most`` characters; None where it holds a PEM text.

    Long runs of letters and digits, which may be a token or a part of a pre-authenticated request, are hidden too; OCIDs are not. So are
    further lines, user information, whatever follows ? or #, and whatever follows a colon unless it is a port or a part of a time or
    IPv6 address. Separators count in any form: percent-encoded, or full-width.
    """
    if "-----" in text:
        return None
    pointer = next((pointer for pointer in _POINTERS if text.startswith(pointer)), "")
    shown = pointer + _value(text[len(pointer) : _READ])
    return shown if len(shown) <= most else f"{shown[:most]}{HIDDEN}"


def _value(text: str) -> str:
    first, *further = text.splitlines() or [""]
    text = "".join(map(_narrow, _ENCODED.sub(_separator, printable(first, _UNSEEN))))
    text = without_secrets(text)
    if "@" in text:  # a password may hold blanks
        text = f"{HIDDEN}@{text.rpartition('@')[2]}"
    text = _BEHIND.sub(lambda found: found[0][0] + HIDDEN, _PRE_AUTHENTICATED.sub(HIDDEN, text))
    text = _PIECES.sub(_unless_opaque, _BEHIND_COLON.sub(_unless_harmless, text)).replace(_UNSEEN, "?")
    return f"{text}{HIDDEN}" if any(further) else text


def name(text: str) -> str | None:
    """The same of what should be a host or a name: it ends before the first character that neither holds, with a port at most."""
    shown = value(text)
    if shown is None:
        return None
    start = f"{HIDDEN}@" if shown.startswith(f"{HIDDEN}@") else ""
    rest = shown.removeprefix(start)
    end = _NAME.match(rest)
    kept = end[0] if end else ""
    return start + kept + (HIDDEN if kept != rest else "")


def printable(text: str, other: str = "?") -> str:
    """``text`` with ``other`` for control characters and broken UTF-8, which a terminal or a log would stumble over."""
    return "".join(character if character.isprintable() else other for character in text)


def seen(text: str) -> str:
    """JSON text of a log line in which every character is seen, and obeyed by no terminal: others are escaped, lone surrogates replaced."""
    return escape_invisible_json(text.encode("utf-8", "replace")).decode()


def _line(text: str) -> str:
    return " ".join("".join(character if character.isprintable() else " " for character in text).split())


def without_secrets(text: str) -> str:
    """``text``, of a few thousand characters at most, with what may be secret hidden; otherwise as it is."""
    text = _SIGNED.sub(HIDDEN, redact_text(text))
    return _user_hidden(_PATH.sub(HIDDEN, _URL.sub(_scheme_and_host, text)))


def _scheme_and_host(found: re.Match[str]) -> str:
    authority = re.split(r"[/?#\\]", found[2], maxsplit=1)[0]
    host = authority.rpartition("@")[2]
    bare, colon, port = host.rpartition(":")
    if colon and "]" not in port and not _PORT.fullmatch(port):
        return f"{found[1]}{bare.partition(':')[0]}:{HIDDEN}"
    return f"{found[1]}{host}{'' if host == found[2] else f'/{HIDDEN}'}"


def _user_hidden(text: str) -> str:
    """``admin:password@host`` → ``…@host``: a word is hidden up to its last @."""
    return " ".join(f"{HIDDEN}@{word.rpartition('@')[2]}" if "@" in word else word for word in text.split(" "))


def _separator(found: re.Match[str]) -> str:
    return chr(int(found[1], 16))


def _narrow(character: str) -> str:
    """A separator for its full-width or small form."""
    plainer = character if character.isascii() else unicodedata.normalize("NFKC", character)
    return plainer if plainer in tuple("@:/?#") else character


def _unless_harmless(found: re.Match[str]) -> str:
    return found[0] if _HARMLESS.fullmatch(found[1]) else f":{HIDDEN}"


def _unless_opaque(found: re.Match[str]) -> str:
    piece = found[0]
    if found["request"] or _OCID.fullmatch(piece):
        return piece
    words = _WORDS.findall(piece)
    return HIDDEN if any(map(_is_opaque, words)) or sum(map(_is_mixed, words)) > _MOST_MIXED else piece


def _is_opaque(word: str) -> bool:
    return len(word) >= _LEAST_OPAQUE and _is_mixed(word)


def _is_mixed(word: str) -> bool:
    return not word.isalpha() and not word.isdecimal()

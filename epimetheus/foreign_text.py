"""Text of others in messages of ours: what OCI answers, what a library raises, what a setting or a request holds.

It may quote a secret, and our errors go to logs, reports, the state and the caller. So it passes the redaction of events first; then URLs
are reduced to scheme and host, and user information is dropped. What then remains is one printable line.
"""

import re

from epimetheus.render.secret_text import mask

HIDDEN = "…"
_READ = 4000  # a longer text is cut before it is looked at
_SHOWN = 200
_LEAST_OPAQUE = 16

_URL = re.compile(r"([a-z][a-z0-9+.\-]{1,15}://)([^\s\"'<>]*)", re.IGNORECASE)
_PATH = re.compile(r"(?<=\burl: )\S+", re.IGNORECASE)  # how urllib3 quotes the URL that failed
_SIGNED = re.compile(r"ST\$[\w.-]+|(?<=keyId=\")[^\"]+|(?<=signature=\")[^\"]+")
_PIECES = re.compile(r"[^\s,;?&=:/\"']+")
_WORDS = re.compile(r"[A-Za-z0-9+]+")


def plain(text: str) -> str:
    """Words of others for a message of ours: at most 200 characters on one printable line, without a secret."""
    return _line(without_secrets(_line(text[:_READ])))[:_SHOWN]


def value(text: str, most: int = 80) -> str | None:
    """A setting's or a request's value as an error may show it, its first ``most`` characters; None where it holds a PEM text.

    Long runs of letters and digits, which may be a token or a part of a pre-authenticated request, are hidden too; OCIDs are not.
    """
    if "-----" in text:
        return None
    shown = without_secrets(printable(text[:_READ]))
    if "@" in shown:  # a password may hold blanks
        shown = f"{HIDDEN}@{shown.rpartition('@')[2]}"
    shown = _PIECES.sub(_unless_opaque, shown)
    return shown if len(shown) <= most else f"{shown[:most]}{HIDDEN}"


def printable(text: str) -> str:
    """``text`` without control characters and broken UTF-8, which a terminal or a log would stumble over."""
    return "".join(character if character.isprintable() else "?" for character in text)


def _line(text: str) -> str:
    return " ".join("".join(character if character.isprintable() else " " for character in text).split())


def without_secrets(text: str) -> str:
    """``text``, of a few thousand characters at most, with what may be secret hidden; otherwise as it is."""
    text = _SIGNED.sub(HIDDEN, mask(text))
    return _user_hidden(_PATH.sub(HIDDEN, _URL.sub(_scheme_and_host, text)))


def _scheme_and_host(found: re.Match[str]) -> str:
    authority = re.split(r"[/?#\\]", found[2], maxsplit=1)[0]
    host = authority.rpartition("@")[2]
    return f"{found[1]}{host}{'' if host == found[2] else f'/{HIDDEN}'}"


def _user_hidden(text: str) -> str:
    """``admin:password@host`` → ``…@host``: a word is hidden up to its last @."""
    return " ".join(f"{HIDDEN}@{word.rpartition('@')[2]}" if "@" in word else word for word in text.split(" "))


def _unless_opaque(found: re.Match[str]) -> str:
    piece = found[0]
    if piece.startswith("ocid1."):
        return piece
    return HIDDEN if any(map(_is_opaque, _WORDS.findall(piece))) else piece


def _is_opaque(word: str) -> bool:
    return len(word) >= _LEAST_OPAQUE and not word.isalpha() and not word.isdecimal()

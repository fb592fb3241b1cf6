"""Makes external text safe for logs, reports and errors: responses from OCI, library errors, values of settings and requests.

External text may quote a secret, and errors reach logs, reports, the state and the caller. So the text is redacted like an event, URLs are
reduced to scheme and host, and user information is removed. The result is one printable line.
"""

import re
import unicodedata

from epimetheus.render.redact.text import redact_text
from epimetheus.render.sanitize import escape_invisible_json

HIDDEN = "…"
_MAX_INPUT = 4000  # longer text is truncated first
_MAX_OUTPUT = 200
_MIN_OPAQUE = 16
_MAX_MIXED = 4  # hyphenated words of letters and digits, as in a host name; a token has more

_URL = re.compile(r"([a-z][a-z0-9+.\-]{1,15}://)([^\s\"'<>]*)", re.IGNORECASE)
_PATH = re.compile(r"(?<=\burl: )\S+", re.IGNORECASE)  # how urllib3 quotes the URL that failed
_SIGNED = re.compile(r"ST\$[\w.-]+|(?<=keyId=\")[^\"]+|(?<=signature=\")[^\"]+")
_REQUEST_ID = r"(?<![\w/])\w{1,40}(?:/[0-9A-F]{32}){1,2}(?![\w/])"  # opc-request-id: the caller's part, then OCI's
_PIECES = re.compile(rf"(?P<request>{_REQUEST_ID})|[^\s,;?&=:/\"'()\[\]{{}}<>]+")
_WORDS = re.compile(r"[A-Za-z0-9+]+")
_OCID = re.compile(r"ocid1\.[a-z0-9]{2,40}\.[\w-]+\.[\w-]*\.[\w.-]+", re.ASCII)
_PORT = re.compile(r"\d{0,5}", re.ASCII)
_HOST = re.compile(r"(?:[a-z]{2,6}://)?(?:[\w.\-]+(?::\d{1,5}(?!\w))?|[0-9A-Fa-f:.]+)(?:…\Z)?")

_UNPRINTABLE = "\ufffd"
_REFERENCES = ("file:", "vault:", "object:")
_ENCODED_SEPARATOR = re.compile(r"%(?:25)*(2f|3a|3f|23|40)", re.IGNORECASE)  # the separators of a URL: / : ? # @
_QUERY = re.compile(r"[?#].*", re.DOTALL)
_PRE_AUTHENTICATED = re.compile(r"(?<=/p/)(?!\[redacted\])[^/\s]+")
_AFTER_COLON = re.compile(r":(?!//)([^\s:/,]+)")
# A port, a part of a time or of an IPv6 address:
_HARMLESS = re.compile(r"\d+(?:\.\d+)?(?:Z|[+\-]\d\d)?|[0-9A-Fa-f]{1,4}(?:%\w+)?\]?", re.ASCII)


def safe_message(text: str) -> str:
    """Returns external text for a log, report or error: at most 200 characters on one printable line, without secrets.

    Long mixes of letters and digits are hidden, except OCIDs and request ids, because an error may quote a token without a known form.
    """
    return _shortened(_PIECES.sub(_hide_opaque, _redacted_line(text)))


def safe_event_text(text: str) -> str:
    """Returns an event's name, id or time for a log line, redacted like `safe_message` but with long ids intact."""
    return _redacted_line(text)[:_MAX_OUTPUT]


def _shortened(text: str) -> str:
    """The first words of a long text: a word that is cut, such as a URL, is dropped."""
    if len(text) <= _MAX_OUTPUT:
        return text
    words, _, _ = text[:_MAX_OUTPUT].rpartition(" ")
    return f"{words}{HIDDEN}" if len(words) > _MAX_OUTPUT // 2 else text[:_MAX_OUTPUT]


def _redacted_line(text: str) -> str:
    return _one_line(without_secrets(_one_line(text[:_MAX_INPUT])))


def safe_value(text: str, max_length: int = 80) -> str | None:
    """Returns a value of a setting or request for an error, truncated to ``max_length`` characters; None if it contains PEM text.

    It hides secrets, long mixes of letters and digits other than OCIDs, user information, everything after ? or #, further lines, and
    whatever follows a colon unless it is a port or a part of a time or IPv6 address. Separators may be percent-encoded or full-width.
    """
    if "-----" in text:
        return None
    prefix = next((prefix for prefix in _REFERENCES if text.startswith(prefix)), "")
    safe = prefix + _safe_first_line(text[len(prefix) : _MAX_INPUT])
    return safe if len(safe) <= max_length else f"{safe[:max_length]}{HIDDEN}"


def _safe_first_line(text: str) -> str:
    first, *others = text.splitlines() or [""]
    text = "".join(map(_narrow_separator, _ENCODED_SEPARATOR.sub(_decode_separator, _printable(first, _UNPRINTABLE))))
    text = without_secrets(text)
    if "@" in text:  # a password may contain spaces
        text = f"{HIDDEN}@{text.rpartition('@')[2]}"
    text = _QUERY.sub(lambda match: match[0][0] + HIDDEN, _PRE_AUTHENTICATED.sub(HIDDEN, text))
    text = _PIECES.sub(_hide_opaque, _AFTER_COLON.sub(_hide_after_colon, text)).replace(_UNPRINTABLE, "?")
    return f"{text}{HIDDEN}" if any(others) else text


def safe_name(text: str) -> str | None:
    """Returns `safe_value` of a host or name, ended at the first character that neither can contain, with a port at most."""
    safe = safe_value(text)
    if safe is None:
        return None
    start = f"{HIDDEN}@" if safe.startswith(f"{HIDDEN}@") else ""
    rest = safe.removeprefix(start)
    match = _HOST.match(rest)
    kept = match[0] if match else ""
    return start + kept + (HIDDEN if kept != rest else "")


def to_visible_json(text: str) -> str:
    """Escapes invisible characters and terminal controls in the JSON of a log line, and replaces lone surrogates."""
    return escape_invisible_json(text.encode("utf-8", "replace")).decode()


def without_secrets(text: str) -> str:
    """Hides what may be secret in ``text``, which has a few thousand characters at most, and changes nothing else."""
    text = _SIGNED.sub(HIDDEN, redact_text(text))
    return _hide_users(_PATH.sub(HIDDEN, _URL.sub(_scheme_and_host, text)))


def _printable(text: str, replacement: str) -> str:
    return "".join(character if character.isprintable() else replacement for character in text)


def _one_line(text: str) -> str:
    return " ".join(_printable(text, " ").split())


def _scheme_and_host(match: re.Match[str]) -> str:
    authority = re.split(r"[/?#\\]", match[2], maxsplit=1)[0]
    host = authority.rpartition("@")[2]
    bare, colon, port = host.rpartition(":")
    if colon and "]" not in port and not _PORT.fullmatch(port):
        return f"{match[1]}{bare.partition(':')[0]}:{HIDDEN}"
    return f"{match[1]}{host}{'' if host == match[2] else f'/{HIDDEN}'}"


def _hide_users(text: str) -> str:
    """``admin:password@host`` → ``…@host``: hides each word up to its last @."""
    return " ".join(f"{HIDDEN}@{word.rpartition('@')[2]}" if "@" in word else word for word in text.split(" "))


def _decode_separator(match: re.Match[str]) -> str:
    return chr(int(match[1], 16))


def _narrow_separator(character: str) -> str:
    """Replaces the full-width or small form of a separator."""
    narrow = character if character.isascii() else unicodedata.normalize("NFKC", character)
    return narrow if narrow in tuple("@:/?#") else character


def _hide_after_colon(match: re.Match[str]) -> str:
    return match[0] if _HARMLESS.fullmatch(match[1]) else f":{HIDDEN}"


def _hide_opaque(match: re.Match[str]) -> str:
    piece = match[0]
    if match["request"] or _OCID.fullmatch(piece):
        return piece
    words = _WORDS.findall(piece)
    return HIDDEN if any(map(_is_opaque, words)) or sum(map(_is_mixed, words)) > _MAX_MIXED else piece


def _is_opaque(word: str) -> bool:
    return len(word) >= _MIN_OPAQUE and _is_mixed(word)


def _is_mixed(word: str) -> bool:
    return not word.isalpha() and not word.isdecimal()

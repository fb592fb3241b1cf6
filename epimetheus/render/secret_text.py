"""What secrets look like: by the key they stand under, and by their own shape. Works on any text, JSON or not."""

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from epimetheus.render.hints import suspicious

REDACTED = "[redacted]"

# Keys are compared without case and punctuation; what matters is how they end: accessToken is a secret, tokenType is not.
_ROOTS = (
    "authorization", "cookie", "credential", "password", "passwd", "passphrase", "passcode", "pwd", "secret", "token",
    "privatekey", "apikey", "accesskey", "secretkey", "sharedkey", "signingkey", "encryptionkey", "masterkey", "clientkey",
    "symmetrickey", "secretbundle", "signature", "assertion", "samlresponse", "jwt", "otp", "bearer",
)  # fmt: skip
_CARRIERS = "value|contents?|hash|string|text|data|header|raw|plain|plaintext|base64|pem|new|old|confirm|confirmation"
_SECRET_KEY = re.compile(rf"(?:{'|'.join(_ROOTS)})s?(?:{_CARRIERS})?\d*$|^x?auth$")
# A page's mark, an idempotency key, a factor's name (USERNAME_PASSWORD=AUTH_SUCCESS), a CORS header.
_HARMLESS_KEY = re.compile(r"(?:page|next|retry|continuation)token$|^usernamepassword$|allowcredentials$")
_PUNCTUATION = re.compile(r"[\W_]+")


def is_secret_key(key: str) -> bool:
    """Whether what stands under this key (a JSON key, a header's name, a query parameter) must not leave."""
    name = _PUNCTUATION.sub("", key.lower())
    return _SECRET_KEY.search(name) is not None and _HARMLESS_KEY.search(name) is None


class _Shape(NamedTuple):
    """A secret by its own look, and what is put in its place. A new one needs a hint in `hints`."""

    pattern: re.Pattern[str]
    put: str = REDACTED


_FINGERPRINT = r"(?:[0-9a-fA-F]{2}:){15}[0-9a-fA-F]{2}"
_PAR = re.compile(r"(\\?/|%2F)p\1[\w\-]{16,}\1n\1", re.IGNORECASE | re.ASCII)
_SHAPES = (
    _Shape(re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL)),
    # draft-cavage-http-signatures, as OCI signs requests: a list of name="value", quotes perhaps escaped, perhaps cut off
    _Shape(
        re.compile(r"\bSignature\s+(?:\w+\s*=\s*(?:\\*\"[^\"\\]*(?:\\*\"|\Z)|[^\s,\"\\&]+)[,\s]*)+", re.IGNORECASE | re.ASCII),
    ),
    # RFC 6750 2.1; "bearer token expired" is a sentence
    _Shape(
        re.compile(r"(?ia)\b(Bearer)\s+(?!(?:tokens?|auth\w*|credentials?|scheme)\b(?![.~+/=-]))[\w\-.~+/]+=*"),
        rf"\1 {REDACTED}",
    ),
    # RFC 7617 2; Base64 of user:password never is one plain word, "Basic monitoring" is
    _Shape(re.compile(r"\b((?i:Basic))\s+(?![A-Za-z]?[a-z]*(?![\w+/=]))[\w\-+/]{4,}=*", re.ASCII), rf"\1 {REDACTED}"),
    _Shape(re.compile(r"\bST\$[^\s\"',;\\&]+", re.IGNORECASE | re.ASCII)),
    # A JWT. Each run of its letters is read once, from its beginning: tried at every eyJ in it, a run would cost its square.
    _Shape(re.compile(r"(?<![\w\-])((?:(?!eyJ)[\w\-])*+)eyJ[\w\-]{8,}+(?:\.[\w\-]*+)++", re.ASCII), rf"\1{REDACTED}"),
    # API key ids: tenancy/user/fingerprint. The fingerprint alone is how an audit names a key that was made or deleted.
    _Shape(re.compile(rf"ocid1\.[^/\s\"]{{1,255}}/(?:ocid1\.[^/\s\"]{{1,255}}/)?{_FINGERPRINT}")),
    _Shape(re.compile(rf"(?<!/apiKeys)(?<!/apikeys)/{_FINGERPRINT}"), f"/{REDACTED}"),
    # Object Storage's pre-authenticated requests: who has the path has the object
    _Shape(_PAR, rf"\1p\1{REDACTED}\1n\1"),
    # RFC 3986 3.2.1; a password may hold an @ that ought to have been encoded
    _Shape(re.compile(r"://([^/\s:@\"']{0,255}):[^/\s\"']{1,255}@"), rf"://\1:{REDACTED}@"),
)
_WORD = re.compile(r"[\w.\-]*", re.ASCII)

_KEYED = re.compile(r"(?:(?<![\w\-%])|(?<=%[0-9A-Fa-f]{2}))([\w\-]{1,64})(?:[)\]]?\\*[\"'])?\s*(?:[:=]|%3[AaDd])\s*")
_QUOTED = re.compile(r"(\\*[\"'])(.*?)(?:(?<!\\)\1|\Z)", re.DOTALL)
_BARE = re.compile(r"(?:-?[\d.eE+]+|null|true|false|none)(?=[\s,}\])]|\Z)|[^\s&\"'\\<>]+", re.IGNORECASE)
# A quote ends the text the header stands in, but for those around a value. Possessive, or runs of backslashes cost their square.
_LINE = re.compile(r"(?:(?<==)\\*+\"[^\"\r\n]*\"?|[^\r\n\"\\]|\\++(?!\"))+")
_NAME = re.compile(r"\\*[\"']?([^\"'\\\s]{1,64})")
_NESTED = re.compile(r"\"(?:[^\"\\]|\\.)*\"?|[\[\]{}]", re.DOTALL)
_TO_END_OF_LINE = re.compile(r"authorization$|cookie2?$")
_NO_SECRET = frozenset(("", "null", "true", "false", "none"))
_LONGEST_NO_SECRET = 5
_NAMES = frozenset(("key", "name"))
_VALUES = frozenset(("value", "values"))


def is_plain(text: str) -> bool:
    """Whether this is a word, a number or a name such as most values are: `mask` would leave it as it is."""
    return _WORD.fullmatch(text) is not None and "eyJ" not in text


def mask(text: str) -> str:
    """``text`` with every secret in it replaced by ``[redacted]``: by shape, then by key (``token=…``, ``"password": "…"``)."""
    return mask_all(text, is_secret_key) if suspicious(text) else text


def mask_all(text: str, is_secret: Callable[[str], bool]) -> str:
    """The same without a look for hints first, and with a word of one's own on which keys are secret."""
    for shape in _SHAPES:
        text = shape.pattern.sub(shape.put, text)
    return mask_keyed(text, is_secret)


def mask_keyed(text: str, is_secret: Callable[[str], bool]) -> str:
    """``text`` with the values of secret keys replaced, in JSON (also escaped, or broken), headers, queries and prose."""
    pieces, at = [], 0
    for start, end in sorted(set(_secret_values(text, is_secret))):
        if start >= at:
            pieces += [text[at:start], REDACTED]
            at = end
    return "".join([*pieces, text[at:]]) if pieces else text


def _secret_values(text: str, is_secret: Callable[[str], bool]) -> Iterator[tuple[int, int]]:
    """Where secret values stand, in time that grows with the text alone, however it is nested.

    ``{"key": "authorization", "value": "…"}`` pairs are followed, whichever comes first.
    """
    at, told, before = 0, False, None
    while found := _KEYED.search(text, at):
        key, at = found[1].lower(), found.end()
        if key in _NAMES:
            name = _NAME.match(text, at)
            told = name is not None and is_secret(name[1])
            if told and before is not None:
                yield from _told_late(text, before, found.start())
                before = None
        elif is_secret(found[1]) or (told and key in _VALUES):
            value = _value(text, at, key)
            if _is_said(text, value):
                yield value
                at = value[1]
        elif key in _VALUES:
            before = at


def _told_late(text: str, at: int, name: int) -> Iterator[tuple[int, int]]:
    """The value at ``at`` whose name follows at ``name``, where both stand in the same object."""
    between = text[at:name]
    value = _value(between, 0, "")
    if "}" not in between[value[1] :] and _is_said(between, value):
        yield at + value[0], at + value[1]


def _is_said(text: str, value: tuple[int, int]) -> bool:
    return value[1] - value[0] > _LONGEST_NO_SECRET or text[slice(*value)].lower() not in _NO_SECRET


def _value(text: str, at: int, key: str) -> tuple[int, int]:
    """Where the value that begins at ``at`` stands, without its quotes; too much rather than too little where it is unclear."""
    if quoted := _QUOTED.match(text, at):
        return quoted.span(2)
    if text[at : at + 1] in ("[", "{"):
        return at, _closed(text, at)
    bare = (_LINE if _TO_END_OF_LINE.search(key) else _BARE).match(text, at)
    return bare.span() if bare else (at, at)


def _closed(text: str, at: int) -> int:
    """Where the list or object that opens at ``at`` is closed, else the end."""
    depth = 0
    for token in _NESTED.finditer(text, at):
        depth += (token[0] in "[{") - (token[0] in "]}")
        if depth == 0:
            return token.end()
    return len(text)

"""The prescan: decides with RE2, in one pass over the bytes, whether a text may contain a secret.

A text with a hint gets the full scan (`text`, `redactor`). A text without one contains no secret, and neither does any JSON in it.
Therefore the patterns derive from `keys` and `patterns` and prefer false positives (`tests/render/redact/test_prescan.py`). They match
UTF-8 bytes in any case.
"""

import re
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import re2

from epimetheus.render.redact.encodings import ESCAPES, INVISIBLE_BYTES, TEXT_IN_BASE64
from epimetheus.render.redact.keys import JOINED_PASSWORDS, SECRET_ROOTS, SECRET_WORDS, TRAILING_NAMES
from epimetheus.render.redact.patterns import SECRET_PATTERNS

NUL = "\0"  # no pattern matches across it
_FOLDS_TO_ASCII = r"\xe2\x84\xaa|\xc4\xb0|\xc5\xbf"  # Kelvin sign, dotted I, long s: their other case is ASCII
_NON_ASCII = re.compile(r"[^\x00-\x7f]")
_CONTROL = r"[\x00-\x1f]"
_NEGATED_LETTERS = re.compile(r"\[\^(a-zA-Z|a-z|a-z0-9)\]")
_LOOKAROUND = re.compile(r"\(\?<?[=!](?:[^()]|\([^()]*\))*\)")


def _widened(pattern: str) -> str:
    """Converts a pattern of key words for RE2: without lookarounds, and with any punctuation between words.

    RE2 folds the case of ASCII bytes only, so other letters are spelled out in both cases.
    """
    pattern = _NON_ASCII.sub(lambda letter: f"(?:{letter[0]}|{letter[0].upper()})", pattern)
    return _LOOKAROUND.sub("", pattern).replace("-?", r'(?:[^a-z0-9"\\\x00]|\\.)*')


def _as_word(word: str) -> str:
    """Returns a pattern for a short word that follows a non-letter or is capitalized in camel case."""
    return rf"(?-i:[^a-zA-Z](?i:{word})|[a-zA-Z]{word.capitalize()}|[a-z]{word.upper()})"


_SECRET_NAMES = "|".join((
    *map(_widened, SECRET_ROOTS), _widened(TRAILING_NAMES), _widened(JOINED_PASSWORDS), *map(_as_word, sorted(SECRET_WORDS)),
))  # fmt: skip
_WHOLE_KEYS = r"(?:(?:(?:x|http|basic|proxy)[^a-z\x00]?)?auth(?:[^a-z\x00]?value)?|sig|answer|confirmation|idcs[^a-z\x00]?at)"
_SHORT_NAMES = "|".join(sorted(SECRET_WORDS))
"""Short words, which also count at the start of a key or text."""


def _secret_key(start: str, before: str, anything: str, end: str) -> str:
    """Returns a pattern for ``start``, a secret key or a part of one, possibly after ``before``, and later ``end``."""
    alone = f"{_WHOLE_KEYS}(?:[^a-z]{anything})?{end}"
    return f"(?:{start}(?:(?:{_SHORT_NAMES}){anything}{end}|{alone}|{before}(?:(?:{_SECRET_NAMES}){anything}{end}|[^a-z]{alone})))"


def _mark_pattern(mark: str) -> str:
    """Returns a pattern for the mark of a secret, with its punctuation possibly percent-encoded."""
    return "".join(
        character if character.isalnum() else f"(?:{re.escape(character)}|%{ord(character):02x}|&[a-z]+;)" for character in mark
    )


_USERINFO = r'(?::|%3a)(?:/|%2f)(?:/|%2f)[^\s"<>\x00]*(?:@|%40)'
_FINGERPRINT = r"(?:[0-9a-f]{2}(?::|%3a)){15}"
_BROAD_MARKS = frozenset(("://", ":", "http", "private", "-u", "sk-", "key=", "/p", "/p/", "%2fp", "hook", "login", "code=", "ldap"))
MARKS = "|".join((
    *dict.fromkeys(_mark_pattern(mark) for pattern in SECRET_PATTERNS for mark in pattern.marks if mark not in _BROAD_MARKS),
    _USERINFO, _FINGERPRINT, r"private[ +_%&-](?:20)?(?:key|lines)", r"[\s\\%0]-u[\s=\\%]", r"[^a-z0-9]sk-[a-z0-9]",
    r"(?:[?&]|%3f|%26|&amp;|[\x00\x22]|^)(?:key|code)(?:=|%3d)", r"(?:/|%2f)p\\*(?:/|%2f)",
    r"hooks?\.", r"webhooks?[0-9a-z]*[/%.]", r"/hooks(?:/|%2f)",
    r"(?:docker|podman|helm|oras|skopeo|buildah|registry|az)[\s\\%]+(?:20)?login",
    r"ldap[a-z]+[\s\\%]",
))  # fmt: skip
"""Marks of secrets that are recognizable by themselves."""
_SEPARATOR = r"(?:[:=%<>&]|->|\xef\xbc[\x9a\x9d])"
_PROSE = r"(?:(?:token|secret|key)[\s\\]+(?:is|was)|pass(?:w(?:or)?d|phrase|code)|pwd|pin|otp)[\w\-]*(?:[\s\\]|%20|\()"
_OTHER_HINTS = "|".join((
    ESCAPES, _FOLDS_TO_ASCII, "customersecretkey", r"identified[\s\\%]", r"kty[^a-z]", r"user[_\-]?id[\x22\\]",
    _PROSE,
    rf"-(?:[\w\-\x80-\xff]*(?:{_SECRET_NAMES})|[_\-0-9\x80-\xff]*(?:{_SHORT_NAMES}|{_WHOLE_KEYS}))[\w\-\x80-\xff]*[\s\\%\x22']",
    r"=\\+>", INVISIBLE_BYTES,
))  # fmt: skip

_NAME_MEMBERS = (
    "(?:key|name|field|path|attribute|property|parameter|variable|option|setting|header|claim|param|env|element|member"
    "|type|kind|id|label|title|attr|item|k)"
)
_ANY_TEXT = r"[^\x00]*"

HINTS = "|".join((
    MARKS, _OTHER_HINTS, _secret_key(r"(?:^|\x00)", "", _ANY_TEXT, _SEPARATOR), _secret_key("", "", _ANY_TEXT, _SEPARATOR),
    f"{_NAME_MEMBERS}{_ANY_TEXT}{_SEPARATOR}{_ANY_TEXT}{_secret_key('', '', '', '')}", rf"\[\s*\\*\x22[^\x22\x00]*(?:{_SECRET_NAMES})",
))  # fmt: skip
"""Hints at a secret, or at JSON that contains one, in text that is not a JSON string, or in several texts joined by NUL."""
BASE64_HINT = f"(?-i:{TEXT_IN_BASE64})"
"""Another hint, with a search of its own. Random IDs bring this search into thousands of states, and one search for all hints would need a
state for each pair of states: 12 MB of memory, and 200 µs for each of the first thousand events."""


def _compiled(*patterns: str) -> Any:
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1  # bytes: in UTF-8, an ASCII byte is always the ASCII character
    options.case_sensitive = False
    options.max_mem = 64 << 20
    return re2.compile("|".join(patterns).encode(), options)


class Prescan:
    """Searches texts for any of ``patterns`` and, in a search of its own, for any of ``apart``, with the texts joined by ``separator``.

    One search covers all texts because RE2 releases the GIL per search: while other threads fetch pages, a search of one microsecond
    would take ten.
    """

    def __init__(self, *patterns: str, apart: Sequence[str] = (BASE64_HINT,), separator: str = NUL) -> None:
        self._searches = [_compiled(*patterns).search, _compiled(*apart).search]
        self._separator = separator.encode()

    def __call__(self, texts: Sequence[bytes]) -> set[int]:
        """Returns the indices of the texts that match."""
        ends = list(accumulate(len(text) + 1 for text in texts))  # each includes the separator
        joined, found = self._separator.join(texts), set[int]()
        for search in self._searches:
            at = 0
            while at < len(joined) and (hit := search(joined, at)):
                index = bisect_right(ends, hit.end() - 1)
                found.add(index)
                at = ends[index] - 1
        return found


_prescan = Prescan(HINTS)


def may_contain_secrets(texts: Sequence[str]) -> bool:
    """Whether any text may contain a secret or JSON with one. True for a text with NUL or with a lone surrogate."""
    joined = NUL.join(texts)
    if joined.count(NUL) >= max(len(texts), 1):
        return True
    try:
        return bool(_prescan((joined.encode(),)))
    except UnicodeEncodeError:  # a lone surrogate
        return True


def may_contain_secret(text: str) -> bool:
    """`may_contain_secrets` for one text."""
    return may_contain_secrets((text,))


_ANYTHING = r'(?:[^"\\]|\\.)*'


def _in_string(pattern: str) -> str:
    """Adapts a pattern to the inside of a JSON string, where a quote follows a backslash."""
    return _NEGATED_LETTERS.sub(r'(?:[^"\1]|\\\\.)', pattern).replace("[^a-z", '[^"a-z').replace(r"\x22", "")


def _secret_key_in_json(anything: str, end: str) -> str:
    return _in_string(_secret_key('"', _ANYTHING, anything, end))


_NAME_KEYS = (
    rf'(?:[^a-z"]*{_NAME_MEMBERS}|{_ANYTHING}(?:{_NAME_MEMBERS}|column|config|var|display|tag|prop)[^a-z"]*(?:name|key|path))[^a-z"]*'
)
_TAIL = r"""(?:[/.](?:key|value|content|data|text|[0-9]+)|\[[^"\]]*\])*(?: ?\([^()"]*\))?[\]/\s'\\:?*]*"""
"""What may follow the name of a secret (`keys.names_secret`)."""
_JSON_NAME_HINTS = (
    _secret_key_in_json(_ANYTHING, f'(?:{_SEPARATOR}|" *:)'),
    f'"{_ANYTHING}{_NAME_MEMBERS}{_ANYTHING}{_SEPARATOR}{_ANYTHING}(?:{_in_string(_SECRET_NAMES)}|[^a-z"]{_WHOLE_KEYS})',
    rf'"{_ANYTHING}\[\s*(?:\\.)+[^"\\]*(?:{_in_string(_SECRET_NAMES)})',
    rf'"{_NAME_KEYS}" *: *{_secret_key_in_json("", "")}[^":.?#\s]*{_TAIL}"',
    rf'\[ *{_secret_key_in_json("", "")}{_ANYTHING}" *, *"',
)
_OTHER_JSON_HINTS = (
    f'"(?:code=|sk-|{_ANYTHING}(?:{_in_string(MARKS)}|{_in_string(_OTHER_HINTS)}))',
    rf'"-(?:{_ANYTHING}(?:{_in_string(_SECRET_NAMES)})|-?(?:{_SHORT_NAMES}|{_WHOLE_KEYS}))[^"]*" *,', rf'"{_ANYTHING}\\\\x',
    '"-p" *,', '"kty"', '"key" *: *"',
    '"epimetheus" *: *[^: ]',  # the key of our own notes
    r"\de[+-]?\d+[,\]}]",  # an exponent, which may be out of range
    _FOLDS_TO_ASCII, _CONTROL, r"\\[u/]",
)  # fmt: skip
JSON_HINTS = (*_JSON_NAME_HINTS, *_OTHER_JSON_HINTS)
"""Hints in an event's JSON: a whole string that may contain a secret (``"…"``), a key that may be secret (``"…":``), or anything that
requires a walk of the whole event."""
JSON_BROAD_HINTS = (
    rf'{_in_string(_SECRET_NAMES)}|"(?:{_SHORT_NAMES})|{_in_string("[^a-z]")}{_WHOLE_KEYS}|"{_WHOLE_KEYS}[^a-z]|[:\[] *"{_WHOLE_KEYS}',
    *_OTHER_JSON_HINTS,
)
"""JSON_HINTS, but names of secrets count wherever they are. Few events have one, and the search is faster and reaches half the states."""
JSON_HINTS_APART = (
    f'"{_ANYTHING}{BASE64_HINT}',
    r'(?:[\[{](?:"[^"]*":)?){40}',  # nesting that may exceed the limit
)
"""More of them, which need a search of their own, as BASE64_HINT does."""


def json_hints() -> Sequence[Any]:
    """Compiles JSON_HINTS, and JSON_HINTS_APART, into one RE2 pattern each."""
    return _compiled(*JSON_HINTS), _compiled(*JSON_HINTS_APART)

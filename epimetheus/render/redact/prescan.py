"""A prescan: whether a text may hold a secret. RE2 reads each byte once, however much there is to look for.

What is hinted at is searched with care (`secret_text`, `redact`). What is not holds no secret, nor does any JSON in it. So the patterns are
made of those of `secret_keys` and `secret_shapes`, and are wide rather than narrow (`tests/render/redact/test_prescan.py`). They match bytes of
UTF-8 in any case.
"""

import re
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import re2

from epimetheus.render.redact.encodings import ESCAPES, TEXT_IN_BASE64, UNSEEN_BYTES
from epimetheus.render.redact.keys import CARRIED, JOINED, ROOTS, WORDS
from epimetheus.render.redact.shapes import SHAPES

NUL = "\0"  # nothing is sought across it
_FOREIGN = r"\xe2\x84\xaa|\xc4\xb0|\xc5\xbf"  # K for Kelvin, I with a dot, long s: the characters with an ASCII letter in another case
_OTHER_LETTER = re.compile(r"[^\x00-\x7f]")
_CONTROL = r"[\x00-\x1f]"
_NO_LETTER = re.compile(r"\[\^(a-zA-Z|a-z|a-z0-9)\]")
_LOOKAROUND = re.compile(r"\(\?<?[=!](?:[^()]|\([^()]*\))*\)")


def _wide(pattern: str) -> str:
    """A pattern of a key's words as RE2 takes it: without what it must not stand beside, and with any punctuation between words.

    RE2 reads bytes, and folds the case of ASCII alone: other letters are given in both.
    """
    pattern = _OTHER_LETTER.sub(lambda letter: f"(?:{letter[0]}|{letter[0].upper()})", pattern)
    return _LOOKAROUND.sub("", pattern).replace("-?", r'(?:[^a-z0-9"\\\x00]|\\.)*')


def _as_word(word: str) -> str:
    """A short word behind what is no letter, or in camel case."""
    return rf"(?-i:[^a-zA-Z](?i:{word})|[a-zA-Z]{word.capitalize()}|[a-z]{word.upper()})"


_NAMES = "|".join((*map(_wide, ROOTS), _wide(CARRIED), _wide(JOINED), *map(_as_word, sorted(WORDS))))
_ALONE = r"(?:(?:(?:x|http|basic|proxy)[^a-z\x00]?)?auth(?:[^a-z\x00]?value)?|sig|answer|confirmation|idcs[^a-z\x00]?at)"
_NAMES_AT_START = "|".join(sorted(WORDS))
"""What stands at the beginning of a key, or of a text."""


def _named(start: str, before: str, anything: str, end: str) -> str:
    """A secret key, or a part of one, behind ``start`` and what may stand ``before`` it, and an ``end`` somewhere behind it."""
    alone = f"{_ALONE}(?:[^a-z]{anything})?{end}"
    return f"(?:{start}(?:(?:{_NAMES_AT_START}){anything}{end}|{alone}|{before}(?:(?:{_NAMES}){anything}{end}|[^a-z]{alone})))"


def _mark(mark: str) -> str:
    """A shape's mark, its punctuation perhaps percent-encoded."""
    return "".join(
        character if character.isalnum() else f"(?:{re.escape(character)}|%{ord(character):02x}|&[a-z]+;)" for character in mark
    )


_USERINFO = r'(?::|%3a)(?:/|%2f)(?:/|%2f)[^\s"<>\x00]*(?:@|%40)'
_FINGERPRINT = r"(?:[0-9a-f]{2}(?::|%3a)){15}"
_WIDE_MARKS = frozenset(("://", ":", "http", "private", "-u", "sk-", "key=", "/p", "/p/", "%2fp", "hook", "login", "code=", "ldap"))
MARKS = "|".join((
    *dict.fromkeys(_mark(mark) for shape in SHAPES for mark in shape.marks if mark not in _WIDE_MARKS),
    _USERINFO, _FINGERPRINT, r"private[ +_%&-](?:20)?(?:key|lines)", r"[\s\\%0]-u[\s=\\%]", r"[^a-z0-9]sk-[a-z0-9]",
    r"(?:[?&]|%3f|%26|&amp;|[\x00\x22]|^)(?:key|code)(?:=|%3d)", r"(?:/|%2f)p\\*(?:/|%2f)",
    r"hooks?\.", r"webhooks?[0-9a-z]*[/%.]", r"/hooks(?:/|%2f)",
    r"(?:docker|podman|helm|oras|skopeo|buildah|registry|az)[\s\\%]+(?:20)?login",
    r"ldap[a-z]+[\s\\%]",
))  # fmt: skip
"""What a secret by its own look holds."""
_SEPARATOR = r"(?:[:=%<>&]|->|\xef\xbc[\x9a\x9d])"
_SAID = r"(?:(?:token|secret|key)[\s\\]+(?:is|was)|pass(?:w(?:or)?d|phrase|code)|pwd|pin|otp)[\w\-]*(?:[\s\\]|%20|\()"
_OTHERS = "|".join((
    f"(?-i:{TEXT_IN_BASE64})", ESCAPES, _FOREIGN, "customersecretkey", r"identified[\s\\%]", r"kty[^a-z]", r"user[_\-]?id[\x22\\]", _SAID,
    rf"-(?:[\w\-\x80-\xff]*(?:{_NAMES})|[_\-0-9\x80-\xff]*(?:{_NAMES_AT_START}|{_ALONE}))[\w\-\x80-\xff]*[\s\\%\x22']",
    r"=\\+>", UNSEEN_BYTES,
))  # fmt: skip

_MEMBERS = (
    "(?:key|name|field|path|attribute|property|parameter|variable|option|setting|header|claim|param|env|element|member"
    "|type|kind|id|label|title|attr|item|k)"
)
_ANY_TEXT = r"[^\x00]*"

HINTS = "|".join((
    MARKS, _OTHERS, _named(r"(?:^|\x00)", "", _ANY_TEXT, _SEPARATOR), _named("", "", _ANY_TEXT, _SEPARATOR),
    f"{_MEMBERS}{_ANY_TEXT}{_SEPARATOR}{_ANY_TEXT}{_named('', '', '', '')}", rf"\[\s*\\*\x22[^\x22\x00]*(?:{_NAMES})",
))  # fmt: skip
"""Of a secret, or JSON with one, in any text that is no JSON string, or in several that are joined by NUL."""


def _compiled(*patterns: str) -> Any:
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1  # bytes, that is: in UTF-8, ASCII stands for nothing but itself
    options.case_sensitive = False
    options.max_mem = 64 << 20
    return re2.compile("|".join(patterns).encode(), options)


class Prescan:
    """Looks for any of some patterns in texts of any number, which stand ``between`` them.

    All at once, and not one by one: RE2 lets other threads have the interpreter each time, and while they fetch pages, a look of a
    microsecond would take ten.
    """

    def __init__(self, *patterns: str, between: str = NUL) -> None:
        self._search = _compiled(*patterns).search
        self._between = between.encode()

    def __call__(self, texts: Sequence[bytes]) -> set[int]:
        """The places of those texts in which there is one."""
        ends = list(accumulate(len(text) + 1 for text in texts))  # behind what follows a text
        together, found, at = self._between.join(texts), set[int](), 0
        while at < len(together) and (hit := self._search(together, at)):
            place = bisect_right(ends, hit.end() - 1)
            found.add(place)
            at = ends[place] - 1
        return found


_look = Prescan(HINTS)


def may_contain_secrets(texts: Sequence[str]) -> bool:
    """Whether in any of some texts there may be a secret, or JSON with one; or a NUL, or what is no Unicode."""
    together = NUL.join(texts)
    if together.count(NUL) >= max(len(texts), 1):
        return True
    try:
        return bool(_look((together.encode(),)))
    except UnicodeEncodeError:  # a lone surrogate
        return True


def may_contain_secret(text: str) -> bool:
    """The same of one text."""
    return may_contain_secrets((text,))


_ANYTHING = r'(?:[^"\\]|\\.)*'


def _within(pattern: str) -> str:
    """A pattern as it is within a JSON string: a quote stands there behind a backslash only."""
    return _NO_LETTER.sub(r'(?:[^"\1]|\\\\.)', pattern).replace("[^a-z", '[^"a-z').replace(r"\x22", "")


def _in_json(anything: str, end: str) -> str:
    return _within(_named('"', _ANYTHING, anything, end))


_NAME_KEYS = rf'(?:[^a-z"]*{_MEMBERS}|{_ANYTHING}(?:{_MEMBERS}|column|config|var|display|tag|prop)[^a-z"]*(?:name|key|path))[^a-z"]*'
_TAIL = r"""(?:[/.](?:key|value|content|data|text|[0-9]+)|\[[^"\]]*\])*(?: ?\([^()"]*\))?[\]/\s'\\:?*]*"""
"""What may stand behind the name of a secret in the text that names it (`secret_keys.names_secret`)."""
JSON_HINTS = (
    f'"(?:code=|sk-|{_ANYTHING}(?:{_within(MARKS)}|{_within(_OTHERS)}))',
    _in_json(_ANYTHING, f'(?:{_SEPARATOR}|" *:)'),
    f'"{_ANYTHING}{_MEMBERS}{_ANYTHING}{_SEPARATOR}{_ANYTHING}(?:{_within(_NAMES)}|[^a-z"]{_ALONE})',
    rf'"{_ANYTHING}\[\s*(?:\\.)+[^"\\]*(?:{_within(_NAMES)})',
    rf'"{_NAME_KEYS}" *: *{_in_json("", "")}[^":.?#\s]*{_TAIL}"',
    rf'"-(?:{_ANYTHING}(?:{_within(_NAMES)})|-?(?:{_NAMES_AT_START}|{_ALONE}))[^"]*" *,', rf'"{_ANYTHING}\\\\x',
    rf'\[ *{_in_json("", "")}{_ANYTHING}" *, *"',
    '"-p" *,', '"kty"', '"key" *: *"',
    '"epimetheus" *: *[^: ]',  # what stands where our own notes go
    r"\de[+-]?\d+[,\]}]",  # a number with an exponent: there are some beyond all numbers
    r'(?:[\[{](?:"[^"]*":)?){40}',  # so deep that it may be too deep
    _FOREIGN, _CONTROL, r"\\[u/]",
)  # fmt: skip
"""What has to be looked at in an event's JSON: a whole string in which there may be a secret (``"…"``), a key that may stand over one
(``"…":``), or anything else: that only a walk of the whole event can tell what may leave."""


def json_hints() -> Any:
    """JSON_HINTS as one pattern, whose ``search`` finds them one after the other."""
    return _compiled(*JSON_HINTS)

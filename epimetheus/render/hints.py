"""One look at a text that tells whether there may be a secret in it: RE2 reads each byte once, however much there is to look for.

What is hinted at is searched with care (`secret_text`, `redact`). What is not holds no secret, nor does any JSON in it: so a pattern is
wide where it may be, and never narrower than what it stands for (`tests/render/test_hints.py`). Patterns are of UTF-8, and mind no case.
"""

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import Any, NamedTuple

import re2

_NAMES = (
    "authorization", "cookie", "credential", "pass", "pwd", "secret", "token", "key", "signature", "assertion", "saml", "jwt", "otp",
    "bearer",
)  # fmt: skip
"""Every secret key (`secret_text.is_secret_key`) holds one of these or is ``auth``; "token", "key" and "pass" stand for several."""
_SEPARATOR = "(?:[:=]|%3)"
_ESCAPED = r"\\[u/]"  # in JSON anything may be written so, and in JSON within JSON
_FOREIGN = r"\xe2\x84\xaa|\xc4\xb0"  # K for Kelvin and I with a dot: the two characters that have an ASCII letter in lower case
_QUOTE = '"'
_KEY_ENDS = '" *:'  # any other white space is a control character, which is looked for as well
_CONTROL = r"[\x00-\x1f]"
NUL = "\0"  # nothing is sought across it


class _Grammar(NamedTuple):
    """How text goes on, as patterns: ``anything``; a ``gap`` in a word, which no key minds; something that is no ``letter``."""

    anything: str
    gap: str
    no_letter: str

    def name(self, end: str) -> str:
        """A secret's name, and behind it, somewhere, an ``end``."""
        names = "|".join(self.gap.join(name) for name in _NAMES)
        return f"(?:(?:{names}){self.anything}{end}|auth(?:{self.no_letter}{self.anything})?{end})"

    def shapes(self) -> str:
        """All that `secret_text` looks for: secrets by their own look, under a key (``token=…``), and named (``"name": "token"``)."""
        named = f"name{self.anything}{_SEPARATOR}{self.anything}{self.name('')}"
        return "|".join((
            r"basic[\s\\]", r"bearer[\s\\]", "eyj", r"/p\\*/", "%2fp%2f", "private key", r"st\$", r"signature[\s\\]",
            r'://[^/\s"\x00]*@', "(?:[0-9a-f]{2}:){15}", self.name(_SEPARATOR), named, _ESCAPED, _FOREIGN,
        ))  # fmt: skip


_PLAIN = _Grammar(r"[^\x00]*", r'(?:[^a-z0-9\\\x00]|\\+["\\/bfnrt])*', r"[^a-z\x00]")
_IN_JSON = _Grammar(r'(?:[^"\\]|\\.)*', r'(?:[^a-z0-9"\\]|\\+["\\/bfnrt])*', r'(?:[^a-z"\\]|\\.)')


def _compiled(*patterns: str) -> Any:
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1  # bytes, that is: in UTF-8, ASCII stands for nothing but itself
    options.case_sensitive = False
    return re2.compile("|".join(patterns).encode(), options)


class Look:
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


HINTS = _PLAIN.shapes()
"""Of a secret, or JSON with one, in any text that is no JSON string, or in several that are joined by NUL."""
_look = Look(HINTS)


def may_hold_secrets(texts: Sequence[str]) -> bool:
    """Whether in any of some texts there may be a secret, or JSON with one; or a NUL, or what is no Unicode."""
    together = NUL.join(texts)
    if together.count(NUL) >= max(len(texts), 1):
        return True
    try:
        return bool(_look((together.encode(),)))
    except UnicodeEncodeError:  # a lone surrogate
        return True


def suspicious(text: str) -> bool:
    """The same of one text."""
    return may_hold_secrets((text,))


_ANYTHING = _IN_JSON.anything
JSON_HINTS = (
    f'"{_ANYTHING}(?:{_IN_JSON.shapes()}){_ANYTHING}"',
    f'"{_ANYTHING}{_IN_JSON.name(_KEY_ENDS)}',
    f'"name" *: *"{_ANYTHING}{_IN_JSON.name(_QUOTE)}',
    '"epimetheus" *: *[^: ]',  # what stands where our own notes go
    r"\de[+-]?\d+[,\]}]",  # a number with an exponent: there are some beyond all numbers
    r'(?:[\[{](?:"[^"]*":)?){40}',  # so deep that it may be too deep
    _ESCAPED, _FOREIGN, _CONTROL,
)  # fmt: skip
"""What has to be looked at in an event's JSON: a whole string in which there may be a secret (``"…"``), a key that may stand over one
(``"…":``), or anything else: that only a walk of the whole event can tell what may leave."""


def json_hints() -> Any:
    """JSON_HINTS as one pattern, whose ``search`` finds them one after the other."""
    return _compiled(*JSON_HINTS)

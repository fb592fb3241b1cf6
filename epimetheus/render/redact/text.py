"""Secrets in any text, JSON or not: by their own shape (`secret_shapes`), under a key (`keyed`), and the same in other encodings."""

import re
from collections.abc import Callable, Iterable

from epimetheus.render.redact.encodings import base64_texts, decoded
from epimetheus.render.redact.key_values import keyed_spans
from epimetheus.render.redact.keys import Key, classify_key
from epimetheus.render.redact.prescan import may_contain_secret
from epimetheus.render.redact.shapes import shape_spans

REDACTED = "[redacted]"

_LONGEST_PLAIN = 15
_WORD = re.compile(rf"[\w.\-]{{0,{_LONGEST_PLAIN}}}", re.ASCII)

Classify = Callable[[str], Key]
Check = Callable[[], None]
Span = tuple[int, int]


def is_plain(text: str) -> bool:
    """Whether this is a short word, a number or a name, such as many values are: `mask` would leave it as it is."""
    return _WORD.fullmatch(text) is not None and "eyJ" not in text


def never() -> None:
    """Nothing to check."""


def redact_text(text: str, classify: Classify = classify_key, check: Check = never) -> str:
    """``text`` with every secret in it replaced by ``[redacted]``: by shape, and by key (``token=…``, ``"password": "…"``).

    ``check`` is called before each search for a kind of secret, and may raise.
    """
    return redact_text_fully(text, classify, check) if may_contain_secret(text) else text


def redact_text_fully(text: str, classify: Classify, check: Check = never) -> str:
    """The same without a look for hints first, and with a choice of what keys are."""
    pieces: list[str] = []
    at = 0
    for start, end in _merged(_spans(text, classify, check)):
        pieces += (text[at:start], REDACTED)
        at = end
    return "".join((*pieces, text[at:])) if pieces else text


def _spans(text: str, classify: Classify, check: Check) -> list[Span]:
    """Where secrets stand, in the text as it is, with its escapes decoded, and in its Base64, in time that grows with the text alone."""
    found = _plain_spans(text, classify, check)
    for layer, origins in decoded(text):
        found += [(origins[start], origins[end]) for start, end in _plain_spans(layer, classify, check)]
    for start, end, inner in base64_texts(text):
        if may_contain_secret(inner) and _plain_spans(inner, classify, check):
            found.append((start, end))
    return found


def _plain_spans(text: str, classify: Classify, check: Check) -> list[Span]:
    lower = text.lower()
    if len(lower) != len(text):  # one character in upper case is two in lower case: İ
        lower = "".join(character.lower()[:1] for character in text)
    return shape_spans(text, lower, check) + keyed_spans(text, lower, classify, check)


def _merged(spans: Iterable[Span]) -> list[Span]:
    """Sorted, and none within or over another."""
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start < merged[-1][1]:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        elif start < end:
            merged.append((start, end))
    return merged

"""Redacts secrets in any text: those with a known pattern (`patterns`), those under a key (`keyed_values`), and both in other encodings."""

import re
from collections.abc import Callable, Iterable

from epimetheus.render.redact.encodings import decoded_base64, decoded_layers
from epimetheus.render.redact.keyed_values import keyed_spans
from epimetheus.render.redact.keys import KeyKind, classify_key
from epimetheus.render.redact.patterns import pattern_spans
from epimetheus.render.redact.prescan import may_contain_secret

REDACTED = "[redacted]"

_MAX_SHORT_WORD = 15
_WORD = re.compile(rf"[\w.\-]{{0,{_MAX_SHORT_WORD}}}", re.ASCII)

KeyClassifier = Callable[[str], KeyKind]
Check = Callable[[], None]
Span = tuple[int, int]


def is_short_word(text: str) -> bool:
    """Whether ``text`` is a short word, number or name, in which `redact_text` finds nothing."""
    return _WORD.fullmatch(text) is not None and "eyJ" not in text


def no_check() -> None:
    """The default ``check``: never raises."""


def redact_text(text: str, classify: KeyClassifier = classify_key, check: Check = no_check) -> str:
    """Replaces every secret in ``text`` by ``[redacted]``, by pattern and by key (``token=…``, ``"password": "…"``).

    ``check`` is called before each search for a kind of secret, and may raise.
    """
    return redact_text_fully(text, classify, check) if may_contain_secret(text) else text


def redact_text_fully(text: str, classify: KeyClassifier, check: Check = no_check) -> str:
    """`redact_text` without the prescan. ``classify`` decides which keys are secret."""
    pieces: list[str] = []
    at = 0
    for start, end in _merged(secret_spans(text, classify, check)):
        pieces += (text[at:start], REDACTED)
        at = end
    return "".join((*pieces, text[at:])) if pieces else text


def secret_spans(text: str, classify: KeyClassifier, check: Check) -> list[Span]:
    """Finds the spans of secrets in the text, in its decoded escapes and in its decoded Base64, in linear time."""
    found = _layer_spans(text, classify, check)
    for layer, origins in decoded_layers(text):
        found += [(origins[start], origins[end]) for start, end in _layer_spans(layer, classify, check)]
    for start, end, inner in decoded_base64(text):
        if may_contain_secret(inner) and _layer_spans(inner, classify, check):
            found.append((start, end))
    return found


def _layer_spans(text: str, classify: KeyClassifier, check: Check) -> list[Span]:
    lower = text.lower()
    if len(lower) != len(text):  # İ becomes two characters in lower case
        lower = "".join(character.lower()[:1] for character in text)
    return pattern_spans(text, lower, check) + keyed_spans(text, lower, classify, check)


def _merged(spans: Iterable[Span]) -> list[Span]:
    """Sorts the spans and joins those that overlap."""
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start < merged[-1][1]:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        elif start < end:
            merged.append((start, end))
    return merged

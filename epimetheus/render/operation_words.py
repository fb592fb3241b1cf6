"""Splits the name of an operation into words and finds the verbs that decide what it does."""

import re
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

from epimetheus.render.severity_table import HIGH, JOINERS, LOW, MODIFIERS, PREFIXES, UNDO, VERBS

MAX_LENGTH = 300
"""Characters of a name that are read. The longest operation name of the OCI SDK has about 100."""
_UNAMBIGUOUS = 5
"""Letters of a verb that is recognized inside a longer word."""


class Operation(NamedTuple):
    """``verbs``: the deciding verbs as in `VERBS`; ``target``: the rest of the name without separators. Both in lower case."""

    verbs: tuple[str, ...]
    target: str


def parse_operation(name: str) -> Operation:
    """The verbs of CreateVcn, CREATEVCN, createvcn, create_vcn or VcnCreated.

    The first word decides if it is a verb, together with each verb after "and" or "or", and a destructive word at the end of the name.
    If it is not a verb, every verb of change in the name counts.
    """
    words = split_words(name)
    start = next((place for place, word in enumerate(words) if word not in _MODIFIERS), 0)
    first = _VERB_OF.get(words[start]) if words else None
    if first is None:
        changes = tuple(verb for word in words if (verb := _VERB_OF.get(word)) and verb not in _READING)
        changes = changes or tuple(_DESTRUCTION.findall("".join(words)))  # odd capitals: DELETEvcn
        return Operation(changes, "".join(word for word in words if word not in _VERB_OF))
    joined = [verb for joiner, word in pairwise(words[start + 1 :]) if joiner in _JOINERS and (verb := _VERB_OF.get(word))]
    last = [words[-1]] if words[start + 1 :] and words[-1] in _DESTRUCTIVE and first not in _KEEPING else []
    rest = start + 1
    while words[rest : rest + 1] and words[rest] in _JOINERS and words[rest + 1 :] and words[rest + 1] in _VERB_OF:
        rest += 2
    return Operation((first, *joined, *last), "".join(words[rest:]))


def split_words(name: str) -> list[str]:
    """The words of a name, in lower case. Where case and punctuation do not separate them, the verbs do: ``delete``, ``vcn``."""
    name = name[:MAX_LENGTH]
    words = list(_with_prefixes([word.lower() for word in _WORDS.findall(name)]))
    if len(words) == 1 or name.islower() or name.isupper():
        return [part for place, word in enumerate(words) for part in _split_joined(word, leads=place == 0)]
    return words


def _with_prefixes(words: Sequence[str]) -> Iterable[str]:
    """``de``, ``activate`` becomes ``deactivate``."""
    prefix = ""
    for word, following in zip(words, [*words[1:], ""], strict=False):
        if not prefix and word in _PREFIXES and word + following in _VERB_OF:
            prefix = word
        else:
            yield prefix + word
            prefix = ""


def _split_joined(word: str, *, leads: bool) -> Iterable[str]:
    """``bulkdeletevcns`` becomes ``bulk``, ``delete``, ``vcns``. In a word that does not lead, only long verbs of change are recognized."""
    if word in _VERB_OF:
        return [word]
    if not leads or not (found := _LEADING.match(word)):
        return filter(None, _CHANGE.split(word))
    parts, end = [found["modifier"], found["verb"]], found.end()
    while joined := _JOINED.match(word, end):
        parts += joined.groups()
        end = joined.end()
    return filter(None, (*parts, *_LAST.split(word[end:])))


def _forms(verb: str) -> tuple[str, ...]:
    """The verb and the spellings its past participle may have."""
    return verb, verb + ("d" if verb.endswith("e") else "ed"), verb + verb[-1] + "ed", verb[:-1] + "ied"


def _lower(words: Iterable[str]) -> frozenset[str]:
    return frozenset(map(str.lower, words))


def _any_of(words: Iterable[str]) -> str:
    return "|".join(sorted(words, key=lambda word: (-len(word), word)))


_MODIFIERS, _JOINERS, _PREFIXES = _lower(MODIFIERS), _lower(JOINERS), _lower(PREFIXES)
_READING, _DESTRUCTIVE = _lower(VERBS[LOW]), _lower(VERBS[HIGH])
_KEEPING = _READING | _lower(UNDO)
_VERBS = frozenset[str]().union(*map(_lower, VERBS.values()))
_VERB_OF = {form: verb for verb in _VERBS for form in _forms(verb)}
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_LEADING = re.compile(rf"(?P<modifier>{_any_of(_MODIFIERS)})?(?P<verb>{_any_of(_VERBS)})")
_JOINED = re.compile(rf"({_any_of(_JOINERS)})({_any_of(_VERBS)})")
_LAST = re.compile(rf"({_any_of(_DESTRUCTIVE)})\Z")
_CHANGE = re.compile(rf"({_any_of(verb for verb in _VERBS - _READING if len(verb) >= _UNAMBIGUOUS)})")
_DESTRUCTION = re.compile(_any_of(verb for verb in _DESTRUCTIVE if len(verb) >= _UNAMBIGUOUS))

"""A look at an event's JSON that tells, for most events, what `redact` would find by walking all of it.

In most events secrets stand under secret keys (``Authorization``, ``credentials``), or in JSON in the strings of a list (headers). These
are dealt with on the way. Whether there are others is seen by one look at all other strings together (`hints`). Where there may be, or
where anything else is in doubt, there is no answer, and the event is walked.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from epimetheus.render.hints import NUL, may_hold_secrets
from epimetheus.render.secret_text import REDACTED, is_secret_key, mask

MAX_DEPTH = 64  # levels, those of JSON in strings counted along; what lies deeper becomes text
OPENERS = frozenset('{["')
"""How JSON in a string begins, but for white space."""
_IN_DOUBT = NUL  # a text that is
_CACHED_OBJECTS = 1024
VALUES = frozenset(("value", "values"))
_NAMES = frozenset(("key", "name"))

Tree = dict[str, Any]


class Key(NamedTuple):
    """A key without secrets in itself; whether it stands over a secret, or names one (``{"key": …, "value": …}``)."""

    name: str
    secret: bool
    names: bool


class _Special(NamedTuple):
    """Of an object's keys: those over secrets, those that may name one, and those over it then; ``sound``: none holds one itself."""

    secret: Sequence[str]
    names: Sequence[str]
    values: Sequence[str]
    sound: bool


_NOTHING_SPECIAL = _Special([], [], [], sound=True)


class Glance:
    """Configured once a run. ``key`` judges one key; ``string`` gives what may leave of a string at a depth."""

    def __init__(self, key: Callable[[str], Key], string: Callable[[str, int], str]) -> None:
        self._key = key
        self._string = string
        self._special = lru_cache(_CACHED_OBJECTS)(self._told_special)

    def __call__(self, value: object, depth: int) -> bool:
        """Whether an object, which stood at a depth, may leave now; False where only a walk of it, as it was, can tell what may."""
        if not isinstance(value, dict):
            return False
        texts: list[str] = []
        self._object(value, depth, texts)
        return not may_hold_secrets(texts)

    def _object(self, value: Tree, depth: int, texts: list[str]) -> None:
        """Hides what stands under the secret keys of an object; its other strings go to ``texts``."""
        if depth >= MAX_DEPTH:
            texts.append(_IN_DOUBT)
            return
        special = self._special(tuple(value))
        masks = _masks(value, special, texts) if special else None
        if masks:
            value.update(dict.fromkeys(masks))
        for item in value.values():
            kind = type(item)
            if kind is str:
                texts.append(item)
            elif kind is dict:
                self._object(item, depth + 1, texts)
            elif kind is list:
                self._list(item, depth + 1, texts)
        if masks:
            value.update(masks)

    def _list(self, value: list[Any], depth: int, texts: list[str]) -> None:
        """The same for a list; JSON in its strings is redacted at once."""
        if depth >= MAX_DEPTH:
            texts.append(_IN_DOUBT)
            return
        for index, item in enumerate(value):
            kind = type(item)
            if kind is dict:
                self._object(item, depth + 1, texts)
            elif kind is list:
                self._list(item, depth + 1, texts)
            elif kind is str and item[:1] in OPENERS:
                value[index] = self._string(item, depth + 1)
            elif kind is str:
                texts.append(item)

    def _told_special(self, keys: tuple[str, ...]) -> _Special | None:
        """None where they are keys like any other, as nearly always."""
        judged = [self._key(key) for key in keys]
        special = _Special(
            [key for key, told in zip(keys, judged, strict=True) if told.secret],
            [key for key, told in zip(keys, judged, strict=True) if told.names],
            [key for key in keys if key.lower() in VALUES],
            [told.name for told in judged] == [*keys],
        )
        return None if special == _NOTHING_SPECIAL else special


def judged(key: str) -> Key:
    """What a key is."""
    return Key(mask(sound(key)), is_secret_key(key), key.lower() in _NAMES)


def hidden(value: object) -> object:
    """What stands in a secret's place. That there is none, or a yes or no (``hasPassword``), is no secret."""
    return value if value is None or type(value) is bool or value in ("", [], {}) else REDACTED


def sound(text: str) -> str:
    """``text`` without lone surrogates, which UTF-8 has not."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _masks(value: Tree, special: _Special, texts: list[str]) -> Tree:
    """What is to stand in the place of an object's secrets."""
    if not special.sound:
        texts.append(_IN_DOUBT)
    claim = any(isinstance(value[name], str) and is_secret_key(value[name]) for name in special.names)
    return {key: hidden(value[key]) for key in (*special.secret, *(special.values if claim else ()))}

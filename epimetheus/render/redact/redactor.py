"""Redacts an event: walks its JSON, including JSON inside strings, and replaces every secret by ``[redacted]``."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import NamedTuple

from epimetheus.model import AuditEvent
from epimetheus.render.redact import json_tree as tree
from epimetheus.render.redact.encodings import without_invisible
from epimetheus.render.redact.keys import KeyKind, classify_key, is_harmless_value
from epimetheus.render.redact.members import (
    CUSTOMER_KEY_EVENT,
    all_redacted,
    is_lone_secret_pair,
    is_secret_argument,
    is_secret_by_neighbors,
    is_secret_pair,
    private_key_lines,
    secret_members,
)
from epimetheus.render.redact.paths import Path, redact_paths, redact_struct_paths
from epimetheus.render.redact.prescan import may_contain_secret
from epimetheus.render.redact.quick_walk import QuickWalk
from epimetheus.render.redact.text import REDACTED, is_short_word, no_check, redact_text, redact_text_fully

MAX_DEPTH = 64  # levels, including those of JSON in strings; anything deeper becomes text
MAX_GROWTH = 8
"""How many times longer JSON in a string may become when it is encoded again; beyond that it is redacted. Each level doubles a quote's
backslashes but not ``\\u005c``, so a few levels of short escapes would exhaust memory."""
OPENERS = frozenset('{["')
"""The first character of JSON in a string, after whitespace."""
UNDECIDED = object()
"""What `Redactor.value_at` returns if only a walk of the whole event can tell."""
_MAX_OBJECTS = 512  # objects and lists of an event, and so its depth: with fewer, no walk exceeds the interpreter's recursion limit
_CUSTOMER_KEY_EVENT = CUSTOMER_KEY_EVENT.encode()
_CACHED_KEYS = 2048  # and values
_MAX_CACHED_KEY = 256


class RedactedJson(NamedTuple):
    """A redacted JSON text: its tree, or its text if it could not be decoded (``parsed`` is False)."""

    tree: object
    parsed: bool

    def text(self) -> str:
        """Returns it on one line, as compact JSON if it was decoded."""
        return tree.encode(self.tree) if self.parsed else str(self.tree)


class _Position(NamedTuple):
    """The position of the walk: its depth, whether it is under a secret key, and whether the event is about a customer secret key."""

    depth: int = 0
    is_secret: bool = False
    customer_key: bool = False

    def below(self, *, is_secret: bool = False) -> "_Position":
        """Returns the position one level deeper."""
        return _Position(self.depth + 1, is_secret, self.customer_key)


class Redactor:
    """Configured once per run. ``paths`` come from REDACT: ``data.additionalDetails.clientIp``, ``*`` for any key or index.

    Paths use the API's names and are case-sensitive; if the JSON cannot be decoded, their last part counts as a secret key anywhere.
    ``check`` is called before each string and each new key is searched, and may raise.
    """

    def __init__(self, paths: Sequence[str] = (), check: Callable[[], None] = no_check) -> None:
        self.paths: list[Path] = [tuple(path.strip().split(".")) for path in paths if path.strip()]
        self._last_parts = frozenset(path[-1].lower() for path in self.paths)
        self.check = check
        self._cached_classify = lru_cache(_CACHED_KEYS)(self._classify_uncached)
        self._cached_key = lru_cache(_CACHED_KEYS)(self._redact_key_uncached)
        self._cached_string = lru_cache(_CACHED_KEYS)(self._redact_string)
        self._usual_position = lru_cache(_CACHED_KEYS)(self._usual_position_uncached)
        self._quick_walk = QuickWalk(
            self._classify, self._redact_key, lambda value, depth: self._redact_string(value, _Position(depth)), check
        )
        self._nested_cache: dict[tuple[str, _Position], str | None] = {}

    def event(self, event: AuditEvent) -> AuditEvent:
        """Redacts the user's paths in a typed event. Secrets in its texts remain for `text`."""
        return redact_struct_paths(event, self.paths) if self.paths else event

    def text(self, value: str) -> str:
        """Redacts a single value, which may itself be JSON."""
        self._nested_cache.clear()
        return self._redact_string(value, _Position())

    def text_at(self, value: str, path: Path) -> str:
        """Redacts a value as if it were at ``path`` of the event's JSON."""
        is_redacted = any(len(own) <= len(path) and all(map(_matches, own, path)) for own in self.paths)
        return REDACTED if is_redacted else self.text(value)

    def quick_walk(self, raw: bytes) -> bytes | None:
        """Redacts an event's JSON in place, with every other byte unchanged; None if it requires `json`."""
        self._nested_cache.clear()
        return None if self.paths else self._quick_walk(raw)

    def json(self, raw: bytes) -> RedactedJson:
        """Redacts an event's JSON text. Never raises because of the content of ``raw``."""
        try:
            quick = self.quick_walk(raw)
            if quick is not None:
                return RedactedJson(tree.decode(quick), parsed=True)
            position = _Position(customer_key=_CUSTOMER_KEY_EVENT in raw)
            return RedactedJson(self._walk(redact_paths(tree.decode(raw), self.paths), position), parsed=True)
        except ValueError:  # not JSON, or nested too deep
            return RedactedJson(self._redact_unparsed(raw.decode("utf-8", "replace")), parsed=False)

    def document(self, raw: bytes) -> object:
        """Decodes an event's JSON for `value_at`; returns UNDECIDED if its values need `json`."""
        if self.paths or _CUSTOMER_KEY_EVENT in raw or raw.count(b"{") + raw.count(b"[") > _MAX_OBJECTS:
            return UNDECIDED
        try:
            return tree.decode_valid(raw)
        except ValueError:
            return UNDECIDED

    def value_at(self, document: object, path: Path) -> object:
        """The value at ``path`` in the event that `json` redacts, None if there is none; UNDECIDED unless it is a plain value in objects.

        Only the objects that contain a value, with their members, decide whether it is secret. ``document``: see `document`.
        """
        objects: list[tuple[dict[str, object], str]] = []
        value = document
        for key in path:
            if type(value) is not dict:
                return UNDECIDED if type(value) is list or value is UNDECIDED else None
            if key not in value:
                return UNDECIDED if REDACTED in key else None
            objects.append((value, key))
            value = value[key]
        if type(value) in (dict, list) or (type(value) is str and value.lstrip()[:1] in OPENERS):
            return UNDECIDED
        position = self._usual_position(path) or self._position_in(objects)
        if position is None:
            return UNDECIDED
        is_short = type(value) is str and len(value) <= _MAX_CACHED_KEY
        return self._cached_string(value, position) if is_short else self._walk(value, position)

    def _usual_position_uncached(self, path: Path) -> _Position | None:
        """The position of a plain value at ``path`` in every event; None if other members decide."""
        if any(is_secret_by_neighbors(key, self._classify(key)) for key in path):
            return None
        values: list[object] = [*[{} for _ in path[1:]], ""]
        return self._position_in([({key: value}, key) for key, value in zip(path, values, strict=True)])

    def _position_in(self, objects: Sequence[tuple[dict[str, object], str]]) -> _Position | None:
        """The position below these objects, each with the key of the next one; None if a key is itself redacted."""
        position = _Position()
        for parent, key in objects:
            if self._redact_key(key) != key:
                return None
            position = position.below(is_secret=key in self._secret_keys(parent, position))
        return position

    def _classify(self, key: str) -> KeyKind:
        return self._cached_classify(key) if len(key) <= _MAX_CACHED_KEY else self._classify_uncached(key)

    def _classify_uncached(self, key: str) -> KeyKind:
        self.check()
        return classify_key(key)

    def _redact_key(self, key: str) -> str:
        """Redacts secrets within a key."""
        return self._cached_key(key) if len(key) <= _MAX_CACHED_KEY else self._redact_key_uncached(key)

    def _redact_key_uncached(self, key: str) -> str:
        return redact_text(tree.without_surrogates(key), self._classify, self.check)

    def _redact_unparsed(self, text: str) -> str:
        return tree.to_plain_line(redact_text_fully(tree.without_surrogates(text), self._classify_with_paths, self.check))

    def _classify_with_paths(self, key: str) -> KeyKind:
        kind = self._classify(key)
        return kind._replace(is_secret=True) if key.lower() in self._last_parts else kind

    def _walk(self, value: object, position: _Position) -> object:
        if type(value) is str:
            return self._redact_string(value, position)
        if type(value) is dict and value:
            return self._walk_object(value, position) if position.depth < MAX_DEPTH else self._flatten(value, position)
        if type(value) is list and value:
            return self._walk_list(value, position) if position.depth < MAX_DEPTH else self._flatten(value, position)
        return value

    def _flatten(self, value: object, position: _Position) -> str:
        return REDACTED if position.is_secret else self._redact_unparsed(tree.encode(value))

    def _walk_object(self, value: dict[str, object], position: _Position) -> dict[str, object]:
        """Walks the members; values of secret keys and values whose name is secret are walked as secrets."""
        secret = self._secret_keys(value, position)
        return {self._redact_key(key): self._walk(item, position.below(is_secret=key in secret)) for key, item in value.items()}

    def _secret_keys(self, value: dict[str, object], position: _Position) -> set[str]:
        """The keys whose values are walked as secrets."""
        kinds = {key: self._classify(key) for key in value}
        secret = secret_members(value, kinds, customer_key=position.customer_key)
        if position.is_secret:
            inner = {key for key, item in value.items() if type(item) in (dict, list) and not key.lower().endswith("tags")}
            secret |= inner | {key for key, kind in kinds.items() if not kind.is_metadata}
        return secret

    def _walk_list(self, value: list[object], position: _Position) -> object:
        if position.is_secret:
            items = [self._walk(item, position.below(is_secret=True)) for item in value]
            return REDACTED if all_redacted(items) else items
        if is_lone_secret_pair(value, self._classify):
            return self._walk_pair(value, position)
        below, secret = position.below(), position.below(is_secret=True)
        key_lines = private_key_lines(value)
        return [
            self._walk_pair(item, below) if is_secret_pair(item, self._classify)
            else self._walk(item, secret if index in key_lines or (index and is_secret_argument(value, index, self._classify)) else below)
            for index, item in enumerate(value)
        ]  # fmt: skip

    def _walk_pair(self, pair: object, position: _Position) -> object:
        """Walks ``["Authorization", "…"]``: the second item is a secret."""
        name, value = pair if isinstance(pair, list) else (pair, None)
        return [self._walk(name, position.below()), self._walk(value, position.below(is_secret=True))]

    def _redact_string(self, value: str, position: _Position) -> str:
        self.check()
        if position.is_secret:
            return tree.without_surrogates(value) if is_harmless_value(value) else REDACTED
        if is_short_word(value) or not may_contain_secret(value):
            return value
        value = tree.without_surrogates(value)
        if _has_only_invisible_hints(value):
            return value
        if value.lstrip()[:1] in OPENERS and position.depth < MAX_DEPTH and (inner := self._redact_nested(value, position)) is not None:
            return inner
        return redact_text(value, self._classify, self.check)

    def _redact_nested(self, value: str, position: _Position) -> str | None:
        """Walks the JSON in a string and encodes the result, so that no duplicate key can hide a secret.

        Cached per event: the quick walk and the full walk would otherwise both read each level, and everything below it, again.
        """
        known = value, position
        if known not in self._nested_cache:
            self._nested_cache[known] = self._redact_nested_uncached(value, position)
        return self._nested_cache[known]

    def _redact_nested_uncached(self, value: str, position: _Position) -> str | None:
        try:
            raw = value.encode()
            quick = self._quick_walk(raw, position.depth + 1)
            inner = tree.encode(self._walk(tree.decode(raw), position.below()) if quick is None else tree.decode(quick))
            return inner if len(inner) <= MAX_GROWTH * len(value) else REDACTED
        except ValueError:
            return None


def _has_only_invisible_hints(value: str) -> bool:
    """Whether ``value`` has hints only because of its invisible characters: not with them removed, and not with spaces instead."""
    bare = without_invisible(value)
    return bare != value and not may_contain_secret(bare) and not may_contain_secret(without_invisible(value, " "))


def _matches(part: str, key: str) -> bool:
    return part in (key, "*")

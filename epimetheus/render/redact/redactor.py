"""No secret leaves: an event's JSON is walked, also through JSON in its strings, and what must not leave becomes ``[redacted]``."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import NamedTuple

from epimetheus.model import AuditEvent
from epimetheus.render.redact import json_tree as tree
from epimetheus.render.redact.encodings import without_unseen
from epimetheus.render.redact.keys import Key, classify_key, stays
from epimetheus.render.redact.members import CUSTOMER_KEY, all_hidden, is_argument, is_pair, is_pair_alone, key_lines, secret_members
from epimetheus.render.redact.paths import Path, masked, masked_struct
from epimetheus.render.redact.prescan import may_contain_secret
from epimetheus.render.redact.splice import InPlace
from epimetheus.render.redact.text import REDACTED, is_plain, never, redact_text, redact_text_fully

MAX_DEPTH = 64  # levels, those of JSON in strings counted along; what lies deeper becomes text
MOST_GROWTH = 8
"""How much longer JSON in a string may become when it is written anew. With each level a quote takes twice the room, but ``\\u005c`` does
not: what came in short escapes, some levels deep, would fill the memory, and none of it stays."""
OPENERS = frozenset('{["')
"""How JSON in a string begins, but for white space."""
_CACHED_KEYS = 2048
_LONGEST_CACHED_KEY = 256


class Redacted(NamedTuple):
    """What may leave of a JSON text: its tree, or where it could not be read (``parsed`` False), its text."""

    tree: object
    parsed: bool

    def text(self) -> str:
        """All of it on one line: compact JSON, or text that could not be read as any."""
        return tree.encode(self.tree) if self.parsed else str(self.tree)


class _Place(NamedTuple):
    """Where the walk is: how deep, whether under a secret key, and whether in an event of a customer secret key."""

    depth: int = 0
    secret: bool = False
    customer_key: bool = False

    def below(self, *, secret: bool = False) -> "_Place":
        """One level deeper."""
        return _Place(self.depth + 1, secret, self.customer_key)


class Redactor:
    """Configured once a run. ``paths`` are the user's own: ``data.additionalDetails.clientIp``, ``*`` for any key or index.

    Paths are told as the API writes events and match case; where the JSON can not be read, their last part is taken for a
    secret key wherever it stands. ``check`` is called before each string and each new key is searched, and may raise.
    """

    def __init__(self, paths: Sequence[str] = (), check: Callable[[], None] = never) -> None:
        self.paths: list[Path] = [tuple(path.strip().split(".")) for path in paths if path.strip()]
        self._last_parts = frozenset(path[-1].lower() for path in self.paths)
        self.check = check
        self._classified = lru_cache(_CACHED_KEYS)(self._checked)
        self._named = lru_cache(_CACHED_KEYS)(self._masked_key)
        self._quick_walk = InPlace(self._classify, self._name, lambda value, depth: self._string(value, _Place(depth)), check)
        self._inner: dict[tuple[str, _Place], str | None] = {}

    def event(self, event: AuditEvent) -> AuditEvent:
        """The typed event without what the user's paths name; secrets in its texts are left to `text`."""
        return masked_struct(event, self.paths) if self.paths else event

    def text(self, value: str) -> str:
        """A single value without the secrets in it, also where it is JSON itself."""
        self._inner.clear()
        return self._string(value, _Place())

    def text_at(self, value: str, path: Path) -> str:
        """The same for what was noted about an event, as if it stood at ``path`` of its JSON."""
        own = any(len(ours) <= len(path) and all(map(_leads, ours, path)) for ours in self.paths)
        return REDACTED if own else self.text(value)

    def quick_walk(self, raw: bytes) -> bytes | None:
        """The text of an event without its secrets, as it came in all else; None where `json` has to tell."""
        self._inner.clear()
        return None if self.paths else self._quick_walk(raw)

    def json(self, raw: bytes) -> Redacted:
        """An event's JSON text; never raises, whatever ``raw`` holds."""
        try:
            quick = self.quick_walk(raw)
            if quick is not None:
                return Redacted(tree.decode(quick), parsed=True)
            place = _Place(customer_key=CUSTOMER_KEY.encode() in raw)
            return Redacted(self._walk(masked(tree.decode(raw), self.paths), place), parsed=True)
        except ValueError:  # no JSON, or too deep to be read or written
            return Redacted(self._broken(raw.decode("utf-8", "replace")), parsed=False)

    def _classify(self, key: str) -> Key:
        return self._classified(key) if len(key) <= _LONGEST_CACHED_KEY else self._checked(key)

    def _checked(self, key: str) -> Key:
        self.check()
        return classify_key(key)

    def _name(self, key: str) -> str:
        """A key without secrets in itself."""
        return self._named(key) if len(key) <= _LONGEST_CACHED_KEY else self._masked_key(key)

    def _masked_key(self, key: str) -> str:
        return redact_text(tree.sound(key), self._classify, self.check)

    def _broken(self, text: str) -> str:
        return tree.plain(redact_text_fully(tree.sound(text), self._classify_with_paths, self.check))

    def _classify_with_paths(self, key: str) -> Key:
        kind = self._classify(key)
        return kind._replace(secret=True) if key.lower() in self._last_parts else kind

    def _walk(self, value: object, place: _Place) -> object:
        if type(value) is str:
            return self._string(value, place)
        if type(value) is dict and value:
            return self._object(value, place) if place.depth < MAX_DEPTH else self._too_deep(value, place)
        if type(value) is list and value:
            return self._list(value, place) if place.depth < MAX_DEPTH else self._too_deep(value, place)
        return value

    def _too_deep(self, value: object, place: _Place) -> str:
        return REDACTED if place.secret else self._broken(tree.encode(value))

    def _object(self, value: dict[str, object], place: _Place) -> dict[str, object]:
        """Its members; what stands under a secret key, or is the value of a name that is one, is walked as a secret."""
        kinds = {key: self._classify(key) for key in value}
        secret = secret_members(value, kinds, customer_key=place.customer_key)
        kept: dict[str, object] = {}
        for key, item in value.items():
            inner = type(item) in (dict, list) and not key.lower().endswith("tags")
            hides = key in secret or (place.secret and (inner or not kinds[key].describes))
            kept[self._name(key)] = self._walk(item, place.below(secret=hides))
        return kept

    def _list(self, value: list[object], place: _Place) -> object:
        if place.secret:
            items = [self._walk(item, place.below(secret=True)) for item in value]
            return REDACTED if all_hidden(items) else items
        if is_pair_alone(value, self._classify):
            return self._pair(value, place)
        below, secret = place.below(), place.below(secret=True)
        hides = key_lines(value)
        return [
            self._pair(item, below) if is_pair(item, self._classify)
            else self._walk(item, secret if index in hides or (index and is_argument(value, index, self._classify)) else below)
            for index, item in enumerate(value)
        ]  # fmt: skip

    def _pair(self, pair: object, place: _Place) -> object:
        """Of ``[["Authorization", "…"], …]``: the first stays, the second is a secret."""
        name, value = pair if isinstance(pair, list) else (pair, None)
        return [self._walk(name, place.below()), self._walk(value, place.below(secret=True))]

    def _string(self, value: str, place: _Place) -> str:
        self.check()
        if place.secret:
            return tree.sound(value) if stays(value) else REDACTED
        if is_plain(value) or not may_contain_secret(value):
            return value
        value = tree.sound(value)
        if _hints_by_unseen_alone(value):
            return value
        if value.lstrip()[:1] in OPENERS and place.depth < MAX_DEPTH and (inner := self._nested(value, place)) is not None:
            return inner
        return redact_text(value, self._classify, self.check)

    def _nested(self, value: str, place: _Place) -> str | None:
        """A string that is JSON, walked like the event itself and written anew: of a key that stands twice one may be hidden.

        Once an event: where the quick way gives up at each of some depths, each would else read all below it twice.
        """
        known = value, place
        if known not in self._inner:
            self._inner[known] = self._read(value, place)
        return self._inner[known]

    def _read(self, value: str, place: _Place) -> str | None:
        try:
            raw = value.encode()
            quick = self._quick_walk(raw, place.depth + 1)
            inner = tree.encode(self._walk(tree.decode(raw), place.below()) if quick is None else tree.decode(quick))
            return inner if len(inner) <= MOST_GROWTH * len(value) else REDACTED
        except ValueError:
            return None


def _hints_by_unseen_alone(value: str) -> bool:
    """Whether characters that are not seen are all that hints at a secret in a value: taken away, and made blanks."""
    bare = without_unseen(value)
    return bare != value and not may_contain_secret(bare) and not may_contain_secret(without_unseen(value, " "))


def _leads(part: str, key: str) -> bool:
    return part in (key, "*")

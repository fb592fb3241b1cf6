"""No secret leaves: an event's JSON is walked, also through JSON in its strings, and what must not leave becomes ``[redacted]``."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import NamedTuple

from epimetheus.model import AuditEvent
from epimetheus.render import tree
from epimetheus.render.glance import MAX_DEPTH, OPENERS, VALUES, Glance, Key, hidden, judged, sound
from epimetheus.render.hints import suspicious
from epimetheus.render.in_place import InPlace
from epimetheus.render.paths import Path, masked, masked_struct
from epimetheus.render.secret_text import REDACTED, is_plain, is_secret_key, mask, mask_all

_CACHED_KEYS = 2048


class Redacted(NamedTuple):
    """What may leave of a JSON text: its tree, or where it could not be read (``parsed`` False), its text."""

    tree: object
    parsed: bool

    def text(self) -> str:
        """All of it on one line: compact JSON, or text that could not be read as any."""
        return tree.encode(self.tree) if self.parsed else str(self.tree)


def _never() -> None:
    """Nothing to check."""


class Redactor:
    """Configured once a run. ``paths`` are the user's own: ``data.additionalDetails.clientIp``, ``*`` for any key or index.

    Paths are told as the API writes events and match case; where the JSON can not be read, their last part is taken for a
    secret key wherever it stands. ``check`` is called before each string and each new key is searched, and may raise.
    """

    def __init__(self, paths: Sequence[str] = (), check: Callable[[], None] = _never) -> None:
        self.paths: list[Path] = [tuple(path.strip().split(".")) for path in paths if path.strip()]
        self._last_parts = frozenset(path[-1].lower() for path in self.paths)
        self.check = check
        self._key = lru_cache(_CACHED_KEYS)(self._judged)
        self._glance = Glance(self._key, self._string)
        self._in_place = InPlace(self._key, self.text)

    def event(self, event: AuditEvent) -> AuditEvent:
        """The typed event without what the user's paths name; secrets in its texts are left to `text`."""
        return masked_struct(event, self.paths) if self.paths else event

    def text(self, value: str) -> str:
        """A single value without the secrets in it, also where it is JSON itself."""
        return self._string(value, 0)

    def noted(self, value: str, path: Path) -> str:
        """The same for what was noted about an event, as if it stood at ``path`` of its JSON."""
        own = any(len(ours) <= len(path) and all(map(_leads, ours, path)) for ours in self.paths)
        return REDACTED if own else self.text(value)

    def in_place(self, raw: bytes) -> bytes | None:
        """The text of an event without its secrets, as it came in all else; None where `json` has to tell."""
        return None if self.paths else self._in_place(raw)

    def json(self, raw: bytes) -> Redacted:
        """An event's JSON text; never raises, whatever ``raw`` holds."""
        try:
            return Redacted(self._without_secrets(lambda: masked(tree.decode(raw), self.paths), 0), parsed=True)
        except ValueError:  # no JSON, or too deep to be read or written
            return Redacted(self._broken(raw.decode("utf-8", "replace")), parsed=False)

    def _without_secrets(self, read: Callable[[], object], depth: int) -> object:
        value = read()
        return value if self._glance(value, depth) else self._walk(read(), depth)

    def _broken(self, text: str) -> str:
        return tree.plain(mask_all(sound(text), self._is_secret))

    def _is_secret(self, key: str) -> bool:
        return self._key(key).secret or key.lower() in self._last_parts

    def _walk(self, value: object, depth: int) -> object:
        if type(value) is str:
            return self._string(value, depth)
        if type(value) is dict:
            return self._object(value, depth + 1) if depth < MAX_DEPTH else self._broken(tree.encode(value))
        if type(value) is list:
            return [self._walk(item, depth + 1) for item in value] if depth < MAX_DEPTH else self._broken(tree.encode(value))
        return value

    def _object(self, value: dict[str, object], depth: int) -> dict[str, object]:
        kept: dict[str, object] = {}
        claim = False
        for key, item in value.items():
            name, secret, names = self._key(key)
            claim = claim or (names and type(item) is str and is_secret_key(item))
            kept[name] = hidden(item) if secret else self._walk(item, depth)
        return {key: hidden(item) if key.lower() in VALUES else item for key, item in kept.items()} if claim else kept

    def _judged(self, key: str) -> Key:
        self.check()
        return judged(key)

    def _string(self, value: str, depth: int) -> str:
        self.check()
        if is_plain(value) or not suspicious(value):
            return value
        value = sound(value)
        if value.lstrip()[:1] in OPENERS and (inner := self._nested(value, depth)) is not None:
            return inner
        return mask(value)

    def _nested(self, value: str, depth: int) -> str | None:
        """A string that is JSON, walked like the event itself and written anew: of a key that stands twice one may be hidden."""
        try:
            return tree.encode(self._without_secrets(lambda: tree.decode(value), depth + 1))
        except ValueError:
            return None


def _leads(part: str, key: str) -> bool:
    return part in (key, "*")

"""The quick walk: redacts JSON in place by visiting only the strings and keys that the prescan hints at.

Everything else stays byte for byte and is not even decoded. Where only a walk of the whole tree can decide, there is no result.
"""

import re
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import msgspec

from epimetheus.render.redact import json_tree as tree
from epimetheus.render.redact.keys import KeyKind, names_secret
from epimetheus.render.redact.members import CUSTOMER_KEY_EVENT, SHORT_PASSWORD_OPTIONS, opens_private_key, option_name
from epimetheus.render.redact.prescan import json_hints
from epimetheus.render.redact.splice import REDACTED_STRING, STRING, VALUE, is_fully_secret, is_utf8

_STRING_OR_KEY = re.compile(rb"(%b)(?: *+(:))?" % STRING, re.DOTALL)
_OPTIONAL_STRING = re.compile(rb" *+(%b)?+" % STRING, re.DOTALL)
_USER_ID_KEY = re.compile(rb'"user[_-]?id"', re.IGNORECASE)
_CUSTOMER_KEY_EVENT = CUSTOMER_KEY_EVENT.encode()
_decode = msgspec.json.Decoder(str).decode

Edit = tuple[int, int, bytes | None]
"""Start, end, and the replacement; None leaves the text as it is. The walk continues at the end."""


class _Document:
    """One JSON text, its depth, and facts about the whole of it that are computed once. ``searches``: for the hints in it."""

    def __init__(self, raw: bytes, depth: int, searches: Sequence[Callable[..., Any]]) -> None:
        self.raw = raw
        self.depth = depth
        self._searches = searches
        self._next = [-1] * len(searches)  # where each search found a hint last

    def hint(self, at: int) -> int | None:
        """Where the first hint at or after ``at`` starts. Call it with ascending positions: a search goes on where its last hint was."""
        for index, search in enumerate(self._searches):
            if self._next[index] < at:
                found = search(self.raw, at)
                self._next[index] = found.start() if found else len(self.raw)
        start = min(self._next)
        return start if start < len(self.raw) else None

    @cached_property
    def has_user_id(self) -> bool:
        """Whether it has a user id, next to which ``key`` may be a secret."""
        return _USER_ID_KEY.search(self.raw) is not None


class QuickWalk:
    """Configured once per run.

    ``classify`` classifies a key; ``redact_key`` redacts secrets within a key; ``redact_string`` redacts a string at a depth. ``check``
    is called at each hint, and may raise.
    """

    def __init__(
        self,
        classify: Callable[[str], KeyKind],
        redact_key: Callable[[str], str],
        redact_string: Callable[[str, int], str],
        check: Callable[[], None],
    ) -> None:
        self._classify = classify
        self._redact_key = redact_key
        self._redact_string = redact_string
        self._check = check
        self._searches = [hints.search for hints in json_hints()]

    def __call__(self, raw: bytes, depth: int = 0) -> bytes | None:
        """Redacts the text of an event, or of JSON inside one at ``depth``. Returns None if it needs a full walk.

        The result is valid JSON, except for what msgspec accepts in strings that it skips: control characters and invalid UTF-8.
        """
        if _CUSTOMER_KEY_EVENT in raw or not is_utf8(raw):
            return None
        kept: list[bytes] = []
        done = at = 0
        document = _Document(raw, depth, self._searches)
        while (hint := document.hint(at)) is not None:
            self._check()
            edit = self._edit_at(document, hint)
            if edit is None:
                return None
            start, at, replacement = edit
            if replacement is not None:
                kept += (raw[done:start], replacement)
                done = at
        return b"".join((*kept, raw[done:])) if kept else raw

    def _edit_at(self, document: _Document, start: int) -> Edit | None:
        """Returns the edit for the hint at ``start``; None if it needs a full walk."""
        match = _STRING_OR_KEY.match(document.raw, start)
        if match is None:
            return None
        return self._edit_of_key(document, match) if match[2] else self._edit_of_string(match, document.depth)

    def _edit_of_key(self, document: _Document, match: re.Match[bytes]) -> Edit | None:
        raw, name, end = document.raw, match[1][1:-1].decode(), match.end()
        if "\\" in name or not name.isprintable() or self._redact_key(name) != name or name in ("kty", "epimetheus"):
            return None
        kind = self._classify(name)
        if kind.is_secret:
            return _edit_of_value(raw, end)
        if (kind.is_name and _may_name_secret(raw, end)) or (name == "key" and document.has_user_id):
            return None
        return end, end, None

    def _edit_of_string(self, match: re.Match[bytes], depth: int) -> Edit | None:
        """Returns the edit for a whole string; None if its neighbors in a list may be secret because of it."""
        try:
            value = _decode(match[1])
        except msgspec.DecodeError:  # not a whole string
            return None
        option = option_name(value)
        disguised = b"\\" in match[1] or not match[1].isascii()
        if option and self._classify(option).is_secret:
            return None
        if value in SHORT_PASSWORD_OPTIONS or opens_private_key(value) or (disguised and names_secret(value)):
            return None
        return *match.span(1), tree.to_json_line(self._redact_string(value, depth))


def _edit_of_value(raw: bytes, at: int) -> Edit | None:
    """Returns the edit for the value of a secret key at ``at``; None if parts of it may stay."""
    value = VALUE.match(raw, at)
    if value is None:
        return None
    if value["harmless"] is not None:
        return at, value.end(), None
    return (at, value.end(), REDACTED_STRING) if is_fully_secret(value["secret"]) else None


def _may_name_secret(raw: bytes, at: int) -> bool:
    """Whether the string at ``at`` may name a secret."""
    match = _OPTIONAL_STRING.match(raw, at)
    text = match[1] if match else None
    return text is not None and (b"\\" in text or names_secret(text[1:-1].decode()))

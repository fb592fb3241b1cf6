"""Recognize events that touch watched resources (TAMPER_WATCH) and events of the deployment's own polling (OWN_EVENTS)."""

import html
import json
import re
from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any

import msgspec
import re2

from epimetheus.model import AuditEvent

OWN_CALLS = frozenset((
    "ListEvents", "ListCompartments", "ListRegionSubscriptions", "GetNamespace", "ListProblems", "GetProblem", "GetConfiguration"
))  # fmt: skip
"""The calls of a run, by event name. Only these count as polling: any other call with stolen credentials is forwarded."""

_IGNORED_PATHS = frozenset((("data", "identity"), ("data", "request", "headers")))
"""The actor and the key that signed the request are not what the event touches. The same names at any other path do count."""

# A page is decoded only if it may contain an OCID's characters as escapes: the hexadecimal codes of letters, digits, "-", "." and "_", and
# of the characters that start another escape (backslash, "%", "#"). The escapes that JSON writers and URLs commonly use (quotes, <, &, =,
# /, spaces, UTF-8) do not cause a full scan.
_CODES = "(?:2[357de]|3[0-9]|[46][1-9a-f]|[57][0-9a]|5[cf])"
_ESCAPES = rf"(?:\\u00|%){_CODES}|#[x0-9]|(?:num|period|lowbar|underbar|percnt|bsol);"
_ESCAPED = re.compile(r"\\u00([2-7][0-9a-f])")  # JSON allows any letter as an escape: "\u006f" is "o"
_PERCENT = re.compile(r"%([2-7][0-9a-f])")
_BACKSLASHES = re.compile(r"\\{2,}")
_DEPTH = 8  # levels of JSON within JSON or of a URL within a URL; each may escape the backslashes and letters of the level below


class TamperWatch:
    """Searches events for the ``ocids`` of watched resources, ignoring case."""

    def __init__(self, ocids: Sequence[str]) -> None:
        self._ocids = tuple(ocid.lower() for ocid in ocids)
        self._search = _compiled((*map(re.escape, self._ocids), _ESCAPES)).search

    def mentions(self, text: bytes) -> bool:
        """True if a text, such as a whole page, mentions a watched OCID anywhere, however JSON, URLs and HTML escape it."""
        if not self._ocids:
            return False
        return self._search(text) is not None and self._found_in(text.decode("utf-8", "replace"))

    def touches(self, raw: bytes | msgspec.Raw) -> bool:
        """True if an event's JSON text mentions a watched OCID, except in ``data.identity`` and ``data.request.headers``.

        A text that is not JSON, or is nested too deeply, counts as touching: a false mark is better than a missed event.
        """
        data = bytes(raw)
        if not self.mentions(data):
            return False
        try:
            text = json.dumps(_without_ignored(json.loads(data, strict=False, object_pairs_hook=_Members)), ensure_ascii=False)
        except (ValueError, RecursionError):
            return True
        return self._found_in(text)

    def _found_in(self, text: str) -> bool:
        """True if a watched OCID is in ``text``, escaped or not, or if escapes are nested more than _DEPTH levels."""
        text = text.lower()
        for _ in range(_DEPTH):
            if any(map(text.__contains__, self._ocids)):
                return True
            before, text = text, _decoded(text)
            if text == before:
                text = text.replace("\\", "")
                return any(map(text.__contains__, self._ocids))
        return bool(self._ocids)


def _compiled(patterns: Sequence[str]) -> Any:
    """A search for any of ``patterns`` in UTF-8, ignoring case: RE2 reads each byte of a page once, whatever the number of patterns."""
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    options.case_sensitive = False
    return re2.compile("|".join(patterns).encode(), options)


class _Members(tuple[tuple[str, object], ...]):
    """The members of a JSON object in order, including duplicate keys."""

    __slots__ = ()


def _decoded(text: str) -> str:
    """Lower-case ``text`` with one level of escapes decoded: JSON, percent encoding, HTML."""
    text = _ESCAPED.sub(_character, _BACKSLASHES.sub(r"\\", text))
    text = _PERCENT.sub(_character, text)
    return (html.unescape(text) if "&" in text else text).lower()


def _character(escaped: re.Match[str]) -> str:
    return chr(int(escaped[1], 16))


def _without_ignored(value: object, path: tuple[str, ...] = ()) -> object:
    """An event without _IGNORED_PATHS. Below a duplicate key nothing is removed, because parsers differ in which member they use."""
    if not isinstance(value, _Members):
        return value
    times = Counter(key for key, _ in value)
    kept: list[tuple[str, object]] = []
    for key, item in value:
        here = (*path, key)
        if times[key] > 1 or not any(ignored[: len(here)] == here for ignored in _IGNORED_PATHS):
            kept.append((key, item))
        elif here not in _IGNORED_PATHS:
            kept.append((key, _without_ignored(item, here)))
    return kept


def is_own_call(event: AuditEvent, principals: Collection[str]) -> bool:
    """True if one of ``principals`` (the deployment's OCIDs) made a polling call and it succeeded; a failed call is worth forwarding."""
    identity, response = event.data.identity, event.data.response
    if identity is None or identity.principal_id not in principals or event.data.event_name not in OWN_CALLS:
        return False
    return response is None or str(response.status or "200").strip() < "400"

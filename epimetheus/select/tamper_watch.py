"""Events that touch our own resources (TAMPER_WATCH), and events that our own polling makes (OWN_EVENTS)."""

import html
import json
import re
from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any

import msgspec
import re2

from epimetheus.model import AuditEvent

OWN_CALLS = frozenset(("ListEvents", "ListCompartments", "ListRegionSubscriptions", "GetNamespace"))
"""What a run asks OCI, by event name: only this is ever taken for polling. Whoever stole our credentials and did more is seen."""

_LEFT_OUT = frozenset((("data", "identity"), ("data", "request", "headers")))
"""Who acted, and the key that signed the request: neither is what the event touches. Below any other path the same names count."""

# A page is decoded only if it may hold an OCID's characters in an escape: the hexadecimal codes of letters, digits, "-", "." and "_", and
# of what begins another escape (backslash, "%", "#"). What JSON writers and URLs do escape (quotes, <, &, =, /, blanks, UTF-8) costs no
# closer look.
_CODES = "(?:2[357de]|3[0-9]|[46][1-9a-f]|[57][0-9a]|5[cf])"
_ESCAPES = rf"(?:\\u00|%){_CODES}|#[x0-9]|(?:num|period|lowbar|underbar|percnt|bsol);"
_ESCAPED = re.compile(r"\\u00([2-7][0-9a-f])")  # "\u006f" for "o": in JSON any letter may be written so
_PERCENT = re.compile(r"%([2-7][0-9a-f])")
_BACKSLASHES = re.compile(r"\\{2,}")
_DEPTH = 8  # JSON within JSON or a URL within a URL, each level of which may escape the backslashes, and the letters, of the one below


class TamperWatch:
    """``ocids``: of our own resources; letter case does not matter."""

    def __init__(self, ocids: Sequence[str]) -> None:
        self._ocids = tuple(ocid.lower() for ocid in ocids)
        self._search = _compiled((*map(re.escape, self._ocids), _ESCAPES)).search

    def named(self, text: bytes) -> bool:
        """Whether a text, which may be a whole page, names one of them anywhere, in whatever escapes of JSON, URLs and HTML."""
        if not self._ocids:
            return False
        return self._search(text) is not None and self._is_in(text.decode("utf-8", "replace"))

    def touched(self, raw: bytes | msgspec.Raw) -> bool:
        """Whether an event's JSON text names one of them, except in its ``data.identity`` and ``data.request.headers``."""
        data = bytes(raw)
        if not self.named(data):
            return False
        try:
            text = json.dumps(_without_actor(json.loads(data, strict=False, object_pairs_hook=_Members)), ensure_ascii=False)
        except (ValueError, RecursionError):  # no JSON, or too deep to follow: rather one mark too many
            return True
        return self._is_in(text)

    def _is_in(self, text: str) -> bool:
        """Whether one of them stands in JSON text, escaped or not; where escapes are nested too deep: rather one mark too many."""
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
    """What finds any of them in UTF-8, in any letter case: RE2 reads each byte of a page once, however many there are."""
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    options.case_sensitive = False
    return re2.compile("|".join(patterns).encode(), options)


class _Members(tuple[tuple[str, object], ...]):
    """The members of a JSON object, in order; a key that stands twice is there twice."""

    __slots__ = ()


def _decoded(text: str) -> str:
    """Lower-case text with one level of its escapes resolved: JSON, percent encoding, HTML."""
    text = _ESCAPED.sub(_letter, _BACKSLASHES.sub(r"\\", text))
    text = _PERCENT.sub(_letter, text)
    return (html.unescape(text) if "&" in text else text).lower()


def _letter(escaped: re.Match[str]) -> str:
    return chr(int(escaped[1], 16))


def _without_actor(value: object, path: tuple[str, ...] = ()) -> object:
    """An event without _LEFT_OUT. Where a key on the way stands twice, nothing below it is left out: readers differ in which one counts."""
    if not isinstance(value, _Members):
        return value
    times = Counter(key for key, _ in value)
    kept: list[tuple[str, object]] = []
    for key, item in value:
        here = (*path, key)
        if times[key] > 1 or not any(filtered[: len(here)] == here for filtered in _LEFT_OUT):
            kept.append((key, item))
        elif here not in _LEFT_OUT:
            kept.append((key, _without_actor(item, here)))
    return kept


def is_own_call(event: AuditEvent, principals: Collection[str]) -> bool:
    """Whether one of ``principals`` (OCIDs of ours) made this call for a run, and it went well: a refused one is news."""
    identity, response = event.data.identity, event.data.response
    if identity is None or identity.principal_id not in principals or event.data.event_name not in OWN_CALLS:
        return False
    return response is None or str(response.status or "200").strip() < "400"

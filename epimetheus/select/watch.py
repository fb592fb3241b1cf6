"""Events that touch our own resources (TAMPER_WATCH), and events that our own polling makes (OWN_EVENTS)."""

import json
import re
from collections.abc import Collection, Sequence

import msgspec

from epimetheus.model import AuditEvent

OWN_CALLS = frozenset(("ListEvents", "ListCompartments", "ListRegionSubscriptions", "GetNamespace"))
"""What a run asks OCI, by event name: only this is ever taken for polling. Whoever stole our credentials and did more is seen."""

_MET_EVERYWHERE = frozenset(("identity", "headers"))  # who acted, and the key they signed with: that touches nothing

# What an OCID consists of, and the backslash. What JSON writers do escape (quotes, <, &, =, control characters) costs no closer look.
_ESCAPE = re.compile(rb"\\u00(?:2[dDeE]|3[0-9]|[46][1-9a-fA-F]|[57][0-9aA]|5[cCfF])")
_ESCAPED = re.compile(r"\\u00([2-7][0-9A-Fa-f])")  # "\u006f" for "o": in JSON any letter may be written so
_BACKSLASHES = re.compile(r"\\{2,}")
_DEPTH = 8  # JSON within JSON, each level of which may escape the backslashes, and the letters, of the one below


class Watch:
    """``ocids``: of our own resources."""

    def __init__(self, ocids: Sequence[str]) -> None:
        self._ocids = tuple(ocids)
        self._bytes = tuple(ocid.encode() for ocid in ocids)

    def named(self, text: bytes) -> bool:
        """Whether a text, which may be a whole page, names one of them anywhere, in whatever escapes of JSON."""
        if any(map(text.__contains__, self._bytes)):
            return True
        return bool(self._ocids) and _ESCAPE.search(text) is not None and self._is_in(text.decode("utf-8", "replace"))

    def touched(self, raw: bytes | msgspec.Raw) -> bool:
        """Whether an event's JSON text names one of them, but for its identity and headers."""
        data = bytes(raw)
        if not self.named(data):
            return False
        try:
            text = json.dumps(_without_identity(json.loads(data, strict=False)), ensure_ascii=False)
        except (ValueError, RecursionError):  # no JSON, or too deep to follow: rather one mark too many
            return True
        return self._is_in(text)

    def _is_in(self, text: str) -> bool:
        """Whether one of them stands in JSON text, escaped or not; where escapes are nested too deep: rather one mark too many."""
        for _ in range(_DEPTH):
            if any(map(text.__contains__, self._ocids)):
                return True
            text, count = _ESCAPED.subn(_letter, _BACKSLASHES.sub(r"\\", text))
            if not count:
                text = text.replace("\\", "")
                return any(map(text.__contains__, self._ocids))
        return bool(self._ocids)


def _letter(escaped: re.Match[str]) -> str:
    return chr(int(escaped[1], 16))


def _without_identity(value: object) -> object:
    if isinstance(value, dict):
        return {key: _without_identity(item) for key, item in value.items() if key not in _MET_EVERYWHERE}
    return [_without_identity(item) for item in value] if isinstance(value, list) else value


def is_own_call(event: AuditEvent, principals: Collection[str]) -> bool:
    """Whether one of ``principals`` (OCIDs of ours) made this call for a run, and it went well: a refused one is news."""
    identity, response = event.data.identity, event.data.response
    if identity is None or identity.principal_id not in principals or event.data.event_name not in OWN_CALLS:
        return False
    return response is None or str(response.status or "200").strip() < "400"

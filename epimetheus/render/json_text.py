"""The event as JSON: as it came, keys in their order and unknown ones kept, but compact, on one line, and without secrets.

An event too large for the receiver loses the parts in SHED_ORDER until it fits; then its longest strings are shortened, and say so;
then, which takes thousands of keys, its text becomes one cut string under ``epimetheusCut``. What was trimmed is told in the
header; where that has no room (RFC 3164), under the key ``epimetheusTrimmed``.
"""

from collections.abc import Iterator, Sequence

from epimetheus.render import tree
from epimetheus.render.form import Body, Limit, Subject
from epimetheus.render.redact import Redactor
from epimetheus.render.size import CAPS, listed, shorten

SHED_ORDER: Sequence[tuple[str, ...]] = (
    ("request", "headers"),
    ("response", "headers"),
    ("response", "payload"),
    ("stateChange",),
    ("request", "parameters"),
    ("additionalDetails",),
    ("internalDetails",),
    ("definedTags",),
    ("freeformTags",),
    ("systemTags",),
    ("securityAttributes",),
)
"""Parts of ``data``, by what they cost and by how little is lost with them; named ``request.headers`` and so on when shed.

After them goes whatever else is an object or a list there: OCI adds to its events, and identifiers are worth more than what is unknown.
"""
_KEPT = frozenset(("identity", "request", "response"))

TRIMMED_KEY = "epimetheusTrimmed"
CUT_KEY = "epimetheusCut"


class JsonText:
    """``note``: the header can not say what was trimmed, so the event does."""

    def __init__(self, redactor: Redactor, *, note: bool) -> None:
        self._redactor = redactor
        self._note = note

    def __call__(self, subject: Subject, limit: Limit) -> Body:
        """One line of JSON; text that is no JSON (no event has it) is cut like a malformed one."""
        redacted = self._redactor.json(bytes(subject.raw))
        if not isinstance(redacted.tree, dict):
            return raw_body(redacted.text(), limit)
        text = redacted.text().encode()
        return Body(text) if len(text) <= limit.whole else self._trimmed(redacted.tree, limit)

    def _trimmed(self, event: dict[str, object], limit: Limit) -> Body:
        trimmed: list[str] = []
        for smaller, names in _ever_smaller(event):
            trimmed += names
            text = tree.encode(self._noted(smaller, trimmed, limit)).encode()
            if len(text) <= limit.left(trimmed):
                return Body(text, trimmed)
        return Body(self._last_resort(tree.encode(event), limit), ("event",))

    def _noted(self, event: dict[str, object], trimmed: Sequence[str], limit: Limit) -> dict[str, object]:
        return {**event, TRIMMED_KEY: listed(trimmed, limit.names)} if self._note else event

    def _last_resort(self, text: str, limit: Limit) -> bytes:
        room = left = limit.left(("event",))
        while True:
            shorter = tree.encode(self._noted({CUT_KEY: shorten(text, room)}, ("event",), limit)).encode()
            if len(shorter) <= left:
                return shorter
            room -= max(1, (len(shorter) - left) // 2)


def raw_body(text: str, limit: Limit) -> Body:
    """Text that is not an event, as it is, or cut with a mark."""
    data = text.encode()
    return Body(data) if len(data) <= limit.whole else Body(shorten(text, limit.left(("raw",))).encode(), ("raw",))


def _ever_smaller(event: dict[str, object]) -> Iterator[tuple[dict[str, object], list[str]]]:
    for path in (*SHED_ORDER, *_unknown(event.get("data"))):
        shed = _without(event, ("data", *path))
        if shed is not event:
            event = shed
            yield event, [".".join(path)]
    for cap in CAPS:
        names: list[str] = []
        shorter = {key: _shortened(item, cap, key, names) for key, item in event.items()}
        if names:
            yield shorter, names


def _unknown(data: object) -> list[tuple[str]]:
    return [(key,) for key, item in data.items() if isinstance(item, dict | list) and key not in _KEPT] if isinstance(data, dict) else []


def _without(event: dict[str, object], path: tuple[str, ...]) -> dict[str, object]:
    """A copy without what the path leads to; the very same where it leads nowhere, or to nothing worth shedding."""
    key, *below = path
    item = event.get(key)
    if not item:
        return event
    if not below:
        return {name: kept for name, kept in event.items() if name != key}
    if not isinstance(item, dict) or (less := _without(item, tuple(below))) is item:
        return event
    return {**event, key: less}


def _shortened(value: object, cap: int, path: str, names: list[str]) -> object:
    """``value`` with every string in it in at most ``cap`` bytes; paths of those that were longer are added to ``names``."""
    if isinstance(value, str):
        short = shorten(value, cap)
        if short is not value:
            names.append(path.removeprefix("data."))
        return short
    if isinstance(value, dict):
        return {key: _shortened(item, cap, f"{path}.{key}", names) for key, item in value.items()}
    if isinstance(value, list):
        return [_shortened(item, cap, path, names) for item in value]
    return value

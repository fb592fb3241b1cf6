"""The fields of a problem for CEF and LEEF, from the redacted JSON of its event."""

from collections.abc import Mapping

from epimetheus.render.event_time import EventTime, parse_event_time
from epimetheus.render.formats.base import EventContext
from epimetheus.render.redact import json_tree
from epimetheus.render.redact.redactor import Redactor


class ProblemFields:
    """The problem of an event, as texts. ``activity``: ``create``, ``update`` or ``close``; None if the event has no problem."""

    def __init__(self, context: EventContext, redactor: Redactor) -> None:
        event = redactor.json(bytes(context.raw)).tree
        members: Mapping[str, object] = event if isinstance(event, dict) else {}
        data = members.get("data")
        self._data: Mapping[str, object] = data if isinstance(data, dict) else {}
        self.activity = _text(members.get("activity"))

    def text(self, name: str) -> str | None:
        """A member as text: the items of a list separated by commas, an object as JSON; None if it is absent or empty."""
        return _text(self._data.get(name))

    def time(self, name: str) -> EventTime | None:
        """A member that is a time."""
        return parse_event_time(self.text(name))


def _text(value: object) -> str | None:
    if value in (None, "", [], {}):
        return None
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return ",".join(value)
    return json_tree.encode(value)

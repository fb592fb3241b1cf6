"""The value at a path of FIELD_MAP: out of an event's JSON without its secrets, or out of what was noted about the event."""

from functools import cached_property
from types import MappingProxyType

from epimetheus.render.custom_fields import look_up
from epimetheus.render.formats.base import ACTOR, COMPARTMENT_PATH, TAMPER_WATCH, EventContext
from epimetheus.render.redact import json_tree as tree
from epimetheus.render.redact.redactor import Redactor

_NOTES = MappingProxyType({".".join(path): path for path in (COMPARTMENT_PATH, ACTOR, TAMPER_WATCH)})
_IN_LOGGING = MappingProxyType({"type": "eventType", "id": "eventId", "time": "eventTime", "dataschema": "eventTypeVersion"})


class Lookup:
    """The values of one event. Without ``event``, its JSON without secrets, that is read once, and only if it is asked for."""

    def __init__(self, redactor: Redactor, subject: EventContext, event: dict[str, object] | None = None) -> None:
        self._redactor = redactor
        self._subject = subject
        self._given = event

    def __call__(self, path: str) -> object:
        """What stands there, or None."""
        notes = self._subject.notes
        if path in _NOTES:
            return {COMPARTMENT_PATH: notes.compartment_path, ACTOR: notes.actor, TAMPER_WATCH: notes.watched or None}[_NOTES[path]]
        return look_up(self._event, path)

    def text(self, path: str) -> str | None:
        """The same as text: what is no string as JSON."""
        value = self(path)
        return value if value is None or isinstance(value, str) else tree.encode(value)

    @cached_property
    def _event(self) -> object:
        event = self._given or self._redactor.json(bytes(self._subject.raw)).tree
        return in_the_apis_form(event) if isinstance(event, dict) else None


def in_the_apis_form(event: dict[str, object]) -> dict[str, object]:
    """The event with the envelope's names as the API has them, where it is in Logging's form."""
    if "eventType" in event:
        return event
    return {_IN_LOGGING.get(key, key): value for key, value in event.items()}

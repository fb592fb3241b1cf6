"""Values for FIELD_MAP paths, from the redacted event, its enrichment, or what it means."""

from functools import cached_property
from types import MappingProxyType

from epimetheus.render.custom_fields import get_path
from epimetheus.render.derived_values import DERIVED, DERIVED_PATHS
from epimetheus.render.formats.base import ACTOR, COMPARTMENT_PATH, ENRICHMENT, LATE, REPLAY, TAMPER_WATCH, EventContext
from epimetheus.render.redact import json_tree as tree
from epimetheus.render.redact.redactor import UNDECIDED, Redactor

_ENRICHMENT_PATHS = MappingProxyType({".".join(path): path for path in (COMPARTMENT_PATH, ACTOR, TAMPER_WATCH, REPLAY, LATE)})
_API_NAMES = MappingProxyType({"type": "eventType", "id": "eventId", "time": "eventTime", "dataschema": "eventTypeVersion"})
_CHANGED = (*_API_NAMES, *_API_NAMES.values(), "data.resourceName")
"""Paths that `to_api_form` changes."""


class FieldLookup:
    """The values of one event. Without ``event``, its JSON is decoded once, on the first lookup that needs it.

    Then a plain value is redacted by itself; for any other, the whole event is redacted once.
    """

    def __init__(self, redactor: Redactor, context: EventContext, event: dict[str, object] | None = None) -> None:
        self._redactor = redactor
        self._context = context
        self._given = event

    def __call__(self, path: str) -> object:
        """The value at ``path``, or None."""
        enrichment = self._context.enrichment
        if path in _ENRICHMENT_PATHS:
            values = {
                COMPARTMENT_PATH: enrichment.compartment_path,
                ACTOR: enrichment.actor,
                TAMPER_WATCH: enrichment.watched or None,
                REPLAY: enrichment.replay or None,
                LATE: enrichment.late or None,
            }
            return values[_ENRICHMENT_PATHS[path]]
        if path in DERIVED_PATHS:
            return self._derived(DERIVED_PATHS[path])
        value = UNDECIDED if self._given else self._redacted_alone(path)
        return get_path(self._event, path) if value is UNDECIDED else value

    def text(self, path: str) -> str | None:
        """The value as text: anything but a string as JSON."""
        value = self(path)
        return value if value is None or isinstance(value, str) else tree.encode(value)

    def _derived(self, name: str) -> object:
        value = DERIVED[name](self._context)
        return self._redactor.text_at(value, (ENRICHMENT, name)) if isinstance(value, str) else value

    def _redacted_alone(self, path: str) -> object:
        """The value at ``path``; UNDECIDED if it needs the whole event."""
        document = self._document
        if isinstance(document, dict) and "eventType" not in document and (path == "data" or path.startswith(_CHANGED)):
            return UNDECIDED
        return self._redactor.value_at(document, tuple(path.split(".")))

    @cached_property
    def _document(self) -> object:
        return self._redactor.document(bytes(self._context.raw))

    @cached_property
    def _event(self) -> object:
        event = self._given or self._redactor.json(bytes(self._context.raw)).tree
        return to_api_form(event) if isinstance(event, dict) else None


def to_api_form(event: dict[str, object]) -> dict[str, object]:
    """The event with the Audit API's names at the top level, and with ``data.resourceName``, if it is in the OCI Logging form.

    In that form, ``source`` is the name of the resource.
    """
    if "eventType" in event:
        return event
    named = {_API_NAMES.get(key, key): value for key, value in event.items()}
    data, source = named.get("data"), named.get("source")
    if isinstance(data, dict) and source and data.get("resourceName") is None:
        named["data"] = {**data, "resourceName": source}
    return named

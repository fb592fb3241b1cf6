"""Elastic Common Schema (ECS 8): the fields that searches need, and the whole event under ``oci``."""

from epimetheus.render.custom_fields import get_path
from epimetheus.render.field_lookup import to_api_form
from epimetheus.render.formats.base import EventContext
from epimetheus.render.formats.json_base import ENRICHMENT_KEY, TRIMMED_KEY, JsonFormat, Tree, enrichment_tree


class Ecs(JsonFormat):
    """See `JsonFormat`."""

    enrichment_path = (ENRICHMENT_KEY,)
    data_path = ("oci", "data")
    shed_order = (("user",),)

    def values(self, context: EventContext, event: Tree) -> Tree:
        """The event in ECS."""
        event = to_api_form(event)
        return {
            "@timestamp": context.time.text if context.time else None,
            "event": {"action": get_path(event, "data.eventName"), "outcome": context.meaning.outcome, "severity": context.severity},
            "user": {"name": get_path(event, "data.identity.principalName")},
            "oci": event,
            **enrichment_tree(context.enrichment),
        }

    def with_trimmed_list(self, output: Tree, trimmed: str) -> Tree:
        """Adds ``epimetheusTrimmed``."""
        return {**output, TRIMMED_KEY: trimmed}

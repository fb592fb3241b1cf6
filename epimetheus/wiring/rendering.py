"""Builds the renderer: FORMAT, FIELD_MAP and the syslog settings."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from epimetheus.clock import Clock
from epimetheus.config.field_map import FieldMap, read_field_map
from epimetheus.config.settings import Settings
from epimetheus.render.custom_fields import NO_FIELDS, Fields
from epimetheus.render.problems.renderer import ProblemRenderer
from epimetheus.render.renderer import Renderer
from epimetheus.source.local_references import References
from epimetheus.wiring.selection import SelectionWiring


@dataclass(frozen=True)
class RenderingWiring:
    """How events become messages. ``field_map`` is read once."""

    settings: Settings
    clock: Clock
    references: References
    selection: SelectionWiring

    @cached_property
    def field_map_text(self) -> str:
        """The JSON text of FIELD_MAP, ``{}`` if it is not set. Raises ConfigError, SourceError, CredentialsError."""
        return self.references.read("FIELD_MAP", self.settings.field_map) or "{}"

    @cached_property
    def field_map(self) -> tuple[FieldMap, tuple[str, ...]]:
        """FIELD_MAP, and warnings about it. Raises as `field_map_text`."""
        return read_field_map("FIELD_MAP", self.field_map_text, self.settings.format, cloud_guard="cloud_guard" in self.settings.sources)

    @property
    def fields(self) -> Fields:
        """The fields of FIELD_MAP for FORMAT. Raises as `field_map`."""
        return self.field_map[0].fields(self.settings.format)

    @property
    def includes_actor(self) -> bool:
        """Whether messages include the actor's class."""
        return "epimetheus.actor" in self.fields.added.values()

    def renderer(self, region: str, run_id: str, *, replay: bool = False) -> Renderer:
        """The renderer of a run. Messages of a ``replay`` are marked. Raises as `field_map`, and as `SelectionWiring.rules_file`."""
        return Renderer(**self._options(region, run_id, replay=replay), ocsf_classes=self.settings.ocsf_classes, fields=self.fields)

    def problem_renderer(self, stream: str, run_id: str, *, replay: bool = False) -> ProblemRenderer:
        """The renderer of a run over Cloud Guard's problems, as `renderer`."""
        fields = self.field_map[0].problem_fields if self.settings.format == "cef" else NO_FIELDS
        return ProblemRenderer(**self._options(stream, run_id, replay=replay), fields=fields)

    def _options(self, region: str, run_id: str, *, replay: bool) -> dict[str, Any]:
        settings = self.settings
        return {
            "format": settings.format,
            "header": settings.syslog_header,
            "facility": settings.syslog_facility,
            "app_name": settings.syslog_app_name,
            "hostname": settings.syslog_hostname or region,
            "max_bytes": settings.syslog_max_bytes,
            "run_id": run_id,
            "started": self.clock.now(),
            "monotonic": self.clock.monotonic,
            "replay": replay,
            "region": region,
            "redact": settings.redact,
            "severities": tuple(self.selection.rules_file[0].severity.items()),
        }

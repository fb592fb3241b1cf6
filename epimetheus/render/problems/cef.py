"""Problems in CEF.

Header: ``CEF:0|Oracle|OCI Cloud Guard|<API version>|CloudGuardProblem.<rule>|<rule>|<severity>|``. Keys that audit events have, too, have
the same meaning. ``act`` is ``create``, ``update`` or ``close``. ``externalId`` is cut to 40 characters; ``flexString1`` has all of it.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from epimetheus.problem import EVENT_PREFIX
from epimetheus.render.custom_fields import NO_FIELDS, Device, Fields
from epimetheus.render.formats.base import EventContext, FastBody
from epimetheus.render.formats.cef import COMPARTMENT_PATH, LATE, REPLAY, TAMPER_WATCH, Cef
from epimetheus.render.formats.reductions import HeaderParts
from epimetheus.render.problems.fields import ProblemFields
from epimetheus.render.redact.redactor import Redactor

PRODUCT, API_VERSION = "OCI Cloud Guard", "20200131"
LABELS: Mapping[str, str] = MappingProxyType({
    "cs4": "resourceType", "cs5": "recommendation", "cs6": "lifecycleDetail", "cfp1": "riskScore", "flexString2": "riskLevel",
})  # fmt: skip
"""Meanings that differ from those of audit events, or are not in these."""
REGIONS, TARGET, PROBLEM_LABELS = "OracleOCICloudGuardRegions", "OracleOCICloudGuardTargetId", "OracleOCICloudGuardLabels"
DETAILS, COMMENT = "OracleOCICloudGuardDetails", "OracleOCICloudGuardComment"

KEYS: Sequence[str] = (
    "rt", "start", "externalId", TAMPER_WATCH, REPLAY, LATE, "act", "cat", "cfp1", "msg",
    "cs1", "cs2", "cs3", "cs4", "cs5", "cs6", "flexString1", "flexString2",
    REGIONS, TARGET, PROBLEM_LABELS, DETAILS, COMMENT, COMPARTMENT_PATH,
)  # fmt: skip
"""All keys, in output order. `ProblemCef.own_values` has the same layout."""
SHED_ORDER: Sequence[str] = (
    DETAILS, PROBLEM_LABELS, COMMENT, TARGET, REGIONS, "start", "cfp1", COMPARTMENT_PATH, "cs4", "msg", "cs5", "cs2", "cs3", "cat", "cs1",
)  # fmt: skip
"""Keys that an oversized message loses, in order."""
CORE: Sequence[str] = ("rt", "externalId", TAMPER_WATCH, REPLAY, LATE, "act", "cs6", "flexString2", "flexString1")
"""Keys whose values are cut next; then they are removed, the last one first."""


class ProblemCef(Cef):
    """See `KeyValueFormat`. ``fields``: the names of the Go program's file for problems (`FieldMap.problem_fields`)."""

    keys = KEYS
    shed_order = SHED_ORDER
    core = CORE
    parts = ()
    own_keys = KEYS

    def __init__(self, redactor: Redactor, *, list_trimmed: bool, fields: Fields = NO_FIELDS) -> None:
        vendor, product, version = fields.device
        fields = fields._replace(device=Device(vendor, product or PRODUCT, version or API_VERSION), labels={**LABELS, **fields.labels})
        super().__init__(redactor, list_trimmed=list_trimmed, fields=fields)

    def header_parts(self, event_type: str, version: str | None, name: str | None) -> HeaderParts:
        """API version, event type, detector rule."""
        return super().header_parts(event_type, version, event_type.removeprefix(EVENT_PREFIX))

    def render_fast(self, context: EventContext) -> FastBody | None:
        """None: there is no faster path, because a poll has few messages."""
        return None

    def own_values(self, context: EventContext) -> Sequence[str | None]:
        """The values of a problem, one for each of KEYS."""
        problem, marks = ProblemFields(context, self._redactor), context.enrichment
        text, first, ocid = problem.text, problem.time("timeFirstDetected"), context.event.event_id
        return (
            str(context.time.millis) if context.time else None, str(first.millis) if first else None, ocid,
            "true" if marks.watched else None, "true" if marks.replay else None, "true" if marks.late else None,
            problem.activity, text("detectorId"), text("riskScore"), text("description"),
            text("resourceId"), text("resourceName"), text("compartmentId"), text("resourceType"), text("recommendation"),
            text("lifecycleDetail"), ocid, text("riskLevel"),
            text("regions"), text("targetId"), text("labels"), text("additionalDetails"), text("comment"), marks.compartment_path,
        )  # fmt: skip

"""Problems in LEEF.

``LEEF:2.0|Oracle|OCI Cloud Guard|<API version>|CloudGuardProblem.<rule>|^|``. ``cat`` is ``create``, ``update`` or ``close``: QRadar finds
the QID of an event by EventID and ``cat``. Keys that audit events have, too, have the same meaning.
"""

from collections.abc import Sequence

from epimetheus.render.custom_fields import NO_FIELDS, Device, Fields
from epimetheus.render.event_time import EventTime
from epimetheus.render.formats.base import EventContext, FastBody
from epimetheus.render.formats.leef import TIME_FORMAT, Leef
from epimetheus.render.problems.cef import API_VERSION, PRODUCT
from epimetheus.render.problems.fields import ProblemFields
from epimetheus.render.redact.redactor import Redactor

KEYS: Sequence[str] = (
    "cat", "devTimeFormat", "devTime", "sev", "eventId", "tamperWatch", "replay", "late",
    "riskLevel", "riskScore", "lifecycleDetail", "firstDetected", "detectorId", "msg", "recommendation",
    "resource", "resourceName", "resourceType", "compartmentId", "regions", "targetId", "labels", "details", "comment", "compartmentPath",
)  # fmt: skip
"""All keys, in output order. `ProblemLeef.own_values` has the same layout."""
SHED_ORDER: Sequence[str] = (
    "details", "labels", "comment", "targetId", "regions", "firstDetected", "riskScore", "compartmentPath", "resourceType", "msg",
    "recommendation", "resourceName", "compartmentId", "detectorId", "resource",
)  # fmt: skip
"""Keys that an oversized message loses, in order."""
CORE: Sequence[str] = (
    "cat", "devTimeFormat", "devTime", "sev", "eventId", "tamperWatch", "replay", "late", "lifecycleDetail", "riskLevel",
)  # fmt: skip
"""Keys whose values are cut next; then they are removed, the last one first."""


class ProblemLeef(Leef):
    """See `KeyValueFormat`. FIELD_MAP does not apply."""

    keys = KEYS
    shed_order = SHED_ORDER
    core = CORE
    parts = ()
    own_keys = KEYS
    never_cut = frozenset(("cat", "devTimeFormat", "lifecycleDetail", "riskLevel"))

    def __init__(self, redactor: Redactor, *, list_trimmed: bool, fields: Fields = NO_FIELDS) -> None:
        del fields
        super().__init__(redactor, list_trimmed=list_trimmed, fields=Fields(device=Device(product=PRODUCT, version=API_VERSION)))

    def render_fast(self, context: EventContext) -> FastBody | None:
        """None: there is no faster path, because a poll has few messages."""
        return None

    def own_values(self, context: EventContext) -> Sequence[str | None]:
        """The values of a problem, one for each of KEYS."""
        problem, marks, time = ProblemFields(context, self._redactor), context.enrichment, context.time
        text, first = problem.text, problem.time("timeFirstDetected")
        return (
            problem.activity, TIME_FORMAT if time else None, _format_time(time) if time else None, str(max(1, context.severity)),
            context.event.event_id, "true" if marks.watched else None, "true" if marks.replay else None, "true" if marks.late else None,
            text("riskLevel"), text("riskScore"), text("lifecycleDetail"), first.text if first else None, text("detectorId"),
            text("description"), text("recommendation"),
            text("resourceId"), text("resourceName"), text("resourceType"), text("compartmentId"), text("regions"), text("targetId"),
            text("labels"), text("additionalDetails"), text("comment"), marks.compartment_path,
        )  # fmt: skip


def _format_time(time: EventTime) -> str:
    return time.utc.isoformat(timespec="milliseconds").replace("+00:00", "+0000")

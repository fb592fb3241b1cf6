"""Problems as JSON: as OCI sends them under ``data``, and in OCSF as Detection Finding (class 2004)."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from epimetheus.problem import severity_of
from epimetheus.render.event_time import parse_event_time
from epimetheus.render.formats.base import EventContext
from epimetheus.render.formats.json_base import ENRICHMENT_KEY, TRIMMED_KEY, JsonFormat, Path, Tree, enrichment_tree, enrichment_values
from epimetheus.render.formats.ocsf import PROVIDER, SEVERITIES, SEVERITY_NAMES, VENDOR, VERSION
from epimetheus.render.formats.ocsf_values import UNKNOWN, UnmappedFields, Values, to_tree
from epimetheus.render.problems.cef import PRODUCT

CLASS_UID, CLASS_NAME, CATEGORY_UID = 2004, "Detection Finding", 2
ACTIVITIES: Mapping[object, tuple[int, str]] = MappingProxyType({"create": (1, "Create"), "update": (2, "Update"), "close": (3, "Close")})
"""Activity → ``activity_id`` and ``activity_name``."""
SEVERITY_IDS: Mapping[object, int] = MappingProxyType({"CRITICAL": 5, "HIGH": 4, "MEDIUM": 3, "LOW": 2, "MINOR": 1})
"""``riskLevel`` → ``severity_id``, unless RULES or TAMPER_WATCH gives another severity."""
RISK_IDS: Mapping[object, int] = MappingProxyType({"CRITICAL": 4, "HIGH": 3, "MEDIUM": 2, "LOW": 1, "MINOR": 0})
"""``riskLevel`` → ``risk_level_id``."""
STATUSES: Mapping[object, tuple[int, str]] = MappingProxyType({
    "OPEN": (1, "New"), "DISMISSED": (3, "Suppressed"), "RESOLVED": (4, "Resolved"), "DELETED": (5, "Archived"),
})  # fmt: skip
"""``lifecycleDetail`` → ``status_id`` and ``status``."""
PLACES: Sequence[tuple[Path, Path]] = (
    (("eventId",), ("metadata", "uid")),
    (("eventType",), ("metadata", "event_code")),
    (("eventTime",), ("metadata", "original_time")),
    (("data", "id"), ("finding_info", "uid")),
    (("data", "detectorRuleId"), ("finding_info", "title")),
    (("data", "description"), ("finding_info", "desc")),
    (("data", "detectorId"), ("finding_info", "analytic", "name")),
    (("data", "recommendation"), ("remediation", "desc")),
    (("data", "comment"), ("comment",)),
    (("data", "compartmentId"), ("cloud", "account", "uid")),
    (("data", "riskLevel"), ("risk_level",)),
    (("data", "lifecycleDetail"), ("status_detail",)),
)
"""Path in the event → path in the output."""
_TIMES = (("timeFirstDetected", "first_seen_time"), ("timeLastDetected", "last_seen_time"))
_RULE, _COMPARTMENT = 1, 12  # analytic.type_id; account.type_id


class ProblemJson(JsonFormat):
    """The event as it passes through a run. See `JsonFormat`."""

    enrichment_path = (ENRICHMENT_KEY,)
    data_path = ("data",)
    shed_order = (("data", "description"), ("data", "recommendation"))

    def values(self, context: EventContext, event: Tree) -> Tree:
        """The whole event, and what Epimetheus adds."""
        return {**event, ENRICHMENT_KEY: {**enrichment_values(context.enrichment), "severity": context.severity}}

    def with_trimmed_list(self, output: Tree, trimmed: str) -> Tree:
        """Adds ``epimetheusTrimmed``."""
        return {**output, TRIMMED_KEY: trimmed}


class ProblemOcsf(JsonFormat):
    """See `JsonFormat`. Members without a place in the schema are under ``unmapped``."""

    enrichment_path = ("unmapped", ENRICHMENT_KEY)
    data_path = ("unmapped", "data")
    derived = (("type_name",), ("class_name",), ("category_name",), ("severity",))
    shed_order = (
        ("unmapped", "data"), ("finding_info", "types"), ("comment",), ("cloud", "account"), ("finding_info", "analytic"),
        ("metadata", "original_time"), ("finding_info", "desc"), ("remediation",), ("resources",),
    )  # fmt: skip

    def values(self, context: EventContext, event: Tree) -> Tree:
        """The problem as a finding."""
        rest = UnmappedFields({name: value for name, value in event.items() if name not in ("activity", "source")})
        problem = rest.data
        values = _head(context, event, problem)
        values |= {place: rest.take(origin) for origin, place in PLACES}
        for name, place in _TIMES:
            values[("finding_info", place)] = rest.take(("data", name), _millis)
        values[("finding_info", "types")] = _texts(rest.take_any(("data", "labels")))
        values[("risk_score",)] = _integer(problem.get("riskScore"))
        values[("resources",)] = _resources(rest, problem)
        regions = _texts(problem.get("regions"))
        values[("cloud", "region")] = regions[0] if regions else None
        _complete(values, problem)
        tree = to_tree(values)
        unmapped = rest.remaining() | enrichment_tree(context.enrichment)
        return {**tree, "unmapped": unmapped} if unmapped else tree

    def with_trimmed_list(self, output: Tree, trimmed: str) -> Tree:
        """Adds ``epimetheusTrimmed`` under ``unmapped``."""
        unmapped = output.get("unmapped")
        return {**output, "unmapped": {**(unmapped if isinstance(unmapped, dict) else {}), TRIMMED_KEY: trimmed}}


def _head(context: EventContext, event: Tree, problem: Mapping[str, object]) -> Values:
    """The schema's ids for class, activity, severity and status, and the values that all findings share."""
    activity_id, activity = ACTIVITIES.get(_key(event.get("activity")), (0, "Unknown"))
    status_id, status = STATUSES.get(_key(problem.get("lifecycleDetail")), (0, "Unknown"))
    by_risk = SEVERITY_IDS.get(_key(problem.get("riskLevel")))
    severity = by_risk if by_risk and context.severity == severity_of(problem) else SEVERITIES[context.severity]
    risk = RISK_IDS.get(_key(problem.get("riskLevel")))
    return {
        ("class_uid",): CLASS_UID,
        ("class_name",): CLASS_NAME,
        ("category_uid",): CATEGORY_UID,
        ("category_name",): "Findings",
        ("type_uid",): CLASS_UID * 100 + activity_id,
        ("type_name",): f"{CLASS_NAME}: {activity}",
        ("activity_id",): activity_id,
        ("activity_name",): activity,
        ("time",): context.time.millis if context.time else context.run_started,
        ("severity_id",): severity,
        ("severity",): SEVERITY_NAMES[severity],
        ("status_id",): status_id,
        ("status",): status,
        ("risk_level_id",): 99 if risk is None else risk,
        ("metadata", "version"): VERSION,
        ("metadata", "product"): {"name": PRODUCT, "vendor_name": VENDOR},
        ("metadata", "profiles"): ["cloud"],
        ("cloud", "provider"): PROVIDER,
    }


def _complete(values: Values, problem: Mapping[str, object]) -> None:
    """Adds what the schema requires beside other values, and the required values that the problem lacks."""
    values[("finding_info", "uid")] = values[("finding_info", "uid")] or UNKNOWN
    if values[("finding_info", "analytic", "name")]:
        values[("finding_info", "analytic", "type_id")] = _RULE
        values[("finding_info", "analytic", "uid")] = _key(problem.get("detectorRuleId")) or None
    if values[("cloud", "account", "uid")]:
        values[("cloud", "account", "type_id")] = _COMPARTMENT


def _resources(rest: UnmappedFields, problem: Mapping[str, object]) -> list[Tree] | None:
    """The resource of the problem, and the one that it has an effect on, if OCI names another."""
    found = [_resource(rest, "resourceId", "resourceName", "resourceType")]
    if problem.get("impactedResourceId") != problem.get("resourceId"):
        found.append(_resource(rest, "impactedResourceId", "impactedResourceName", "impactedResourceType"))
    return [one for one in found if one.get("uid") or one.get("name")] or None


def _resource(rest: UnmappedFields, *names: str) -> Tree:
    values = zip(("uid", "name", "type"), [rest.take(("data", name)) for name in names], strict=True)
    return {key: value for key, value in values if value}


def _texts(value: object) -> list[str] | None:
    return [item for item in value if isinstance(item, str) and item] or None if isinstance(value, list) else None


def _integer(value: object) -> int | None:
    """A score without its fraction, as the schema requires; ``unmapped`` has all of it."""
    try:
        return int(float(str(value)))
    except (ValueError, OverflowError):
        return None


def _key(value: object) -> str:
    return value if isinstance(value, str) else ""


def _millis(text: str) -> int | None:
    time = parse_event_time(text)
    return time.millis if time else None

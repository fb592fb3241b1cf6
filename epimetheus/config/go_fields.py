"""Field maps of the Go program that Epimetheus replaces: its entries as requests for CEF, and field names that it used but no API has."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import NamedTuple

from epimetheus.config import field_names as names
from epimetheus.config.field_conflicts import DefaultFields, FieldRequest
from epimetheus.config.json_document import Finding
from epimetheus.config.json_positions import Path
from epimetheus.render.typed_values import ValueType, millis, number


class GoEntry(NamedTuple):
    """The value of ``field`` is sent as ``key``; ``location`` is the entry's path in FIELD_MAP."""

    location: Path
    field: str
    key: str


def go_entries(location: Path, mappings: Mapping[str, str]) -> Iterator[GoEntry]:
    """The entries of the object at ``location``: field → key."""
    return (GoEntry((*location, field), field, key) for field, key in mappings.items())


_EVENT_FIELDS: Mapping[str, str] = MappingProxyType({"eventTypeName": "eventName"})

_DETAILS = "additionalDetails"
_PROBLEM_MEMBERS = (
    "id compartmentId detectorRuleId detectorId targetId riskLevel riskScore peakRiskLevel peakRiskScore peakRiskScoreDate resourceId"
    " resourceName resourceType labels regions timeFirstDetected timeLastDetected lifecycleState lifecycleDetail description recommendation"
    " comment impactedResourceId impactedResourceName impactedResourceType additionalDetails"
)
_PROBLEM_FIELDS = frozenset(_PROBLEM_MEMBERS.split())
"""The members of a Cloud Guard problem in the API."""

_RENAMED_PROBLEM_FIELDS: Mapping[str, str] = MappingProxyType({
    "problemType": "detectorRuleId",
    "status": "lifecycleDetail",
    "timeCreated": "timeFirstDetected",
    "timeUpdated": "timeLastDetected",
    "details.severity": "riskLevel",
    "details.category": "detectorId",
    "details.region": "regions",
    "details.affectedResourceId": "resourceId",
    "details.affectedResourceName": "resourceName",
    "details.riskScore": "riskScore",
    "details.detectorRuleId": "detectorRuleId",
    "details.recommendation": "recommendation",
})  # fmt: skip
PROBLEM_CEF_SOURCES: Mapping[str, str] = MappingProxyType({
    "start": "data.timeFirstDetected",
    "rt": "data.timeLastDetected",
    "externalId": "data.id",
    "cat": "data.detectorId",
    "cfp1": "data.riskScore",
    "msg": "data.description",
    "cs1": "data.resourceId",
    "cs2": "data.resourceName",
    "cs3": "data.compartmentId",
    "cs4": "data.resourceType",
    "cs5": "data.recommendation",
    "cs6": "data.lifecycleDetail",
    "flexString2": "data.riskLevel",
    "act": "",
    "flexString1": "",
})  # fmt: skip
"""Default CEF key of a problem → path of its value in the event of the problem; "" if it comes from elsewhere."""
_PROBLEM_CEF_KEYS = MappingProxyType({path: key for key, path in PROBLEM_CEF_SOURCES.items() if path})

_PROBLEM_TYPES: Mapping[str, ValueType] = MappingProxyType({
    "timeFirstDetected": millis,
    "timeLastDetected": millis,
    "riskScore": number,
})  # fmt: skip


def event_requests(entries: Iterable[GoEntry]) -> list[FieldRequest]:
    """Requests for audit events: a default field is renamed, and any other field added. An invented name stands for no default field."""
    return [_event_request(entry) for entry in entries]


def problem_requests(entries: Iterable[GoEntry]) -> list[FieldRequest]:
    """Requests for Cloud Guard problems, whose event has the API's form of a problem under ``data``."""
    requests = [(entry, _problem_path(entry.field)) for entry in entries]
    return [FieldRequest(entry.location, _PROBLEM_CEF_KEYS.get(path or ""), path, entry.key) for entry, path in requests]


def invented_names(events: Iterable[GoEntry], problems: Iterable[GoEntry]) -> Iterator[Finding]:
    """Warnings about fields that never existed, each once, with the real name."""
    yield from _invented(events, _EVENT_FIELDS.get, "no event has this field, which the Go program added")
    yield from _invented(problems, _real_problem_name, "no problem has this field")


def _event_request(entry: GoEntry) -> FieldRequest:
    if real := _EVENT_FIELDS.get(entry.field):
        return FieldRequest(entry.location, None, names.event_path(real), entry.key)
    path = names.event_path(entry.field)
    return FieldRequest(entry.location, names.CEF_KEYS.get(path or ""), path, entry.key)


def _invented(entries: Iterable[GoEntry], real_name: Callable[[str], str | None], what: str) -> Iterator[Finding]:
    reported = set()
    for entry in entries:
        real = real_name(entry.field)
        if real and entry.field not in reported:
            reported.add(entry.field)
            yield Finding(entry.location, f"{what}; the real name is {real}")


def _real_problem_name(field: str) -> str | None:
    """The name of a problem's field that the Go program called ``field``; None if ``field`` is the name, or if no problem has it."""
    if real := _RENAMED_PROBLEM_FIELDS.get(field):
        return real
    return f"{_DETAILS}{field.removeprefix('details')}" if field.startswith("details.") else None


def _problem_path(field: str) -> str | None:
    path = _real_problem_name(field) or field
    return f"data.{path}" if path.partition(".")[0] in _PROBLEM_FIELDS else None


def _problem_conflict(request: FieldRequest) -> str | None:
    path = (request.source or "").removeprefix("data.")
    typed = path in _PROBLEM_FIELDS and names.type_conflict(request.name, _PROBLEM_TYPES.get(path))
    return names.cef_conflict(request.name, None, "") or typed or None


PROBLEM_FIELDS = DefaultFields("cef", PROBLEM_CEF_SOURCES, record="problem", conflict=_problem_conflict)
"""The CEF fields of a Cloud Guard problem."""

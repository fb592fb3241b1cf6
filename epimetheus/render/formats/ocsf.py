"""API Activity (class 6003) of the Open Cybersecurity Schema Framework, version 1.4.0, with its ``cloud`` profile.

Every event has this class, sign-ons included, so that one query finds everything a user did. A compartment is the ``cloud.account`` (the
schema has an account type for it), the tenancy the ``cloud.org``. Fields without a place in the schema are under ``unmapped``, with their
names in the event, unless they are empty. A required field that the event lacks is ``unknown``; a missing time is that of the response,
else the start of the run. An oversized event first loses fields in ``unmapped``; the rest stays valid. Only if not even the shortened
core fits does the text become one cut string, as in JSON. 2,400 bytes are always enough; usually half of that is.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from epimetheus.render.addresses import parse_addresses
from epimetheus.render.custom_fields import NO_FIELDS, Fields
from epimetheus.render.derived_fields import http_status, service_name
from epimetheus.render.event_time import parse_time
from epimetheus.render.field_lookup import to_api_form
from epimetheus.render.formats.base import EventContext
from epimetheus.render.formats.json_base import ENRICHMENT_KEY, TRIMMED_KEY, JsonFormat, Path, Tree, enrichment_tree
from epimetheus.render.operation_words import parse_operation
from epimetheus.render.redact.redactor import Redactor
from epimetheus.render.severity_table import LOW, SEVERITY_OF, VERBS

VERSION, VENDOR, PRODUCT, PROVIDER = "1.4.0", "Oracle", "OCI Audit", "OCI"
UNKNOWN = "unknown"
CATEGORY, CLASS = 6, 6003
CREATE, READ, UPDATE, DELETE, OTHER = 1, 2, 3, 4, 99
ACTIVITIES: Mapping[int, Sequence[str]] = MappingProxyType({
    CREATE: ("Create", "Launch", "Add", "Copy", "Import", "Upload", "Register", "Generate", "Put"),
    READ: VERBS[LOW],
    DELETE: (
        "Delete", "Deletion", "Terminate", "Termination", "Remove", "Removal", "Purge", "Destroy", "Deregister", "Unregister", "Drop",
        "Decommission", "Erase", "Offboard", "Shred", "Truncate", "Uninstall", "Wipe",
    ),
    UPDATE: (
        "Update", "Change", "Modify", "Patch", "Set", "Reset", "Move", "Rename", "Replace", "Rotate", "Restore", "Resize", "Scale",
        "Upgrade", "Enable", "Disable", "Activate", "Deactivate", "Attach", "Detach", "Assign", "Unassign", "Grant", "Revoke", "Start",
        "Stop", "Restart", "Reboot", "Edit", "Associate", "Configure", "Disassociate", "Lock", "Unlock", "Unset",
    ),
})  # fmt: skip
"""Activity → verbs of event names, see `parse_operation`; the most severe verb decides. Any other name is 99, other."""
SEVERITIES = (1, 1, 1, 2, 3, 3, 3, 4, 4, 5, 5)
"""CEF's 0 to 10 → informational (1), low, medium, high, critical (5)."""
STATUSES: Mapping[str | None, int] = MappingProxyType({"success": 1, "failure": 2})
METHODS = frozenset(("OPTIONS", "GET", "HEAD", "POST", "PUT", "DELETE", "TRACE", "CONNECT"))
"""HTTP methods in this version of the schema; any other, PATCH included, stays under ``unmapped``."""
_COMPARTMENT = 12  # account.type_id: OCI Compartment
_CACHED_NAMES = 2048
_ACTIVITY_OF = {verb.lower(): activity for activity, verbs in ACTIVITIES.items() for verb in verbs}

_PARTS: Sequence[Path] = (("data",), ("data", "identity"), ("data", "request"), ("data", "response"))
_Values = dict[Path, object]

PLACES: Sequence[tuple[Path, Path]] = (
    (("eventId",), ("metadata", "uid")),
    (("eventType",), ("metadata", "event_code")),
    (("eventTypeVersion",), ("metadata", "log_version")),
    (("eventTime",), ("metadata", "original_time")),
    (("data", "eventGroupingId"), ("metadata", "correlation_uid")),
    (("data", "eventName"), ("api", "operation")),
    (("data", "request", "id"), ("api", "request", "uid")),
    (("data", "response", "message"), ("api", "response", "message")),
    (("data", "identity", "principalName"), ("actor", "user", "name")),
    (("data", "identity", "principalId"), ("actor", "user", "uid")),
    (("data", "identity", "consoleSessionId"), ("actor", "session", "uid")),
    (("data", "identity", "callerName"), ("actor", "app_name")),
    (("data", "identity", "callerId"), ("actor", "app_uid")),
    (("data", "request", "path"), ("http_request", "url", "path")),
    (("data", "identity", "userAgent"), ("http_request", "user_agent")),
    (("data", "compartmentId"), ("cloud", "account", "uid")),
    (("data", "compartmentName"), ("cloud", "account", "name")),
    (("data", "identity", "tenantId"), ("cloud", "org", "uid")),
    (("data", "availabilityDomain"), ("cloud", "zone")),
    (("data", "resourceId"), ("resources", "uid")),
    (("data", "resourceName"), ("resources", "name")),
    (("data", "response", "status"), ("status_code",)),
    (("data", "message"), ("message",)),
)
"""Path in the event → path in the output. ``resources`` is a list with one item."""

SHED_ORDER: Sequence[Path] = (
    ("unmapped", "data"), ("unmapped", "oracle"), ("unmapped", "cloudEventsVersion"), ("unmapped", "specversion"),
    ("unmapped", "contentType"), ("unmapped", "source"), ("activity_name",), ("http_request", "user_agent"),
    ("metadata", "correlation_uid"), ("metadata", "log_version"), ("metadata", "original_time"), ("end_time",), ("cloud", "zone"),
    ("api", "response", "message"), ("status_detail",), ("cloud", "org"), ("http_request",), ("message",), ("actor", "app_uid"),
    ("actor", "app_name"), ("actor", "session"), ("api", "request"), ("src_endpoint", "intermediate_ips"), ("cloud", "account"),
    ("api", "response"),
)  # fmt: skip
"""Paths that an oversized message loses after the rest of ``data``, in order."""


class Ocsf(JsonFormat):
    """See `JsonFormat`."""

    enrichment_path = ("unmapped", ENRICHMENT_KEY)
    data_path = ("unmapped", "data")
    shed_order = SHED_ORDER

    def __init__(self, redactor: Redactor, *, list_trimmed: bool, fields: Fields = NO_FIELDS) -> None:
        super().__init__(redactor, list_trimmed=list_trimmed, fields=fields)
        self._activity = lru_cache(_CACHED_NAMES)(_activity_by_name)

    def values(self, context: EventContext, event: Tree) -> Tree:
        """The event in the schema's form."""
        rest = _UnmappedFields(to_api_form(event))
        values = self._classification(context)
        values |= {place: rest.take(origin) for origin, place in PLACES}
        values[("end_time",)] = rest.take(("data", "response", "responseTime"), _millis)
        values[("http_request", "http_method")] = rest.take(("data", "request", "action"), _method)
        values |= _source(rest.take(("data", "identity", "ipAddress")))
        values |= self._response(context)
        _complete(values, context.run_started)
        tree = _to_tree(values)
        unmapped = rest.remaining() | enrichment_tree(context.enrichment)
        return {**tree, "unmapped": unmapped} if unmapped else tree

    def with_trimmed_list(self, output: Tree, trimmed: str) -> Tree:
        """Adds ``epimetheusTrimmed`` under ``unmapped``."""
        unmapped = output.get("unmapped")
        return {**output, "unmapped": {**(unmapped if isinstance(unmapped, dict) else {}), TRIMMED_KEY: trimmed}}

    def _classification(self, context: EventContext) -> _Values:
        """The schema's ids for class, activity, severity and status, and the values that all events share."""
        activity = self._activity(context.meaning.operation)
        return {
            ("class_uid",): CLASS,
            ("category_uid",): CATEGORY,
            ("type_uid",): CLASS * 100 + activity,
            ("activity_id",): activity,
            ("time",): context.time and context.time.millis,
            ("severity_id",): SEVERITIES[context.severity],
            ("status_id",): STATUSES.get(context.meaning.outcome, 0),
            ("metadata", "version"): VERSION,
            ("metadata", "product"): {"name": PRODUCT, "vendor_name": VENDOR},
            ("metadata", "profiles"): ["cloud"],
            ("cloud", "provider"): PROVIDER,
        }

    def _response(self, context: EventContext) -> _Values:
        """The response's status and, for a failed call, the reason."""
        reason = context.meaning.reason
        error = self._redactor.text(reason) if reason else None
        response = context.event.data.response
        return {
            ("api", "response", "code"): http_status(response.status if response else None),
            ("api", "response", "error"): error,
            ("status_detail",): error,
        }


def _activity_by_name(name: str) -> int:
    verbs = sorted(parse_operation(name).verbs, key=SEVERITY_OF.__getitem__, reverse=True)
    return next((_ACTIVITY_OF[verb] for verb in verbs if verb in _ACTIVITY_OF), OTHER)


def _source(text: object) -> _Values:
    """The source: its first address, the other ones, and the parts that are not an address as a name."""
    found = parse_addresses(text if isinstance(text, str) else None)
    ips = [address.ip for address in found.found]
    return {
        ("src_endpoint", "ip"): ips[0] if ips else None,
        ("src_endpoint", "name"): ",".join(found.other) or (None if ips else UNKNOWN),
        ("src_endpoint", "intermediate_ips"): ips[1:] or None,
    }


def _complete(values: _Values, run_started: int) -> None:
    """Adds the values that depend on others, and the required ones that the event lacks."""
    event_type = str(values[("metadata", "event_code")] or "")
    values[("api", "service", "name")] = service_name(event_type)
    values[("api", "operation")] = values[("api", "operation")] or event_type.rpartition(".")[2] or UNKNOWN
    if values[("activity_id",)] == OTHER:
        values[("activity_name",)] = values[("api", "operation")]
    values[("time",)] = values[("time",)] or values[("end_time",)] or run_started
    if values[("cloud", "account", "uid")] or values[("cloud", "account", "name")]:
        values[("cloud", "account", "type_id")] = _COMPARTMENT
    if not (values[("actor", "user", "name")] or values[("actor", "user", "uid")]):
        values[("actor", "user", "name")] = UNKNOWN


def _to_tree(values: _Values) -> Tree:
    """The tree with these values; None is left out."""
    tree: dict[str, Any] = {}
    for (*parents, last), value in values.items():
        if value is not None:
            node = tree
            for key in parents:
                node = node.setdefault(key, {})
            node[last] = value
    if "resources" in tree:
        tree["resources"] = [tree["resources"]]
    return tree


def _method(text: str) -> str | None:
    return text if text in METHODS else None


def _millis(text: str) -> int | None:
    time = parse_time(text)
    return time.millis if time else None


class _UnmappedFields:
    """The fields of an event that have no place in the output yet. Does not change the event."""

    def __init__(self, event: Tree) -> None:
        self._parts: dict[Path, Tree] = {(): dict(event)}
        for path in _PARTS:
            parent = self._parts.get(path[:-1], {})
            part = parent.get(path[-1])
            if isinstance(part, dict):
                parent[path[-1]] = self._parts[path] = dict(part)

    def take(self, path: Path, read: Callable[[str], object] = str) -> object:
        """Removes the text or number at ``path`` and returns ``read`` of it; returns None and keeps it if ``read`` does."""
        part = self._parts.get(path[:-1], {})
        value = part.get(path[-1])
        if not value or not isinstance(value, str | int) or isinstance(value, bool):
            return None
        result = read(str(value))
        if result is not None:
            del part[path[-1]]
        return result

    def remaining(self) -> Tree:
        """The fields that were not taken and are not empty."""
        for part in reversed(self._parts.values()):
            for key in [key for key, item in part.items() if item is None or item in ("", {}, [])]:
                del part[key]
        return self._parts[()]

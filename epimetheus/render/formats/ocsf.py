"""The event as API Activity (class 6003) of the Open Cybersecurity Schema Framework, version 1.4.0, with its ``cloud`` profile.

Every event is one, sign-ons as well: so one query finds all that somebody did. A compartment is the ``cloud.account`` (the schema has a
type of its own for it), the tenancy the ``cloud.org``. What has no place in the schema stands under ``unmapped``, named as in the event,
without what is empty. What the schema requires and an event does not tell is ``unknown``; its time is then when the call was answered,
else the start of the run. Shedding begins in ``unmapped``, and what is left stays valid. Only where not even the shortened core has room
(2,400 bytes always are enough, half of that mostly) does the text become one cut string, as in JSON.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from epimetheus.model import AuditEvent
from epimetheus.render.custom_fields import NO_FIELDS, Fields
from epimetheus.render.event_time import moment
from epimetheus.render.field_lookup import in_the_apis_form
from epimetheus.render.formats.base import EventContext
from epimetheus.render.formats.json_base import NOTES_KEY, TRIMMED_KEY, Nested, Path, Tree, noted
from epimetheus.render.derived_fields import addresses, outcome, reason, service, status
from epimetheus.render.redact.redactor import Redactor
from epimetheus.render.severity import LOW, VERBS, beginning

VERSION, VENDOR, PRODUCT, PROVIDER = "1.4.0", "Oracle", "OCI Audit", "OCI"
UNKNOWN = "unknown"
CATEGORY, CLASS = 6, 6003
CREATE, READ, UPDATE, DELETE, OTHER = 1, 2, 3, 4, 99
ACTIVITIES: Mapping[int, Sequence[str]] = MappingProxyType({
    CREATE: ("Create", "Launch", "Add", "Copy", "Import", "Upload", "Register", "Generate", "Put"),
    READ: VERBS[LOW],
    DELETE: ("Delete", "BulkDelete", "Schedule*Deletion", "Terminate", "Remove", "Purge", "Destroy", "Deregister", "Unregister"),
    UPDATE: (
        "Update", "Change", "Modify", "Patch", "Set", "Reset", "Move", "Rename", "Replace", "Rotate", "Restore", "Resize", "Scale",
        "Upgrade", "Enable", "Disable", "Activate", "Deactivate", "Attach", "Detach", "Assign", "Unassign", "Grant", "Revoke", "Start",
        "Stop", "Restart", "Reboot", "BulkEdit",
    ),
})  # fmt: skip
"""What an event does → how its name begins (see `Severity`); anything else is 99, other."""
SEVERITIES = (1, 1, 1, 2, 3, 3, 3, 4, 4, 5, 5)
"""CEF's 0 to 10 → informational (1), low, medium, high, critical (5)."""
STATUSES: Mapping[str | None, int] = MappingProxyType({"success": 1, "failure": 2})
METHODS = frozenset(("OPTIONS", "GET", "HEAD", "POST", "PUT", "DELETE", "TRACE", "CONNECT"))
"""HTTP methods that this version of the schema knows: any other, PATCH as well, stays under ``unmapped``."""
_COMPARTMENT = 12  # account.type_id: OCI Compartment
_CACHED_NAMES = 2048

_PARTS: Sequence[Path] = (("data",), ("data", "identity"), ("data", "request"), ("data", "response"))
_Said = dict[Path, object]

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
"""Where a text stands in the event, and where it goes (``resources`` is a list of one)."""

SHED_ORDER: Sequence[Path] = (
    ("unmapped", "data"), ("unmapped", "oracle"), ("unmapped", "cloudEventsVersion"), ("unmapped", "specversion"),
    ("unmapped", "contentType"), ("unmapped", "source"), ("activity_name",), ("http_request", "user_agent"),
    ("metadata", "correlation_uid"), ("metadata", "log_version"), ("metadata", "original_time"), ("end_time",), ("cloud", "zone"),
    ("api", "response", "message"), ("status_detail",), ("cloud", "org"), ("http_request",), ("message",), ("actor", "app_uid"),
    ("actor", "app_name"), ("actor", "session"), ("api", "request"), ("src_endpoint", "intermediate_ips"), ("cloud", "account"),
    ("api", "response"),
)  # fmt: skip
"""What a message over the limit loses after the rest of ``data``, first to last."""


class Ocsf(Nested):
    """See `Nested`."""

    notes_path = ("unmapped", NOTES_KEY)
    data_path = ("unmapped", "data")
    shed_order = SHED_ORDER

    def __init__(self, redactor: Redactor, *, note: bool, fields: Fields = NO_FIELDS) -> None:
        super().__init__(redactor, note=note, fields=fields)
        self._activities = [(beginning(verbs), activity) for activity, verbs in ACTIVITIES.items()]
        self._activity = lru_cache(_CACHED_NAMES)(self._told_by_name)

    def said(self, subject: EventContext, event: Tree) -> Tree:
        """The event by the schema."""
        rest = _Rest(in_the_apis_form(event))
        said = self._numbers(subject)
        said |= {place: rest.take(origin) for origin, place in PLACES}
        said[("end_time",)] = rest.take(("data", "response", "responseTime"), _millis)
        said[("http_request", "http_method")] = rest.take(("data", "request", "action"), _method)
        said |= _source(rest.take(("data", "identity", "ipAddress")))
        said |= self._answer(subject.event)
        _complete(said, subject.started)
        tree = _grown(said)
        left = rest.left() | noted(subject.notes)
        return {**tree, "unmapped": left} if left else tree

    def told(self, event: Tree, trimmed: str) -> Tree:
        """The same with ``epimetheusTrimmed`` under ``unmapped``."""
        unmapped = event.get("unmapped")
        return {**event, "unmapped": {**(unmapped if isinstance(unmapped, dict) else {}), TRIMMED_KEY: trimmed}}

    def _numbers(self, subject: EventContext) -> _Said:
        """What is told in numbers, and what is the same in every event."""
        event = subject.event
        activity = self._activity(event.data.event_name or event.event_type.rpartition(".")[2])
        return {
            ("class_uid",): CLASS,
            ("category_uid",): CATEGORY,
            ("type_uid",): CLASS * 100 + activity,
            ("activity_id",): activity,
            ("time",): subject.moment and subject.moment.millis,
            ("severity_id",): SEVERITIES[subject.severity],
            ("status_id",): STATUSES.get(outcome(event), 0),
            ("metadata", "version"): VERSION,
            ("metadata", "product"): {"name": PRODUCT, "vendor_name": VENDOR},
            ("metadata", "profiles"): ["cloud"],
            ("cloud", "provider"): PROVIDER,
        }

    def _answer(self, event: AuditEvent) -> _Said:
        """How the call was answered, and where it failed also why."""
        why = reason(event) if outcome(event) == "failure" else None
        error = self._redactor.text(why) if why else None
        response = event.data.response
        return {
            ("api", "response", "code"): status(response.status if response else None),
            ("api", "response", "error"): error,
            ("status_detail",): error,
        }

    def _told_by_name(self, name: str) -> int:
        return next((activity for verbs, activity in self._activities if verbs.match(name)), OTHER)


def _source(text: object) -> _Said:
    """Whence the call came: the first address, those between, and what is no address as a name."""
    found = addresses(text if isinstance(text, str) else None)
    ips = [*found.ipv4, *filter(None, (found.ipv6,))]
    return {
        ("src_endpoint", "ip"): ips[0] if ips else None,
        ("src_endpoint", "name"): found.other or (None if ips else UNKNOWN),
        ("src_endpoint", "intermediate_ips"): ips[1:] or None,
    }


def _complete(said: _Said, started: int) -> None:
    """What is read out of other fields, and what the schema requires where the event does not tell it."""
    event_type = str(said[("metadata", "event_code")] or "")
    said[("api", "service", "name")] = service(event_type)
    said[("api", "operation")] = said[("api", "operation")] or event_type.rpartition(".")[2] or UNKNOWN
    if said[("activity_id",)] == OTHER:
        said[("activity_name",)] = said[("api", "operation")]
    said[("time",)] = said[("time",)] or said[("end_time",)] or started
    if said[("cloud", "account", "uid")] or said[("cloud", "account", "name")]:
        said[("cloud", "account", "type_id")] = _COMPARTMENT
    if not (said[("actor", "user", "name")] or said[("actor", "user", "uid")]):
        said[("actor", "user", "name")] = UNKNOWN


def _grown(said: _Said) -> Tree:
    """The tree of these paths, without what is not told."""
    tree: dict[str, Any] = {}
    for (*way, last), value in said.items():
        if value is not None:
            place = tree
            for key in way:
                place = place.setdefault(key, {})
            place[last] = value
    if "resources" in tree:
        tree["resources"] = [tree["resources"]]
    return tree


def _method(text: str) -> str | None:
    return text if text in METHODS else None


def _millis(text: str) -> int | None:
    when = moment(text)
    return when.millis if when else None


class _Rest:
    """What of an event has no place yet; the event itself stays as it is."""

    def __init__(self, event: Tree) -> None:
        self._parts: dict[Path, Tree] = {(): dict(event)}
        for path in _PARTS:
            above = self._parts.get(path[:-1], {})
            part = above.get(path[-1])
            if isinstance(part, dict):
                above[path[-1]] = self._parts[path] = dict(part)

    def take(self, path: Path, read: Callable[[str], object] = str) -> object:
        """The text or number at ``path`` as ``read`` reads it, which has a place now; None where there is none to be read."""
        part = self._parts.get(path[:-1], {})
        value = part.get(path[-1])
        if not value or not isinstance(value, str | int) or isinstance(value, bool):
            return None
        said = read(str(value))
        if said is not None:
            del part[path[-1]]
        return said

    def left(self) -> Tree:
        """What was not taken, without what is empty."""
        for part in reversed(self._parts.values()):
            for key in [key for key, item in part.items() if item is None or item in ("", {}, [])]:
                del part[key]
        return self._parts[()]

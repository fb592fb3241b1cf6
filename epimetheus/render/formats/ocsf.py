"""The Open Cybersecurity Schema Framework (OCSF), version 1.4.0, with its ``cloud`` profile.

The class depends on the event, see `ocsf_classes`. Every message has the API call, the actor, the source and the HTTP request, whatever
its class, so that one query finds everything a user did. A compartment is the ``cloud.account`` (the schema has an account type for it),
the tenancy the ``cloud.org``. Fields without a place in the schema are under ``unmapped``, with their names in the event, unless they are
empty. A required field that the event lacks is ``unknown``; a missing time is that of the response, else the start of the run. An oversized
event first loses captions and observables, which repeat other values, then fields in ``unmapped``; the rest stays valid. Only if not even
the shortened core fits does the text become one cut string, as in JSON. 2,400 bytes are always enough; usually half of that is.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import Literal

from epimetheus.event_details import is_silent
from epimetheus.render.addresses import parse_addresses
from epimetheus.render.custom_fields import NO_FIELDS, Fields
from epimetheus.render.derived_fields import FAILURE, SUCCESS, http_status, operation_name, service_name
from epimetheus.render.event_time import parse_event_time
from epimetheus.render.field_lookup import to_api_form
from epimetheus.render.formats.base import EventContext
from epimetheus.render.formats.json_base import ENRICHMENT_KEY, TRIMMED_KEY, JsonFormat, Path, Tree, enrichment_tree
from epimetheus.render.formats.ocsf_classes import API_ACTIVITY, OTHER, Classification, api_activity, classify
from epimetheus.render.formats.ocsf_subjects import subjects
from epimetheus.render.formats.ocsf_values import UNKNOWN, UnmappedFields, Values, to_tree
from epimetheus.render.redact import json_tree
from epimetheus.render.redact.prescan import json_hints
from epimetheus.render.redact.redactor import RedactedJson, Redactor
from epimetheus.render.redact.splice import is_utf8, splice_common_secrets

VERSION, VENDOR, PRODUCT, PROVIDER = "1.4.0", "Oracle", "OCI Audit", "OCI"
SEVERITIES = (1, 1, 1, 2, 3, 3, 3, 4, 4, 5, 5)
"""CEF's 0 to 10 → informational (1), low, medium, high, critical (5)."""
SEVERITY_NAMES = ("Unknown", "Informational", "Low", "Medium", "High", "Critical")
STATUSES: Mapping[str | None, tuple[int, str]] = MappingProxyType({
    SUCCESS: (1, "Success"), FAILURE: (2, "Failure"), None: (0, "Unknown"),
})  # fmt: skip
"""Outcome → ``status_id`` and ``status``."""
METHODS = frozenset(("OPTIONS", "GET", "HEAD", "POST", "PUT", "DELETE", "TRACE", "CONNECT"))
"""HTTP methods in this version of the schema; any other, PATCH included, stays under ``unmapped``."""
OBSERVABLES: Mapping[Path, int] = MappingProxyType({
    ("src_endpoint", "ip"): 2, ("actor", "user", "name"): 4, ("user", "name"): 4, ("group", "name"): 32,
})  # fmt: skip
"""Path → ``observables[].type_id``: IP address, user name, group name."""
_OBSERVED = {place: (".".join(place), kind) for place, kind in OBSERVABLES.items()}
_RESOURCE_UID = 10
_COMPARTMENT = 12  # account.type_id: OCI Compartment
_CACHED_NAMES = 2048

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
    (("data", "identity", "authType"), ("actor", "user", "type")),
    (("data", "identity", "consoleSessionId"), ("actor", "session", "uid")),
    (("data", "identity", "callerName"), ("actor", "app_name")),
    (("data", "identity", "callerId"), ("actor", "app_uid")),
    (("data", "request", "path"), ("http_request", "url", "path")),
    (("data", "identity", "userAgent"), ("http_request", "user_agent")),
    (("data", "compartmentId"), ("cloud", "account", "uid")),
    (("data", "compartmentName"), ("cloud", "account", "name")),
    (("data", "identity", "tenantId"), ("cloud", "org", "uid")),
    (("data", "availabilityDomain"), ("cloud", "zone")),
    (("data", "response", "status"), ("status_code",)),
    (("data", "message"), ("message",)),
)
"""Path in the event → path in the output, for every class."""
_FROM_DETAILS = MappingProxyType({
    ("actor", "user", "name"): "principal_name", ("actor", "user", "uid"): "principal_id", ("http_request", "user_agent"): "user_agent",
})  # fmt: skip
"""Path in the output → the field of `Identity` that has the value if OCI left its own field empty."""

DATA_PLACES: Mapping[Path, Path] = MappingProxyType({
    ("response", "payload"): ("api", "response", "data"), ("request", "parameters"): ("api", "request", "data"),
})  # fmt: skip
"""Member of ``data`` → path in the output, whatever its type; without the id of the request, which the schema requires, the parameters
remain."""

DERIVED: Sequence[Path] = (("observables",), ("type_name",), ("class_name",), ("severity",))
"""Paths that an oversized message loses first; they repeat other values."""
SHED_ORDER: Sequence[Path] = (
    ("unmapped", "data"), ("unmapped", "oracle"), ("unmapped", "cloudEventsVersion"), ("unmapped", "specversion"),
    ("unmapped", "contentType"), ("unmapped", "source"), ("http_request", "user_agent"), ("metadata", "correlation_uid"),
    ("metadata", "log_version"), ("metadata", "original_time"), ("metadata", "logged_time"), ("end_time",), ("cloud", "zone"),
    ("api", "response", "message"), ("status_detail",), ("cloud", "org"), ("http_request",), ("message",), ("actor", "app_uid"),
    ("actor", "app_name"), ("actor", "session"), ("actor", "user", "type"), ("api", "request"), ("src_endpoint", "intermediate_ips"),
    ("cloud", "account"), ("api", "response"),
)  # fmt: skip
"""Paths that an oversized message loses after the rest of ``data``, in order."""


class Ocsf(JsonFormat):
    """See `JsonFormat`. ``classes``: ``auto``, or ``api`` for API Activity only."""

    enrichment_path = ("unmapped", ENRICHMENT_KEY)
    data_path = ("unmapped", "data")
    derived = DERIVED
    data_places = DATA_PLACES
    shed_order = SHED_ORDER

    def __init__(
        self, redactor: Redactor, *, list_trimmed: bool, fields: Fields = NO_FIELDS, classes: Literal["auto", "api"] = "auto"
    ) -> None:
        super().__init__(redactor, list_trimmed=list_trimmed, fields=fields)
        self._only_api = classes == "api"
        self._searches = [hints.search for hints in json_hints()]
        self._activity = lru_cache(_CACHED_NAMES)(api_activity)
        self._classify = lru_cache(_CACHED_NAMES)(classify)

    def redacted(self, raw: bytes) -> RedactedJson:
        """Without a hint at another secret, only the two secrets that nearly every event has are replaced, before it is decoded."""
        if not self._redactor.paths and raw.endswith(b"}") and is_utf8(raw):
            text, rest, _ = splice_common_secrets(raw, b"}")
            try:
                if not any(search(rest) for search in self._searches):
                    return RedactedJson(json_tree.decode_valid(text), parsed=True)
            except ValueError:
                pass
        return super().redacted(raw)

    def values(self, context: EventContext, event: Tree) -> Tree:
        """The event in the schema's form."""
        rest = UnmappedFields(to_api_form(event))
        found = self._classification(context)
        values = _head(context, found)
        values |= rest.take_all(PLACES)
        values[("metadata", "logged_time")] = rest.take(("oracle", "ingestedtime"), _millis)
        values[("end_time",)] = rest.take(("data", "response", "responseTime"), _millis)
        values[("http_request", "http_method")] = rest.take(("data", "request", "action"), _method)
        for origin, place in DATA_PLACES.items():
            if place[:2] != ("api", "request") or values[("api", "request", "uid")]:
                values[place] = rest.take_any(("data", *origin))
        self._fill_from_details(values, context)
        values |= self._source(context, rest)
        values |= self._response(context)
        values[("status_code",)] = values[("status_code",)] or self._text(context.meaning.reason_code)
        _complete(values, context, found)
        values |= subjects(found, rest, values)
        _add_captions(values, found)
        tree = to_tree(values)
        unmapped = rest.remaining() | enrichment_tree(context.enrichment)
        return {**tree, "unmapped": unmapped} if unmapped else tree

    def with_trimmed_list(self, output: Tree, trimmed: str) -> Tree:
        """Adds ``epimetheusTrimmed`` under ``unmapped``."""
        unmapped = output.get("unmapped")
        return {**output, "unmapped": {**(unmapped if isinstance(unmapped, dict) else {}), TRIMMED_KEY: trimmed}}

    def _classification(self, context: EventContext) -> Classification:
        meaning = context.meaning
        activity = self._activity(meaning.action) if meaning.action else OTHER
        if activity == OTHER:
            activity = self._activity(meaning.operation)
        if self._only_api:
            return Classification(API_ACTIVITY, activity)
        return self._classify(
            context.event.event_type, meaning.operation, meaning.domain_event, is_sign_on=meaning.is_sign_on, activity=activity
        )

    def _fill_from_details(self, values: Values, context: EventContext) -> None:
        """Adds the actor and the user agent of an event whose ``identity`` is empty."""
        for place, name in _FROM_DETAILS.items() if context.meaning.from_details else ():
            if is_silent(str(values[place] or "")) and (text := self._from_identity(context, name)):
                values[place] = text

    def _source(self, context: EventContext, rest: UnmappedFields) -> Values:
        """The source: its first address and port, the other addresses, and the parts that are not an address as a name."""
        origin = ("data", "identity", "ipAddress")
        text = rest.get(origin)
        found = parse_addresses(text if isinstance(text, str) else None)
        if not any(address.port for address in found.found[1:]):  # only the first port has a place
            rest.take(origin)
        if not (found.found or found.other):
            found = parse_addresses(self._from_identity(context, "ip_address"))
        ips = [address.ip for address in found.found]
        port = found.found[0].port if ips else None
        return {
            ("src_endpoint", "ip"): ips[0] if ips else None,
            ("src_endpoint", "port"): int(port) if port else None,
            ("src_endpoint", "name"): ",".join(found.other) or (None if ips else UNKNOWN),
            ("src_endpoint", "intermediate_ips"): ips[1:] or None,
        }

    def _from_identity(self, context: EventContext, name: str) -> str | None:
        return self._text(getattr(context.event.data.identity, name, None))

    def _text(self, text: str | None) -> str | None:
        """A text that is not from the redacted JSON, without its secrets; None if it is blank."""
        return self._redactor.text(text) if text and not text.isspace() else None

    def _response(self, context: EventContext) -> Values:
        """The response's status and, for a failed call, the reason."""
        error = self._text(context.meaning.reason)
        response = context.event.data.response
        return {
            ("api", "response", "code"): http_status(response.status if response else None),
            ("api", "response", "error"): error,
            ("status_detail",): error,
        }


def _head(context: EventContext, found: Classification) -> Values:
    """The schema's ids for class, activity, severity and status, and the values that all events share."""
    event_class, activity, _ = found
    status_id, status = STATUSES[context.meaning.outcome]
    return {
        ("class_uid",): event_class.uid,
        ("category_uid",): event_class.category_uid,
        ("type_uid",): event_class.uid * 100 + activity,
        ("activity_id",): activity,
        ("activity_name",): event_class.activities[activity],
        ("time",): context.time and context.time.millis,
        ("severity_id",): SEVERITIES[context.severity],
        ("status_id",): status_id,
        ("status",): status,
        ("metadata", "version"): VERSION,
        ("metadata", "product"): {"name": PRODUCT, "vendor_name": VENDOR},
        ("metadata", "profiles"): ["cloud"],
        ("cloud", "provider"): PROVIDER,
        ("cloud", "region"): context.region,
    }


def _complete(values: Values, context: EventContext, found: Classification) -> None:
    """Adds the values that depend on others, and the required ones that the event lacks."""
    event_type = str(values[("metadata", "event_code")] or "")
    values[("api", "service", "name")] = service_name(event_type)
    values[("api", "operation")] = values[("api", "operation")] or operation_name(event_type, None) or UNKNOWN
    if found.activity == OTHER:
        values[("activity_name",)] = values[("api", "operation")]
    values[("time",)] = values[("time",)] or values[("end_time",)] or context.run_started
    if values[("cloud", "account", "uid")] or values[("cloud", "account", "name")]:
        values[("cloud", "account", "type_id")] = _COMPARTMENT
    if not (values[("actor", "user", "name")] or values[("actor", "user", "uid")]):
        values[("actor", "user", "name")] = UNKNOWN


def _add_captions(values: Values, found: Classification) -> None:
    """Adds the names of the ids, and the observables."""
    values[("severity",)] = SEVERITY_NAMES[int(str(values[("severity_id",)]))]
    values[("class_name",)] = found.event_class.name
    values[("type_name",)] = f"{found.event_class.name}: {found.event_class.activities[found.activity]}"
    resource = values.get(("resources",))
    uid = resource[0].get("uid") if isinstance(resource, list) else None
    seen = [(name, kind, values.get(place)) for place, (name, kind) in _OBSERVED.items()] + [("resources[0].uid", _RESOURCE_UID, uid)]
    values[("observables",)] = [
        {"name": name, "type_id": kind, "value": value} for name, kind, value in seen if isinstance(value, str) and value != UNKNOWN
    ] or None


def _method(text: str) -> str | None:
    return text if text in METHODS else None


def _millis(text: str) -> int | None:
    time = parse_event_time(text)
    return time.millis if time else None

"""ArcSight's Common Event Format (CEF implementation standard, version 27), with the default mapping of docs/formats.md.

Header: ``CEF:0|Oracle|OCI Audit|<eventTypeVersion>|<eventType>|<eventName>|<severity>|``. Missing values are omitted.

- ``src`` or, for IPv6, ``c6a2`` is the first address in ``ipAddress``, ``spt`` its port. ``sourceTranslatedAddress`` is the next IPv4
  address. ``shost`` has the parts that are not an address, or one too many.
- ``act`` is the verb in a parameter if the operation takes one (``STOP`` of InstanceAction), else the operation.
- ``duser`` and ``duid`` are the user that the action is done to, see `epimetheus.render.target_user`.
- An ``eventId`` over the 40 characters of ``externalId`` is cut there and sent in full as ``flexString1``.
- ``msg`` is the response's message if the event has no ``data.message``.
- A value longer than the dictionary allows ends in ``…`` and counts as trimmed. With RFC 3164, ``msg`` ends in ``[trimmed: …]``.
"""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import NamedTuple

from epimetheus.model import Identity, Request, Response
from epimetheus.render.addresses import parse_addresses
from epimetheus.render.custom_fields import NO_FIELDS, Fields, Pairs
from epimetheus.render.derived_fields import http_status, operation_name, service_name
from epimetheus.render.event_time import parse_event_time
from epimetheus.render.formats.base import EventContext
from epimetheus.render.formats.cef_escaping import clean, escape_extension, escape_header
from epimetheus.render.formats.cef_keys import CUSTOM_LENGTH, HEADER_LENGTHS, LABEL_LENGTH, LENGTHS, ORIGIN_LENGTH, TYPED
from epimetheus.render.formats.key_value_base import CACHED, HeaderParts, KeyValueFormat, shorten, version_and_type
from epimetheus.render.redact.redactor import Redactor
from epimetheus.render.sanitize import sanitize_value

LABELS: Mapping[str, str] = MappingProxyType({
    "cn1": "httpStatus",
    "c6a2": "Source IPv6 Address",
    "cs1": "resourceId",
    "cs2": "resourceName",
    "cs3": "compartmentId",
    "cs4": "compartmentName",
    "cs5": "authType",
    "cs6": "requestId",
    "flexString1": "eventId",
})  # fmt: skip
"""Keys without a fixed meaning, and the meaning that each has here."""

COMPARTMENT_PATH = "OracleOCIAuditCompartmentPath"
TAMPER_WATCH, REPLAY, LATE = "OracleOCIAuditTamperWatch", "OracleOCIAuditReplay", "OracleOCIAuditLate"
DOMAIN_EVENT, TARGET, SECOND_TARGET = "OracleOCIAuditDomainEvent", "OracleOCIAuditTarget", "OracleOCIAuditSecondTarget"
REASON_CODE, GROUPING_ID = "OracleOCIAuditReasonCode", "OracleOCIAuditEventGroupingId"
"""Custom keys, named by the standard's rule: vendor, product, name."""

KEYS: Sequence[str] = (
    "rt", "externalId", TAMPER_WATCH, REPLAY, LATE, "outcome",
    "src", "c6a2", "spt", "suser", "suid",
    DOMAIN_EVENT, TARGET, SECOND_TARGET, "duser", "duid",
    "act", "reason", REASON_CODE, "cat", "destinationServiceName",
    "end",
    "requestMethod", "request", "requestClientApplication",
    "sourceTranslatedAddress", "sourceTranslatedPort", "shost", "sourceServiceName", "deviceExternalId",
    "cn1", "msg",
    "cs1", "cs2", "cs3", "cs4", "cs5", "cs6",
    "flexString1", GROUPING_ID,
    COMPARTMENT_PATH,
)  # fmt: skip
"""All default keys, in output order. `Cef.values` has the same layout."""
SHED_ORDER: Sequence[str] = (
    "destinationServiceName", COMPARTMENT_PATH, "requestClientApplication", GROUPING_ID, "end", "cs4", "cs5", "requestMethod", "cat",
    "sourceServiceName", "cs2", "cs6", "deviceExternalId", "request", "msg", "sourceTranslatedPort", "sourceTranslatedAddress", "shost",
    "spt", "cs3", REASON_CODE, "act", "reason", "cs1",
)  # fmt: skip
"""Keys that an oversized message loses, in order."""
CORE: Sequence[str] = (
    "rt", "externalId", TAMPER_WATCH, REPLAY, LATE, "outcome", "src", "c6a2", "suser", "suid", DOMAIN_EVENT, TARGET, SECOND_TARGET,
    "duser", "duid", "cn1", "flexString1",
)  # fmt: skip
"""Keys whose values are cut next; then they are removed, the last one first."""

VENDOR, PRODUCT = "Oracle", "OCI Audit"
_LABELED = re.compile(r"c[ns][1-6]|c6a[1-4]|cfp[1-4]|flex(?:Date|Number|String)[12]|deviceCustomDate[12]")
_NARROW = ("externalId", "outcome", "act", "deviceExternalId")
_LONGEST_ID, _LONGEST_ACT, _LONGEST_TENANT = (LENGTHS[key] for key in ("externalId", "act", "deviceExternalId"))
_NO_IDENTITY, _NO_REQUEST, _NO_RESPONSE = Identity(), Request(), Response()


class Cef(KeyValueFormat):
    """See `KeyValueFormat`. A key without a fixed meaning has a label: the user's, or the name of its value."""

    keys = KEYS
    header_lengths = HEADER_LENGTHS
    lengths = LENGTHS
    custom_length = CUSTOM_LENGTH
    value_types = TYPED
    repeated = frozenset(("externalId", "act"))  # in flexString1 and in the header
    shed_order = SHED_ORDER
    core = CORE
    never_cut = frozenset(("externalId", "outcome"))
    tamper_watch_key = TAMPER_WATCH
    replay_key = REPLAY
    late_key = LATE
    escaped = "\\="
    fast_length = min(length for key, length in LENGTHS.items() if key in KEYS and key not in (*TYPED, *_NARROW))

    def __init__(self, redactor: Redactor, *, list_trimmed: bool, fields: Fields = NO_FIELDS) -> None:
        super().__init__(redactor, list_trimmed=list_trimmed, fields=fields)
        vendor, product, self._version = fields.device
        origin = (escape_header(sanitize_value(shorten(clean(value), ORIGIN_LENGTH))) for value in (vendor or VENDOR, product or PRODUCT))
        self._origin = f"CEF:0|{'|'.join(origin)}"
        self._sources = lru_cache(CACHED)(_sources)
        self._service = lru_cache(CACHED)(service_name)
        labels = {key: escape_extension(sanitize_value(shorten(label, LABEL_LENGTH))) for key, label in _labels(fields).items()}
        self._suffixes = {key: f" {key}Label={label}" for key, label in labels.items()}

    def clean(self, value: str) -> str:
        """See `cef_escaping.clean`."""
        return clean(value)

    def header(self, parts: HeaderParts, severity: int) -> str:
        """The CEF header."""
        version, event_type, name = map(escape_header, parts)
        return f"{self._origin}|{version}|{event_type}|{name}|{severity}|"

    def format_pairs(self, pairs: Pairs) -> str:
        """The CEF extension."""
        suffix = self._suffixes.get
        return " ".join([f"{key}={escape_extension(value)}{suffix(key, '')}" for key, value in pairs])

    def header_parts(self, event_type: str, version: str | None, name: str | None) -> HeaderParts:
        """Version, event type, name."""
        return *version_and_type(event_type, self._version or version), operation_name(event_type, name)

    def values(self, context: EventContext) -> Sequence[str | None]:
        """The event's values, one for each of KEYS."""
        event, time = context.event, context.time
        data = event.data
        identity, request, response = data.identity or _NO_IDENTITY, data.request or _NO_REQUEST, data.response or _NO_RESPONSE
        source = self._sources(identity.ip_address)
        answered = parse_event_time(response.response_time)
        user = context.target_user
        meaning, code, service, event_id = context.meaning, http_status(response.status), self._service(event.event_type), event.event_id
        return (
            str(time.millis) if time else None, event_id,
            "true" if context.enrichment.watched else None, "true" if context.enrichment.replay else None,
            "true" if context.enrichment.late else None, meaning.outcome,
            source.ipv4, source.ipv6, source.port, identity.principal_name, identity.principal_id,
            meaning.domain_event, meaning.target, meaning.second_target, user.name, user.uid,
            meaning.action or meaning.operation, meaning.reason, meaning.reason_code, service, service,
            str(answered.millis) if answered else None,
            request.action, request.path, identity.user_agent,
            source.translated, source.translated_port, source.other, identity.caller_name, identity.tenant_id,
            str(code) if code else None, (data.message or response.message or "").strip(),
            data.resource_id, data.resource_name, data.compartment_id, data.compartment_name, identity.auth_type, request.id,
            event_id if event_id and len(event_id) > _LONGEST_ID else None, data.event_grouping_id,
            context.enrichment.compartment_path,
        )  # fmt: skip

    def format_line(self, values: Sequence[str | None]) -> str | None:
        """See `KeyValueFormat`. One expression for all pairs takes half the time of formatting them one by one."""
        (
            time, event_id, watched, replay, late, result, ipv4, ipv6, port, name, principal, domain_event, target, second_target, user,
            user_id, act, reason, reason_code, cat, service, answered, action, path, agent, translated, translated_port, host, caller,
            tenant, code, message, resource_id, resource, compartment, compartment_name, auth, request, long_id, group, compartment_path,
        ) = values  # fmt: skip
        if not (time and event_id) or long_id or (act and len(act) > _LONGEST_ACT) or (tenant and len(tenant) > _LONGEST_TENANT):
            return None
        return (
            f"rt={time} externalId={event_id}{f' {TAMPER_WATCH}={watched}' if watched else ''}"
            f"{f' {REPLAY}={replay}' if replay else ''}{f' {LATE}={late}' if late else ''}{f' outcome={result}' if result else ''}"
            f"{f' src={ipv4}' if ipv4 else ''}{f' c6a2={ipv6} c6a2Label=Source IPv6 Address' if ipv6 else ''}"
            f"{f' spt={port}' if port else ''}{f' suser={name}' if name else ''}{f' suid={principal}' if principal else ''}"
            f"{f' {DOMAIN_EVENT}={domain_event}' if domain_event else ''}{f' {TARGET}={target}' if target else ''}"
            f"{f' {SECOND_TARGET}={second_target}' if second_target else ''}"
            f"{f' duser={user}' if user else ''}{f' duid={user_id}' if user_id else ''}{f' act={act}' if act else ''}"
            f"{f' reason={reason}' if reason else ''}{f' {REASON_CODE}={reason_code}' if reason_code else ''}"
            f"{f' cat={cat} destinationServiceName={service}' if cat else ''}{f' end={answered}' if answered else ''}"
            f"{f' requestMethod={action}' if action else ''}{f' request={path}' if path else ''}"
            f"{f' requestClientApplication={agent}' if agent else ''}"
            f"{f' sourceTranslatedAddress={translated}' if translated else ''}"
            f"{f' sourceTranslatedPort={translated_port}' if translated_port else ''}{f' shost={host}' if host else ''}"
            f"{f' sourceServiceName={caller}' if caller else ''}{f' deviceExternalId={tenant}' if tenant else ''}"
            f"{f' cn1={code} cn1Label=httpStatus' if code else ''}{f' msg={message}' if message else ''}"
            f"{f' cs1={resource_id} cs1Label=resourceId' if resource_id else ''}"
            f"{f' cs2={resource} cs2Label=resourceName' if resource else ''}"
            f"{f' cs3={compartment} cs3Label=compartmentId' if compartment else ''}"
            f"{f' cs4={compartment_name} cs4Label=compartmentName' if compartment_name else ''}"
            f"{f' cs5={auth} cs5Label=authType' if auth else ''}{f' cs6={request} cs6Label=requestId' if request else ''}"
            f"{f' {GROUPING_ID}={group}' if group else ''}"
            f"{f' {COMPARTMENT_PATH}={compartment_path}' if compartment_path else ''}"
        )


class _Sources(NamedTuple):
    ipv4: str | None = None
    ipv6: str | None = None
    port: str | None = None
    translated: str | None = None
    translated_port: str | None = None
    other: str | None = None


def _sources(text: str | None) -> _Sources:
    """The first address is the source, so ``src`` is None if that is an IPv6 address. An IPv6 address after it takes c6a2 if it is free."""
    found = parse_addresses(text)
    if not found.found:
        return _Sources(other=",".join(found.other) or None)
    source, *others = found.found
    ipv6 = next((address for address in found.found if not address.is_ipv4), None)
    translated = next((address for address in others if address.is_ipv4), None)
    rest = [address for address in others if address not in (ipv6, translated)]
    return _Sources(
        source.ip if source.is_ipv4 else None,
        ipv6.ip if ipv6 else None,
        source.port,
        translated.ip if translated else None,
        translated.port if translated else None,
        ",".join([*map(str, rest), *found.other]) or None,
    )


def _labels(fields: Fields) -> Mapping[str, str]:
    """Label per key: the user's, else the name of the value in the event."""
    renamed = {wanted: LABELS.get(key, key) for key, wanted in fields.renamed.items()}
    own = {key: label for key, label in {**renamed, **fields.added}.items() if _LABELED.fullmatch(key)}
    return {**LABELS, **own, **fields.labels}

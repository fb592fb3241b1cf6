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
from types import MappingProxyType
from typing import NamedTuple

from epimetheus.model import Identity, Request, Response
from epimetheus.render.addresses import is_ipv4, parse_addresses
from epimetheus.render.custom_fields import NO_FIELDS, Fields
from epimetheus.render.derived_fields import http_status, operation_name, service_name
from epimetheus.render.event_time import parse_event_time
from epimetheus.render.formats.base import EventContext
from epimetheus.render.formats.cef_escaping import clean, escape_extension, escape_header
from epimetheus.render.formats.cef_keys import CUSTOM_LENGTH, HEADER_LENGTHS, LABEL_LENGTH, LENGTHS, ORIGIN_LENGTH, TYPED
from epimetheus.render.formats.key_value_base import KeyValueFormat, version_and_type
from epimetheus.render.formats.parts import PartKinds, place_values
from epimetheus.render.formats.reductions import HeaderParts, shorten
from epimetheus.render.meaning import Meaning
from epimetheus.render.redact.redactor import Redactor
from epimetheus.render.sanitize import sanitize_value
from epimetheus.render.subjects import Subject

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
"""All default keys, in output order."""
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
_NO_REQUEST, _NO_RESPONSE = Request(), Response()


def _call(
    event_type: str, meaning: Meaning, user: Subject, _: int, method: str | None, status: str | int | None
) -> Sequence[str | None]:
    service, code = service_name(event_type), http_status(status)
    return (
        meaning.outcome, meaning.action or meaning.operation, service, service, method, str(code) if code else None,
        meaning.domain_event, meaning.target, meaning.second_target, user.name, user.uid, meaning.reason, meaning.reason_code,
    )  # fmt: skip


def _actor(identity: Identity, _: bool) -> Sequence[str | None]:
    source = _sources(identity.ip_address)
    return (
        source.ipv4, source.ipv6, source.port, identity.principal_name, identity.principal_id, identity.user_agent,
        source.translated, source.translated_port, source.other, identity.caller_name, identity.tenant_id, identity.auth_type,
    )  # fmt: skip


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
    separator = " "
    escaped = "\\="
    parts: PartKinds = (
        ((
            "outcome", "act", "cat", "destinationServiceName", "requestMethod", "cn1", DOMAIN_EVENT, TARGET, SECOND_TARGET, "duser", "duid",
            "reason", REASON_CODE,
        ), _call),
        ((
            "src", "c6a2", "spt", "suser", "suid", "requestClientApplication", "sourceTranslatedAddress", "sourceTranslatedPort", "shost",
            "sourceServiceName", "deviceExternalId", "cs5",
        ), _actor),
        (("cs3", "cs4", COMPARTMENT_PATH, TAMPER_WATCH, REPLAY, LATE), place_values),
    )  # fmt: skip
    own_keys: Sequence[str] = ("rt", "externalId", "end", "request", "msg", "cs1", "cs2", "cs6", "flexString1", GROUPING_ID)

    def __init__(self, redactor: Redactor, *, list_trimmed: bool, fields: Fields = NO_FIELDS) -> None:
        vendor, product, self._version = fields.device
        origin = (escape_header(sanitize_value(shorten(clean(value), ORIGIN_LENGTH))) for value in (vendor or VENDOR, product or PRODUCT))
        self._origin = f"CEF:0|{'|'.join(origin)}"
        labels = {key: escape_extension(sanitize_value(shorten(label, LABEL_LENGTH))) for key, label in _labels(fields).items()}
        self._suffixes = {key: f" {key}Label={label}" for key, label in labels.items()}
        super().__init__(redactor, list_trimmed=list_trimmed, fields=fields)

    def clean(self, value: str) -> str:
        """See `cef_escaping.clean`."""
        return clean(value)

    def header(self, parts: HeaderParts, severity: int) -> str:
        """The CEF header."""
        version, event_type, name = map(escape_header, parts)
        return f"{self._origin}|{version}|{event_type}|{name}|{severity}|"

    def escape(self, value: str) -> str:
        """See `cef_escaping.escape_extension`."""
        return escape_extension(value)

    def suffix(self, key: str) -> str:
        """The label of a key without a fixed meaning."""
        return self._suffixes.get(key, "")

    def header_parts(self, event_type: str, version: str | None, name: str | None) -> HeaderParts:
        """Version, event type, name."""
        return *version_and_type(event_type, self._version or version), operation_name(event_type, name)

    def own_values(self, context: EventContext) -> Sequence[str | None]:
        """See `KeyValueFormat`."""
        event, time = context.event, context.time
        data, event_id = event.data, event.event_id
        request, response = data.request or _NO_REQUEST, data.response or _NO_RESPONSE
        answered = parse_event_time(response.response_time)
        return (
            str(time.millis) if time else None, event_id, str(answered.millis) if answered else None,
            request.path, (data.message or response.message or "").strip(), data.resource_id, data.resource_name, request.id,
            event_id if event_id and len(event_id) > LENGTHS["externalId"] else None, data.event_grouping_id,
        )  # fmt: skip


class _Sources(NamedTuple):
    ipv4: str | None = None
    ipv6: str | None = None
    port: str | None = None
    translated: str | None = None
    translated_port: str | None = None
    other: str | None = None


def _sources(text: str | None) -> _Sources:
    """The first address is the source, so ``src`` is None if that is an IPv6 address. An IPv6 address after it takes c6a2 if it is free."""
    if text and is_ipv4(text):
        return _Sources(text)
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

"""The event in ArcSight's Common Event Format (CEF implementation standard, version 27), by the default mapping of docs/formats.

Header: ``CEF:0|Oracle|OCI Audit|<eventTypeVersion>|<eventType>|<eventName>|<severity>|``. What an event does not say is left out.
Three things the mapping leaves open are settled so: of ``ipAddress``, what is no address (or one too many) goes to ``shost``; an
``eventId`` of more than the 40 characters that ``externalId`` holds is cut there, and stands whole in ``flexString1``; without
``data.message``, ``msg`` is the response's message. A value longer than the dictionary allows ends in ``…`` and counts as trimmed.
Where the syslog header can not say what was trimmed (RFC 3164), ``msg`` ends in ``[trimmed: …]``.
"""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType

from epimetheus.model import Identity, Request, Response
from epimetheus.render.custom_fields import NO_FIELDS, Fields, Pairs
from epimetheus.render.event_time import moment
from epimetheus.render.formats.base import EventContext
from epimetheus.render.formats.cef_escaping import clean, in_extension, in_header
from epimetheus.render.formats.cef_keys import CUSTOM_LENGTH, HEADER_LENGTHS, LABEL_LENGTH, LENGTHS, ORIGIN_LENGTH, TYPED
from epimetheus.render.formats.key_value_base import CACHED, Flat, Head, ended, head_of
from epimetheus.render.derived_fields import addresses, outcome, reason, service, status
from epimetheus.render.redact.redactor import Redactor
from epimetheus.render.sanitize import in_values

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
    "flexString2": "eventGroupingId",
})  # fmt: skip
"""Keys without a meaning of their own, and the one that each always has here."""

COMPARTMENT_PATH, TAMPER_WATCH = "OracleOCIAuditCompartmentPath", "OracleOCIAuditTamperWatch"
"""Keys of our own, named as the standard wants it (vendor, product, name)."""

KEYS: Sequence[str] = (
    "rt", "externalId", TAMPER_WATCH, "outcome",
    "src", "c6a2", "suser", "suid",
    "act", "reason", "cat", "destinationServiceName", "end",
    "requestMethod", "request", "requestClientApplication",
    "sourceTranslatedAddress", "shost", "sourceServiceName", "deviceExternalId",
    "cn1", "msg",
    "cs1", "cs2", "cs3", "cs4", "cs5", "cs6",
    "flexString1", "flexString2",
    COMPARTMENT_PATH,
)  # fmt: skip
"""All that is sent, in this order; `Cef.said` has a line for each of these."""
SHED_ORDER: Sequence[str] = (
    "destinationServiceName", "cat", "act", COMPARTMENT_PATH, "requestClientApplication", "flexString2", "end", "cs4", "cs5",
    "requestMethod", "sourceServiceName", "cs2", "cs6", "deviceExternalId", "request", "msg", "sourceTranslatedAddress", "shost",
    "cs3", "reason", "cs1",
)  # fmt: skip
"""What a message over the limit loses, first to last."""
CORE: Sequence[str] = ("rt", "externalId", TAMPER_WATCH, "outcome", "src", "c6a2", "suser", "suid", "cn1", "flexString1")
"""What is cut then, and goes last, from the last to the first."""

VENDOR, PRODUCT = "Oracle", "OCI Audit"
_LABELLED = re.compile(r"c[ns][1-6]|c6a[1-4]|cfp[1-4]|flex(?:Date|Number|String)[12]|deviceCustomDate[12]")
_NARROW = ("externalId", "outcome", "act", "deviceExternalId")
_LONGEST_ID, _LONGEST_ACT, _LONGEST_TENANT = (LENGTHS[key] for key in ("externalId", "act", "deviceExternalId"))
_NOBODY, _NO_REQUEST, _NO_RESPONSE = Identity(), Request(), Response()


class Cef(Flat):
    """See `Flat`; keys without a meaning of their own have a label, the user's or what their value is."""

    keys = KEYS
    head_lengths = HEADER_LENGTHS
    lengths = LENGTHS
    custom_length = CUSTOM_LENGTH
    kinds = TYPED
    elsewhere = frozenset(("externalId", "act"))  # too long, they stand whole in flexString1 and in the header
    shed_order = SHED_ORDER
    core = CORE
    exact = frozenset(("externalId", "outcome"))
    marker = TAMPER_WATCH
    special = "\\="
    wide = min(length for key, length in LENGTHS.items() if key in KEYS and key not in (*TYPED, *_NARROW))

    def __init__(self, redactor: Redactor, *, note: bool, fields: Fields = NO_FIELDS) -> None:
        super().__init__(redactor, note=note, fields=fields)
        vendor, product, self._version = fields.device
        origin = (in_header(in_values(ended(clean(value), ORIGIN_LENGTH))) for value in (vendor or VENDOR, product or PRODUCT))
        self._origin = f"CEF:0|{'|'.join(origin)}"
        self._addresses = lru_cache(CACHED)(addresses)
        self._service = lru_cache(CACHED)(service)
        labels = {key: in_extension(in_values(ended(label, LABEL_LENGTH))) for key, label in _labels(fields).items()}
        self._suffixes = {key: f" {key}Label={label}" for key, label in labels.items()}

    def clean(self, value: str) -> str:
        """As `cef_escaping.clean`."""
        return clean(value)

    def opening(self, head: Head, severity: int) -> str:
        """The header."""
        version, event_type, name = map(in_header, head)
        return f"{self._origin}|{version}|{event_type}|{name}|{severity}|"

    def written(self, pairs: Pairs) -> str:
        """The extension."""
        suffix = self._suffixes.get
        return " ".join([f"{key}={in_extension(value)}{suffix(key, '')}" for key, value in pairs])

    def head(self, event_type: str, version: str | None, name: str | None) -> Head:
        """Version, event type, name."""
        return *head_of(event_type, self._version or version), name or event_type.rpartition(".")[2]

    def said(self, subject: EventContext) -> Sequence[str | None]:
        """What the event says, one for each of KEYS."""
        event, when = subject.event, subject.moment
        data = event.data
        identity, request, response = data.identity or _NOBODY, data.request or _NO_REQUEST, data.response or _NO_RESPONSE
        found = self._addresses(identity.ip_address)
        ipv4 = found.ipv4
        ended = moment(response.response_time)
        result, code, of_event, event_id = outcome(event), status(response.status), self._service(event.event_type), event.event_id
        return (
            str(when.millis) if when else None, event_id, "true" if subject.notes.watched else None, result,
            ipv4[0] if ipv4 else None, found.ipv6, identity.principal_name, identity.principal_id,
            data.event_name, reason(event) if result == "failure" else None, of_event, of_event, str(ended.millis) if ended else None,
            request.action, request.path, identity.user_agent,
            ipv4[1] if len(ipv4) > 1 else None, found.other, identity.caller_name, identity.tenant_id,
            str(code) if code else None, (data.message or response.message or "").strip(),
            data.resource_id, data.resource_name, data.compartment_id, data.compartment_name, identity.auth_type, request.id,
            event_id if event_id and len(event_id) > _LONGEST_ID else None, data.event_grouping_id,
            subject.notes.compartment_path,
        )  # fmt: skip

    def line(self, said: Sequence[str | None]) -> str | None:
        """See `Flat`; one expression for all pairs takes half the time of one after the other."""
        (
            when, event_id, watched, result, ipv4, ipv6, name, principal, act, why, cat, of_event, ended, action, path, agent,
            translated, host, caller, tenant, code, message, resource_id, resource, compartment, compartment_name, auth, request,
            long_id, group, place,
        ) = said  # fmt: skip
        if not (when and event_id) or long_id or (act and len(act) > _LONGEST_ACT) or (tenant and len(tenant) > _LONGEST_TENANT):
            return None
        return (
            f"rt={when} externalId={event_id}{f' {TAMPER_WATCH}={watched}' if watched else ''}{f' outcome={result}' if result else ''}"
            f"{f' src={ipv4}' if ipv4 else ''}{f' c6a2={ipv6} c6a2Label=Source IPv6 Address' if ipv6 else ''}"
            f"{f' suser={name}' if name else ''}{f' suid={principal}' if principal else ''}"
            f"{f' act={act}' if act else ''}{f' reason={why}' if why else ''}"
            f"{f' cat={cat} destinationServiceName={of_event}' if cat else ''}{f' end={ended}' if ended else ''}"
            f"{f' requestMethod={action}' if action else ''}{f' request={path}' if path else ''}"
            f"{f' requestClientApplication={agent}' if agent else ''}"
            f"{f' sourceTranslatedAddress={translated}' if translated else ''}{f' shost={host}' if host else ''}"
            f"{f' sourceServiceName={caller}' if caller else ''}{f' deviceExternalId={tenant}' if tenant else ''}"
            f"{f' cn1={code} cn1Label=httpStatus' if code else ''}{f' msg={message}' if message else ''}"
            f"{f' cs1={resource_id} cs1Label=resourceId' if resource_id else ''}"
            f"{f' cs2={resource} cs2Label=resourceName' if resource else ''}"
            f"{f' cs3={compartment} cs3Label=compartmentId' if compartment else ''}"
            f"{f' cs4={compartment_name} cs4Label=compartmentName' if compartment_name else ''}"
            f"{f' cs5={auth} cs5Label=authType' if auth else ''}{f' cs6={request} cs6Label=requestId' if request else ''}"
            f"{f' flexString2={group} flexString2Label=eventGroupingId' if group else ''}"
            f"{f' {COMPARTMENT_PATH}={place}' if place else ''}"
        )


def _labels(fields: Fields) -> Mapping[str, str]:
    """Every key's label: the user's, else what the event calls that which stands under it."""
    renamed = {wanted: LABELS.get(key, key) for key, wanted in fields.renamed.items()}
    own = {key: label for key, label in {**renamed, **fields.added}.items() if _LABELLED.fullmatch(key)}
    return {**LABELS, **own, **fields.labels}

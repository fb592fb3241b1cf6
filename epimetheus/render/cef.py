"""The event in ArcSight's Common Event Format (CEF implementation standard, version 27), by the default mapping of docs/formats.

Header: ``CEF:0|Oracle|OCI Audit|<eventTypeVersion>|<eventType>|<eventName>|<severity>|``. What an event does not say is left out.
Three things the mapping leaves open are settled so: of ``ipAddress``, what is no address (or one too many) goes to ``shost``; an
``eventId`` of more than the 40 characters that ``externalId`` holds is cut there, and stands whole in ``flexString1``; without
``data.message``, ``msg`` is the response's message. A value longer than the dictionary allows ends in ``…`` and counts as trimmed.
Where the syslog header can not say what was trimmed (RFC 3164), ``msg`` ends in ``[trimmed: …]``.
"""

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from epimetheus.model import AuditEvent, Identity, Request, Response
from epimetheus.render.cef_keys import CUSTOM_LENGTH, HEADER_LENGTHS, LABEL_LENGTH, LENGTHS, ORIGIN_LENGTH, TYPED
from epimetheus.render.cef_text import in_extension, in_header, tidy
from epimetheus.render.fields import NO_FIELDS, Fields, Pairs
from epimetheus.render.flat import Flat, Head, ended, head_of
from epimetheus.render.form import Subject
from epimetheus.render.moment import moment
from epimetheus.render.reading import addresses, outcome, reason, service, status
from epimetheus.render.redact import Redactor

LABELS: Mapping[str, str] = MappingProxyType({
    "cn1": "httpStatus",
    "c6a1": "Source IPv6 Address",
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

SHED_ORDER: Sequence[str] = (
    "destinationServiceName", "cat", "act", COMPARTMENT_PATH, "requestClientApplication", "flexString2", "end", "cs4", "cs5",
    "requestMethod", "sourceServiceName", "cs2", "cs6", "deviceExternalId", "request", "msg", "sourceTranslatedAddress", "shost",
    "cs3", "reason", "cs1",
)  # fmt: skip
"""What a message over the limit loses, first to last."""
CORE: Sequence[str] = ("rt", "externalId", TAMPER_WATCH, "outcome", "src", "c6a1", "suser", "suid", "cn1", "flexString1")
"""What is cut then, and goes last, from the last to the first."""

VENDOR, PRODUCT = "Oracle", "OCI Audit"
_LABELLED = re.compile(r"c[ns][1-6]|c6a[1-4]|cfp[1-4]|flex(?:Date|Number|String)[12]|deviceCustomDate[12]")
_NOBODY, _NO_REQUEST, _NO_RESPONSE = Identity(), Request(), Response()


class Cef(Flat):
    """See `Flat`; keys without a meaning of their own have a label, the user's or what their value is."""

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

    def __init__(self, redactor: Redactor, *, note: bool, fields: Fields = NO_FIELDS) -> None:
        super().__init__(redactor, note=note, fields=fields)
        vendor, product, self._version = fields.device
        origin = (in_header(ended(tidy(value), ORIGIN_LENGTH)) for value in (vendor or VENDOR, product or PRODUCT))
        self._origin = f"CEF:0|{'|'.join(origin)}"
        self._suffixes = {key: f" {key}Label={in_extension(ended(label, LABEL_LENGTH))}" for key, label in _labels(fields).items()}

    def tidy(self, value: str) -> str:
        """As `cef_text.tidy`."""
        return tidy(value)

    def line(self, head: Head, severity: int, pairs: Pairs, *, harmless: bool) -> str:
        """Header and extension."""
        version, event_type, name = map(in_header, head)
        suffix, written = self._suffixes.get, pairs if harmless else [(key, in_extension(value)) for key, value in pairs]
        extension = " ".join([f"{key}={value}{suffix(key, '')}" for key, value in written])
        return f"{self._origin}|{version}|{event_type}|{name}|{severity}|{extension}"

    def head(self, event: AuditEvent) -> Head:
        """Version, event type, name."""
        version, event_type = head_of(event, self._version)
        return version, event_type, event.data.event_name or event_type.rpartition(".")[2]

    def said(self, subject: Subject) -> Pairs:
        """What the event says, by CEF key."""
        event, when = subject.event, subject.moment
        data = event.data
        identity, request, response = data.identity or _NOBODY, data.request or _NO_REQUEST, data.response or _NO_RESPONSE
        found = addresses(identity.ip_address)
        ended = moment(response.response_time)
        result = outcome(event)
        code = status(response)
        of_event = service(event.event_type)
        rows = (
            ("rt", when and str(when.millis)),
            ("externalId", event.event_id),
            (TAMPER_WATCH, "true" if subject.notes.watched else None),
            ("outcome", result),
            ("src", found.ipv4[0] if found.ipv4 else None),
            ("c6a1", found.ipv6),
            ("suser", identity.principal_name),
            ("suid", identity.principal_id),
            ("act", data.event_name),
            ("reason", reason(event) if result == "failure" else None),
            ("cat", of_event),
            ("destinationServiceName", of_event),
            ("end", ended and str(ended.millis)),
            ("requestMethod", request.action),
            ("request", request.path),
            ("requestClientApplication", identity.user_agent),
            ("sourceTranslatedAddress", found.ipv4[1] if len(found.ipv4) > 1 else None),
            ("shost", found.other),
            ("sourceServiceName", identity.caller_name),
            ("deviceExternalId", identity.tenant_id),
            ("cn1", code and str(code)),
            ("msg", data.message or response.message),
            ("cs1", data.resource_id),
            ("cs2", data.resource_name),
            ("cs3", data.compartment_id),
            ("cs4", data.compartment_name),
            ("cs5", identity.auth_type),
            ("cs6", request.id),
            ("flexString1", event.event_id if event.event_id and len(event.event_id) > LENGTHS["externalId"] else None),
            ("flexString2", data.event_grouping_id),
            (COMPARTMENT_PATH, subject.notes.compartment_path),
        )
        return [(key, value) for key, value in rows if value]


def _labels(fields: Fields) -> Mapping[str, str]:
    """Every key's label: the user's, else what the event calls that which stands under it."""
    renamed = {wanted: LABELS.get(key, key) for key, wanted in fields.renamed.items()}
    own = {key: label for key, label in {**renamed, **fields.added}.items() if _LABELLED.fullmatch(key)}
    return {**LABELS, **own, **fields.labels}

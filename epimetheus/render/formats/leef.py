"""QRadar's Log Event Extended Format (IBM, LEEF 2.0), with the default mapping of docs/formats.md.

``LEEF:2.0|Oracle|OCI Audit|<eventTypeVersion>|<eventType>|^|`` and ``key=value`` pairs separated by ``^``. Keys are LEEF's own if it has
one for the value, else the event's. Relays pass the delimiter ``^`` unchanged (rsyslog turns a tab into ``#011``).

- LEEF has no escapes: in values ``^`` and ``|``, which IBM advises against, become ``?``; a tab or line end becomes a space; other control
  characters are removed. A value extends from the first ``=`` to the next ``^`` and may contain ``=``.
- ``src`` and ``srcPostNAT`` are the first two addresses in ``ipAddress``, ``srcPort`` and ``srcPostNATPort`` their ports; ``srcOther`` has
  the parts that are not an address, or one too many.
- ``cat`` is ``Success`` or ``Failed``: QRadar finds the QID of an event by EventID and ``cat``.
- ``action`` is the verb in a parameter if the operation takes one (``STOP`` of InstanceAction).
- ``targetUser`` and ``targetUserId`` are the user that the action is done to, see `epimetheus.render.target_user`.
- ``devTime`` is UTC with exactly three decimals, which QRadar requires.
- A ``usrName`` over 255 characters is cut and sent in full as ``principalName``.
- A value that is too long ends in ``…`` and counts as trimmed. With RFC 3164, ``msg`` ends in ``[trimmed: …]``.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from epimetheus.model import Identity, Request, Response
from epimetheus.render.addresses import parse_addresses
from epimetheus.render.custom_fields import NO_FIELDS, Fields
from epimetheus.render.derived_fields import FAILURE, SUCCESS, http_status
from epimetheus.render.event_time import EventTime, parse_event_time
from epimetheus.render.formats.base import EventContext
from epimetheus.render.formats.key_value_base import KeyValueFormat, version_and_type
from epimetheus.render.formats.parts import PartKinds, place_values
from epimetheus.render.formats.reductions import HeaderParts, shorten
from epimetheus.render.meaning import Meaning
from epimetheus.render.redact.redactor import Redactor
from epimetheus.render.sanitize import sanitize_value
from epimetheus.render.subjects import Subject
from epimetheus.render.typed_values import ValueType, address, integer, mac, port, types_by_key

VENDOR, PRODUCT = "Oracle", "OCI Audit"
CATEGORIES: Mapping[str | None, str] = MappingProxyType({SUCCESS: "Success", FAILURE: "Failed"})
"""Outcome → ``cat``."""
DELIMITER = "^"
TIME_FORMAT = "yyyy-MM-dd'T'HH:mm:ss.SSSZ"
"""The form of ``devTime``, in the notation of Java's SimpleDateFormat."""
HEADER_LENGTH = 255
"""Maximum length of EventID (IBM) and of the other parts of the header, in characters."""
CUSTOM_LENGTH = 4000
"""Maximum length of a value that IBM does not limit."""
LENGTHS: Mapping[str, int] = MappingProxyType(
    dict.fromkeys(("usrName", "identHostName", "identNetBios", "identGrpName", "vSrcName", "accountName"), 255)
)
"""Maximum lengths of values by IBM's document, in characters."""

KEYS: Sequence[str] = (
    "cat", "devTimeFormat", "devTime", "sev", "eventId",
    "tamperWatch", "replay", "late", "outcome", "src", "srcPort", "usrName", "principalId",
    "action", "domainEvent", "target", "secondTarget", "targetUser", "targetUserId",
    "eventName", "reason", "reasonCode", "responseTime",
    "requestMethod", "url", "userAgent",
    "srcPostNAT", "srcPostNATPort", "srcOther", "callerName", "tenantId",
    "httpStatus", "msg",
    "resource", "resourceName", "compartmentId", "compartmentName", "authType", "requestId",
    "eventGroupingId", "compartmentPath",
    "isLoginEvent", "identSrc",
    "principalName",
)  # fmt: skip
"""All default keys, in output order."""
SHED_ORDER: Sequence[str] = (
    "eventName", "compartmentPath", "userAgent", "eventGroupingId", "responseTime", "compartmentName", "authType", "requestMethod",
    "callerName", "resourceName", "requestId", "tenantId", "url", "msg", "srcPostNATPort", "srcPostNAT", "srcOther", "srcPort",
    "compartmentId", "reasonCode", "reason", "resource",
)  # fmt: skip
"""Keys that an oversized message loses, in order."""
CORE: Sequence[str] = (
    "cat", "devTimeFormat", "devTime", "sev", "eventId", "tamperWatch", "replay", "late", "outcome", "src", "usrName", "principalId",
    "action", "domainEvent", "target", "secondTarget", "targetUser", "targetUserId", "httpStatus", "isLoginEvent", "identSrc",
    "principalName",
)  # fmt: skip
"""Keys whose values are cut next; then they are removed, the last one first: ``devTime`` is never sent without its format, and
``cat``, which is half of QRadar's QID key, goes last."""

_CLEANED = MappingProxyType(
    dict.fromkeys([*range(0x20), *range(0x7F, 0xA0)])
    | dict.fromkeys(map(ord, "\t\n\r\x85\u2028\u2029"), " ")
    | dict.fromkeys(map(ord, "|^"), "?")
)
_NO_REQUEST, _NO_RESPONSE = Request(), Response()


def _call(
    _: str, meaning: Meaning, user: Subject, severity: int, method: str | None, status: str | int | None
) -> Sequence[str | None]:
    code = http_status(status)
    return (
        CATEGORIES.get(meaning.outcome), str(max(severity, 1)), meaning.outcome, meaning.action, meaning.operation, method,
        str(code) if code else None, "true" if meaning.is_sign_on else None,
        meaning.domain_event, meaning.target, meaning.second_target, user.name, user.uid, meaning.reason, meaning.reason_code,
    )  # fmt: skip


def _actor(identity: Identity, signed_on: bool) -> Sequence[str | None]:
    source, port, translated, translated_port, other = _sources(identity.ip_address)
    name = identity.principal_name
    return (
        source, port, name, identity.principal_id, identity.user_agent, translated, translated_port, other, identity.caller_name,
        identity.tenant_id, identity.auth_type, source if signed_on else None, name if name and len(name) > LENGTHS["usrName"] else None,
    )  # fmt: skip


def _time(text: str) -> str | None:
    time = parse_event_time(f"{text[:-5]}Z" if text.endswith("+0000") else text)  # `_format_time` writes +0000, which RFC 3339 lacks
    return _format_time(time) if time else None


def _format_time(time: EventTime) -> str:
    return f"{time.text[:-1]}+0000"


def _severity(text: str) -> str | None:
    return text if text in map(str, range(1, 11)) else None


TYPED: Mapping[str, ValueType] = types_by_key((
    (_time, "devTime"),
    (_severity, "sev"),
    (address, "src dst srcPreNAT dstPreNAT srcPostNAT dstPostNAT identSrc vSrc identSecondlp"),
    (port, "srcPort dstPort srcPreNATPort dstPreNATPort srcPostNATPort dstPostNATPort"),
    (mac, "srcMAC dstMAC identMAC"),
    (integer, "srcBytes dstBytes srcPackets dstPackets totalPackets"),
))  # fmt: skip
"""Keys with a type; a value of another type is not sent."""


class Leef(KeyValueFormat):
    """See `KeyValueFormat`."""

    keys = KEYS
    header_lengths = (HEADER_LENGTH, HEADER_LENGTH)
    lengths = LENGTHS
    custom_length = CUSTOM_LENGTH
    value_types = TYPED
    repeated = frozenset(("usrName",))  # in principalName
    shed_order = SHED_ORDER
    core = CORE
    never_cut = frozenset(("cat", "devTimeFormat", "outcome", "httpStatus", "isLoginEvent"))
    tamper_watch_key = "tamperWatch"
    replay_key = "replay"
    late_key = "late"
    separator = DELIMITER
    escaped = "|^"
    parts: PartKinds = (
        ((
            "cat", "sev", "outcome", "action", "eventName", "requestMethod", "httpStatus", "isLoginEvent", "domainEvent", "target",
            "secondTarget", "targetUser", "targetUserId", "reason", "reasonCode",
        ), _call),
        ((
            "src", "srcPort", "usrName", "principalId", "userAgent", "srcPostNAT", "srcPostNATPort", "srcOther", "callerName", "tenantId",
            "authType", "identSrc", "principalName",
        ), _actor),
        (("compartmentId", "compartmentName", "compartmentPath", "tamperWatch", "replay", "late"), place_values),
    )  # fmt: skip
    own_keys: Sequence[str] = (
        "devTimeFormat", "devTime", "eventId", "responseTime", "url", "msg", "resource", "resourceName", "requestId", "eventGroupingId",
    )  # fmt: skip

    def __init__(self, redactor: Redactor, *, list_trimmed: bool, fields: Fields = NO_FIELDS) -> None:
        super().__init__(redactor, list_trimmed=list_trimmed, fields=fields)
        vendor, product, self._version = fields.device
        origin = (sanitize_value(shorten(self.clean(value), HEADER_LENGTH)) for value in (vendor or VENDOR, product or PRODUCT))
        self._origin = f"LEEF:2.0|{'|'.join(origin)}"

    def clean(self, value: str) -> str:
        """Replaces delimiters and removes control characters: LEEF has no escapes."""
        return value.translate(_CLEANED)

    def header(self, parts: HeaderParts, severity: int) -> str:
        """The LEEF header. The severity is an attribute, not a part of it."""
        del severity
        version, event_id = parts
        return f"{self._origin}|{version}|{event_id}|{DELIMITER}|"

    def header_parts(self, event_type: str, version: str | None, name: str | None) -> HeaderParts:
        """Version and EventID."""
        del name  # an attribute, not a part of the header
        return version_and_type(event_type, self._version or version)

    def own_values(self, context: EventContext) -> Sequence[str | None]:
        """See `KeyValueFormat`."""
        event, time = context.event, context.time
        data = event.data
        request, response = data.request or _NO_REQUEST, data.response or _NO_RESPONSE
        answered = parse_event_time(response.response_time)
        return (
            TIME_FORMAT if time else None, _format_time(time) if time else None, event.event_id,
            answered.text if answered else response.response_time,
            request.path, (data.message or response.message or "").strip(), data.resource_id, data.resource_name, request.id,
            data.event_grouping_id,
        )  # fmt: skip


def _sources(text: str | None) -> Sequence[str | None]:
    """The source address and its port, the translated ones, and the rest. LEEF accepts IPv4 and IPv6 addresses."""
    found = parse_addresses(text)
    pairs = [value for address in found.found[:2] for value in address]
    rest = ",".join([*map(str, found.found[2:]), *found.other]) or None
    return *pairs, *[None] * (4 - len(pairs)), rest

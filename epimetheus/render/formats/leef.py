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
from functools import lru_cache
from types import MappingProxyType

from epimetheus.model import Identity, Request, Response
from epimetheus.render.addresses import parse_addresses
from epimetheus.render.custom_fields import NO_FIELDS, Fields, Pairs
from epimetheus.render.derived_fields import FAILURE, SUCCESS, http_status
from epimetheus.render.event_time import EventTime, parse_event_time
from epimetheus.render.formats.base import EventContext
from epimetheus.render.formats.key_value_base import CACHED, HeaderParts, KeyValueFormat, shorten, version_and_type
from epimetheus.render.redact.redactor import Redactor
from epimetheus.render.sanitize import sanitize_value
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
"""All default keys, in output order. `Leef.values` has the same layout."""
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
_NO_IDENTITY, _NO_REQUEST, _NO_RESPONSE = Identity(), Request(), Response()


def _time(text: str) -> str | None:
    time = parse_event_time(f"{text[:-5]}Z" if text.endswith("+0000") else text)  # `_format_time` writes +0000, which RFC 3339 lacks
    return _format_time(time) if time else None


def _format_time(time: EventTime) -> str:
    return time.utc.isoformat(timespec="milliseconds").replace("+00:00", "+0000")


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
    escaped = "|^"
    fast_length = CUSTOM_LENGTH

    def __init__(self, redactor: Redactor, *, list_trimmed: bool, fields: Fields = NO_FIELDS) -> None:
        super().__init__(redactor, list_trimmed=list_trimmed, fields=fields)
        vendor, product, self._version = fields.device
        origin = (sanitize_value(shorten(self.clean(value), HEADER_LENGTH)) for value in (vendor or VENDOR, product or PRODUCT))
        self._sources = lru_cache(CACHED)(_sources)
        self._origin = f"LEEF:2.0|{'|'.join(origin)}"

    def clean(self, value: str) -> str:
        """Replaces delimiters and removes control characters: LEEF has no escapes."""
        return value.translate(_CLEANED)

    def header(self, parts: HeaderParts, severity: int) -> str:
        """The LEEF header. The severity is an attribute, not a part of it."""
        del severity
        version, event_id = parts
        return f"{self._origin}|{version}|{event_id}|{DELIMITER}|"

    def format_pairs(self, pairs: Pairs) -> str:
        """The LEEF attributes. `clean` made their values safe."""
        return DELIMITER.join([f"{key}={value}" for key, value in pairs])

    def header_parts(self, event_type: str, version: str | None, name: str | None) -> HeaderParts:
        """Version and EventID."""
        del name  # an attribute, not a part of the header
        return version_and_type(event_type, self._version or version)

    def values(self, context: EventContext) -> Sequence[str | None]:
        """The event's values, one for each of KEYS."""
        event, time = context.event, context.time
        data = event.data
        identity, request, response = data.identity or _NO_IDENTITY, data.request or _NO_REQUEST, data.response or _NO_RESPONSE
        source, port, translated, translated_port, other = self._sources(identity.ip_address)
        meaning, user, code = context.meaning, context.target_user, http_status(response.status)
        name, answered = identity.principal_name, parse_event_time(response.response_time)
        return (
            CATEGORIES.get(meaning.outcome),
            TIME_FORMAT if time else None, _format_time(time) if time else None, str(max(context.severity, 1)), event.event_id,
            "true" if context.enrichment.watched else None, "true" if context.enrichment.replay else None,
            "true" if context.enrichment.late else None, meaning.outcome,
            source, port, name, identity.principal_id,
            meaning.action, meaning.domain_event, meaning.target, meaning.second_target, user.name, user.uid,
            meaning.operation, meaning.reason, meaning.reason_code,
            answered.text if answered else response.response_time,
            request.action, request.path, identity.user_agent,
            translated, translated_port, other, identity.caller_name, identity.tenant_id,
            str(code) if code else None, (data.message or response.message or "").strip(),
            data.resource_id, data.resource_name, data.compartment_id, data.compartment_name, identity.auth_type, request.id,
            data.event_grouping_id, context.enrichment.compartment_path,
            "true" if meaning.is_sign_on else None, source if meaning.is_sign_on and meaning.outcome == SUCCESS else None,
            name if name and len(name) > LENGTHS["usrName"] else None,
        )  # fmt: skip

    def format_line(self, values: Sequence[str | None]) -> str | None:
        """See `KeyValueFormat`. One expression for all pairs takes half the time of formatting them one by one."""
        (
            cat, time_format, time, severity, event_id, watched, replay, late, result, source, port, name, principal, action, domain_event,
            target, second_target, user, user_id, event_name, reason, reason_code, answered, method, path, agent, translated,
            translated_port, other, caller, tenant, code, message, resource_id, resource, compartment, compartment_name, auth, request,
            group, compartment_path, signs_on, signed_on_from, long_name,
        ) = values  # fmt: skip
        if not time or long_name:
            return None
        return (
            f"{f'cat={cat}^' if cat else ''}"
            f"devTimeFormat={time_format}^devTime={time}^sev={severity}{f'^eventId={event_id}' if event_id else ''}"
            f"{f'^tamperWatch={watched}' if watched else ''}{f'^replay={replay}' if replay else ''}{f'^late={late}' if late else ''}"
            f"{f'^outcome={result}' if result else ''}"
            f"{f'^src={source}' if source else ''}{f'^srcPort={port}' if port else ''}"
            f"{f'^usrName={name}' if name else ''}{f'^principalId={principal}' if principal else ''}"
            f"{f'^action={action}' if action else ''}{f'^domainEvent={domain_event}' if domain_event else ''}"
            f"{f'^target={target}' if target else ''}{f'^secondTarget={second_target}' if second_target else ''}"
            f"{f'^targetUser={user}' if user else ''}{f'^targetUserId={user_id}' if user_id else ''}"
            f"{f'^eventName={event_name}' if event_name else ''}{f'^reason={reason}' if reason else ''}"
            f"{f'^reasonCode={reason_code}' if reason_code else ''}"
            f"{f'^responseTime={answered}' if answered else ''}{f'^requestMethod={method}' if method else ''}"
            f"{f'^url={path}' if path else ''}{f'^userAgent={agent}' if agent else ''}"
            f"{f'^srcPostNAT={translated}' if translated else ''}{f'^srcPostNATPort={translated_port}' if translated_port else ''}"
            f"{f'^srcOther={other}' if other else ''}"
            f"{f'^callerName={caller}' if caller else ''}{f'^tenantId={tenant}' if tenant else ''}"
            f"{f'^httpStatus={code}' if code else ''}{f'^msg={message}' if message else ''}"
            f"{f'^resource={resource_id}' if resource_id else ''}{f'^resourceName={resource}' if resource else ''}"
            f"{f'^compartmentId={compartment}' if compartment else ''}{f'^compartmentName={compartment_name}' if compartment_name else ''}"
            f"{f'^authType={auth}' if auth else ''}{f'^requestId={request}' if request else ''}"
            f"{f'^eventGroupingId={group}' if group else ''}{f'^compartmentPath={compartment_path}' if compartment_path else ''}"
            f"{f'^isLoginEvent={signs_on}' if signs_on else ''}{f'^identSrc={signed_on_from}' if signed_on_from else ''}"
        )


def _sources(text: str | None) -> Sequence[str | None]:
    """The source address and its port, the translated ones, and the rest. LEEF accepts IPv4 and IPv6 addresses."""
    found = parse_addresses(text)
    pairs = [value for address in found.found[:2] for value in address]
    rest = ",".join([*map(str, found.found[2:]), *found.other]) or None
    return *pairs, *[None] * (4 - len(pairs)), rest

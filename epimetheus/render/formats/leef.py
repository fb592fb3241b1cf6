"""The event in QRadar's Log Event Extended Format (IBM, LEEF 2.0), by the default mapping of docs/formats.

``LEEF:2.0|Oracle|OCI Audit|<eventTypeVersion>|<eventType>|^|`` and ``key=value`` pairs with ``^`` between them: LEEF's own keys where
they fit, else keys named as the event names them. The delimiter is one that relays pass on as it is (rsyslog writes a tab as ``#011``).
LEEF has no escapes. So values are made harmless: ``^`` and ``|``, which IBM would have avoided, become ``?``; a tab or a line's end
becomes a blank; other control characters go. A value is all that stands between its key's ``=`` and the next ``^``, further ``=`` included.

``src`` and ``srcPostNAT`` are the addresses of ``ipAddress``; what is no address (or one too many) goes to ``srcOther``. ``devTime`` is UTC
with exactly three decimals, as QRadar reads them. A ``usrName`` over its 255 characters is cut, and stands whole in ``principalName``.
A value longer than allowed ends in ``…`` and counts as trimmed. Where the syslog header can not say what was trimmed (RFC 3164),
``msg`` ends in ``[trimmed: …]``.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType

from epimetheus.model import Identity, Request, Response
from epimetheus.render.custom_fields import NO_FIELDS, Fields, Pairs
from epimetheus.render.event_time import EventTime, moment
from epimetheus.render.formats.base import EventContext
from epimetheus.render.formats.key_value_base import CACHED, Flat, Head, ended, head_of
from epimetheus.render.derived_fields import addresses, is_sign_on, outcome, reason, service, status
from epimetheus.render.redact.redactor import Redactor
from epimetheus.render.sanitize import in_values
from epimetheus.render.typed_values import Kind, address, by_key, integer, mac, port

VENDOR, PRODUCT = "Oracle", "OCI Audit"
DELIMITER = "^"
TIME_FORMAT = "yyyy-MM-dd'T'HH:mm:ss.SSSZ"
"""How ``devTime`` is written, as Java's SimpleDateFormat has it."""
HEAD_LENGTH = 255
"""Characters of EventID (IBM), and of the other parts of the header."""
CUSTOM_LENGTH = 4000
"""Characters we give a value that IBM does not limit."""
LENGTHS: Mapping[str, int] = MappingProxyType(
    dict.fromkeys(("usrName", "identHostName", "identNetBios", "identGrpName", "vSrcName", "accountName"), 255)
)
"""Characters that IBM allows."""

KEYS: Sequence[str] = (
    "devTimeFormat", "devTime", "sev", "eventId",
    "tamperWatch", "outcome", "src", "usrName", "principalId",
    "cat", "eventName", "reason", "responseTime",
    "requestMethod", "url", "userAgent",
    "srcPostNAT", "srcOther", "callerName", "tenantId",
    "httpStatus", "msg",
    "resource", "resourceName", "compartmentId", "compartmentName", "authType", "requestId",
    "eventGroupingId", "compartmentPath",
    "isLoginEvent", "identSrc",
    "principalName",
)  # fmt: skip
"""All that is sent, in this order; `Leef.said` has a line for each of these."""
SHED_ORDER: Sequence[str] = (
    "cat", "eventName", "compartmentPath", "userAgent", "eventGroupingId", "responseTime", "compartmentName", "authType", "requestMethod",
    "callerName", "resourceName", "requestId", "tenantId", "url", "msg", "srcPostNAT", "srcOther", "compartmentId", "reason", "resource",
)  # fmt: skip
"""What a message over the limit loses, first to last."""
CORE: Sequence[str] = (
    "devTimeFormat", "devTime", "sev", "eventId", "tamperWatch", "outcome", "src", "usrName", "principalId", "httpStatus", "isLoginEvent",
    "identSrc", "principalName",
)  # fmt: skip
"""What is cut then, and goes last, from the last to the first: ``devTime`` is never without its format."""

_HARMFUL = MappingProxyType(
    dict.fromkeys([*range(0x20), *range(0x7F, 0xA0)])
    | dict.fromkeys(map(ord, "\t\n\r\x85\u2028\u2029"), " ")
    | dict.fromkeys(map(ord, "|^"), "?")
)
_NOBODY, _NO_REQUEST, _NO_RESPONSE = Identity(), Request(), Response()


def _time(text: str) -> str | None:
    when = moment(text)
    return _written(when) if when else None


def _written(when: EventTime) -> str:
    return when.utc.isoformat(timespec="milliseconds").replace("+00:00", "+0000")


def _severity(text: str) -> str | None:
    return text if text in map(str, range(1, 11)) else None


TYPED: Mapping[str, Kind] = by_key((
    (_time, "devTime"),
    (_severity, "sev"),
    (address, "src dst srcPreNAT dstPreNAT srcPostNAT dstPostNAT identSrc vSrc identSecondlp"),
    (port, "srcPort dstPort srcPreNATPort dstPreNATPort srcPostNATPort dstPostNATPort"),
    (mac, "srcMAC dstMAC identMAC"),
    (integer, "srcBytes dstBytes srcPackets dstPackets totalPackets"),
))  # fmt: skip
"""Keys whose values have a type: what is not of it can not be sent under them."""


class Leef(Flat):
    """See `Flat`."""

    keys = KEYS
    head_lengths = (HEAD_LENGTH, HEAD_LENGTH)
    lengths = LENGTHS
    custom_length = CUSTOM_LENGTH
    kinds = TYPED
    elsewhere = frozenset(("usrName",))  # too long, it stands whole in principalName
    shed_order = SHED_ORDER
    core = CORE
    exact = frozenset(("devTimeFormat", "outcome", "httpStatus", "isLoginEvent"))
    marker = "tamperWatch"
    special = "|^"
    wide = CUSTOM_LENGTH

    def __init__(self, redactor: Redactor, *, note: bool, fields: Fields = NO_FIELDS) -> None:
        super().__init__(redactor, note=note, fields=fields)
        vendor, product, self._version = fields.device
        origin = (in_values(ended(self.clean(value), HEAD_LENGTH)) for value in (vendor or VENDOR, product or PRODUCT))
        self._sources = lru_cache(CACHED)(_sources)
        self._service = lru_cache(CACHED)(service)
        self._origin = f"LEEF:2.0|{'|'.join(origin)}"

    def clean(self, value: str) -> str:
        """Without anything that would end it, or that is not printed."""
        return value.translate(_HARMFUL)

    def opening(self, head: Head, severity: int) -> str:
        """The header; the severity is an attribute."""
        del severity
        version, event_id = head
        return f"{self._origin}|{version}|{event_id}|{DELIMITER}|"

    def written(self, pairs: Pairs) -> str:
        """The attributes, which have no escapes: values are tidy."""
        return DELIMITER.join([f"{key}={value}" for key, value in pairs])

    def head(self, event_type: str, version: str | None, name: str | None) -> Head:
        """Version and EventID."""
        del name  # it is an attribute
        return head_of(event_type, self._version or version)

    def said(self, subject: EventContext) -> Sequence[str | None]:
        """What the event says, one for each of KEYS."""
        event, when = subject.event, subject.moment
        data = event.data
        identity, request, response = data.identity or _NOBODY, data.request or _NO_REQUEST, data.response or _NO_RESPONSE
        source, post, other = self._sources(identity.ip_address)
        result, code, signs_on = outcome(event), status(response.status), is_sign_on(event)
        name, answered = identity.principal_name, moment(response.response_time)
        return (
            TIME_FORMAT if when else None, _written(when) if when else None, str(max(subject.severity, 1)), event.event_id,
            "true" if subject.notes.watched else None, result, source, name, identity.principal_id,
            self._service(event.event_type), data.event_name, reason(event) if result == "failure" else None,
            answered.text if answered else response.response_time,
            request.action, request.path, identity.user_agent,
            post, other, identity.caller_name, identity.tenant_id,
            str(code) if code else None, (data.message or response.message or "").strip(),
            data.resource_id, data.resource_name, data.compartment_id, data.compartment_name, identity.auth_type, request.id,
            data.event_grouping_id, subject.notes.compartment_path,
            "true" if signs_on else None, source if signs_on and result == "success" else None,
            name if name and len(name) > LENGTHS["usrName"] else None,
        )  # fmt: skip

    def line(self, said: Sequence[str | None]) -> str | None:
        """See `Flat`; one expression for all pairs takes half the time of one after the other."""
        (
            form, when, severity, event_id, watched, result, source, name, principal, cat, event_name, why, ended, action, path, agent,
            post, other, caller, tenant, code, message, resource_id, resource, compartment, compartment_name, auth, request, group, place,
            signs_on, signed_on_from, long_name,
        ) = said  # fmt: skip
        if not when or long_name:
            return None
        return (
            f"devTimeFormat={form}^devTime={when}^sev={severity}{f'^eventId={event_id}' if event_id else ''}"
            f"{f'^tamperWatch={watched}' if watched else ''}{f'^outcome={result}' if result else ''}{f'^src={source}' if source else ''}"
            f"{f'^usrName={name}' if name else ''}{f'^principalId={principal}' if principal else ''}{f'^cat={cat}' if cat else ''}"
            f"{f'^eventName={event_name}' if event_name else ''}{f'^reason={why}' if why else ''}"
            f"{f'^responseTime={ended}' if ended else ''}{f'^requestMethod={action}' if action else ''}{f'^url={path}' if path else ''}"
            f"{f'^userAgent={agent}' if agent else ''}{f'^srcPostNAT={post}' if post else ''}{f'^srcOther={other}' if other else ''}"
            f"{f'^callerName={caller}' if caller else ''}{f'^tenantId={tenant}' if tenant else ''}"
            f"{f'^httpStatus={code}' if code else ''}{f'^msg={message}' if message else ''}"
            f"{f'^resource={resource_id}' if resource_id else ''}{f'^resourceName={resource}' if resource else ''}"
            f"{f'^compartmentId={compartment}' if compartment else ''}{f'^compartmentName={compartment_name}' if compartment_name else ''}"
            f"{f'^authType={auth}' if auth else ''}{f'^requestId={request}' if request else ''}"
            f"{f'^eventGroupingId={group}' if group else ''}{f'^compartmentPath={place}' if place else ''}"
            f"{f'^isLoginEvent={signs_on}' if signs_on else ''}{f'^identSrc={signed_on_from}' if signed_on_from else ''}"
        )


def _sources(text: str | None) -> tuple[str | None, str | None, str | None]:
    """Source, source after translation, and the rest: LEEF takes addresses of both kinds."""
    found = addresses(text)
    source, post, *rest = (*found.ipv4, *filter(None, (found.ipv6,)), None, None)
    others = [other for other in (*rest, found.other) if other]
    return source, post, ",".join(others) or None

"""The event in ArcSight's Common Event Format (CEF implementation standard, version 27), by the default mapping of docs/formats.

Header: ``CEF:0|Oracle|OCI Audit|<eventTypeVersion>|<eventType>|<eventName>|<severity>|``. What an event does not say is left out.
Three things the mapping leaves open are settled so: of ``ipAddress``, what is no address (or one too many) goes to ``shost``; an
``eventId`` of more than the 40 characters that ``externalId`` holds is cut there, and stands whole in ``flexString1``; without
``data.message``, ``msg`` is the response's message. A value longer than the dictionary allows ends in ``…`` and counts as trimmed.
Where the syslog header can not say what was trimmed (RFC 3164), ``msg`` ends in ``[trimmed: …]``.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType

from epimetheus.model import AuditEvent, Identity, Request, Response
from epimetheus.render.cef_text import HEADER_LENGTHS, LENGTHS, in_extension, in_header, tidy
from epimetheus.render.form import Body, Limit, Subject
from epimetheus.render.moment import moment
from epimetheus.render.reading import addresses, outcome, reason, service, status
from epimetheus.render.redact import Redactor
from epimetheus.render.secret_text import suspicious
from epimetheus.render.size import cut, listed, utf8

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

SHED_ORDER: Sequence[str] = (
    "destinationServiceName", "cat", "act", "requestClientApplication", "flexString2", "end", "cs4", "cs5", "requestMethod",
    "sourceServiceName", "cs2", "cs6", "deviceExternalId", "request", "msg", "sourceTranslatedAddress", "shost", "cs3", "reason",
    "cs1",
)  # fmt: skip
"""What a message over the limit loses, first to last: what the header repeats, then what least tells who did what, and whether it
went well. What is not listed (``rt externalId outcome cn1 src c6a1 suser suid flexString1``) is cut, and goes last."""

CAPS = (1023, 512, 256, 128, 64, 40, 20, 16)  # bytes; numbers and IPv4 addresses are shorter than the least
_EXACT = frozenset(("rt", "externalId", "outcome", "cn1", "src", "c6a1"))  # never cut, rather left out
_ELSEWHERE = frozenset(("externalId", "act"))  # too long, they stand whole in flexString1 and in the header
_SUFFIXES = MappingProxyType({key: f" {key}Label={LABELS[key]}" if key in LABELS else "" for key in LENGTHS})
_VERSION = "2.0"  # of the schema that this reads, where an event names none
_UNKNOWN = "unknown"
_NOBODY, _NO_REQUEST, _NO_RESPONSE = Identity(), Request(), Response()

Fields = list[tuple[str, str]]


class Cef:
    """``note``: the header can not say what was trimmed, so ``msg`` does."""

    def __init__(self, redactor: Redactor, *, note: bool) -> None:
        self._redactor = redactor
        self._note = note

    def __call__(self, subject: Subject, limit: Limit) -> Body:
        """One line of CEF, no value longer than the dictionary allows."""
        head, fields = _head(subject.event), _said(subject)
        harmless = _harmless(head, fields)
        if not harmless:
            head, fields = self._clean(head, fields)
        head, fields, cut = _by_the_dictionary(head, fields)
        if not cut:
            text = utf8(_line(head, subject.severity, fields, _as_it_is if harmless else in_extension))
            if len(text) <= limit.whole:
                return Body(text)
        return self._trimmed(head, subject.severity, fields, limit, cut)

    def _clean(self, head: Sequence[str], fields: Fields) -> tuple[Sequence[str], Fields]:
        """Values without control characters and without secrets, in this order: a control character may hide in a secret."""
        mask = self._redactor.text
        return [mask(tidy(value)) for value in head], [(key, mask(tidy(value))) for key, value in fields]

    def _trimmed(self, head: Sequence[str], severity: int, fields: Fields, limit: Limit, cut: Sequence[str]) -> Body:
        trimmed = list(cut)
        text = b""
        for smaller_head, smaller, names in _ever_smaller(head, fields):
            trimmed += names
            noted = _noted(smaller, trimmed, limit.names) if self._note else smaller
            text = utf8(_line(smaller_head, severity, noted, in_extension))
            if len(text) <= limit.left(trimmed):
                break
        return Body(text, trimmed)


def _harmless(head: Sequence[str], fields: Fields) -> bool:
    """Whether nothing in these values need be hidden, stripped or escaped. Most events are so, and one look at all of it tells.

    JSON in a string hides no secret from this look as long as it has no escapes.
    """
    together = " ".join([*head, *[value for _, value in fields]])
    return together.isprintable() and not ("\\" in together or "=" in together or suspicious(together))


def _as_it_is(value: str) -> str:
    return value


def _line(head: Sequence[str], severity: int, fields: Fields, escaped: Callable[[str], str]) -> str:
    version, event_type, name = map(in_header, head)
    extension = " ".join([f"{key}={escaped(value)}{_SUFFIXES[key]}" for key, value in fields])
    return f"CEF:0|Oracle|OCI Audit|{version}|{event_type}|{name}|{severity}|{extension}"


def _head(event: AuditEvent) -> Sequence[str]:
    event_type = event.event_type or _UNKNOWN
    return event.event_type_version or _VERSION, event_type, event.data.event_name or event_type.rpartition(".")[2]


def _said(subject: Subject) -> Fields:
    """What the event says, by CEF key, in the order it is written; not yet cut, cleaned or escaped."""
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
    )
    return [(key, value) for key, value in rows if value]


def _by_the_dictionary(head: Sequence[str], fields: Fields) -> tuple[Sequence[str], Fields, list[str]]:
    """Head and fields without blanks around them, each within its length, and the names of those that were not."""
    cut: list[str] = []
    kept: Fields = []
    for key, value in fields:
        text, most = value.strip(), LENGTHS[key]
        if len(text) > most and key in _ELSEWHERE:
            text = text[:most].rstrip()
        elif len(text) > most:
            text = _ended(text, most)
            cut.append(key)
        if text:
            kept.append((key, text))
    whole = [value.strip() or _UNKNOWN for value in head]
    if any(len(value) > most for value, most in zip(whole, HEADER_LENGTHS, strict=True)):
        cut.append("header")
    return [_ended(value, most) for value, most in zip(whole, HEADER_LENGTHS, strict=True)], kept, cut


def _ended(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"


def _noted(fields: Fields, trimmed: Sequence[str], most: int) -> Fields:
    """The fields with ``msg`` telling what was trimmed, whatever was left of it; it is so itself where both are more than it holds."""
    said = dict(fields)
    message, note = said.get("msg", ""), f"[trimmed: {listed(trimmed, most)}]"
    if len(message) + 1 + len(note) > LENGTHS["msg"]:
        note = f"[trimmed: {listed([*trimmed, 'msg'], most)}]"
        message = _ended(message, LENGTHS["msg"] - 1 - len(note))
    said["msg"] = f"{message} {note}".lstrip()
    return list(said.items())


def _ever_smaller(head: Sequence[str], fields: Fields) -> Iterator[tuple[Sequence[str], Fields, list[str]]]:
    """Head and fields, from as they are to ever smaller, and the names of what each step took; the last always fits (see CAPS)."""
    yield head, fields, []
    for key in SHED_ORDER:
        if any(key == name for name, _ in fields):
            fields = [field for field in fields if field[0] != key]
            yield head, fields, [key]
    for cap in CAPS:
        names = [key for key, value in fields if key not in _EXACT and len(utf8(value)) > cap]
        fields = [(key, _capped(value, cap) if key in names else value) for key, value in fields]
        if any(len(utf8(value)) > cap for value in head):
            names.append("header")
        head = [_capped(value, cap) for value in head]
        if names:
            yield head, fields, names
    while fields:
        *fields, (key, _) = fields
        yield head, fields, [key]


def _capped(value: str, cap: int) -> str:
    return value if len(utf8(value)) <= cap else cut(value, cap - 3).rstrip() + "…"

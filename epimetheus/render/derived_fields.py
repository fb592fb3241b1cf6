"""Values that every format derives from an event in the same way: service, source addresses, outcome, failure reason."""

import re
from ipaddress import IPv6Address
from typing import NamedTuple

import msgspec

from epimetheus.model import AuditEvent, Response

_PREFIX = "com.oraclecloud."
_OCTET = r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
_IPV4 = re.compile(rf"{_OCTET}(?:\.{_OCTET}){{3}}", re.ASCII)
_IPV6_LENGTH = 39
_status_number = {str(number): number for number in range(100, 600)}.get
# Anchored at the end: a resource may be called "failed-jobs".
_FAILED = re.compile(r"\bfailed(?: with response\b.*)?\W*$", re.IGNORECASE | re.DOTALL)
_SUCCEEDED = re.compile(r"\bsucceeded\W*$", re.IGNORECASE)
_QUOTED_CODE = re.compile(r"\bresponse '([A-Za-z][\w.\-]*)'", re.ASCII)
_SIGN_ON = re.compile(r"(?i:(?:Interactive)?(?:Log[io]n|Sign-?[io]n))(?![a-z])")
_NO_RESPONSE = Response()


class _Payload(msgspec.Struct):
    code: object = None
    login_result: object = None


_decode_payload = msgspec.json.Decoder(_Payload).decode


class Addresses(NamedTuple):
    """The parts of ``identity.ipAddress``: at most two IPv4 addresses, the first IPv6 address, and the rest, comma-separated."""

    ipv4: tuple[str, ...] = ()
    ipv6: str | None = None
    other: str | None = None


def parse_addresses(text: str | None) -> Addresses:
    """OCI sends one address, two (``"10.0.64.84,252.138.125.19"``), a placeholder, or none."""
    if not text:
        return Addresses()
    if is_ipv4(text):
        return Addresses((text,))
    v4: list[str] = []
    v6: list[str] = []
    other: list[str] = []
    for part in filter(None, map(str.strip, text.split(","))):
        if is_ipv4(part):
            (v4 if len(v4) < 2 else other).append(part)
        elif address := ipv6(part):
            (v6 if not v6 else other).append(address)
        else:
            other.append(part)
    return Addresses(tuple(v4), v6[0] if v6 else None, ",".join(other) or None)


def is_ipv4(text: str) -> bool:
    """Whether this is one IPv4 address in dotted form."""
    return _IPV4.fullmatch(text) is not None


def ipv6(text: str) -> str | None:
    """The IPv6 address as written, or compressed if an embedded IPv4 address makes it longer than 39 characters; else None."""
    try:
        address = IPv6Address(text)
    except ValueError:
        return None
    if address.scope_id is not None:
        return None
    return text if len(text) <= _IPV6_LENGTH else address.compressed


def service_name(event_type: str) -> str | None:
    """``ComputeApi`` of ``com.oraclecloud.ComputeApi.GetInstance``; None if the type has no service part."""
    head, dot, _ = event_type.removeprefix(_PREFIX).partition(".")
    return head if dot and head else None


def is_sign_on(event: AuditEvent) -> bool:
    """Whether the event is an attempt to sign on."""
    return is_sign_on_name(event.event_type, event.data.event_name)


def is_sign_on_name(event_type: str, event_name: str | None) -> bool:
    """Whether the service or the event name is that of a sign-on."""
    return "SignOn" in event_type or (event_name is not None and _SIGN_ON.match(event_name) is not None)


def http_status(value: str | int | None) -> int | None:
    """The HTTP status, which OCI writes as a string; None if it is missing or not a status."""
    return _status_number(value.strip() if isinstance(value, str) else str(value))


def outcome(event: AuditEvent) -> str | None:
    """``success``, ``failure``, or None if neither the status nor a message shows it. A failure in any of them counts."""
    message, response = event.data.message, event.data.response or _NO_RESPONSE
    code, answer = http_status(response.status), response.message
    if code is not None and code >= 400:
        return "failure"
    if _ends_with(message, "failed", _FAILED) or _ends_with(answer, "failed", _FAILED):
        return "failure"
    if code is not None or _ends_with(message, "succeeded", _SUCCEEDED) or _ends_with(answer, "succeeded", _SUCCEEDED):
        return "success"
    return None


def _ends_with(message: str | None, word: str, pattern: re.Pattern[str]) -> bool:
    """Whether ``pattern`` matches; ASCII text without ``word`` need not be searched."""
    if not message or (message.isascii() and word not in message.lower()):
        return False
    return pattern.search(message) is not None


def is_failure(event: AuditEvent) -> bool:
    """Whether the call failed."""
    return outcome(event) == "failure"


def failure_reason(event: AuditEvent) -> str | None:
    """Why a call failed: the payload's ``code`` or ``login_result``, the code that a message quotes, or the response's message."""
    response = event.data.response
    if response is not None and (reason := _reason_from_payload(response)):
        return reason
    answer = response.message if response is not None else None
    for message in (answer, event.data.message):
        if message and (quoted := _QUOTED_CODE.search(message)):
            return quoted[1]
    return answer


def _reason_from_payload(response: Response) -> str | None:
    try:
        payload = _decode_payload(response.payload)
    except (ValueError, RecursionError):  # not an object, or not valid JSON
        return None
    return next((value for value in (payload.code, payload.login_result) if isinstance(value, str) and value), None)

"""What an event says, told once for all formats: its service, its addresses, how the call went and why."""

import re
from ipaddress import IPv6Address
from typing import NamedTuple

import msgspec

from epimetheus.model import AuditEvent, Response

_PREFIX = "com.oraclecloud."
_OCTET = r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
_IPV4 = re.compile(rf"{_OCTET}(?:\.{_OCTET}){{3}}", re.ASCII)
_IPV6_LENGTH = 39
_status = {str(number): number for number in range(100, 600)}.get
# Anchored at the end: a resource may be called "failed-jobs".
_SAYS_FAILED = re.compile(r"\bfailed(?: with response\b.*)?\W*$", re.IGNORECASE | re.DOTALL)
_SAYS_SUCCEEDED = re.compile(r"\bsucceeded\W*$", re.IGNORECASE)
_QUOTED_CODE = re.compile(r"\bresponse '([A-Za-z][\w.\-]*)'", re.ASCII)
_SIGN_ON = re.compile(r"(?i:(?:Interactive)?(?:Log[io]n|Sign-?[io]n))(?![a-z])")
_NO_RESPONSE = Response()


class _Payload(msgspec.Struct):
    code: object = None
    login_result: object = None


_payload = msgspec.json.Decoder(_Payload).decode


class Addresses(NamedTuple):
    """``identity.ipAddress`` taken apart: IPv4 in their order, the first IPv6, and what is neither (or one too many)."""

    ipv4: tuple[str, ...] = ()
    ipv6: str | None = None
    other: str | None = None


def addresses(text: str | None) -> Addresses:
    """OCI gives one address, two (``"10.0.64.84,252.138.125.19"``), a placeholder, or none. At most two IPv4 are told apart."""
    if not text:
        return Addresses()
    if is_ipv4(text):
        return Addresses((text,))
    short: list[str] = []
    long: list[str] = []
    other: list[str] = []
    for part in filter(None, map(str.strip, text.split(","))):
        if is_ipv4(part):
            (short if len(short) < 2 else other).append(part)
        elif address := ipv6(part):
            (long if not long else other).append(address)
        else:
            other.append(part)
    return Addresses(tuple(short), long[0] if long else None, ",".join(other) or None)


def is_ipv4(text: str) -> bool:
    """Whether this is one IPv4 address, in dotted form."""
    return _IPV4.fullmatch(text) is not None


def ipv6(text: str) -> str | None:
    """The IPv6 address as it is written, short only where an IPv4 address within makes it longer than any field for it; else None."""
    try:
        address = IPv6Address(text)
    except ValueError:
        return None
    if address.scope_id is not None:
        return None
    return text if len(text) <= _IPV6_LENGTH else address.compressed


def service(event_type: str) -> str | None:
    """The service part: ``ComputeApi`` of ``com.oraclecloud.ComputeApi.GetInstance``; None where there is no such part."""
    head, dot, _ = event_type.removeprefix(_PREFIX).partition(".")
    return head if dot and head else None


def is_sign_on(event: AuditEvent) -> bool:
    """Whether somebody tried to sign on: by the service, or by the name of the event."""
    return names_sign_on(event.event_type, event.data.event_name)


def names_sign_on(event_type: str, event_name: str | None) -> bool:
    """The same by these two alone."""
    return "SignOn" in event_type or (event_name is not None and _SIGN_ON.match(event_name) is not None)


def status(told: str | int | None) -> int | None:
    """The HTTP status, which OCI writes as a string; None where there is none or it is no status."""
    return _status(told.strip() if isinstance(told, str) else str(told))


def outcome(event: AuditEvent) -> str | None:
    """``success``, ``failure``, or None where neither the status nor a message tells; a failure told by either wins."""
    message, response = event.data.message, event.data.response or _NO_RESPONSE
    code, answer = status(response.status), response.message
    if code is not None and code >= 400:
        return "failure"
    if _says(message, "failed", _SAYS_FAILED) or _says(answer, "failed", _SAYS_FAILED):
        return "failure"
    if code is not None or _says(message, "succeeded", _SAYS_SUCCEEDED) or _says(answer, "succeeded", _SAYS_SUCCEEDED):
        return "success"
    return None


def _says(message: str | None, word: str, pattern: re.Pattern[str]) -> bool:
    """Whether the pattern finds what it looks for; without the ``word``, plain text need not be searched."""
    if not message or (message.isascii() and word not in message.lower()):
        return False
    return pattern.search(message) is not None


def failed(event: AuditEvent) -> bool:
    """Whether the call failed."""
    return outcome(event) == "failure"


def reason(event: AuditEvent) -> str | None:
    """Why a failed call failed: the payload's code, the sign-on's result, the code of a response that a message quotes, or its message."""
    response = event.data.response
    if response is not None and (told := _told_by_payload(response)):
        return told
    answer = response.message if response is not None else None
    for message in (answer, event.data.message):
        if message and (quoted := _QUOTED_CODE.search(message)):
            return quoted[1]
    return answer


def _told_by_payload(response: Response) -> str | None:
    try:
        payload = _payload(response.payload)
    except (ValueError, RecursionError):  # not an object, or not sound: then it tells nothing
        return None
    return next((told for told in (payload.code, payload.login_result) if isinstance(told, str) and told), None)

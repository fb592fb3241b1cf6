"""Values that every format derives from an event in the same way: service, operation, status, outcome, failure reason."""

import re

import msgspec

from epimetheus.model import AuditEvent, Response

SUCCESS, FAILURE = "success", "failure"

_PREFIX = "com.oraclecloud."
_PHASES = frozenset(("begin", "end"))
_STATUS_LENGTH = 256
_status_number = {str(number): number for number in range(100, 600)}.get
_outcome_of_number = {str(number): FAILURE if number >= 400 else SUCCESS for number in range(100, 600)}.get
_NUMBER_IN_STATUS = re.compile(r"[^\d]{0,32}?(?:/\d(?:\.\d)?\s+)?([1-5]\d\d)(?:\.0)?(?![\d.])", re.ASCII)
# Words of textual statuses and of OCI's error codes, in any case and with any separators.
_FAILED_STATUS = re.compile(
    r"fail|error|fault|exception|den(?:y|ied)|forbid|unauth|not[\W_]?(?:auth|found|allow|accept|permi|valid|support|impl|exist|succ|ok\b|avail)"
    r"|unsucc|reject|refus|disallow|invalid|incorrect|conflict|exceed|too[\W_]?(?:many|large)|missing|mismatch|cannot|unavail|insufficient"
    r"|time[d]?[\W_]?out|abort|block|bad[\W_]?request|expired|unprocess|no[\W_]?etag|already[\W_]?exist|required\b|cancel|throttl|\bfalse\b",
    re.IGNORECASE,
)
_SUCCEEDED_STATUS = re.compile(
    r"\W*(?:ok(?:ay)?|success(?:ful(?:ly)?)?|succeeded|completed?|accepted|created|no[\W_]?content|allowed|granted|pass(?:ed)?)(?![^\W_])",
    re.IGNORECASE,
)
_ERROR_CODE = re.compile(r"[A-Z][a-z]+[A-Z][A-Za-z]+|Conflict|Forbidden|Unauthorized", re.ASCII)
# Anchored at the end: a resource may be called "failed-jobs".
_FAILED = re.compile(r"(?:\bfailed(?: with response\b.*)?|(?<![\w\-])failure)\W*$", re.IGNORECASE | re.DOTALL)
_SUCCEEDED = re.compile(r"(?:\bsucceeded|(?<![\w\-])success)\W*$", re.IGNORECASE)
_QUOTED_CODE = re.compile(r"\bresponse '([A-Za-z][\w.\-]*)'", re.ASCII)
_SIGN_ON = re.compile(r"(?i:(?:Interactive)?(?:Log[io]n|Sign-?[io]n))(?![a-z])")
_NO_RESPONSE = Response()


class _Payload(msgspec.Struct):
    code: object = None
    login_result: object = None


_decode_payload = msgspec.json.Decoder(_Payload).decode


def service_name(event_type: str) -> str | None:
    """``ComputeApi`` of ``com.oraclecloud.ComputeApi.GetInstance``; None if the type has no service part."""
    head, dot, _ = event_type.removeprefix(_PREFIX).partition(".")
    return head if dot and head else None


def operation_name(event_type: str, event_name: str | None) -> str:
    """The event name; without one, ``CreateQueue`` of ``com.oraclecloud.queueapi.CreateQueue.begin``."""
    if event_name and not event_name.isspace():
        return event_name
    head, _, last = event_type.rpartition(".")
    return head.rpartition(".")[2] if head and last.lower() in _PHASES else last


def is_sign_on_name(event_type: str, event_name: str | None) -> bool:
    """Whether the service or the event name is that of a sign-on."""
    return "SignOn" in event_type or (event_name is not None and _SIGN_ON.match(event_name) is not None)


def http_status(value: str | int | None) -> int | None:
    """The HTTP status, which OCI writes as a string (``200``, also ``HTTP 404`` or ``200 OK``); None if it is missing or not a status."""
    if value is None:
        return None
    text = value.strip() if isinstance(value, str) else str(value)
    if (number := _status_number(text)) or not isinstance(value, str):
        return number
    found = _NUMBER_IN_STATUS.match(text)
    return int(found[1]) if found else None


def status_outcome(value: str | int | None) -> str | None:
    """``success`` or ``failure`` if the response status shows it, as a number, a word (``Failure``) or an error code."""
    if value is None:
        return None
    if isinstance(value, str) and (outcome := _outcome_of_number(value)):
        return outcome
    if code := http_status(value):
        return FAILURE if code >= 400 else SUCCESS
    text = str(value)[:_STATUS_LENGTH]
    if _FAILED_STATUS.search(text):
        return FAILURE
    return SUCCESS if _SUCCEEDED_STATUS.match(text) else None


def error_code(status: str | int | None) -> str | None:
    """The error code that stands in place of the response status, such as ``NotAuthorizedOrNotFound``."""
    text = status.strip() if isinstance(status, str) and not status.isdigit() else ""
    return text if _ERROR_CODE.fullmatch(text[:_STATUS_LENGTH]) and status_outcome(text) == FAILURE else None


def message_outcome(event: AuditEvent, otherwise: str | None = None) -> str | None:
    """``success`` or ``failure`` if a message ends so, else ``otherwise``. A failure in either message counts."""
    message, answer = event.data.message, event.data.response.message if event.data.response else None
    if _ends_with(message, "fail", _FAILED) or _ends_with(answer, "fail", _FAILED):
        return FAILURE
    if otherwise == SUCCESS or _ends_with(message, "succe", _SUCCEEDED) or _ends_with(answer, "succe", _SUCCEEDED):
        return SUCCESS
    return otherwise


def _ends_with(message: str | None, word: str, pattern: re.Pattern[str]) -> bool:
    """Whether ``pattern`` matches; ASCII text without ``word`` need not be searched."""
    if not message or (message.isascii() and word not in message.lower()):
        return False
    return pattern.search(message) is not None


def standard_reason(event: AuditEvent) -> str | None:
    """Why a call failed: the payload's ``code`` or ``login_result``, a quoted code, a textual status, or the response's message."""
    response = event.data.response or _NO_RESPONSE
    if reason := _reason_from_payload(response):
        return reason
    for message in (response.message, event.data.message):
        if message and (quoted := _QUOTED_CODE.search(message)):
            return quoted[1]
    return error_code(response.status) or response.message


def _reason_from_payload(response: Response) -> str | None:
    try:
        payload = _decode_payload(response.payload)
    except (ValueError, RecursionError):  # not an object, or not valid JSON
        return None
    return next((value for value in (payload.code, payload.login_result) if isinstance(value, str) and value), None)

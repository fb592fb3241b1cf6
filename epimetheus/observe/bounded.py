"""Limits the size of log lines and of the function's response, for any number of compartments, regions, and runs.

OCI Functions accepts a response of at most 6 MB, OCI Logging a line of at most 1 MB. Long objects and texts are truncated on output only,
and the number of omitted members is added: ``behind`` and ``behind_not_shown``.
"""

from typing import Any

import msgspec

from epimetheus.model import plural

MAX_BYTES = 1_000_000
"""Maximum size of the function's response. A log line has one report and is shorter."""
MAX_MEMBERS = 100
"""Maximum number of members of an object, or of a list of texts."""
MAX_CHARACTERS = 2000
"""Maximum length of a text."""

_MEMBERS_PER_RESPONSE = 1000  # in all reports together
_MIN_MEMBERS = 20  # a report has fewer fields at each level


def bounded(value: Any, members: int = MAX_MEMBERS) -> Any:
    """``value`` (JSON types) with the first ``members`` members of each object and with long texts truncated."""
    if isinstance(value, dict):
        result: dict[Any, Any] = {}
        for key, item in value.items():
            result[key] = _first_members(item, members)
            if (omitted := len(item) - members if isinstance(item, dict) else 0) > 0:
                result[f"{key}_not_shown"] = omitted
        return result
    if isinstance(value, list):
        if (omitted := len(value) - members) > 0 and all(isinstance(item, str) for item in value):
            return [*(bounded(item) for item in value[:members]), f"{omitted} more {plural(omitted, 'is', 'are')} not shown"]
        return [bounded(item, members) for item in value]
    return _text(value) if isinstance(value, str) else value


def response_body(result: Any) -> bytes:
    """The function's response as JSON: one object, or a list of reports. If the list is too long, the earliest reports are omitted."""
    whole = msgspec.to_builtins(result)
    if not isinstance(whole, list):
        return msgspec.json.encode(bounded(whole))
    members = max(_MIN_MEMBERS, min(MAX_MEMBERS, _MEMBERS_PER_RESPONSE // max(1, len(whole))))
    parts: list[bytes] = []
    size = 0
    for report in reversed(whole):
        part = msgspec.json.encode(bounded(report, members))
        size += len(part) + 1
        if parts and size >= MAX_BYTES:
            break
        parts.append(part)
    return b"[" + b",".join(reversed(parts)) + b"]"


def _first_members(value: Any, members: int) -> Any:
    if isinstance(value, dict) and len(value) > members:
        value = dict(list(value.items())[:members])
    return bounded(value, members)


def _text(text: str) -> str:
    omitted = len(text) - MAX_CHARACTERS
    return f"{text[:MAX_CHARACTERS]}… ({omitted} more {plural(omitted, 'character')})" if omitted > 0 else text

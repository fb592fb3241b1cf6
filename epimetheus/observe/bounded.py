"""What leaves in one piece is bounded, however many compartments, regions and runs it is about.

OCI Functions takes an answer of at most 6 MB, and OCI Logging a line of at most 1 MB. Reports are whole in the program; here, on their way
out, long objects and texts are cut, and what was cut is counted beside them: ``behind`` and ``behind_not_shown``.
"""

from typing import Any

import msgspec

MOST_BYTES = 1_000_000
"""An answer of the function. A line of the log is shorter: it holds one report."""
MOST_NAMED = 100
"""Members of an object, or texts of a list."""
MOST_CHARACTERS = 2000
"""Of one text."""

_NAMED_IN_AN_ANSWER = 1000  # by all reports together
_LEAST_NAMED = 20  # a report's own fields, at each level, are fewer


def bounded(value: Any, named: int = MOST_NAMED) -> Any:
    """``value`` (as JSON has it) with at most ``named`` members in each object, the first ones, and no long text."""
    if isinstance(value, dict):
        shown: dict[Any, Any] = {}
        for key, item in value.items():
            shown[key] = _members(item, named)
            if (more := len(item) - named if isinstance(item, dict) else 0) > 0:
                shown[f"{key}_not_shown"] = more
        return shown
    if isinstance(value, list):
        if value and all(isinstance(item, str) for item in value) and len(value) > named:
            return [*(bounded(item) for item in value[:named]), f"{len(value) - named} more are not shown"]
        return [bounded(item, named) for item in value]
    return _text(value) if isinstance(value, str) else value


def answer(told: Any) -> bytes:
    """The function's answer, as JSON: a list of reports, of which the latest are there if all together are too long; or one object."""
    whole = msgspec.to_builtins(told)
    if not isinstance(whole, list):
        return msgspec.json.encode(bounded(whole))
    named = max(_LEAST_NAMED, min(MOST_NAMED, _NAMED_IN_AN_ANSWER // max(1, len(whole))))
    parts: list[bytes] = []
    size = 0
    for report in reversed(whole):
        part = msgspec.json.encode(bounded(report, named))
        size += len(part) + 1
        if parts and size >= MOST_BYTES:
            break
        parts.append(part)
    return b"[" + b",".join(reversed(parts)) + b"]"


def _members(value: Any, named: int) -> Any:
    if isinstance(value, dict) and len(value) > named:
        value = dict(list(value.items())[:named])
    return bounded(value, named)


def _text(text: str) -> str:
    more = len(text) - MOST_CHARACTERS
    return f"{text[:MOST_CHARACTERS]}… ({more} more characters)" if more > 0 else text

"""Match event types and names against patterns such as ``com.oraclecloud.ComputeApi.*``, ``GetInstance``, ``Delete*``.

A pattern is compared with the whole event type and with the whole event name, ignoring case; ``*`` matches any text, including none.
"""

import re
from collections.abc import Iterable


def compile_patterns(patterns: Iterable[str]) -> re.Pattern[str]:
    """One regular expression for all of ``patterns``, for `matches`; it matches nothing if there are none."""
    return re.compile("|".join(map(_regex, patterns)) or r"(?!)", re.IGNORECASE | re.DOTALL)


def _regex(pattern: str) -> str:
    """Atomic groups take the first occurrence of the text between two stars: with backtracking, many stars would cost exponential time."""
    first, *rest = map(re.escape, pattern.split("*"))
    if not rest:
        return first
    *middle, last = rest
    return first + "".join(f"(?>.*?{part})" for part in middle) + ".*" + last


def matches(pattern: re.Pattern[str], event_type: str, event_name: str | None) -> bool:
    """True if ``pattern`` matches the event type or the event name."""
    return pattern.fullmatch(event_type) is not None or (event_name is not None and pattern.fullmatch(event_name) is not None)

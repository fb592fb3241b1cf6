"""Patterns of event names, as rules and severities have them: ``com.oraclecloud.ComputeApi.*``, ``GetInstance``, ``Delete*``.

A pattern is compared with the whole event type and with the whole event name, without case; ``*`` stands for anything, also nothing.
"""

import re
from collections.abc import Iterable


def compiled(patterns: Iterable[str]) -> re.Pattern[str]:
    """What matches where one of ``patterns`` does; nothing at all where there are none. Use `matches`."""
    return re.compile("|".join(map(_regex, patterns)) or r"(?!)", re.IGNORECASE | re.DOTALL)


def _regex(pattern: str) -> str:
    """What lies between stars is looked for once, where it comes first (atomic groups): else many stars would cost exponential time."""
    first, *rest = map(re.escape, pattern.split("*"))
    if not rest:
        return first
    *middle, last = rest
    return first + "".join(f"(?>.*?{part})" for part in middle) + ".*" + last


def matches(pattern: re.Pattern[str], event_type: str, event_name: str | None) -> bool:
    """Whether this is such an event."""
    return pattern.fullmatch(event_type) is not None or (event_name is not None and pattern.fullmatch(event_name) is not None)

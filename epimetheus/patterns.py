"""Patterns of event names, as rules and severities have them: ``com.oraclecloud.ComputeApi.*``, ``GetInstance``, ``Delete*``.

A pattern is compared with the whole event type and with the whole event name, without case; ``*`` stands for anything, also nothing.
"""

import re
from collections.abc import Iterable


def compiled(patterns: Iterable[str]) -> re.Pattern[str]:
    """What matches where one of ``patterns`` does; nothing at all where there are none. Use `matches`."""
    alternatives = "|".join(re.escape(pattern).replace(r"\*", ".*") for pattern in patterns)
    return re.compile(alternatives or r"(?!)", re.IGNORECASE | re.DOTALL)


def matches(pattern: re.Pattern[str], event_type: str, event_name: str | None) -> bool:
    """Whether this is such an event."""
    return pattern.fullmatch(event_type) is not None or (event_name is not None and pattern.fullmatch(event_name) is not None)

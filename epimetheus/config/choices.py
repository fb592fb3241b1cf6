"""Settings whose values are a few words: their case does not matter. And settings that may be empty."""

from typing import Any, Literal, get_args, get_origin

from epimetheus.render.renderer import FORMATS
from epimetheus.render.syslog import FACILITIES

MAY_BE_EMPTY = frozenset(("METRICS_NAMESPACE", "RECONCILE_AFTER"))
"""Settings of which an empty value turns something off. Of all others, it counts as not set."""

_BY_PATTERN = {"FORMAT": tuple(FORMATS), "SYSLOG_FACILITY": tuple(FACILITIES), "SEAL_MESSAGES": ("true", "false")}


def lower_case_choice(key: str, annotation: Any, value: str) -> str:
    """``value`` in lower case if it is then one of the words that the setting accepts, otherwise unchanged."""
    words = get_args(annotation) if get_origin(annotation) is Literal else _BY_PATTERN.get(key, ())
    return value.lower() if value.lower() in words else value

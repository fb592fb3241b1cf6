"""``--since``: a period up to now, such as ``24h``."""

import re

from epimetheus.cli.arguments import ArgumentError
from epimetheus.model import RETENTION_DAYS

_DURATION = re.compile(r"(\d{1,5})([mhd])", re.ASCII)
_SECONDS = {"m": 60, "h": 3600, "d": 86_400}


def parse_period(since: str) -> int:
    """The length of the period ``since`` in seconds. Raises ArgumentError unless it is from a minute to RETENTION_DAYS."""
    found = _DURATION.fullmatch(since)
    seconds = int(found[1]) * _SECONDS[found[2]] if found else 0
    if not 0 < seconds <= RETENTION_DAYS * _SECONDS["d"]:
        raise ArgumentError(f"--since {since[:20]}: expected a number followed by m, h, or d, up to {RETENTION_DAYS}d")
    return seconds

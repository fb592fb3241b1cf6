"""Times and durations on the command line: a duration is ``90s``, ``15m``, ``1h30m`` or ``7d``; a time is RFC 3339, or a duration ago."""

import re
from datetime import datetime
from typing import Annotated

import typer

from epimetheus.cli.arguments import ArgumentError
from epimetheus.model import RETENTION_DAYS, minute_text

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
_UNITS = (("d", _DAY), ("h", _HOUR), ("m", _MINUTE), ("s", 1))
_DURATION = re.compile(r"(?=\d)" + "".join(rf"(?:(\d{{1,7}}){unit})?" for unit, _ in _UNITS), re.ASCII)
_LEAST, _MOST = 5, _DAY
_MAX_SHOWN = 40


class Duration(float):
    """A number of seconds, which is written as people write it: ``1h30m``."""

    def __str__(self) -> str:
        rest, parts = int(self), []
        for unit, length in _UNITS:
            count, rest = divmod(rest, length)
            parts += [f"{count}{unit}"] if count else []
        return "".join(parts) or "0s"


def parse_duration(text: str) -> Duration | None:
    """The duration that ``text`` writes; None if it is something else."""
    found = _DURATION.fullmatch(text)
    return Duration(sum(int(count or 0) * length for count, (_, length) in zip(found.groups(), _UNITS, strict=True))) if found else None


def _parse_timeout(text: str | float) -> float:
    """The value of ``--timeout`` in seconds; typer also passes its default. Raises typer.BadParameter."""
    seconds = text if isinstance(text, float) else parse_duration(text)
    if seconds is None or not _LEAST <= seconds <= _MOST:
        limits = f"from {Duration(_LEAST)} to {Duration(_MOST)}"
        raise typer.BadParameter(f"{str(text)[:_MAX_SHOWN]}: expected a duration {limits}, such as 90s.")
    return seconds


Timeout = Annotated[
    float, typer.Option("--timeout", parser=_parse_timeout, metavar="DURATION", help="Time limit, such as 90s, 15m or 1h. From 5s to 1d.")
]
Since = Annotated[
    str, typer.Option("--since", metavar="TIME", help="Start: a duration before now (90m, 24h, 7d) or a time (2026-11-24T10:00:00Z).")
]


def parse_since(since: str, now: float) -> int:
    """The seconds from ``since`` to ``now``. Raises ArgumentError unless they are from a minute to RETENTION_DAYS."""
    duration = parse_duration(since)
    seconds = _seconds_since(since, now) if duration is None else duration
    if seconds is None or not _MINUTE <= seconds <= RETENTION_DAYS * _DAY:
        period = f"a duration before now from 1m to {RETENTION_DAYS}d, such as 24h"
        raise ArgumentError(f"--since {since[:_MAX_SHOWN]}: expected {period}, or a time in this period, such as 2026-11-24T10:00:00Z")
    return int(seconds)


def since_text(since: str) -> str:
    """``in the last 24h``, or ``since 2026-11-24T10:00:00Z``."""
    return f"since {since}" if parse_duration(since) is None else f"in the last {since}"


def absolute_time(text: str, now: float) -> str:
    """The minute of a duration before ``now``, as `epimetheus.model.minute_text` writes it; any other text is returned unchanged.

    A duration that begins before 1970 ends there: it is longer than any command accepts, and may be longer than a calendar has years.
    """
    seconds = parse_duration(text)
    return text if seconds is None else minute_text(int(max(0, now - seconds) // _MINUTE))


def _seconds_since(text: str, now: float) -> float | None:
    """The seconds from an RFC 3339 time to ``now``; None if ``text`` is no time, or has no time zone."""
    try:
        moment = datetime.fromisoformat(text)
        return None if moment.tzinfo is None else now - moment.timestamp()
    except (ValueError, OverflowError):
        return None

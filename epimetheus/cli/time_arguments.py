"""Minutes and windows in the arguments of a command: a time is RFC 3339, or a duration before now."""

from datetime import datetime

from epimetheus.cli.arguments import ArgumentError
from epimetheus.cli.times import absolute_time
from epimetheus.model import RETENTION_DAYS, Window, minute_text, parse_minute

_EXAMPLE = "2026-11-24T10:05:00Z"
_MAX_SHOWN = 40


def minute_argument(given: str, text: str, now: float) -> int:
    """The minute since the epoch that ``text`` names. ``given``: the argument as the error names it, such as ``--to 3h``.

    ``now``: seconds since the epoch. A duration ends at the minute it is in. Raises ArgumentError, also for a time with seconds: with
    the minute it is in, a window would be another one than was requested.
    """
    time = absolute_time(text, now)
    try:
        minute = parse_minute(time)
    except (ValueError, OverflowError) as error:
        expected = f"expected a time such as {_EXAMPLE}, or a duration before now such as 3h"
        cause = f"the time has no time zone; write it like {_EXAMPLE}" if _lacks_zone(text) else expected
        raise ArgumentError(f"{given[: _MAX_SHOWN + 10]}: {cause}") from error
    if datetime.fromisoformat(time).timestamp() != minute * 60:
        raise ArgumentError(f"{given[: _MAX_SHOWN + 10]}: the time has seconds; use a whole minute, such as {minute_text(minute)}")
    return minute


def replay_window(start: str, end: str, now: float) -> Window:
    """The window from ``--from`` to ``--to``, without the minute of ``--to``. ``now``: seconds since the epoch.

    Raises ArgumentError, also if OCI Audit cannot have a part of it: that part would otherwise look as if it had been sent again.
    """
    window = past_window(start, end, now)
    oldest = int(now // 60) - RETENTION_DAYS * 24 * 60
    if window.start < oldest:
        keeps = f"OCI Audit keeps events for {RETENTION_DAYS} days, so the earliest time is {minute_text(oldest)}"
        raise ArgumentError(f"--from {start[:_MAX_SHOWN]} is more than {RETENTION_DAYS} days ago; {keeps}")
    return window


def past_window(start: str, end: str, now: float) -> Window:
    """The window as `replay_window`, however old. Raises ArgumentError."""
    start_given, end_given = f"--from {start[:_MAX_SHOWN]}", f"--to {end[:_MAX_SHOWN]}"
    window = Window(minute_argument(start_given, start, now), minute_argument(end_given, end, now))
    if window.start == window.end:
        minute = f"{start_given} and {end_given} are both in the minute {minute_text(window.start)}"
        raise ArgumentError(f"{minute}; use a window of at least one whole minute: the minute of --to is not included")
    if window.start > window.end:
        raise ArgumentError(f"{start_given} is not before {end_given}; set --from to the earlier time")
    if window.end * 60 > now:
        raise ArgumentError(f"{end_given} is in the future; the current time is {minute_text(int(now // 60))}")
    if window.start < 0:
        raise ArgumentError(f"{start_given} is before 1970")
    return window


def _lacks_zone(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is None
    except ValueError:
        return False

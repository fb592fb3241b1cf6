"""Periods as people write them: ``2 days``, ``3 h 20 min``, ``1:05``."""

from epimetheus.model import count_text

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
_UNITS = ((_DAY, "day"), (_HOUR, "hour"), (_MINUTE, "minute"), (1, "second"))


def period_text(seconds: float) -> str:
    """``45 seconds``, ``90 minutes``, ``2 days``: in the largest unit of which there are at least two, rounded down."""
    whole = max(0, int(seconds))
    length, unit = next(((length, unit) for length, unit in _UNITS if whole >= 2 * length), _UNITS[-1])
    return count_text(whole // length, unit)


def ago_text(seconds: float) -> str:
    """``2 days ago``, or ``in 30 seconds`` if ``seconds`` is negative."""
    return f"{period_text(seconds)} ago" if seconds >= 0 else f"in {period_text(-seconds)}"


def short_period(seconds: float) -> str:
    """``45 s``, ``20 min``, ``3 h 20 min``, ``2 d 3 h``: two units at most, for a line that is redrawn."""
    whole = max(0, int(seconds))
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} min"
    if whole < _DAY:
        return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE} min"
    return f"{whole // _DAY} d {whole % _DAY // _HOUR} h"


def timer_text(seconds: float) -> str:
    """``1:05``, ``2:03:45``: minutes and seconds, with hours if there are any."""
    minutes, rest = divmod(max(0, int(seconds)), _MINUTE)
    hours, minutes = divmod(minutes, _MINUTE)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"

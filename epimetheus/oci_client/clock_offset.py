"""Measure the offset between OCI's clock and the local clock from the ``Date`` header of OCI's responses, and correct times by it.

A window ends SETTLE_MINUTES before now. If the local clock is ahead, OCI has not yet listed all events of that window, and events listed
later are behind the cursor. A run therefore corrects its time by OCI's clock, and does not start if the offset is too large.
"""

import threading
from datetime import UTC
from email.utils import parsedate_to_datetime

from epimetheus.errors import ClockError

WARN_SECONDS = 60.0
"""Above this offset, a run warns."""
REFUSE_SECONDS = 300.0
"""Above this offset, a run fails: OCI rejects signatures whose date differs more."""

_RESOLUTION_SECONDS = 1.0  # a Date header has whole seconds: a smaller offset is noise
_HELP = "Synchronize the clock of this machine (NTP). Inside OCI Functions, invoke the function again; if this persists, contact Oracle."


class ClockOffset:
    """OCI's clock minus the local clock, from the response that bounds it best since the local clock was last set. Thread-safe.

    OCI wrote a response whose ``Date`` is D in ``[D, D + 1)``, between ``started`` and ``ended``. The midpoints of both intervals differ by
    the offset, plus or minus half of the request's duration and half a second.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._best: tuple[float, float] | None = None

    def record(self, date: str | None, started: float, ended: float) -> None:
        """Record a response: its ``Date`` header, and the local time of the request and the response, in seconds since the epoch.

        An invalid date is ignored, and so is a request during which the local clock was set back.
        """
        sent_at = _seconds(date)
        if sent_at is None or ended < started:
            return
        measured = (ended - started, sent_at + 0.5 - (started + ended) / 2)
        with self._lock:
            best = self._best or measured
            stepped = abs(measured[1] - best[1]) > 1 + (measured[0] + best[0]) / 2  # the two exclude each other: the clock was set
            self._best = measured if stepped else min(best, measured)

    def seconds(self) -> float | None:
        """OCI's clock minus the local clock, in seconds; None until a response has a date."""
        with self._lock:
            return None if self._best is None else self._best[1]


def corrected_now(now: float, offset: float | None) -> tuple[float, str | None]:
    """``now`` corrected to OCI's clock, in seconds since the epoch, and a warning if the offset is above WARN_SECONDS.

    ``offset`` is `ClockOffset.seconds`. Raises ClockError above REFUSE_SECONDS.
    """
    if offset is None:
        return now, None
    what = _difference(offset)
    if abs(offset) > REFUSE_SECONDS:
        raise ClockError(f"The clock cannot be used: {what}; at most {REFUSE_SECONDS:.0f} s are accepted.", do=_HELP)
    warning = f"{what[0].upper()}{what[1:]}: times are corrected to OCI's clock. {_HELP}" if abs(offset) > WARN_SECONDS else None
    return to_oci_time(now, offset), warning


def to_oci_time(now: float, offset: float | None) -> float:
    """``now`` corrected to OCI's clock, in seconds since the epoch, however large the offset; unchanged up to a second, or for None."""
    return now if offset is None or abs(offset) <= _RESOLUTION_SECONDS else now + offset


def _difference(offset: float) -> str:
    """The text for an offset in seconds: ``this machine's clock is 240 s ahead of OCI's``."""
    return f"this machine's clock is {abs(offset):.0f} s {'behind' if offset > 0 else 'ahead of'} OCI's"


def _seconds(date: str | None) -> float | None:
    try:
        parsed = parsedate_to_datetime((date or "")[:64])
        return parsed.replace(tzinfo=parsed.tzinfo or UTC).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None

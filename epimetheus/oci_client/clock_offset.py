"""How far OCI's clock is from ours, learned from the ``Date`` header of its answers; and what a run does about it.

A window ends SETTLE_MINUTES before now. Where our clock is ahead, that is later than OCI has listed events for, and what is listed
afterwards is behind the checkpoint. So a run corrects its time by OCI's, and refuses to run where the clock is far off.
"""

import threading
from datetime import UTC
from email.utils import parsedate_to_datetime

from epimetheus.errors import ClockError

WARN_SECONDS = 60.0
"""Above it, a run warns."""
REFUSE_SECONDS = 300.0
"""Above it, a run refuses: OCI itself rejects signatures whose date is further off."""

_EXACT_SECONDS = 1.0  # a Date has whole seconds: below it, an offset is as good as none
_HELP = "Synchronize the clock of this machine (NTP); inside OCI Functions, invoke it again and report it to Oracle if it persists."


class ClockOffset:
    """OCI's clock minus ours, from the answer that bounds it best since our clock was last set; safe between threads.

    An answer whose ``Date`` is D was written in ``[D, D + 1)``, between ``started`` and ``ended``: the midpoints differ by the offset,
    give or take half of the exchange and half a second.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._best: tuple[float, float] | None = None

    def note(self, date: str | None, started: float, ended: float) -> None:
        """One answer: its ``Date`` header, and our clock when the request began and when the answer came, in seconds since the epoch.

        What is not a date, and an exchange during which our clock was set back, is ignored.
        """
        moment = _seconds(date)
        if moment is None or ended < started:
            return
        measured = (ended - started, moment + 0.5 - (started + ended) / 2)
        with self._lock:
            best = self._best or measured
            stepped = abs(measured[1] - best[1]) > 1 + (measured[0] + best[0]) / 2  # not both can be true: our clock has been set
            self._best = measured if stepped else min(best, measured)

    def seconds(self) -> float | None:
        """OCI's clock minus ours, in seconds; None while no answer has had a date."""
        with self._lock:
            return None if self._best is None else self._best[1]


def corrected_now(now: float, offset: float | None) -> tuple[float, str | None]:
    """``now`` by OCI's clock, both in seconds since the epoch, and a warning where the two differ noticeably.

    ``offset`` is `ClockOffset.seconds`. Raises ClockError where the clock is too far off to run with.
    """
    if offset is None:
        return now, None
    what = difference(offset)
    if abs(offset) > REFUSE_SECONDS:
        raise ClockError(f"The clock cannot be used: {what}; at most {REFUSE_SECONDS:.0f} s are accepted.", do=_HELP)
    warning = f"{what[0].upper()}{what[1:]}: times are corrected by OCI's clock. {_HELP}" if abs(offset) > WARN_SECONDS else None
    return by_oci(now, offset), warning


def by_oci(now: float, offset: float | None) -> float:
    """``now`` by OCI's clock where that is known to differ, both in seconds since the epoch; however far off it is."""
    return now if offset is None or abs(offset) <= _EXACT_SECONDS else now + offset


def difference(offset: float) -> str:
    """How an offset in seconds reads: ``this machine's clock is 240 s ahead of OCI's``."""
    return f"this machine's clock is {abs(offset):.0f} s {'behind' if offset > 0 else 'ahead of'} OCI's"


def _seconds(date: str | None) -> float | None:
    try:
        moment = parsedate_to_datetime((date or "")[:64])
        return moment.replace(tzinfo=moment.tzinfo or UTC).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None

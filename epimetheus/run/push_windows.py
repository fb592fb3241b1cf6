"""The windows of pushed events: pure functions. Times are minutes since the epoch.

ListEvents selects by processed time, which a pushed event does not have. It lies between the event's own time and shortly after its arrival
in Logging. An entry of the ledger has this window, so that a run that reads the event finds its key.
"""

from collections.abc import Iterable

from epimetheus.model import Window
from epimetheus.source.connector_hub import PushedEvent
from epimetheus.source.fetch import FetchTask

PROCESSED_WITHIN = 15
"""Minutes after the arrival in Logging within which Audit has processed an event."""
INGESTED_WITHIN = 6 * 60
"""Minutes before its arrival in Logging in which an event is expected to be processed: each entry of that time is read."""
OLDEST = 14 * 24 * 60
"""An event that arrived in Logging earlier counts as this old: twice as long as Streaming keeps one. It limits the number of windows."""
_REINGESTED_WITHIN = 1

Groups = dict[FetchTask, list[PushedEvent]]


def group(events: Iterable[PushedEvent], root: str, now: int) -> Groups:
    """The events by compartment and window, each group in order. An event without a compartment counts to ``root`` (an OCID)."""
    hours: dict[int, list[tuple[PushedEvent, Window]]] = {}
    for event in events:
        window = window_of(event, now)
        hours.setdefault(window.start // 60, []).append((event, window))
    groups: Groups = {}
    for members in hours.values():
        window = Window(min(one.start for _, one in members), max(one.end for _, one in members))
        for event, _ in members:
            groups.setdefault(FetchTask(event.compartment or root, window), []).append(event)
    return groups


def window_of(event: PushedEvent, now: int) -> Window:
    """The minutes in which Audit may have processed an event. Times that are not possible are replaced, so that it is never too long."""
    ingested = _between(now - OLDEST, int(event.ingested // 60) if event.ingested else now, now)
    happened = int(event.happened // 60) if event.happened else ingested
    return Window(_between(ingested - INGESTED_WITHIN, happened, ingested), ingested + 1 + PROCESSED_WITHIN)


def pushed_from(events: Iterable[PushedEvent], now: int) -> int:
    """The minute at which the window of an earlier push ends, at the earliest, that had one of ``events``; 0: any.

    The connector sends an event again as it was, so its window was the same then, unless a time was replaced. `_REINGESTED_WITHIN` is
    added for events that are in Logging twice.
    """
    ends = [window_of(one, now).end if now - OLDEST <= one.ingested // 60 <= now else 0 for one in events]
    return max(0, min(ends, default=0) - _REINGESTED_WITHIN)


def _between(least: int, minute: int, most: int) -> int:
    return max(least, min(minute, most))

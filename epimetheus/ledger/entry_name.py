"""The names of ledger entries. They sort by the end of the window, so one ranged listing finds the entries that intersect a window."""

import re
from datetime import UTC, datetime
from typing import Literal, NamedTuple

from epimetheus.model import Window

Source = Literal["poll", "backfill", "late", "push", "replay", "cloud_guard", "reconcile"]
"""What read the events of an entry. ``late``: a run listed a window again; ``reconcile``: an operator requested that."""

_TIME = "[0-9]{8}T[0-9]{4}Z"
_NAME = re.compile(
    rf"[0-9]{{4}}/[0-9]{{2}}/[0-9]{{2}}/(?P<end>{_TIME})-(?P<start>{_TIME})-(?P<epoch>[0-9]{{8}})-(?P<run>[0-9A-Za-z][0-9A-Za-z-]{{0,63}})"
    "-(?P<number>[0-9]{4,9})-(?P<source>poll|backfill|late|push|replay|cloud_guard|reconcile)"
)


class EntryName(NamedTuple):
    """What the name of an entry states.

    ``window``: the union of the windows in which its events were read. ``epoch``: raised when the operator moves the cursor back; entries
    of earlier epochs no longer deduplicate. ``number``: counts the entries of ``run``.
    """

    window: Window
    epoch: int
    run: str
    number: int
    source: Source

    def text(self) -> str:
        """The name in a store, such as ``2026/11/30/20261130T0645Z-20261130T0600Z-29401234-ab12cd34ef56-0001-poll``.

        The folder is the day of the end of the window. The times are its end and its start. The epoch follows.
        """
        start = _compact(self.window.start)
        return f"{name_bound(self.window.end)}-{start}-{self.epoch:08d}-{self.run}-{self.number:04d}-{self.source}"

    @classmethod
    def parse(cls, text: str) -> "EntryName | None":
        """The name in ``text``; None if it is not exactly the name of an entry."""
        if not (found := _NAME.fullmatch(text)):
            return None
        try:
            start, end = (int(datetime.fromisoformat(found[part]).timestamp()) // 60 for part in ("start", "end"))
        except ValueError:
            return None
        source: Source = found["source"]  # type: ignore[assignment]  # the pattern lists the sources
        name = cls(Window(start, end), int(found["epoch"]), found["run"], int(found["number"]), source)
        return name if 0 <= start < end and name.text() == text else None


def name_bound(minute: int) -> str:
    """The text with which the names of the entries begin whose window ends at ``minute``. In order, it precedes them all."""
    moment = datetime.fromtimestamp(minute * 60, UTC)
    return f"{moment:%Y/%m/%d}/{_compact(minute)}"


def _compact(minute: int) -> str:
    return f"{datetime.fromtimestamp(minute * 60, UTC):%Y%m%dT%H%MZ}"

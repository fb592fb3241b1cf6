"""The names of seals. They sort by day and sequence number, so one ranged listing finds the seals of some days in order."""

import re
from datetime import UTC, datetime
from typing import NamedTuple

LARGEST_SEQUENCE = 10**10 - 1

_MINUTES_A_DAY = 24 * 60
_NAME = re.compile(
    "(?P<day>[0-9]{4}/[0-9]{2}/[0-9]{2})/(?P<sequence>[0-9]{10})-(?P<run>[0-9A-Za-z][0-9A-Za-z-]{0,63})[.]json"
)


class SealName(NamedTuple):
    """What the name of a seal states: the ``day`` of its time (days since the epoch, UTC), its ``sequence`` number, and its ``run``."""

    day: int
    sequence: int
    run: str

    def text(self) -> str:
        """The name in a store, such as ``2026/11/30/0000000123-ab12cd34ef56.json``."""
        return f"{day_folder(self.day * _MINUTES_A_DAY)}/{self.sequence:010d}-{self.run}.json"

    @classmethod
    def parse(cls, text: str) -> "SealName | None":
        """The name in ``text``; None if it is not exactly the name of a seal."""
        if not (found := _NAME.fullmatch(text)):
            return None
        try:
            day = int(datetime.strptime(found["day"], "%Y/%m/%d").replace(tzinfo=UTC).timestamp()) // (_MINUTES_A_DAY * 60)
        except ValueError:
            return None
        name = cls(day, int(found["sequence"]), found["run"])
        return name if name.sequence > 0 and name.text() == text else None


def day_folder(minute: int) -> str:
    """The folder of the day of ``minute`` (since the epoch), such as ``2026/11/30``. It precedes the names of the seals of that day."""
    return f"{datetime.fromtimestamp(minute * 60, UTC):%Y/%m/%d}"

"""Event times: RFC 3339 text, checked, as the headers and formats want it."""

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

_RFC3339 = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:(\.\d{1,6})\d*)?(Z|[+-]\d\d:\d\d)", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_AS_THE_API_WRITES = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:[0-5]\d\.\d{3}Z", re.ASCII).fullmatch
_CACHED = 2048


class Moment(NamedTuple):
    """A point in time: ``text`` as RFC 5424 6.2.3 wants it (at most 6 fractional digits, upper case), and in ``millis`` since the epoch."""

    text: str
    millis: int

    @property
    def utc(self) -> datetime:
        """The same to the millisecond."""
        return _EPOCH + timedelta(milliseconds=self.millis)


class Moments:
    """`moment` for many events: of a minute that is written as the API does it, only the first is read with care."""

    def __init__(self) -> None:
        self._minute = lru_cache(_CACHED)(_minute)

    def __call__(self, text: str | None) -> Moment | None:
        """As `moment`."""
        if text and _AS_THE_API_WRITES(text) and (start := self._minute(text[:16])) is not None:
            return Moment(text, start + int(text[17:19] + text[20:23]))
        return moment(text)


def moment(text: str | None) -> Moment | None:
    """The moment an RFC 3339 text tells; None where it is absent, tells none, or is a leap second (RFC 5424 6.2.3.1 bars them)."""
    found = _RFC3339.fullmatch(text.strip().upper()) if text else None
    if found is None:
        return None
    try:
        clean = f"{found[1]}{found[2] or ''}{found[3]}"
        since = datetime.fromisoformat(clean).astimezone(UTC) - _EPOCH
    except (ValueError, OverflowError):  # the 31st of June; the year 1 moved east
        return None
    return Moment(clean, since // timedelta(milliseconds=1))


def _minute(text: str) -> int | None:
    """Milliseconds since the epoch of a whole minute, UTC, written without its seconds; None where it is none."""
    found = moment(f"{text}:00Z")
    return found and found.millis

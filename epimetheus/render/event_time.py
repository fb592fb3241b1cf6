"""Event times: RFC 3339 text, validated, in the forms that headers and formats need."""

import re
from datetime import UTC, datetime, timedelta

import msgspec

_RFC3339 = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:(\.\d{1,6})\d*)?(Z|[+-]\d\d:\d\d)", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class EventTime(msgspec.Struct, frozen=True, gc=False):
    """A point in time: ``text`` in the form of RFC 5424 6.2.3, and ``millis`` since the epoch.

    ``text`` is in UTC with exactly three decimals: receivers misread any other number (Java reads ``.456789`` as 456,789 ms).
    """

    text: str
    millis: int

    @property
    def utc(self) -> datetime:
        """The same time, to the millisecond."""
        return _EPOCH + timedelta(milliseconds=self.millis)


def parse_event_time(text: str | None) -> EventTime | None:
    """The time in an RFC 3339 text; None if it is missing, invalid, or a leap second (RFC 5424 6.2.3.1 forbids them)."""
    try:
        if text and len(text) == 24 and text[7] == "-" and text[10] == "T" and text[19] == "." and text[23] == "Z":
            # The API's own form: no other one that fromisoformat accepts has these characters there.
            return EventTime(text, round(datetime.fromisoformat(text).timestamp() * 1000))
        found = _RFC3339.fullmatch(text.strip().upper()) if text else None
        if found is None:
            return None
        clean = f"{found[1]}{found[2] or ''}{found[3]}"
        since_epoch = datetime.fromisoformat(clean).astimezone(UTC) - _EPOCH
    except (ValueError, OverflowError):  # June 31; the year 1 in a time zone east of UTC
        return None
    return _from_millis(since_epoch // timedelta(milliseconds=1))


def time_at(seconds: float) -> EventTime:
    """The time ``seconds`` after the epoch."""
    return _from_millis(int(seconds * 1000))


def _from_millis(millis: int) -> EventTime:
    utc = _EPOCH + timedelta(milliseconds=millis)
    return EventTime(utc.isoformat(timespec="milliseconds").replace("+00:00", "Z"), millis)

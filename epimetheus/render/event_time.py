"""Event times: RFC 3339 text, checked, as the headers and formats want it."""

import re
from datetime import UTC, datetime, timedelta

import msgspec

_RFC3339 = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:(\.\d{1,6})\d*)?(Z|[+-]\d\d:\d\d)", re.ASCII)
# Of 24 characters, these at their places: as the API writes it (2026-11-24T10:05:00.123Z), and no other form that fromisoformat reads.
_MARKS = ("-", "T", ".", "Z")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class EventTime(msgspec.Struct, frozen=True, gc=False):
    """A point in time: ``text`` as RFC 5424 6.2.3 has it, and in ``millis`` since the epoch.

    ``text`` is in UTC with exactly three decimals: consumers misread fewer and more (Java takes ``.456789`` for 456,789 ms).
    """

    text: str
    millis: int

    @property
    def utc(self) -> datetime:
        """The same to the millisecond."""
        return _EPOCH + timedelta(milliseconds=self.millis)


def moment(text: str | None) -> EventTime | None:
    """The moment an RFC 3339 text tells; None where it is absent, tells none, or is a leap second (RFC 5424 6.2.3.1 bars them)."""
    try:
        if text and len(text) == 24 and (text[7], text[10], text[19], text[23]) == _MARKS:
            return EventTime(text, round(datetime.fromisoformat(text).timestamp() * 1000))
        found = _RFC3339.fullmatch(text.strip().upper()) if text else None
        if found is None:
            return None
        clean = f"{found[1]}{found[2] or ''}{found[3]}"
        since = datetime.fromisoformat(clean).astimezone(UTC) - _EPOCH
    except (ValueError, OverflowError):  # the 31st of June; the year 1 moved east
        return None
    return _moment(since // timedelta(milliseconds=1))


def moment_at(seconds: float) -> EventTime:
    """The moment so many seconds since the epoch."""
    return _moment(int(seconds * 1000))


def _moment(millis: int) -> EventTime:
    utc = _EPOCH + timedelta(milliseconds=millis)
    return EventTime(utc.isoformat(timespec="milliseconds").replace("+00:00", "Z"), millis)

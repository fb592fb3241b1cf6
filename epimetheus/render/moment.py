"""Event times: RFC 3339 text, checked, as the headers and formats want it."""

import re
from datetime import UTC, datetime
from typing import NamedTuple

_RFC3339 = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:(\.\d{1,6})\d*)?(Z|[+-]\d\d:\d\d)", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_AS_THE_API_WRITES = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", re.ASCII).fullmatch


class Moment(NamedTuple):
    """A point in time: ``text`` as RFC 5424 6.2.3 wants it (at most 6 fractional digits, upper case), ``utc`` as a datetime."""

    text: str
    utc: datetime

    @property
    def millis(self) -> int:
        """Whole milliseconds since the epoch, as CEF's time stamps are."""
        since = self.utc - _EPOCH
        return (since.days * 86_400 + since.seconds) * 1000 + since.microseconds // 1000


def moment(text: str | None) -> Moment | None:
    """The moment an RFC 3339 text tells; None where it is absent, tells none, or is a leap second (RFC 5424 6.2.3.1 bars them)."""
    if not text:
        return None
    try:
        if _AS_THE_API_WRITES(text):
            return Moment(text, datetime.fromisoformat(text))
        found = _RFC3339.fullmatch(text.strip().upper())
        if found is None:
            return None
        clean = f"{found[1]}{found[2] or ''}{found[3]}"
        return Moment(clean, datetime.fromisoformat(clean).astimezone(UTC))
    except (ValueError, OverflowError):  # the 31st of June; the year 1 moved east
        return None

"""Event times: RFC 3339 text, checked, as the headers and formats want it."""

import re
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

_RFC3339 = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:(\.\d{1,6})\d*)?(Z|[+-]\d\d:\d\d)", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


class Moment(NamedTuple):
    """A point in time: ``text`` as RFC 5424 6.2.3 wants it (at most 6 fractional digits, upper case), ``utc`` as a datetime."""

    text: str
    utc: datetime

    @property
    def millis(self) -> int:
        """Whole milliseconds since the epoch, as CEF's time stamps are."""
        return (self.utc - _EPOCH) // _MILLISECOND


def moment(text: str | None) -> Moment | None:
    """The moment an RFC 3339 text tells; None where it is absent, tells none, or is a leap second (RFC 5424 6.2.3.1 bars them)."""
    found = _RFC3339.fullmatch(text.strip().upper()) if text else None
    if found is None:
        return None
    clean = f"{found[1]}{found[2] or ''}{found[3]}"
    try:
        return Moment(clean, datetime.fromisoformat(clean).astimezone(UTC))
    except (ValueError, OverflowError):  # the 31st of June; the year 1 moved east
        return None

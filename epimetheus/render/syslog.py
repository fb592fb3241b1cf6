"""Syslog headers, RFC 5424 and RFC 3164: everything before the MSG part, in ASCII."""

import re
from datetime import UTC, datetime
from typing import Literal, Protocol

from epimetheus.render.event_time import EventTime, time_at

FACILITIES = (
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp", "ntp", "audit", "alert",
    "clock", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
)  # fmt: skip
"""RFC 5424 6.2.1, by number; 13 to 15 have the names that the documentation of syslog-ng and rsyslog uses."""

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")  # strftime depends on the locale
_LEVELS = (6, 6, 6, 6, 5, 5, 5, 4, 4, 3, 3)  # CEF 0 to 10 → informational, notice, warning, error
_NOT_PRINTABLE = re.compile(r"[^\x21-\x7e]")
_NOT_ALPHANUMERIC = re.compile(r"[^A-Za-z0-9]")
_NOT_IN_PARAM = re.compile(r"[^\x20-\x21\x23-\x5b\x5e-\x7e]")  # characters that RFC 5424 6.3.3 requires to escape: run ids need none

Msgid = Literal["audit", "malformed", "notice", "problem"]
Mark = Literal["", "replay", "late"]
"""Why an event is not one of the ordinary: a replay sends it again, or reconciliation found it."""


class Header(Protocol):
    """The syslog header of one event. ``lists_trimmed``: it can name the fields that the message lost."""

    lists_trimmed: bool

    def __call__(self, severity: int, time: EventTime | None, msgid: Msgid, sequence: int, trimmed: str = "") -> bytes:
        """The header with the space that ends it. ``severity`` is CEF's, 0 to 10; ``trimmed`` is ASCII without quotes."""


class Rfc5424:
    """``<PRI>1 TIMESTAMP HOSTNAME APP-NAME - MSGID [epimetheus@32473 run="…" seq="…" trimmed="…"] `` (RFC 5424 6), without a BOM.

    TIMESTAMP is in UTC with exactly three decimals. An event without a time has that of ``started`` (seconds since the epoch): receivers
    reject NILVALUE or shift the fields after it, and so lose malformed events.

    ``facility``: 0 to 23. Host name, application name and run id lose everything but printable ASCII; the latter two are cut to 48
    characters. ``replay="true"`` or ``late="true"`` follows ``seq`` if ``mark`` is given. 32473 is the enterprise number reserved for
    examples (RFC 5612).
    """

    lists_trimmed = True

    def __init__(
        self, facility: int, app_name: str, hostname: str, run_id: str, started: float, hostname_length: int, mark: Mark = ""
    ) -> None:
        self._started = time_at(started).text
        self._prefixes = [f"<{facility * 8 + level}>1 " for level in _LEVELS]
        self._origin = f"{_printable(hostname, hostname_length)} {_printable(app_name, 48)} -"
        self._run = f'[epimetheus@32473 run="{_NOT_IN_PARAM.sub("", run_id)[:48]}"'
        self._mark = f' {mark}="true"' if mark else ""

    def __call__(self, severity: int, time: EventTime | None, msgid: Msgid, sequence: int, trimmed: str = "") -> bytes:
        """See `Header`."""
        timestamp = time.text if time else self._started
        names = f' trimmed="{trimmed}"' if trimmed else ""
        prefix = self._prefixes[severity]
        return f'{prefix}{timestamp} {self._origin} {msgid} {self._run} seq="{sequence}"{self._mark}{names}] '.encode()


class Rfc3164:
    """``<PRI>Mmm dd hh:mm:ss HOSTNAME TAG: `` (RFC 3164 4.1), in UTC; ``TAG[malformed]: `` before a malformed event.

    An event without a time has that of ``started`` (seconds since the epoch): the header requires one. A ``mark`` gives ``TAG[replay]: ``
    or ``TAG[late]: ``, and ``TAG[malformed-replay]: `` or ``TAG[malformed-late]: `` before a malformed event, whose text has no room for
    it.

    The tag precedes ``CEF:``, too, although CEF's own document shows ``HOSTNAME CEF:0|…``. Without a tag, rsyslog takes ``CEF:`` for it
    and forwards ``CEF: 0|…``, which decoders reject (rsyslog#4309); after a tag, CEF arrives intact. CEF decoders skip the text before
    ``CEF:``: Sentinel's agent accepts anything there, and other products also send a tag.
    """

    lists_trimmed = False

    def __init__(
        self, facility: int, app_name: str, hostname: str, run_id: str, started: float, hostname_length: int, mark: Mark = ""
    ) -> None:
        del run_id  # RFC 3164 has no field for it
        self._prefixes = [f"<{facility * 8 + level}>" for level in _LEVELS]
        self._started = _short_time(datetime.fromtimestamp(started, UTC))
        tag = _NOT_ALPHANUMERIC.sub("", app_name)[:32] or "epimetheus"
        host = _printable(hostname, hostname_length)
        audit, malformed = (f"[{mark}]", f"[malformed-{mark}]") if mark else ("", "[malformed]")
        self._origins = {"audit": f"{host} {tag}{audit}:", "malformed": f"{host} {tag}{malformed}:", "notice": f"{host} {tag}:"}
        self._origins["problem"] = self._origins["audit"]

    def __call__(self, severity: int, time: EventTime | None, msgid: Msgid, sequence: int, trimmed: str = "") -> bytes:
        """See `Header`; the header has no fields for ``sequence`` and ``trimmed``."""
        timestamp = _short_time(time.utc) if time else self._started
        return f"{self._prefixes[severity]}{timestamp} {self._origins[msgid]} ".encode()


def _short_time(utc: datetime) -> str:
    return f"{_MONTHS[utc.month - 1]} {utc.day:2d} {utc.hour:02d}:{utc.minute:02d}:{utc.second:02d}"


def _printable(text: str, length: int) -> str:
    """Printable ASCII without spaces, or ``-`` (NILVALUE) if nothing is left."""
    return _NOT_PRINTABLE.sub("", text)[:length] or "-"

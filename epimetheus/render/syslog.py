"""Syslog headers, RFC 5424 and RFC 3164: everything before the MSG part, as ASCII text."""

import re
from datetime import UTC, datetime
from typing import Literal, Protocol

from epimetheus.render.event_time import EventTime, moment_at

FACILITIES = (
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp", "ntp", "audit", "alert",
    "clock", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
)  # fmt: skip
"""RFC 5424 6.2.1, in the order of their numbers; 13 to 15 as syslog-ng and rsyslog's documentation name them."""

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")  # strftime's depend on the locale
_LEVELS = (6, 6, 6, 6, 5, 5, 5, 4, 4, 3, 3)  # CEF 0 to 10 → informational, notice, warning, error
_NOT_PRINTED = re.compile(r"[^\x21-\x7e]")
_NOT_ALPHANUMERIC = re.compile(r"[^A-Za-z0-9]")
_NOT_IN_PARAM = re.compile(r"[^\x20-\x21\x23-\x5b\x5e-\x7e]")  # RFC 5424 6.3.3 would have these escaped: run ids need none

Msgid = Literal["audit", "malformed", "notice"]


class Header(Protocol):
    """The header of one event; ``trimmed`` (ASCII without quotes) says what it lost, where the header has room for that."""

    says_trimmed: bool

    def __call__(self, severity: int, moment: EventTime | None, msgid: Msgid, sequence: int, trimmed: str = "") -> bytes:
        """The header, with the blank that ends it. ``severity`` is CEF's, 0 to 10."""


class Rfc5424:
    """``<PRI>1 TIMESTAMP HOSTNAME APP-NAME - MSGID [epimetheus@32473 run="…" seq="…" trimmed="…"] `` (RFC 5424 6); no BOM.

    TIMESTAMP is in UTC with exactly three decimals. ``started`` (seconds since the epoch) is that of an event without a time: consumers
    reject NILVALUE, or shift their fields, and so lose the events that are malformed.

    ``facility``: 0 to 23. Host and application name are cut to ``hostname_length`` and 48, the run id to 48, and lose what is not
    printable ASCII. ``replay="true"`` stands behind ``seq`` where it is one. 32473 is the number set aside for examples (RFC 5612).
    """

    says_trimmed = True

    def __init__(
        self, facility: int, app_name: str, hostname: str, run_id: str, started: float, hostname_length: int, replay: bool = False
    ) -> None:
        self._started = moment_at(started).text
        self._starts = [f"<{facility * 8 + level}>1 " for level in _LEVELS]
        self._origin = f"{_printed(hostname, hostname_length)} {_printed(app_name, 48)} -"
        self._run = f'[epimetheus@32473 run="{_NOT_IN_PARAM.sub("", run_id)[:48]}"'
        self._replay = ' replay="true"' if replay else ""

    def __call__(self, severity: int, moment: EventTime | None, msgid: Msgid, sequence: int, trimmed: str = "") -> bytes:
        """As `Header`."""
        time = moment.text if moment else self._started
        shed = f' trimmed="{trimmed}"' if trimmed else ""
        return f'{self._starts[severity]}{time} {self._origin} {msgid} {self._run} seq="{sequence}"{self._replay}{shed}] '.encode()


class Rfc3164:
    """``<PRI>Mmm dd hh:mm:ss HOSTNAME TAG: `` (RFC 3164 4.1), in UTC; ``TAG[malformed]: `` before what is malformed.

    ``started`` (seconds since the epoch) is the time of an event that tells none, for the header must have one. ``TAG[replay]: `` stands
    before what a replay sends.

    The tag stands before ``CEF:``, too, though CEF's own document shows ``HOSTNAME CEF:0|…``. Without one rsyslog takes ``CEF:`` for
    the tag, and passes ``CEF: 0|…`` on, which decoders refuse (rsyslog#4309); behind a tag CEF passes through whole. Readers of CEF
    skip what stands before it: Sentinel's agent takes anything there, and other products send a tag as well.
    """

    says_trimmed = False

    def __init__(
        self, facility: int, app_name: str, hostname: str, run_id: str, started: float, hostname_length: int, replay: bool = False
    ) -> None:
        del run_id  # it has no place here
        self._starts = [f"<{facility * 8 + level}>" for level in _LEVELS]
        self._started = _short_time(datetime.fromtimestamp(started, UTC))
        tag = _NOT_ALPHANUMERIC.sub("", app_name)[:32] or "epimetheus"
        host = _printed(hostname, hostname_length)
        again = "[replay]" if replay else ""
        self._origins = {"audit": f"{host} {tag}{again}:", "malformed": f"{host} {tag}[malformed]:", "notice": f"{host} {tag}:"}

    def __call__(self, severity: int, moment: EventTime | None, msgid: Msgid, sequence: int, trimmed: str = "") -> bytes:
        """As `Header`; ``sequence`` and ``trimmed`` are not told."""
        time = _short_time(moment.utc) if moment else self._started
        return f"{self._starts[severity]}{time} {self._origins[msgid]} ".encode()


def _short_time(utc: datetime) -> str:
    return f"{_MONTHS[utc.month - 1]} {utc.day:2d} {utc.hour:02d}:{utc.minute:02d}:{utc.second:02d}"


def _printed(text: str, length: int) -> str:
    """Printable ASCII without blanks, ``-`` (NILVALUE) where nothing is left."""
    return _NOT_PRINTED.sub("", text)[:length] or "-"

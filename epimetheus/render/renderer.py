"""An event becomes one syslog message: header and body, within a size, without secrets. Pure; `Renderer` is the door."""

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, partial
from types import MappingProxyType
from typing import Literal

import msgspec

from epimetheus.errors import ConfigError
from epimetheus.model import AuditEvent, Fetched
from epimetheus.render.abridge import EVENT_SECONDS, MALFORMED_BYTES, TEXT_BYTES, Meter, TakesTooLong, abridged, beginning, is_costly
from epimetheus.render.custom_fields import NO_FIELDS, Fields
from epimetheus.render.event_time import EventTime, moment, moment_at
from epimetheus.render.formats.base import COMPARTMENT_PATH, NO_NOTES, Body, EventContext, Format, Limit, Notes
from epimetheus.render.formats.cef import Cef
from epimetheus.render.formats.json_fields import raw_body
from epimetheus.render.formats.leef import Leef
from epimetheus.render.formats.ocsf import Ocsf
from epimetheus.render.formats.raw_json import JsonText
from epimetheus.render.redact.redactor import Redactor
from epimetheus.render.redact.text import REDACTED
from epimetheus.render.severity import MEDIUM, Severity
from epimetheus.render.size import joined_names
from epimetheus.render.syslog import FACILITIES, Header, Msgid, Rfc3164, Rfc5424

MIN_BYTES = 480
"""The least a receiver must take (RFC 5424 6.1), and the least a message can be fitted into."""

FORMATS: Mapping[str, Callable[..., Format]] = MappingProxyType({"cef": Cef, "json": JsonText, "leef": Leef, "ocsf": Ocsf})
HEADERS: Mapping[str, Callable[..., Header]] = MappingProxyType({"rfc5424": Rfc5424, "rfc3164": Rfc3164})

_CACHED_PATHS = 1024
_REDACTED = REDACTED.encode()
_MALFORMED_SEVERITY = MEDIUM
_WATCHED_SEVERITY = 9  # at least


Item = tuple[Fetched, int, Notes]
"""An event, its number in the run, and what was noted about it."""


class Rendered(msgspec.Struct, frozen=True, gc=False):
    """``message``: one whole syslog message, valid UTF-8, without framing or line end.

    ``trimmed``: it was too large; ``redacted``: something is hidden in it; ``abridged``: the event cost too much to be rendered whole.
    """

    message: bytes
    trimmed: bool
    redacted: bool = False
    abridged: bool = False


class Renderer:
    """Configured once a run, called per event; ``redact`` are paths as in `redact.Redactor`.

    ``max_bytes`` counts the header (0: no limit). To keep room for the event, host name and list of trimmed names take at most
    an eighth of it each. ``started`` is the run's start, in seconds since the epoch: the time of a message whose event tells none.
    ``monotonic`` gives seconds, to see how long an event takes (see `abridge`). Raises ConfigError for a format, header, facility or size
    there is not.
    """

    def __init__(  # noqa: PLR0913 - one for each setting, and all by name
        self,
        *,
        format: Literal["cef", "json", "leef", "ocsf"],
        header: Literal["rfc5424", "rfc3164"],
        facility: str,
        app_name: str,
        hostname: str,
        max_bytes: int,
        run_id: str,
        started: float = 0.0,
        redact: Sequence[str] = (),
        fields: Fields = NO_FIELDS,
        severities: Sequence[tuple[str, int]] = (),
        replay: bool = False,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        _check(format, header, facility, max_bytes)
        self._max_bytes = max_bytes or sys.maxsize
        self._names = min(self._max_bytes // 8, 1000)
        number = FACILITIES.index(facility)
        self._header = HEADERS[header](number, app_name, hostname, run_id, started, min(self._max_bytes // 8, 255), replay)
        self._started = moment_at(started)
        self._meter = Meter(monotonic)
        self._redactor = Redactor(redact, self._meter.check)
        self._format = FORMATS[format](self._redactor, note=not self._header.says_trimmed, fields=fields)
        self._severity = Severity(patterns=severities)
        self._path = lru_cache(_CACHED_PATHS)(partial(self._redactor.text_at, path=COMPARTMENT_PATH))

    def __call__(self, fetched: Fetched, sequence: int, notes: Notes = NO_NOTES) -> Rendered:
        """The message of an event, the ``sequence``-th of its run; what could not be understood goes as the text it came as."""
        return self.many([(fetched, sequence, notes)])[0]

    def many(self, items: Sequence[Item]) -> list[Rendered]:
        """The same of many events: whether anything in them has to be hidden is seen by one look at all of them."""
        drafts = [self._draft(*item, "audit") for item in items]
        rendered = [draft for draft, _ in drafts]
        for place in self._format.doubtful([still_open for _, still_open in drafts]):
            rendered[place], _ = self._draft(*items[place], "audit", quick=False)
        return rendered

    def notice(self, fetched: Fetched, sequence: int) -> Rendered:
        """The same for a message of our own, told in the form of an event; its MSGID is ``notice``."""
        return self._draft(fetched, sequence, NO_NOTES, "notice", quick=False)[0]

    def _draft(self, fetched: Fetched, sequence: int, notes: Notes, msgid: Msgid, *, quick: bool = True) -> tuple[Rendered, bytes]:
        """The message, and what is open of it (see `Draft`)."""
        event, notes = fetched.event, self._without_secrets(notes)
        if event is None:
            return self._malformed(bytes(fetched.raw), sequence, notes), b""
        if is_costly(fetched.raw, event):
            return self._abridged(fetched.raw, event, sequence, notes, msgid), b""
        self._meter.start(EVENT_SECONDS)
        try:
            subject = self._subject(fetched.raw, event, notes)
            draft = self._format.at_once(subject) if quick else None
            if draft is not None:
                message = self._header(subject.severity, subject.moment, msgid, sequence) + draft.text
                if len(message) <= self._max_bytes:
                    return Rendered(message, trimmed=False, redacted=draft.redacted), draft.open
            return self._fitted(partial(self._format, subject), subject.severity, subject.moment, msgid, sequence), b""
        except TakesTooLong:
            self._meter.stop()
            return self._abridged(fetched.raw, event, sequence, notes, msgid), b""
        finally:
            self._meter.stop()

    def _subject(self, raw: bytes | msgspec.Raw, event: AuditEvent, notes: Notes) -> EventContext:
        event = self._redactor.event(event)
        return EventContext(raw, event, moment(event.event_time), _at_least(self._severity(event), notes), notes, self._started.millis)

    def _abridged(self, raw: bytes | msgspec.Raw, event: AuditEvent, sequence: int, notes: Notes, msgid: Msgid) -> Rendered:
        """The message of what is left of an event that costs too much."""
        short, event = abridged(bytes(raw), event, self._redactor)
        subject = msgspec.structs.replace(self._subject(short, event, notes), ours=True)
        rendered = self._fitted(partial(self._format, subject), subject.severity, subject.moment, msgid, sequence, lost=("event",))
        return msgspec.structs.replace(rendered, abridged=True)

    def _without_secrets(self, notes: Notes) -> Notes:
        path = notes.compartment_path
        if not path or (shown := self._path(path)) == path:
            return notes
        return msgspec.structs.replace(notes, compartment_path=shown)

    def _malformed(self, raw: bytes, sequence: int, notes: Notes) -> Rendered:
        most = MALFORMED_BYTES
        try:
            self._meter.start(EVENT_SECONDS)
            text = beginning(raw, most, self._redactor)
        except TakesTooLong:
            self._meter.stop()
            most = TEXT_BYTES
            text = beginning(raw, most, self._redactor)
        finally:
            self._meter.stop()
        lost = ("raw",) if len(raw) > most else ()
        rendered = self._fitted(partial(raw_body, text), _at_least(_MALFORMED_SEVERITY, notes), None, "malformed", sequence, lost=lost)
        return msgspec.structs.replace(rendered, abridged=bool(lost))

    def _fitted(
        self, body: Callable[[Limit], Body], severity: int, when: EventTime | None, msgid: Msgid, sequence: int, lost: Sequence[str] = ()
    ) -> Rendered:
        """Header and body together: the body fits what the header leaves it, and the header names what either lost."""
        head = self._header(severity, when, msgid, sequence)
        names = len(f' trimmed="{",".join(lost)},"') if lost and self._header.says_trimmed else 0
        fitting = body(Limit(self._max_bytes - len(head) - names, self._names, self._header.says_trimmed))
        trimmed = (*lost, *fitting.trimmed)
        if trimmed:
            head = self._header(severity, when, msgid, sequence, joined_names(trimmed, self._names))
        return Rendered(head + fitting.text, bool(trimmed), _REDACTED in fitting.text)


def _at_least(severity: int, notes: Notes) -> int:
    return max(severity, _WATCHED_SEVERITY) if notes.watched else severity


def _check(format: str, header: str, facility: str, max_bytes: int) -> None:
    problems = [
        f"{key}={value!r} is none of {', '.join(allowed)}"
        for key, value, allowed in (
            ("FORMAT", format, FORMATS),
            ("SYSLOG_HEADER", header, HEADERS),
            ("SYSLOG_FACILITY", facility, FACILITIES),
        )
        if value not in allowed
    ]
    if max_bytes != 0 and max_bytes < MIN_BYTES:
        problems.append(f"SYSLOG_MAX_BYTES={max_bytes} is neither 0 nor at least {MIN_BYTES}")
    if problems:
        raise ConfigError(problems)
